/* message: the shapes of the JSON messages that cross a channel, and the check at the door.
 *
 * A message is one JSON object whose member "m" names it. A channel's direction has one table of shapes;
 * that table is the list of everything which can be said there. Pure functions, any thread. */
#ifndef CALLBOX_BASE_MESSAGE_H
#define CALLBOX_BASE_MESSAGE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Most bytes of one message, and how deep objects and arrays may nest. */
#define MESSAGE_BYTES_MAX 65536
#define MESSAGE_DEPTH_MAX 16

enum message_type { M_STRING, M_NUMBER, M_BOOL, M_OBJECT, M_ARRAY };

struct message_field {
	const char *name; /* NULL ends the table */
	enum message_type type;
	bool required;
	/* Numbers: least and greatest value, whole numbers only. Strings: least and most bytes.
	 * Arrays: least and most elements. Both 0: no bound but the message's size. */
	double min, max;
};

struct message_shape {
	const char *name; /* NULL ends the table */
	const struct message_field *fields; /* NULL: no field is looked at */
};

/* Parses foreign bytes: size, nesting and UTF-8 checked before cJSON sees them. NULL with *ret_why
 * (static text) when refused. Caller deletes the result. */
cJSON *message_parse(const char *bytes, size_t length, const char **ret_why);

/* Checks a parsed message against a table. 0, or -EBADMSG with what is wrong in why ("start.width: …").
 * Members that the shape does not name are tolerated: a newer peer may say more. */
int message_check(const struct message_shape *shapes, const cJSON *message, char *why, size_t why_bytes);

/* {"m": name}; the caller owns it. Aborts when memory is out, like every GLib allocation. */
cJSON *message_new(const char *name);
const char *message_name(const cJSON *message);

/* Readers that never fail: the default when a member is missing or of another type. */
const char *message_string(const cJSON *message, const char *name, const char *otherwise);
double message_number(const cJSON *message, const char *name, double otherwise);
int message_int(const cJSON *message, const char *name, int otherwise);
bool message_bool(const cJSON *message, const char *name, bool otherwise);
/* Borrowed from the message; NULL when missing. */
const cJSON *message_member(const cJSON *message, const char *name);

#endif
