/* screen_cec: a box and a television, inside a guest: the other end of vivid's HDMI cable is the television, played
 * here. A ring must switch it on and to the box, its remote control answer and end the call, standby switch it off.
 * The screen itself is a file.
 *
 * usage: screen_cec TV-ADAPTER BOX-ADAPTER FOLDER   prints TAP lines without numbers */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/cec.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "drivers-glue/png.h"
#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define LIMIT_MS 10000

static unsigned int failed;

static void check(bool good, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void check(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	printf("%sok - %s\n", good ? "" : "not ", text);
	failed += !good;
}

/* ---- the television ---- */

static int tv_open(const char *file)
{
	struct cec_log_addrs none = { 0 }, tv = {
		.cec_version = CEC_OP_CEC_VERSION_1_4, .num_log_addrs = 1, .vendor_id = CEC_VENDOR_ID_NONE,
		.primary_device_type = { CEC_OP_PRIM_DEVTYPE_TV }, .log_addr_type = { CEC_LOG_ADDR_TYPE_TV },
		.all_device_types = { CEC_OP_ALL_DEVTYPE_TV }, .osd_name = "TV",
	};
	uint32_t mode = CEC_MODE_INITIATOR | CEC_MODE_EXCL_FOLLOWER;
	int fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ioctl(fd, CEC_ADAP_S_LOG_ADDRS, &none);
	if (ioctl(fd, CEC_ADAP_S_LOG_ADDRS, &tv) == 0 && ioctl(fd, CEC_S_MODE, &mode) == 0)
		return fd;
	int r = -errno;
	close(fd);
	return r;
}

/* Whether the box says that in time; *ret_message is the message. */
static bool hears(int tv, uint8_t opcode, struct cec_msg *ret_message)
{
	gint64 end = g_get_monotonic_time() + LIMIT_MS * 1000;
	while (g_get_monotonic_time() < end) {
		*ret_message = (struct cec_msg){ .timeout = 200 };
		if (ioctl(tv, CEC_RECEIVE, ret_message) == 0 && ret_message->len > 1 && ret_message->msg[1] == opcode)
			return true;
	}
	return false;
}

/* Nothing like that within a second. */
static bool is_silent(int tv, uint8_t opcode)
{
	gint64 end = g_get_monotonic_time() + G_USEC_PER_SEC;
	while (g_get_monotonic_time() < end) {
		struct cec_msg message = { .timeout = 100 };
		if (ioctl(tv, CEC_RECEIVE, &message) == 0 && message.len > 1 && message.msg[1] == opcode)
			return false;
	}
	return true;
}

static bool tells(int tv, uint8_t to, const uint8_t *bytes, uint32_t size)
{
	struct cec_msg message = { .len = size + 1 };
	message.msg[0] = to;
	memcpy(message.msg + 1, bytes, size);
	return ioctl(tv, CEC_TRANSMIT, &message) == 0 && message.tx_status & CEC_TX_STATUS_OK;
}

static void press(int tv, uint8_t to, uint8_t key)
{
	const uint8_t down[] = { CEC_MSG_USER_CONTROL_PRESSED, key }, up[] = { CEC_MSG_USER_CONTROL_RELEASED };
	bool told = tells(tv, to, down, sizeof(down));
	tells(tv, to, down, sizeof(down)); /* held for a while: still one key */
	tells(tv, to, up, sizeof(up));
	check(told, "key 0x%02x is sent to device %u", key, to);
}

/* ---- the call ---- */

static void verb(struct client *client, const char *name, const char *key, const char *value)
{
	cJSON *params = cJSON_CreateObject();
	if (strcmp(value, "true") == 0)
		cJSON_AddBoolToObject(params, key, true);
	else
		cJSON_AddStringToObject(params, key, value);
	cJSON_Delete(client_call(client, name, params, NULL));
}

static void rings(int tv, struct client *a, struct client *b, uint8_t *ret_box)
{
	struct cec_msg message;
	verb(b, "call", "userId", "alice");
	cJSON_Delete(client_expect(a, "onInvited"));
	check(hears(tv, CEC_MSG_IMAGE_VIEW_ON, &message), "a ring switches the television on");
	*ret_box = cec_msg_initiator(&message);
	bool active = hears(tv, CEC_MSG_ACTIVE_SOURCE, &message);
	check(active && message.msg[2] == 0x10 && message.msg[3] == 0x00, "and to this box: %x.%x.%x.%x",
	      message.msg[2] >> 4, message.msg[2] & 15, message.msg[3] >> 4, message.msg[3] & 15);
}

static void check_file(const char *file)
{
	struct picture picture = { 0 };
	int r = png_load(file, &picture);
	check(r == 0 && picture.width == 1280 && picture.height == 720, "the screen's file: %dx%d", picture.width,
	      picture.height);
	picture_finish(&picture);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4)
		return 64;
	int tv = tv_open(argv[1]);
	check(tv >= 0, "the television's end of the cable %s: %s", argv[1], tv < 0 ? g_strerror(-tv) : "is one");
	if (tv < 0)
		return 1;
	g_autofree char *more = g_strdup_printf("screen = png:%s/cec-page.png\nscreen_mode = 1280x720\ncec = %s\n"
						"screen_blank = 0ms\nlanguage = zh\nroom_name = 三号会议室\n",
						argv[3], argv[2]);
	g_autofree char *file = g_strdup_printf("%s/cec-page.png", argv[3]);
	const struct box_devices devices = { .more = more };
	struct place *place = place_open("/tmp/room");
	place_hub_start(place);
	struct box *alice = box_create(place, "alice", "room-a", NULL, &devices);
	struct box *bob = box_create(place, "bob", "room-b", NULL, NULL);
	box_start(alice);
	box_start(bob);
	struct client *a = client_open(alice->socket), *b = client_open(bob->socket);
	struct cec_msg message;
	uint8_t box = 15;
	rings(tv, a, b, &box);
	const uint8_t power[] = { CEC_MSG_GIVE_DEVICE_POWER_STATUS };
	tells(tv, box, power, sizeof(power));
	check(hears(tv, CEC_MSG_REPORT_POWER_STATUS, &message) && message.msg[2] == CEC_OP_POWER_STATUS_ON,
	      "asked for its power state it says on");
	press(tv, box, CEC_OP_UI_CMD_SELECT);
	cJSON_Delete(client_expect(b, "onUserAccept"));
	check(true, "OK on the remote control accepts the call");
	cJSON_Delete(client_expect(a, "onUserEnter"));
	press(tv, box, CEC_OP_UI_CMD_BACK);
	cJSON_Delete(client_expect(b, "onCallEnd"));
	check(true, "Back ends it");
	verb(a, "standby", "on", "true");
	check(hears(tv, CEC_MSG_STANDBY, &message), "standby switches the television off");
	check_file(file);
	rings(tv, a, b, &box);
	press(tv, box, CEC_OP_UI_CMD_POWER);
	cJSON_Delete(client_expect(b, "onUserReject"));
	check(true, "Power refuses a call");
	const uint8_t other[] = { CEC_MSG_ACTIVE_SOURCE, 0x20, 0x00 };
	tells(tv, CEC_LOG_ADDR_BROADCAST, other, sizeof(other));
	tells(tv, box, power, sizeof(power)); /* its answer says that it has heard both */
	hears(tv, CEC_MSG_REPORT_POWER_STATUS, &message);
	verb(a, "standby", "on", "true");
	check(is_silent(tv, CEC_MSG_STANDBY), "a television that shows something else is left on");
	client_close(a);
	client_close(b);
	place_close(place);
	close(tv);
	return failed ? 1 : 0;
}
