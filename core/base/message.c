#include "core/base/message.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Nesting is checked on the bytes: cJSON's own limit is far deeper than a message needs. */
static bool is_shallow(const char *bytes, size_t length)
{
	unsigned int depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < length; i++) {
		char c = bytes[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > MESSAGE_DEPTH_MAX)
				return false;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return true;
}

cJSON *message_parse(const char *bytes, size_t length, const char **ret_why)
{
	static const char *ignored;
	const char **why = ret_why ? ret_why : &ignored;
	if (length > MESSAGE_BYTES_MAX) {
		*why = "too long";
		return NULL;
	}
	if (!g_utf8_validate_len(bytes, length, NULL)) {
		*why = "not UTF-8, or a NUL byte inside";
		return NULL;
	}
	if (!is_shallow(bytes, length)) {
		*why = "nested too deep";
		return NULL;
	}
	const char *end = NULL;
	cJSON *json = cJSON_ParseWithLengthOpts(bytes, length, &end, false);
	while (json && end < bytes + length && g_ascii_isspace(*end))
		end++;
	if (!json || end != bytes + length || !cJSON_IsObject(json)) {
		cJSON_Delete(json);
		*why = "not one JSON object";
		return NULL;
	}
	return json;
}

static const char *const type_names[] = {
	[M_STRING] = "a string", [M_NUMBER] = "a whole number", [M_BOOL] = "true or false",
	[M_OBJECT] = "an object", [M_ARRAY] = "an array",
};

static bool has_type(const cJSON *item, enum message_type type)
{
	switch (type) {
	case M_STRING:
		return cJSON_IsString(item);
	case M_NUMBER:
		return cJSON_IsNumber(item) && isfinite(item->valuedouble) &&
		       floor(item->valuedouble) == item->valuedouble;
	case M_BOOL:
		return cJSON_IsBool(item);
	case M_OBJECT:
		return cJSON_IsObject(item);
	case M_ARRAY:
		return cJSON_IsArray(item);
	}
	return false;
}

/* What of a value its bounds speak of. */
static double measure(const cJSON *item, enum message_type type)
{
	switch (type) {
	case M_STRING:
		return (double)strlen(item->valuestring);
	case M_NUMBER:
		return item->valuedouble;
	case M_ARRAY:
		return cJSON_GetArraySize(item);
	case M_BOOL:
	case M_OBJECT:
		break;
	}
	return 0;
}

static int check_field(const struct message_shape *shape, const struct message_field *field,
		       const cJSON *message, char *why, size_t why_bytes)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(message, field->name);
	if (!item) {
		if (!field->required)
			return 0;
		snprintf(why, why_bytes, "%s.%s: missing", shape->name, field->name);
		return -EBADMSG;
	}
	if (!has_type(item, field->type)) {
		snprintf(why, why_bytes, "%s.%s: must be %s", shape->name, field->name,
			 type_names[field->type]);
		return -EBADMSG;
	}
	if (field->min == 0 && field->max == 0)
		return 0;
	double value = measure(item, field->type);
	if (value >= field->min && value <= field->max)
		return 0;
	snprintf(why, why_bytes, "%s.%s: %s %.17g is outside %.17g..%.17g", shape->name, field->name,
		 field->type == M_NUMBER ? "value" : "length", value, field->min, field->max);
	return -EBADMSG;
}

int message_check(const struct message_shape *shapes, const cJSON *message, char *why, size_t why_bytes)
{
	const char *name = message_name(message);
	if (!name) {
		snprintf(why, why_bytes, "m: missing");
		return -EBADMSG;
	}
	for (const struct message_shape *shape = shapes; shape->name; shape++) {
		if (strcmp(shape->name, name) != 0)
			continue;
		for (const struct message_field *f = shape->fields; f && f->name; f++) {
			int r = check_field(shape, f, message, why, why_bytes);
			if (r < 0)
				return r;
		}
		return 0;
	}
	snprintf(why, why_bytes, "m: unknown message \"%.40s\"", name);
	return -EBADMSG;
}

cJSON *message_new(const char *name)
{
	cJSON *message = cJSON_CreateObject();
	if (!message || !cJSON_AddStringToObject(message, "m", name))
		g_error("out of memory");
	return message;
}

const char *message_name(const cJSON *message)
{
	return message_string(message, "m", NULL);
}

const cJSON *message_member(const cJSON *message, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(message, name);
}

const char *message_string(const cJSON *message, const char *name, const char *otherwise)
{
	const char *text = cJSON_GetStringValue(message_member(message, name));
	return text ? text : otherwise;
}

double message_number(const cJSON *message, const char *name, double otherwise)
{
	const cJSON *item = message_member(message, name);
	return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

int message_int(const cJSON *message, const char *name, int otherwise)
{
	double value = message_number(message, name, otherwise);
	return value >= -2147483648.0 && value <= 2147483647.0 ? (int)value : otherwise;
}

bool message_bool(const cJSON *message, const char *name, bool otherwise)
{
	const cJSON *item = message_member(message, name);
	return cJSON_IsBool(item) ? cJSON_IsTrue(item) : otherwise;
}
