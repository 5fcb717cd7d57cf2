/* callboxctl records: which ones, and how they are printed. */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/message.h"
#include "core/ctl/ctl.h"

static const char *const status_words[] = { "?", "complete", "canceled", "rejected", "timeout", "busy" };

int duration_parse(const char *text, double *ret_ms)
{
	static const struct { const char *unit; double ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	char *end;
	double value = strtod(text, &end);
	if (end == text || !(value >= 0) || value > 1e9)
		return -EINVAL;
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ret_ms = value * units[i].ms;
			return 0;
		}
	return -EINVAL;
}

/* A day, a moment, or so long ago: milliseconds since the epoch. */
static int time_parse(const char *text, double *ret_ms)
{
	double ago;
	if (duration_parse(text, &ago) == 0 && !g_ascii_isdigit(text[strlen(text) - 1])) {
		*ret_ms = (double)g_get_real_time() / 1000 - ago;
		return 0;
	}
	g_autofree char *whole = strchr(text, 'T') ? g_strdup(text) : g_strconcat(text, "T00:00:00", NULL);
	g_autofree char *seconds = g_strconcat(whole, ":00", NULL);
	g_autoptr(GTimeZone) here = g_time_zone_new_local();
	g_autoptr(GDateTime) when = g_date_time_new_from_iso8601(whole, here);
	if (!when)
		when = g_date_time_new_from_iso8601(seconds, here);
	if (!when)
		return -EINVAL;
	*ret_ms = (double)g_date_time_to_unix(when) * 1000;
	return 0;
}

static int status_parse(const char *text, int *ret_status)
{
	for (int i = 1; i < (int)G_N_ELEMENTS(status_words); i++)
		if (strcmp(text, status_words[i]) == 0 || (text[0] == '0' + i && !text[1])) {
			*ret_status = i;
			return 0;
		}
	return -EINVAL;
}

static int add_limit(cJSON *params, const char *text)
{
	char *end;
	long limit = strtol(text, &end, 10);
	if (end == text || *end || limit < 0 || limit > 1000000)
		return -EINVAL;
	cJSON_AddNumberToObject(params, "limit", (double)limit);
	return 0;
}

cJSON *records_filter(const struct records_options *o, char **ret_why)
{
	cJSON *params = cJSON_CreateObject();
	double since = 0, until = 0;
	int status = 0;
	if (o->limit && add_limit(params, o->limit) < 0)
		*ret_why = g_strdup_printf("--limit: \"%s\" is no number from 0 to 1000000", o->limit);
	else if (o->since && time_parse(o->since, &since) < 0)
		*ret_why = g_strdup_printf("--since: \"%s\" is no time: 2026-11-24, 2026-11-24T15:00, 2h, 7d", o->since);
	else if (o->until && time_parse(o->until, &until) < 0)
		*ret_why = g_strdup_printf("--until: \"%s\" is no time: 2026-11-24, 2026-11-24T15:00, 2h, 7d", o->until);
	else if (o->status && status_parse(o->status, &status) < 0)
		*ret_why = g_strdup_printf("--status: \"%s\" is none of complete, canceled, rejected, timeout, busy",
					   o->status);
	if (*ret_why) {
		cJSON_Delete(params);
		return NULL;
	}
	if (o->peer)
		cJSON_AddStringToObject(params, "peer", o->peer);
	cJSON_AddNumberToObject(params, "since", since);
	cJSON_AddNumberToObject(params, "until", until);
	cJSON_AddNumberToObject(params, "status", status);
	return params;
}

static const char *status_word(const cJSON *record)
{
	int status = message_int(record, "status", 0);
	return status_words[status >= 1 && status <= 5 ? status : 0];
}

static const char *type_word(const cJSON *record)
{
	static const char *const words[] = { "?", "audio", "video", "other" };
	int type = message_int(record, "type", 0);
	return words[type >= 1 && type <= 3 ? type : 0];
}

static char *started(const cJSON *record, const char *format)
{
	gint64 ms = (gint64)message_number(record, "startedAt", 0);
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_local(ms / 1000);
	return when ? g_date_time_format(when, format) : g_strdup("?");
}

void records_print(const cJSON *records)
{
	const cJSON *one;
	cJSON_ArrayForEach(one, records) {
		g_autofree char *when = started(one, "%Y-%m-%d %H:%M:%S");
		say("%s  %-4s %-5s %-20s %-9s %7.1f s  %s\n", when, message_string(one, "direction", ""),
		    type_word(one), message_string(one, "peer", ""), status_word(one),
		    message_number(one, "durationMs", 0) / 1000, message_string(one, "channelId", ""));
	}
}

static void csv_field(const char *text, bool last)
{
	bool formula = text[0] && strchr("=+-@\t\r", text[0]);
	if (formula || strpbrk(text, "\",\r\n")) {
		putchar('"');
		if (formula)
			putchar('\'');
		for (; *text; text++) {
			if (*text == '"')
				putchar('"');
			putchar(*text);
		}
		putchar('"');
	} else {
		fputs(text, stdout);
	}
	fputs(last ? "\r\n" : ",", stdout);
}

void records_print_csv(const cJSON *records)
{
	const cJSON *one;
	fputs("started_at,direction,type,account,peer,status,duration_s,call_id,detail\r\n", stdout);
	cJSON_ArrayForEach(one, records) {
		g_autofree char *when = started(one, "%Y-%m-%dT%H:%M:%S%z");
		g_autofree char *seconds = g_strdup_printf("%.1f", message_number(one, "durationMs", 0) / 1000);
		csv_field(when, false);
		csv_field(message_string(one, "direction", ""), false);
		csv_field(type_word(one), false);
		csv_field(message_string(one, "account", ""), false);
		csv_field(message_string(one, "peer", ""), false);
		csv_field(status_word(one), false);
		csv_field(seconds, false);
		csv_field(message_string(one, "channelId", ""), false);
		csv_field(message_string(one, "detail", ""), true);
	}
}
