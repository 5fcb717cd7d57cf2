/* object: everything a program holds by a number. Numbers are never given twice, so that the use of a destroyed
 * object is told apart from a wrong number; the table holds one count, every job in flight one more. All
 * functions want the driver's lock. */
#ifndef TESTS_VADRIVER_OBJECT_H
#define TESTS_VADRIVER_OBJECT_H

#include <glib.h>
#include <stdint.h>

#include "tests/vadriver/report.h"

enum object_kind { OBJECT_CONFIG, OBJECT_CONTEXT, OBJECT_SURFACE, OBJECT_BUFFER, OBJECT_IMAGE, OBJECT_KINDS };

/* First member of every object. */
struct object {
	uint32_t id;
	enum object_kind kind;
	unsigned int held;
	void (*destroy)(struct object *object);
};

struct object_table {
	GHashTable *by_id;
	uint32_t made[OBJECT_KINDS];
	struct report *report;
};

void object_table_init(struct object_table *table, struct report *report);
void object_table_count(const struct object_table *table, struct report_left *ret_left);
/* Releases what is left and tells how much it was. */
void object_table_finish(struct object_table *table, struct report_left *ret_left);
/* Gives the object its number; its first count is the table's. */
uint32_t object_add(struct object_table *table, struct object *object, enum object_kind kind,
		void (*destroy)(struct object *object));
/* NULL and a violation when there is no such object (any more); who names the user for the report. */
void *object_find(struct object_table *table, uint32_t id, enum object_kind kind, const char *who);
/* Takes it out of the table and drops the table's count. */
void object_remove(struct object_table *table, struct object *object);
void *object_hold(void *object);
void object_release(void *object);

#endif
