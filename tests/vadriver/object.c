#include "tests/vadriver/object.h"

#include <va/va.h>

static const char *const kind_names[] = {
	[OBJECT_CONFIG] = "config",
	[OBJECT_CONTEXT] = "context",
	[OBJECT_SURFACE] = "surface",
	[OBJECT_BUFFER] = "buffer",
	[OBJECT_IMAGE] = "image",
};

enum { KIND_SHIFT = 24, SERIAL_MASK = (1 << KIND_SHIFT) - 1 };

static uint32_t first_id(enum object_kind kind)
{
	return ((uint32_t)kind + 1) << KIND_SHIFT;
}

void object_table_init(struct object_table *table, struct report *report)
{
	*table = (struct object_table){ .by_id = g_hash_table_new(NULL, NULL), .report = report };
}

void object_table_count(const struct object_table *table, struct report_left *ret_left)
{
	unsigned int left[OBJECT_KINDS] = { 0 };
	GHashTableIter iterator;
	gpointer object;
	g_hash_table_iter_init(&iterator, table->by_id);
	while (g_hash_table_iter_next(&iterator, NULL, &object))
		left[((struct object *)object)->kind]++;
	*ret_left = (struct report_left){ left[OBJECT_CONFIG], left[OBJECT_CONTEXT], left[OBJECT_SURFACE],
		left[OBJECT_BUFFER], left[OBJECT_IMAGE] };
}

void object_table_finish(struct object_table *table, struct report_left *ret_left)
{
	/* Contexts first: their workers hold surfaces and buffers. */
	static const enum object_kind order[] = { OBJECT_CONTEXT, OBJECT_IMAGE, OBJECT_BUFFER,
		OBJECT_SURFACE, OBJECT_CONFIG };
	object_table_count(table, ret_left);
	for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
		g_autoptr(GList) objects = g_hash_table_get_values(table->by_id);
		for (GList *o = objects; o != NULL; o = o->next) {
			if (((struct object *)o->data)->kind == order[i])
				object_remove(table, o->data);
		}
	}
	g_clear_pointer(&table->by_id, g_hash_table_unref);
}

uint32_t object_add(struct object_table *table, struct object *object, enum object_kind kind,
		void (*destroy)(struct object *object))
{
	object->id = first_id(kind) + ++table->made[kind];
	object->kind = kind;
	object->held = 1;
	object->destroy = destroy;
	g_hash_table_insert(table->by_id, GUINT_TO_POINTER(object->id), object);
	return object->id;
}

void *object_find(struct object_table *table, uint32_t id, enum object_kind kind, const char *who)
{
	struct object *object = g_hash_table_lookup(table->by_id, GUINT_TO_POINTER(id));
	if (object != NULL && object->kind == kind)
		return object;
	if (id >> KIND_SHIFT == (uint32_t)kind + 1 && (id & SERIAL_MASK) <= table->made[kind])
		report_violation(table->report, "%s: %s %#x is destroyed", who, kind_names[kind], id);
	else
		report_violation(table->report, "%s: %#x is no %s", who, id, kind_names[kind]);
	return NULL;
}

void object_remove(struct object_table *table, struct object *object)
{
	g_hash_table_remove(table->by_id, GUINT_TO_POINTER(object->id));
	object_release(object);
}

void *object_hold(void *object)
{
	((struct object *)object)->held++;
	return object;
}

void object_release(void *object)
{
	struct object *o = object;
	if (o != NULL && --o->held == 0)
		o->destroy(o);
}
