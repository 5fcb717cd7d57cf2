/* The guard: calls return in order, one that hangs is given up in time and costs nobody else, what was posted
 * runs when it comes back. */
#include <errno.h>
#include <glib.h>
#include <pthread.h>

#include "drivers-glue/guard.h"

struct door {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool open;
	int passed;
};

static int pass(void *data)
{
	struct door *door = data;
	pthread_mutex_lock(&door->lock);
	while (!door->open)
		pthread_cond_wait(&door->opened, &door->lock);
	door->passed++;
	pthread_mutex_unlock(&door->lock);
	return 7;
}

static void door_open(struct door *door)
{
	pthread_mutex_lock(&door->lock);
	door->open = true;
	pthread_cond_broadcast(&door->opened);
	pthread_mutex_unlock(&door->lock);
}

static int passed(struct door *door)
{
	pthread_mutex_lock(&door->lock);
	int n = door->passed;
	pthread_mutex_unlock(&door->lock);
	return n;
}

#define DOOR { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0 }

static void wait_passed(struct door *door, int n)
{
	gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	while (passed(door) < n || guard_stuck() > 0) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(500);
	}
}

static void test_calls(void)
{
	struct door door = DOOR;
	struct guard *guard = guard_new("test");
	door.open = true;
	for (int i = 0; i < 1000; i++)
		g_assert_cmpint(guard_call(guard, pass, &door, 10000), ==, 7);
	g_assert_cmpint(guard_post(guard, pass, &door), ==, 0);
	guard_release(guard); /* what was posted still runs */
	wait_passed(&door, 1001);
}

static void test_hang(void)
{
	static struct door door = DOOR;
	struct guard *guard = guard_new("test");
	gint64 start = g_get_monotonic_time();
	g_assert_cmpint(guard_call(guard, pass, &door, 50), ==, -ETIMEDOUT);
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 50000);
	g_assert_cmpint(guard_stuck(), ==, 1);
	start = g_get_monotonic_time();
	g_assert_cmpint(guard_call(guard, pass, &door, 60000), ==, -ETIMEDOUT); /* at once */
	g_assert_cmpint(g_get_monotonic_time() - start, <, 10 * G_USEC_PER_SEC);
	g_assert_cmpint(guard_post(guard, pass, &door), ==, 0);
	g_assert_cmpint(passed(&door), ==, 0);
	guard_release(guard);
	door_open(&door);
	wait_passed(&door, 2);
}

struct asker {
	struct guard *guard;
	struct door *door;
	int sum;
};

static gpointer ask(gpointer data)
{
	struct asker *asker = data;
	for (int i = 0; i < 500; i++)
		asker->sum += guard_call(asker->guard, pass, asker->door, 60000);
	guard_release(asker->guard);
	return NULL;
}

static void test_many(void)
{
	struct door door = DOOR;
	struct guard *guard = guard_new("test");
	struct asker askers[4];
	GThread *threads[4];
	door.open = true;
	for (int i = 0; i < 4; i++) {
		askers[i] = (struct asker){ guard_hold(guard), &door, 0 };
		threads[i] = g_thread_new("ask", ask, &askers[i]);
	}
	guard_release(guard);
	for (int i = 0; i < 4; i++) {
		g_thread_join(threads[i]);
		g_assert_cmpint(askers[i].sum, ==, 7 * 500);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/guard/calls", test_calls);
	g_test_add_func("/guard/hang", test_hang);
	g_test_add_func("/guard/many", test_many);
	return g_test_run();
}
