#include "tests/vadriver/config.h"

#include <string.h>

enum { SIDE_MAX = 4096, QUALITY_LEVELS = 4 };

static const struct row {
	VAProfile profile;
	VAEntrypoint entrypoint;
	enum context_kind kind;
} rows[] = {
	{ VAProfileH264ConstrainedBaseline, VAEntrypointVLD, CONTEXT_DECODE },
	{ VAProfileH264ConstrainedBaseline, VAEntrypointEncSlice, CONTEXT_ENCODE },
	{ VAProfileH264ConstrainedBaseline, VAEntrypointEncSliceLP, CONTEXT_ENCODE },
	{ VAProfileH264Main, VAEntrypointVLD, CONTEXT_DECODE },
	{ VAProfileH264Main, VAEntrypointEncSlice, CONTEXT_ENCODE },
	{ VAProfileH264Main, VAEntrypointEncSliceLP, CONTEXT_ENCODE },
	{ VAProfileH264High, VAEntrypointVLD, CONTEXT_DECODE },
	{ VAProfileNone, VAEntrypointVideoProc, CONTEXT_PROC },
};

static bool has(const struct personality *p, const struct row *row)
{
	switch (row->kind) {
	case CONTEXT_DECODE:
		return !p->no_decode;
	case CONTEXT_ENCODE:
		return !p->no_encode && !(p->lp_only && row->entrypoint == VAEntrypointEncSlice);
	case CONTEXT_PROC:
		return !p->no_proc;
	case CONTEXT_KINDS:
		break;
	}
	return false;
}

VAStatus config_query_profiles(VADriverContextP va, VAProfile *profiles, int *ret_count)
{
	const struct personality *personality = &driver_of(va)->personality;
	int count = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (has(personality, &rows[i]) && (count == 0 || profiles[count - 1] != rows[i].profile))
			profiles[count++] = rows[i].profile;
	}
	*ret_count = count;
	return VA_STATUS_SUCCESS;
}

VAStatus config_query_entrypoints(VADriverContextP va, VAProfile profile, VAEntrypoint *entrypoints,
		int *ret_count)
{
	const struct personality *personality = &driver_of(va)->personality;
	int count = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (rows[i].profile == profile && has(personality, &rows[i]))
			entrypoints[count++] = rows[i].entrypoint;
	}
	*ret_count = count;
	return count > 0 ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
}

static const struct row *row_find(const struct personality *personality, VAProfile profile,
		VAEntrypoint entrypoint, VAStatus *ret_status)
{
	*ret_status = VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (rows[i].profile != profile || !has(personality, &rows[i]))
			continue;
		*ret_status = VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT;
		if (rows[i].entrypoint == entrypoint) {
			*ret_status = VA_STATUS_SUCCESS;
			return &rows[i];
		}
	}
	return NULL;
}

static uint32_t encode_value(const struct personality *p, VAConfigAttribType type)
{
	switch ((int)type) {
	case VAConfigAttribRateControl:
		return p->cqp_only ? VA_RC_CQP : VA_RC_CQP | VA_RC_CBR | VA_RC_VBR;
	case VAConfigAttribEncPackedHeaders:
		return p->packed;
	case VAConfigAttribEncInterlaced:
		return VA_ENC_INTERLACED_NONE;
	case VAConfigAttribEncMaxRefFrames:
		return REFERENCE_FRAMES;
	case VAConfigAttribEncMaxSlices:
		return SLICES_MAX;
	case VAConfigAttribEncSliceStructure:
		return VA_ENC_SLICE_STRUCTURE_ARBITRARY_MACROBLOCKS |
				VA_ENC_SLICE_STRUCTURE_ARBITRARY_ROWS;
	case VAConfigAttribEncQualityRange:
		return QUALITY_LEVELS;
	case VAConfigAttribMaxFrameSize:
		return 1;
	default:
		return VA_ATTRIB_NOT_SUPPORTED;
	}
}

static uint32_t value_of(const struct personality *personality, const struct row *row,
		VAConfigAttribType type)
{
	if (type == VAConfigAttribRTFormat)
		return row->kind == CONTEXT_PROC ?
				VA_RT_FORMAT_YUV420 | VA_RT_FORMAT_YUV422 | VA_RT_FORMAT_RGB32 :
				VA_RT_FORMAT_YUV420;
	if (type == VAConfigAttribMaxPictureWidth || type == VAConfigAttribMaxPictureHeight)
		return SIDE_MAX;
	if (type == VAConfigAttribDecSliceMode && row->kind == CONTEXT_DECODE)
		return VA_DEC_SLICE_MODE_NORMAL;
	return row->kind == CONTEXT_ENCODE ? encode_value(personality, type) : VA_ATTRIB_NOT_SUPPORTED;
}

VAStatus config_get_attributes(VADriverContextP va, VAProfile profile, VAEntrypoint entrypoint,
		VAConfigAttrib *attributes, int count)
{
	const struct personality *personality = &driver_of(va)->personality;
	VAStatus status;
	const struct row *row = row_find(personality, profile, entrypoint, &status);
	for (int i = 0; i < count && row != NULL; i++)
		attributes[i].value = value_of(personality, row, attributes[i].type);
	return status;
}

/* 0: what was asked for is within what there is. */
static VAStatus take(struct config *config, const struct personality *personality, const struct row *row,
		const VAConfigAttrib *attribute)
{
	uint32_t able = value_of(personality, row, attribute->type);
	switch ((int)attribute->type) {
	case VAConfigAttribRTFormat:
		return attribute->value & able ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
	case VAConfigAttribRateControl:
		if (able == VA_ATTRIB_NOT_SUPPORTED || (attribute->value & ~able) != 0 ||
				__builtin_popcount(attribute->value) != 1)
			return VA_STATUS_ERROR_INVALID_VALUE;
		config->rate_control = attribute->value;
		return VA_STATUS_SUCCESS;
	case VAConfigAttribEncPackedHeaders:
		if (able == VA_ATTRIB_NOT_SUPPORTED || (attribute->value & ~able) != 0)
			return VA_STATUS_ERROR_INVALID_VALUE;
		config->packed = attribute->value;
		return VA_STATUS_SUCCESS;
	default:
		return able != VA_ATTRIB_NOT_SUPPORTED ? VA_STATUS_SUCCESS :
							 VA_STATUS_ERROR_ATTR_NOT_SUPPORTED;
	}
}

static void config_free(struct object *object)
{
	g_free(object);
}

VAStatus config_create(VADriverContextP va, VAProfile profile, VAEntrypoint entrypoint,
		VAConfigAttrib *attributes, int count, VAConfigID *ret_id)
{
	struct driver *driver = driver_of(va);
	VAStatus status;
	const struct row *row = row_find(&driver->personality, profile, entrypoint, &status);
	if (row == NULL)
		return status;
	if (count < 0 || count > ATTRIBUTES_MAX)
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	struct config *config = g_new0(struct config, 1);
	config->profile = profile;
	config->entrypoint = entrypoint;
	config->kind = row->kind;
	config->rate_control = VA_RC_CQP;
	for (int i = 0; i < count && status == VA_STATUS_SUCCESS; i++) {
		status = take(config, &driver->personality, row, &attributes[i]);
		config->attributes[config->attribute_count++] = attributes[i];
	}
	if (status != VA_STATUS_SUCCESS) {
		g_free(config);
		return status;
	}
	pthread_mutex_lock(&driver->lock);
	*ret_id = object_add(&driver->objects, &config->object, OBJECT_CONFIG, config_free);
	pthread_mutex_unlock(&driver->lock);
	return VA_STATUS_SUCCESS;
}

VAStatus config_destroy(VADriverContextP va, VAConfigID id)
{
	struct driver *driver = driver_of(va);
	pthread_mutex_lock(&driver->lock);
	struct config *config = object_find(&driver->objects, id, OBJECT_CONFIG, "vaDestroyConfig");
	if (config != NULL)
		object_remove(&driver->objects, &config->object);
	pthread_mutex_unlock(&driver->lock);
	return config != NULL ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_CONFIG;
}

VAStatus config_query_attributes(VADriverContextP va, VAConfigID id, VAProfile *ret_profile,
		VAEntrypoint *ret_entrypoint, VAConfigAttrib *attributes, int *ret_count)
{
	struct driver *driver = driver_of(va);
	pthread_mutex_lock(&driver->lock);
	struct config *config = object_find(&driver->objects, id, OBJECT_CONFIG, "vaQueryConfigAttributes");
	if (config != NULL) {
		*ret_profile = config->profile;
		*ret_entrypoint = config->entrypoint;
		memcpy(attributes, config->attributes, config->attribute_count * sizeof(*attributes));
		*ret_count = (int)config->attribute_count;
	}
	pthread_mutex_unlock(&driver->lock);
	return config != NULL ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_CONFIG;
}
