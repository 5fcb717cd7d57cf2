#include "drivers-glue/cec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/cec.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define REPEAT_US 600000 /* a key that is held is sent again sooner than that */
#define ADAPTERS 8

enum wish { WISH_NONE, WISH_ON, WISH_OFF };

struct cec {
	int fd;
	uint16_t physical; /* CEC_PHYS_ADDR_INVALID: no television is there */
	uint8_t logical;
	bool has_address, is_active; /* is_active: the television shows this box, as far as is known */
	enum wish wish;		     /* what could not be said yet */
	bool is_down;		     /* a key */
	uint8_t key;
	int64_t key_us;
};

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- saying ---- */

static void transmit(const struct cec *cec, uint8_t to, const uint8_t *bytes, uint8_t size)
{
	struct cec_msg message = { .len = (uint32_t)size + 1 };
	message.msg[0] = (uint8_t)(cec->logical << 4 | to);
	memcpy(message.msg + 1, bytes, size);
	ioctl(cec->fd, CEC_TRANSMIT, &message); /* one that is lost is said again at the next wish */
}

static void say(const struct cec *cec, uint8_t to, uint8_t opcode)
{
	transmit(cec, to, &opcode, 1);
}

static void say_number(const struct cec *cec, uint8_t to, uint8_t opcode, uint8_t number)
{
	const uint8_t bytes[] = { opcode, number };
	transmit(cec, to, bytes, sizeof(bytes));
}

static void say_active(const struct cec *cec)
{
	const uint8_t bytes[] = { CEC_MSG_ACTIVE_SOURCE, (uint8_t)(cec->physical >> 8), (uint8_t)cec->physical };
	transmit(cec, CEC_LOG_ADDR_BROADCAST, bytes, sizeof(bytes));
}

static void wish_say(struct cec *cec)
{
	if (!cec->has_address || cec->wish == WISH_NONE)
		return;
	if (cec->wish == WISH_ON) {
		say(cec, CEC_LOG_ADDR_TV, CEC_MSG_IMAGE_VIEW_ON);
		say_active(cec);
		cec->is_active = true;
	} else if (cec->is_active) {
		say(cec, CEC_LOG_ADDR_TV, CEC_MSG_STANDBY);
	}
	cec->wish = WISH_NONE;
}

void cec_power(struct cec *cec, bool on)
{
	cec->wish = on ? WISH_ON : WISH_OFF;
	wish_say(cec);
}

/* ---- hearing ---- */

static enum cec_key key_of(uint8_t code)
{
	static const struct { uint8_t code; enum cec_key key; } keys[] = {
		{ CEC_OP_UI_CMD_SELECT, CEC_KEY_SELECT },	     { CEC_OP_UI_CMD_ENTER, CEC_KEY_SELECT },
		{ CEC_OP_UI_CMD_BACK, CEC_KEY_EXIT },		     { CEC_OP_UI_CMD_POWER, CEC_KEY_EXIT },
		{ CEC_OP_UI_CMD_POWER_OFF_FUNCTION, CEC_KEY_EXIT }, { CEC_OP_UI_CMD_POWER_TOGGLE_FUNCTION, CEC_KEY_EXIT },
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].code == code)
			return keys[i].key;
	return CEC_KEY_NONE;
}

static enum cec_key key_pressed(struct cec *cec, uint8_t code)
{
	bool again = cec->is_down && code == cec->key && now_us() - cec->key_us < REPEAT_US;
	cec->is_down = true;
	cec->key = code;
	cec->key_us = now_us();
	return again ? CEC_KEY_NONE : key_of(code);
}

/* Somebody says which device is to be seen; at is where the address stands. */
static void route(struct cec *cec, const struct cec_msg *message, unsigned int at)
{
	if (message->len < at + 2)
		return;
	uint16_t address = (uint16_t)(message->msg[at] << 8 | message->msg[at + 1]);
	cec->is_active = address == cec->physical;
	if (cec->is_active && message->msg[1] == CEC_MSG_SET_STREAM_PATH)
		say_active(cec);
}

/* Devices must answer what they do not know; broadcasts and answers are not answered. */
static void refuse(const struct cec *cec, const struct cec_msg *message)
{
	const uint8_t bytes[] = { CEC_MSG_FEATURE_ABORT, message->msg[1], CEC_OP_ABORT_UNRECOGNIZED_OP };
	if (!cec_msg_is_broadcast(message) && message->msg[1] != CEC_MSG_FEATURE_ABORT)
		transmit(cec, cec_msg_initiator(message), bytes, sizeof(bytes));
}

static enum cec_key message_take(struct cec *cec, const struct cec_msg *message)
{
	uint8_t from = cec_msg_initiator(message);
	switch (message->msg[1]) {
	case CEC_MSG_USER_CONTROL_PRESSED:
		return message->len > 2 ? key_pressed(cec, message->msg[2]) : CEC_KEY_NONE;
	case CEC_MSG_USER_CONTROL_RELEASED:
		cec->is_down = false;
		break;
	case CEC_MSG_ACTIVE_SOURCE:
	case CEC_MSG_SET_STREAM_PATH:
		route(cec, message, 2);
		break;
	case CEC_MSG_ROUTING_CHANGE:
		route(cec, message, 4);
		break;
	case CEC_MSG_REQUEST_ACTIVE_SOURCE:
		if (cec->is_active)
			say_active(cec);
		break;
	case CEC_MSG_GIVE_DEVICE_POWER_STATUS:
		say_number(cec, from, CEC_MSG_REPORT_POWER_STATUS, CEC_OP_POWER_STATUS_ON);
		break;
	case CEC_MSG_MENU_REQUEST: /* televisions pass keys on to devices that have a menu open */
		say_number(cec, from, CEC_MSG_MENU_STATUS, CEC_OP_MENU_STATE_ACTIVATED);
		break;
	case CEC_MSG_STANDBY:
	case CEC_MSG_REPORT_POWER_STATUS:
	case CEC_MSG_REPORT_PHYSICAL_ADDR:
	case CEC_MSG_DEVICE_VENDOR_ID:
		break;
	default:
		refuse(cec, message);
	}
	return CEC_KEY_NONE;
}

static void state_take(struct cec *cec, const struct cec_event_state_change *state)
{
	cec->physical = state->phys_addr;
	cec->has_address = state->log_addr_mask != 0;
	for (uint8_t i = 0; i < CEC_LOG_ADDR_BROADCAST; i++)
		if (state->log_addr_mask & (1u << i))
			cec->logical = i;
	wish_say(cec);
}

bool cec_dispatch(struct cec *cec, enum cec_key *ret_key)
{
	struct cec_event event = { 0 };
	struct cec_msg message = { 0 };
	*ret_key = CEC_KEY_NONE;
	if (ioctl(cec->fd, CEC_DQEVENT, &event) == 0) {
		if (event.event == CEC_EVENT_STATE_CHANGE)
			state_take(cec, &event.state_change);
		return true;
	}
	if (ioctl(cec->fd, CEC_RECEIVE, &message) < 0)
		return false;
	if (message.sequence == 0 && message.len > 1) /* with one: how a message of ours went out */
		*ret_key = message_take(cec, &message);
	return true;
}

/* ---- opening ---- */

/* Asks for a playback device's address; the kernel takes it when a television is there, and tells by an event. */
static int address_ask(int fd)
{
	struct cec_log_addrs none = { 0 }, wish = {
		.cec_version = CEC_OP_CEC_VERSION_1_4, .num_log_addrs = 1, .vendor_id = CEC_VENDOR_ID_NONE,
		.primary_device_type = { CEC_OP_PRIM_DEVTYPE_PLAYBACK },
		.log_addr_type = { CEC_LOG_ADDR_TYPE_PLAYBACK },
		.all_device_types = { CEC_OP_ALL_DEVTYPE_PLAYBACK }, .osd_name = "callbox",
	};
	uint32_t mode = CEC_MODE_INITIATOR | CEC_MODE_FOLLOWER;
	if (ioctl(fd, CEC_S_MODE, &mode) < 0)
		return -errno;
	ioctl(fd, CEC_ADAP_S_LOG_ADDRS, &none);
	return ioctl(fd, CEC_ADAP_S_LOG_ADDRS, &wish) < 0 ? -errno : 0;
}

/* -ENODEV: a television's own adapter, or one that cannot speak. */
static int adapter_open(const char *file, int *ret_fd)
{
	struct cec_caps caps = { 0 };
	uint16_t physical = 0;
	int fd = open(file, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int r = 0;
	if (ioctl(fd, CEC_ADAP_G_CAPS, &caps) < 0 || ioctl(fd, CEC_ADAP_G_PHYS_ADDR, &physical) < 0)
		r = -errno;
	else if (!(caps.capabilities & CEC_CAP_TRANSMIT) || !(caps.capabilities & CEC_CAP_LOG_ADDRS) || physical == 0)
		r = -ENODEV;
	if (r == 0)
		r = address_ask(fd);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

static int any_open(int *ret_fd)
{
	int r = -ENODEV;
	for (int i = 0; i < ADAPTERS && r < 0; i++) {
		char file[32];
		snprintf(file, sizeof(file), "/dev/cec%d", i);
		if (access(file, F_OK) == 0)
			r = adapter_open(file, ret_fd);
	}
	return r;
}

int cec_open(const char *device, struct cec **ret_cec, char *why, size_t why_bytes)
{
	int fd;
	int r = strcmp(device, "on") == 0 ? any_open(&fd) : adapter_open(device, &fd);
	if (r < 0) {
		snprintf(why, why_bytes, "cec %s: %s%s", device, strerror(-r),
			 r == -EACCES ? ": add the user to group video" : "");
		return r;
	}
	struct cec *cec = calloc(1, sizeof(*cec));
	if (!cec) {
		close(fd);
		return -ENOMEM;
	}
	cec->fd = fd;
	cec->physical = CEC_PHYS_ADDR_INVALID;
	*ret_cec = cec;
	return 0;
}

void cec_close(struct cec *cec)
{
	if (!cec)
		return;
	close(cec->fd);
	free(cec);
}

int cec_fd(const struct cec *cec)
{
	return cec->fd;
}
