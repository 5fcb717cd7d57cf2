/* config: which profiles and entry points the personality has, with their attributes, and a program's choice. */
#ifndef TESTS_VADRIVER_CONFIG_H
#define TESTS_VADRIVER_CONFIG_H

#include "tests/vadriver/driver.h"

enum { PROFILES_MAX = 4, ENTRYPOINTS_MAX = 4, ATTRIBUTES_MAX = 16, REFERENCE_FRAMES = 1, SLICES_MAX = 32 };

struct config {
	struct object object;
	VAProfile profile;
	VAEntrypoint entrypoint;
	enum context_kind kind;
	uint32_t rate_control; /* VA_RC_..., one bit */
	uint32_t packed; /* headers that the program announces */
	unsigned int attribute_count;
	VAConfigAttrib attributes[ATTRIBUTES_MAX]; /* as given */
};

VAStatus config_query_profiles(VADriverContextP va, VAProfile *profiles, int *ret_count);
VAStatus config_query_entrypoints(VADriverContextP va, VAProfile profile, VAEntrypoint *entrypoints,
		int *ret_count);
VAStatus config_get_attributes(VADriverContextP va, VAProfile profile, VAEntrypoint entrypoint,
		VAConfigAttrib *attributes, int count);
VAStatus config_create(VADriverContextP va, VAProfile profile, VAEntrypoint entrypoint,
		VAConfigAttrib *attributes, int count, VAConfigID *ret_id);
VAStatus config_destroy(VADriverContextP va, VAConfigID id);
VAStatus config_query_attributes(VADriverContextP va, VAConfigID id, VAProfile *ret_profile,
		VAEntrypoint *ret_entrypoint, VAConfigAttrib *attributes, int *ret_count);

#endif
