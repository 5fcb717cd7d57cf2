/* camera_file: a film plays for ever, its numbered pictures come whole and in order; what is no such film is said. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "drivers-glue/drivers.h"
#include "drivers-glue/pattern.h"

#define WIDTH 320
#define HEIGHT 96
#define PICTURES 5u

static char *folder;

static char *write_file(const char *name, const GString *text)
{
	char *path = g_build_filename(folder, name, NULL);
	g_assert_true(g_file_set_contents(path, text->str, (gssize)text->len, NULL));
	return path;
}

static GString *film(const char *header, const char *frame)
{
	GString *text = g_string_new(header);
	struct picture picture;
	g_assert_cmpint(picture_init(&picture, WIDTH, HEIGHT), ==, 0);
	for (unsigned int i = 1; i <= PICTURES; i++) {
		const struct pattern_mark mark = { .number = i };
		pattern_draw(&picture, &mark);
		g_string_append(text, frame);
		for (int plane = 0; plane < 3; plane++)
			for (int y = 0; y < (plane ? HEIGHT / 2 : HEIGHT); y++)
				g_string_append_len(text, (const char *)picture.planes[plane] +
							  (ptrdiff_t)y * picture.strides[plane],
						    plane ? WIDTH / 2 : WIDTH);
	}
	picture_finish(&picture);
	return text;
}

static uint32_t number_of(struct frame *frame)
{
	struct picture picture;
	struct pattern_mark mark;
	g_assert_cmpint(frame_picture(frame, &picture), ==, 0);
	g_assert_cmpint(pattern_read(&picture, &mark), ==, 0);
	frame_release(frame);
	return mark.number;
}

/* Twice round; a picture that is missed was too late, and counted. */
static void play(const char *path, unsigned int count)
{
	struct camera_counts counts = { 0 };
	const struct camera_wish wish = { .width = 1280, .height = 720, .fps = 60, .counts = &counts };
	struct camera *camera;
	char why[200] = "";
	uint64_t film_number = 0;
	g_assert_cmpint(camera_file.open(path, &wish, &camera, why, sizeof(why)), ==, 0);
	for (unsigned int i = 0; i < 2 * PICTURES; i++) {
		struct frame *frame;
		g_assert_cmpint(camera_file.next(camera, 1000, &frame), ==, 0);
		g_assert_cmpint(frame->width, ==, WIDTH);
		g_assert_cmpint(frame->height, ==, HEIGHT);
		film_number = counts.pictures + counts.overtaken;
		g_assert_cmpuint(number_of(frame), ==, (film_number - 1) % count + 1);
	}
	g_assert_cmpuint(counts.pictures, ==, 2 * PICTURES);
	camera_file.describe(camera, why, sizeof(why));
	g_test_message("%s, %d too late", why, (int)counts.overtaken);
	camera_file.close(camera);
	g_assert_cmpint(frame_living(), ==, 0);
}

/* Handed out where it lies in the film: the film stays as long as it does. */
static void test_outlives(void)
{
	const struct camera_wish wish = { .width = 1280, .height = 720, .fps = 60 };
	GString *text = film("YUV4MPEG2 W320 H96 F30:1\n", "FRAME Ip\n");
	g_autofree char *path = write_file("outlives.y4m", text);
	struct camera *camera;
	struct frame *first, *second;
	char why[200] = "";
	g_assert_cmpint(camera_file.open(path, &wish, &camera, why, sizeof(why)), ==, 0);
	g_assert_cmpint(camera_file.next(camera, 1000, &first), ==, 0);
	g_assert_cmpint(camera_file.next(camera, 1000, &second), ==, 0);
	camera_file.close(camera);
	g_assert_cmpuint(number_of(first), ==, 1);
	g_assert_cmpuint(number_of(second), >=, 2);
	g_assert_cmpint(frame_living(), ==, 0);
	g_string_free(text, TRUE);
}

static void test_plays(void)
{
	GString *text = film("YUV4MPEG2 W320 H96 F30:1 Ip A1:1 C420jpeg XSOMETHING\n", "FRAME\n");
	g_autofree char *path = write_file("whole.y4m", text);
	play(path, PICTURES);
	g_string_truncate(text, text->len - 1000);
	g_autofree char *cut = write_file("cut.y4m", text);
	play(cut, PICTURES - 1);
	g_string_free(text, TRUE);
	text = film("YUV4MPEG2 H96 W320 F30000:1001\n", "FRAME Ip\n");
	g_autofree char *words = write_file("words.y4m", text);
	play(words, PICTURES);
	g_string_free(text, TRUE);
}

static void refused(const char *header, const char *why_part)
{
	GString *text = film(header, "FRAME\n");
	g_autofree char *path = write_file("bad.y4m", text);
	const struct camera_wish wish = { .fps = 30 };
	struct camera *camera;
	char why[200] = "";
	g_assert_cmpint(camera_file.open(path, &wish, &camera, why, sizeof(why)), ==, -EINVAL);
	if (!strstr(why, why_part) || !strstr(why, path))
		g_error("\"%s\" does not say \"%s\" of %s", why, why_part, path);
	g_string_free(text, TRUE);
}

static void test_refused(void)
{
	const struct camera_wish wish = { .fps = 30 };
	struct camera *camera;
	char why[200] = "";
	refused("RIFF\n", "not a YUV4MPEG2 file");
	refused("YUV4MPEG2 W320 H96 F30:1 Ip C422\n", "C: not 8 bits of 4:2:0");
	refused("YUV4MPEG2 W320 H96 F30:1 C420p10\n", "C: not 8 bits of 4:2:0");
	refused("YUV4MPEG2 W320 H96 F30:1 It\n", "I: interlaced");
	refused("YUV4MPEG2 W321 H96 F30:1\n", "W or H");
	refused("YUV4MPEG2 W320 H99999 F30:1\n", "W or H");
	refused("YUV4MPEG2 W320 H96\n", "F:");
	refused("YUV4MPEG2 W320 H96 F30\n", "F:");
	refused("YUV4MPEG2 W320 H96 F30:0\n", "F:");
	refused("YUV4MPEG2 W3200 H2000 F30:1\n", "no picture");
	g_assert_cmpint(camera_file.open("/nowhere.y4m", &wish, &camera, why, sizeof(why)), ==, -ENOENT);
	g_assert_nonnull(strstr(why, "/nowhere.y4m: No such file"));
	g_assert_cmpint(camera_file.open(folder, &wish, &camera, why, sizeof(why)), <, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	folder = g_dir_make_tmp("callbox-film-XXXXXX", NULL);
	g_test_add_func("/camera_file/plays", test_plays);
	g_test_add_func("/camera_file/outlives", test_outlives);
	g_test_add_func("/camera_file/refused", test_refused);
	int r = g_test_run();
	g_autofree char *command = g_strdup_printf("rm -r '%s'", folder);
	g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
	return r;
}
