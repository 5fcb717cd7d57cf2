/* usb_camera: a USB video camera that exists only in this process, plugged into the kernel's virtual host controller
 * (vhci_hcd) through a socket, so that the real uvcvideo driver binds to it. It draws eight bars and a running
 * counter, as YUYV, MJPEG and frame-based H.264.
 *
 * usage: usb_camera [-i] [-o] [-s] [-f FPS] [-p PORT] FORMAT…     FORMAT: yuyv, mjpeg, h264
 *   -s  raw pictures of the larger size come five times a second only, as over USB 2
 *   -i  isochronous endpoint, as most cameras have; else bulk     -o  SPS and PPS in the first picture only
 *
 * signals: USR1 unplug, plug again · USR2 freeze, thaw · RTMIN error bit in the next picture · RTMIN+1 next picture
 * cut short · RTMIN+2 every picture cut short, or no more */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "drivers-glue/drivers.h"

#define ATTACH "/sys/devices/platform/vhci_hcd.0/attach"
#define SPEED_HIGH 3
#define BULK_PAYLOAD 16384
#define ISO_PACKET 3072
#define ISO_PACKETS_MAX 128
#define HEADER 12 /* of a payload */
#define IDR_EACH 30

enum kind { YUYV, MJPEG, H264, KINDS };
static const char *const kind_names[KINDS] = { "yuyv", "mjpeg", "h264" };
static const struct { int width, height; } sizes[] = { { 640, 360 }, { 1280, 720 } };
#define SIZES ((int)G_N_ELEMENTS(sizes))

/* A request as it waits for data. */
struct urb {
	uint32_t sequence, bytes;
	int packets;
	uint32_t lengths[ISO_PACKETS_MAX];
};

/* USB/IP's header of 48 bytes; big-endian but for setup. */
struct header {
	uint32_t command, sequence, device, direction, endpoint;
	union {
		struct { uint32_t flags, bytes, start, packets, interval; uint8_t setup[8]; } submit;
		struct { uint32_t status, bytes, start, packets, errors; uint8_t pad[8]; } answer;
		uint32_t unlink;
	};
};
G_STATIC_ASSERT(sizeof(struct header) == 48);
enum { CMD_SUBMIT = 1, CMD_UNLINK, RET_SUBMIT, RET_UNLINK };

/* Controls of the camera's terminal (1) and processing unit (2). */
static struct control {
	uint8_t entity, selector, bytes;
	int32_t min[2], max[2], step, initial[2], value[2];
} controls[] = {
	{ 2, 0x02, 2, { 0 }, { 255 }, 1, { 128 }, { 128 } },				   /* brightness */
	{ 2, 0x03, 2, { 0 }, { 100 }, 1, { 50 }, { 50 } },				   /* contrast */
	{ 1, 0x03, 1, { 0 }, { 1 }, 1, { 1 }, { 1 } },				   /* dynamic frame rate */
	{ 1, 0x06, 2, { 0 }, { 250 }, 5, { 0 }, { 0 } },				   /* focus */
	{ 1, 0x0b, 2, { 100 }, { 400 }, 1, { 100 }, { 100 } },			   /* zoom */
	{ 1, 0x0d, 8, { -36000, -18000 }, { 36000, 18000 }, 3600, { 0, 0 }, { 0, 0 } }, /* pan, tilt */
};

static struct {
	enum kind kinds[KINDS];
	int kind_count, fps, port;
	bool isochronous, once, slow, frozen, cut_all, cut_next, error_next;
	int socket; /* -1: unplugged */
	int alternate;
	uint8_t probe[34], commit[34];
	GByteArray *descriptors;
	GQueue urbs;

	GByteArray *picture; /* being sent */
	size_t sent;
	bool active, error, toggle, fresh;
	uint32_t number, pts;
	struct frame *drawn;
	struct encoder *encoder;
	tjhandle jpeg;
} camera = { .fps = 25, .socket = -1 };

/* ---- descriptors ---- */

static void le(GByteArray *out, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		uint8_t byte = (uint8_t)(value >> (8 * i));
		g_byte_array_append(out, &byte, 1);
	}
}

static void put_le(uint8_t *at, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_le(const uint8_t *at, int bytes)
{
	uint32_t value = 0;
	for (int i = 0; i < bytes; i++)
		value |= (uint32_t)at[i] << (8 * i);
	return value;
}

#define BYTES(...) g_byte_array_append(out, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static uint32_t frame_bytes(int size)
{
	return (uint32_t)(sizes[size].width * sizes[size].height * 2);
}

/* In units of 100 ns. */
static uint32_t interval_of(enum kind kind, int size)
{
	return 10000000u / (uint32_t)(camera.slow && kind == YUYV && size > 0 ? 5 : camera.fps);
}

static void frame_descriptor(GByteArray *out, enum kind kind, int size)
{
	static const uint8_t subtypes[KINDS] = { 0x05, 0x07, 0x11 };
	uint32_t interval = interval_of(kind, size), bits = frame_bytes(size) * 8;
	BYTES(30, 0x24, subtypes[kind], (uint8_t)(size + 1), 0);
	le(out, (uint32_t)sizes[size].width, 2);
	le(out, (uint32_t)sizes[size].height, 2);
	le(out, bits, 4);
	le(out, bits * (uint32_t)camera.fps, 4);
	if (kind == H264) {
		le(out, interval, 4);
		BYTES(1);
		le(out, 0, 4);
	} else {
		le(out, frame_bytes(size), 4);
		le(out, interval, 4);
		BYTES(1);
	}
	le(out, interval, 4);
}

static void format_descriptor(GByteArray *out, int index)
{
	enum kind kind = camera.kinds[index];
	uint8_t n = (uint8_t)(index + 1);
	if (kind == MJPEG)
		BYTES(11, 0x24, 0x06, n, SIZES, 1, 1, 0, 0, 0, 0);
	else
		BYTES(kind == H264 ? 28 : 27, 0x24, kind == H264 ? 0x10 : 0x04, n, SIZES);
	if (kind == YUYV)
		BYTES('Y', 'U', 'Y', '2');
	else if (kind == H264)
		BYTES('H', '2', '6', '4');
	if (kind != MJPEG)
		BYTES(0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71, 16, 1, 0, 0, 0, 0);
	if (kind == H264)
		BYTES(1);
	for (int size = 0; size < SIZES; size++)
		frame_descriptor(out, kind, size);
	if (kind != H264)
		BYTES(6, 0x24, 0x0d, 1, 1, 4);
}

static void control_interface(GByteArray *out)
{
	BYTES(9, 4, 0, 0, 0, 14, 1, 0, 0);
	size_t begin = out->len;
	BYTES(13, 0x24, 1, 0x10, 1, 0, 0, 0x00, 0x6c, 0xdc, 2, 1, 1);
	/* dynamic frame rate, focus, zoom, pan and tilt: bits 2, 5, 9 and 11 */
	BYTES(18, 0x24, 2, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x24, 0x0a, 0);
	BYTES(11, 0x24, 5, 2, 1, 0, 0, 2, 0x03, 0, 0);
	BYTES(9, 0x24, 3, 3, 1, 1, 0, 2, 0);
	put_le(out->data + begin + 5, (uint32_t)(out->len - begin), 2);
}

static void streaming_interface(GByteArray *out)
{
	BYTES(9, 4, 1, 0, camera.isochronous ? 0 : 1, 14, 2, 0, 0);
	size_t begin = out->len;
	BYTES((uint8_t)(13 + camera.kind_count), 0x24, 1, (uint8_t)camera.kind_count, 0, 0, 0x81, 0, 3, 0, 0, 0, 1);
	for (int i = 0; i < camera.kind_count; i++)
		BYTES(0);
	for (int i = 0; i < camera.kind_count; i++)
		format_descriptor(out, i);
	put_le(out->data + begin + 4, (uint32_t)(out->len - begin), 2);
	if (camera.isochronous) {
		BYTES(9, 4, 1, 1, 1, 14, 2, 0, 0);
		BYTES(7, 5, 0x81, 5, 0x00, 0x14, 1); /* three times 1024 bytes a microframe */
	} else {
		BYTES(7, 5, 0x81, 2, 0x00, 0x02, 0);
	}
}

static void descriptors_make(void)
{
	GByteArray *out = camera.descriptors = g_byte_array_new();
	BYTES(9, 2, 0, 0, 2, 1, 0, 0x80, 250);
	BYTES(8, 11, 0, 2, 14, 3, 0, 0);
	control_interface(out);
	streaming_interface(out);
	put_le(out->data + 2, out->len, 2);
}

/* ---- the socket ---- */

static void transmit(const void *bytes, size_t size)
{
	for (const char *at = bytes; size > 0 && camera.socket >= 0;) {
		ssize_t n = send(camera.socket, at, size, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return;
		at += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
}

static bool receive(void *bytes, size_t size)
{
	for (char *at = bytes; size > 0;) {
		ssize_t n = recv(camera.socket, at, size, 0);
		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		at += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

static void answer(uint32_t sequence, int status, const void *bytes, size_t size, bool in)
{
	struct header h = { .command = htonl(RET_SUBMIT), .sequence = htonl(sequence) };
	h.answer.status = htonl((uint32_t)status);
	h.answer.bytes = htonl((uint32_t)size);
	transmit(&h, sizeof(h));
	if (in)
		transmit(bytes, size);
}

/* ---- requests on endpoint 0 ---- */

static int string_descriptor(int index, uint8_t *out)
{
	static const char *const strings[] = { NULL, "callbox", "callbox test camera", "0001" };
	if (index == 0) {
		memcpy(out, (const uint8_t[]){ 4, 3, 9, 4 }, 4);
		return 4;
	}
	if (index >= (int)G_N_ELEMENTS(strings))
		return -1;
	int n = 2;
	for (const char *c = strings[index]; *c; c++, n += 2)
		put_le(out + n, (uint8_t)*c, 2);
	out[0] = (uint8_t)n;
	out[1] = 3;
	return n;
}

static int descriptor(int type, int index, uint8_t *out)
{
	static const uint8_t device[] = { 18, 1, 0, 2, 0xef, 2, 1, 64, 0x6b, 0x1d, 0x02, 0x01, 1, 0, 1, 2, 3, 1 };
	static const uint8_t qualifier[] = { 10, 6, 0, 2, 0xef, 2, 1, 64, 1, 0 };
	switch (type) {
	case 1: memcpy(out, device, sizeof(device)); return sizeof(device);
	case 2: memcpy(out, camera.descriptors->data, camera.descriptors->len); return (int)camera.descriptors->len;
	case 3: return string_descriptor(index, out);
	case 6: memcpy(out, qualifier, sizeof(qualifier)); return sizeof(qualifier);
	default: return -1;
	}
}

static int standard_request(const uint8_t *setup, uint8_t *out)
{
	int value = (int)get_le(setup + 2, 2);
	switch (setup[1]) {
	case 0x00: return 2;
	case 0x06: return descriptor(value >> 8, value & 0xff, out);
	case 0x08: out[0] = 1; return 1;
	case 0x0a: out[0] = (uint8_t)camera.alternate; return 1;
	case 0x0b: camera.alternate = value; return 0;
	case 0x01: case 0x03: case 0x09: return 0;
	default: return -1;
	}
}

/* What the host may have of what it asked for. */
static void negotiate(uint8_t *c)
{
	int format = CLAMP(c[2], 1, camera.kind_count), size = CLAMP(c[3], 1, SIZES);
	put_le(c, 1, 2);
	c[2] = (uint8_t)format;
	c[3] = (uint8_t)size;
	put_le(c + 4, interval_of(camera.kinds[format - 1], size - 1), 4);
	memset(c + 8, 0, 10);
	put_le(c + 18, frame_bytes(size - 1), 4);
	put_le(c + 22, camera.isochronous ? ISO_PACKET : BULK_PAYLOAD, 4);
	put_le(c + 26, 48000000, 4);
	c[30] = 1;
	memset(c + 31, 0, 3);
}

enum { SET_CUR = 0x01, GET_CUR = 0x81, GET_MIN, GET_MAX, GET_RES, GET_LEN, GET_INFO, GET_DEF };

static int stream_request(uint8_t request, int selector, const uint8_t *in, size_t in_bytes, uint8_t *out)
{
	uint8_t *state = selector == 1 ? camera.probe : camera.commit;
	switch (request) {
	case SET_CUR:
		memcpy(state, in, MIN(in_bytes, sizeof(camera.probe)));
		negotiate(state);
		camera.fresh = true; /* the stream begins with parameter sets and a key frame */
		return 0;
	case GET_CUR: memcpy(out, state, 34); return 34;
	case GET_MIN: case GET_MAX: case GET_DEF:
		memcpy(out, camera.probe, 34);
		negotiate(out);
		return 34;
	case GET_LEN: out[0] = 34; return 2;
	case GET_INFO: out[0] = 3; return 1;
	default: return -1;
	}
}

static int value_put(const struct control *c, const int32_t values[2], uint8_t *out)
{
	int each = c->bytes > 4 ? 4 : c->bytes;
	for (int i = 0; i < c->bytes / each; i++)
		put_le(out + i * each, (uint32_t)values[i], each);
	return c->bytes;
}

static int control_request(struct control *c, uint8_t request, const uint8_t *in, uint8_t *out)
{
	const int32_t steps[2] = { c->step, c->step };
	int each = c->bytes > 4 ? 4 : c->bytes;
	switch (request) {
	case SET_CUR:
		for (int i = 0; i < c->bytes / each; i++)
			c->value[i] = (int32_t)get_le(in + i * each, each);
		fprintf(stderr, "usb_camera: control %d/%#x is %d %d\n", c->entity, c->selector, c->value[0],
			c->value[1]);
		return 0;
	case GET_CUR: return value_put(c, c->value, out);
	case GET_MIN: return value_put(c, c->min, out);
	case GET_MAX: return value_put(c, c->max, out);
	case GET_RES: return value_put(c, steps, out);
	case GET_DEF: return value_put(c, c->initial, out);
	case GET_LEN: out[0] = c->bytes; return 2;
	case GET_INFO: out[0] = 3; return 1;
	default: return -1;
	}
}

static int class_request(const uint8_t *setup, const uint8_t *in, size_t in_bytes, uint8_t *out)
{
	int selector = setup[3], interface = setup[4], entity = setup[5];
	if (interface == 1 && (selector == 1 || selector == 2))
		return stream_request(setup[1], selector, in, in_bytes, out);
	for (size_t i = 0; i < G_N_ELEMENTS(controls); i++)
		if (interface == 0 && controls[i].entity == entity && controls[i].selector == selector)
			return control_request(&controls[i], setup[1], in, out);
	return -1;
}

static void request(uint32_t sequence, const uint8_t *setup, const uint8_t *in, size_t in_bytes)
{
	uint8_t out[1024] = { 0 };
	int asked = (int)get_le(setup + 6, 2);
	int n = (setup[0] & 0x60) == 0 ? standard_request(setup, out) : class_request(setup, in, in_bytes, out);
	if (n < 0)
		answer(sequence, -EPIPE, NULL, 0, false);
	else if (setup[0] & 0x80)
		answer(sequence, 0, out, (size_t)MIN(n, asked), true);
	else
		answer(sequence, 0, NULL, (size_t)asked, false);
}

/* ---- pictures ---- */

static void draw(int width, int height)
{
	static const uint8_t bars[8][3] = { { 180, 128, 128 }, { 162, 44, 142 }, { 131, 156, 44 }, { 112, 72, 58 },
					    { 84, 184, 198 }, { 65, 100, 212 }, { 35, 212, 114 }, { 16, 128, 128 } };
	if (camera.drawn && (camera.drawn->width != width || camera.drawn->height != height)) {
		frame_release(camera.drawn);
		camera.drawn = NULL;
		if (camera.encoder)
			encoder_openh264.close(camera.encoder);
		camera.encoder = NULL;
	}
	if (!camera.drawn) {
		if (frame_new(FRAME_I420, width, height, &camera.drawn) < 0)
			g_error("no memory");
		for (int p = 0; p < 3; p++)
			for (int y = 0; y < height >> (p > 0); y++)
				for (int x = 0, w = width >> (p > 0); x < w; x++)
					camera.drawn->planes[p][y * camera.drawn->strides[p] + x] = bars[x * 8 / w][p];
	}
	for (int bit = 0; bit < 32; bit++) /* the counter: a square a bit */
		for (int y = 0; y < 16; y++)
			memset(camera.drawn->planes[0] + y * camera.drawn->strides[0] + bit * 16,
			       camera.number >> bit & 1 ? 235 : 16, 16);
	camera.drawn->capture_us = (int64_t)camera.number * 1000000 / camera.fps;
}

static void as_yuyv(void)
{
	const struct frame *d = camera.drawn;
	g_byte_array_set_size(camera.picture, (guint)(d->width * d->height * 2));
	for (int y = 0; y < d->height; y++) {
		uint8_t *to = camera.picture->data + (size_t)y * (size_t)d->width * 2;
		const uint8_t *luma = d->planes[0] + y * d->strides[0];
		for (int x = 0; x < d->width; x += 2, to += 4) {
			to[0] = luma[x];
			to[1] = d->planes[1][y / 2 * d->strides[1] + x / 2];
			to[2] = luma[x + 1];
			to[3] = d->planes[2][y / 2 * d->strides[2] + x / 2];
		}
	}
}

/* JPEG is full range. */
static void as_jpeg(void)
{
	const struct frame *d = camera.drawn;
	unsigned char *jpeg = NULL;
	unsigned long bytes = 0;
	g_autofree uint8_t *wide = g_malloc((gsize)(d->width * d->height * 3 / 2));
	unsigned char *planes[3] = { wide, wide + d->width * d->height, wide + d->width * d->height * 5 / 4 };
	for (int p = 0; p < 3; p++)
		for (int i = 0; i < d->width * d->height >> (p > 0 ? 2 : 0); i++) {
			int v = d->planes[p][i];
			v = p ? (v - 128) * 255 / 224 + 128 : (v - 16) * 255 / 219;
			planes[p][i] = (uint8_t)CLAMP(v, 0, 255);
		}
	if (!camera.jpeg)
		camera.jpeg = tjInitCompress();
	if (tjCompressFromYUVPlanes(camera.jpeg, (const unsigned char **)planes, d->width, NULL, d->height, TJSAMP_420,
				    &jpeg, &bytes, 85, TJFLAG_FASTDCT) < 0)
		g_error("no JPEG");
	g_byte_array_set_size(camera.picture, 0);
	g_byte_array_append(camera.picture, jpeg, (guint)bytes);
	tjFree(jpeg);
}

/* Leaves SPS and PPS out: units of types 7 and 8. */
static void append_without_sets(const uint8_t *bytes, size_t size)
{
	size_t begin = 0;
	bool drop = false;
	for (size_t i = 0; i + 4 < size; i++) {
		if (bytes[i] || bytes[i + 1] || bytes[i + 2] || bytes[i + 3] != 1)
			continue;
		if (!drop)
			g_byte_array_append(camera.picture, bytes + begin, (guint)(i - begin));
		begin = i;
		drop = (bytes[i + 4] & 31) == 7 || (bytes[i + 4] & 31) == 8;
	}
	if (!drop)
		g_byte_array_append(camera.picture, bytes + begin, (guint)(size - begin));
}

static void as_h264(void)
{
	const struct encoder_wish wish = { .width = camera.drawn->width, .height = camera.drawn->height,
					   .fps = camera.fps, .bitrate_bps = 1500000 };
	struct encoded encoded = { 0 };
	char why[128];
	if (!camera.encoder && encoder_openh264.open("", &wish, &camera.encoder, why, sizeof(why)) < 0)
		g_error("%s", why);
	if (encoder_openh264.encode(camera.encoder, camera.drawn, camera.fresh || camera.number % IDR_EACH == 0,
				    &encoded) < 0)
		g_error("encoder failed");
	g_byte_array_set_size(camera.picture, 0);
	if (camera.once && !camera.fresh)
		append_without_sets(encoded.bytes, encoded.size);
	else if (encoded.size > 0)
		g_byte_array_append(camera.picture, encoded.bytes, (guint)encoded.size);
	camera.fresh = camera.fresh && encoded.size == 0;
}

static void picture_begin(void)
{
	static void (*const as[KINDS])(void) = { as_yuyv, as_jpeg, as_h264 };
	int size = camera.commit[3] - 1;
	draw(sizes[size].width, sizes[size].height);
	as[camera.kinds[camera.commit[2] - 1]]();
	camera.number++;
	if (camera.picture->len == 0)
		return;
	if (camera.cut_next || camera.cut_all)
		g_byte_array_set_size(camera.picture, camera.picture->len / 2);
	camera.error = camera.error_next;
	camera.cut_next = camera.error_next = false;
	camera.sent = 0;
	camera.toggle = !camera.toggle;
	camera.active = true;
}

/* Header and data, at most limit bytes. */
static size_t payload(uint8_t *out, size_t limit)
{
	size_t n = MIN(camera.picture->len - camera.sent, limit - HEADER);
	int64_t now = g_get_monotonic_time();
	uint32_t clock = (uint32_t)(now * 48);
	if (camera.sent == 0)
		camera.pts = clock;
	out[0] = HEADER;
	out[1] = (uint8_t)(0x8c | camera.toggle | (camera.error ? 0x40 : 0));
	put_le(out + 2, camera.pts, 4);
	put_le(out + 6, clock, 4);
	put_le(out + 10, (uint32_t)(now / 1000) & 0x7ff, 2);
	memcpy(out + HEADER, camera.picture->data + camera.sent, n);
	camera.sent += n;
	if (camera.sent == camera.picture->len) {
		out[1] |= 2;
		camera.active = false;
	}
	return n + HEADER;
}

static void bulk_fill(void)
{
	static uint8_t out[BULK_PAYLOAD];
	while (camera.active && !g_queue_is_empty(&camera.urbs)) {
		g_autofree struct urb *urb = g_queue_pop_head(&camera.urbs);
		size_t n = payload(out, MIN(urb->bytes, sizeof(out)));
		answer(urb->sequence, 0, out, n, true);
	}
}

/* One request: a packet each microframe, empty ones between pictures. */
static void isochronous_fill(void)
{
	static uint8_t out[ISO_PACKETS_MAX * ISO_PACKET];
	g_autofree struct urb *urb = g_queue_pop_head(&camera.urbs);
	uint32_t rows[ISO_PACKETS_MAX][4], offset = 0;
	size_t total = 0;
	for (int i = 0; i < urb->packets; i++) {
		size_t n = camera.active ? payload(out + total, MIN(urb->lengths[i], ISO_PACKET)) : 0;
		const uint32_t row[4] = { htonl(offset), htonl(urb->lengths[i]), htonl((uint32_t)n), 0 };
		memcpy(rows[i], row, sizeof(row));
		offset += urb->lengths[i];
		total += n;
	}
	struct header h = { .command = htonl(RET_SUBMIT), .sequence = htonl(urb->sequence) };
	h.answer.bytes = htonl((uint32_t)total);
	h.answer.packets = htonl((uint32_t)urb->packets);
	transmit(&h, sizeof(h));
	transmit(out, total);
	transmit(rows, (size_t)urb->packets * sizeof(rows[0]));
}

/* ---- plug ---- */

static bool plug(void)
{
	int pair[2], bytes = 4 << 20;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	g_autofree char *words = g_strdup_printf("%d %d %d %d", camera.port, pair[1], 1 << 16 | (camera.port + 1),
						 SPEED_HIGH);
	int fd = open(ATTACH, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, words, strlen(words)) == (ssize_t)strlen(words);
	if (fd >= 0)
		close(fd);
	close(pair[1]);
	if (!good) {
		close(pair[0]);
		return false;
	}
	camera.socket = pair[0];
	for (size_t i = 0; i < G_N_ELEMENTS(controls); i++)
		memcpy(controls[i].value, controls[i].initial, sizeof(controls[i].value));
	camera.alternate = 0;
	camera.active = false;
	fprintf(stderr, "usb_camera: plugged in\n");
	return true;
}

static void unplug(void)
{
	if (camera.socket < 0)
		return;
	shutdown(camera.socket, SHUT_RDWR);
	close(camera.socket);
	camera.socket = -1;
	g_queue_clear_full(&camera.urbs, g_free);
	fprintf(stderr, "usb_camera: unplugged after %u pictures\n", camera.number);
}

static void plug_soon(void)
{
	for (int i = 0; i < 100 && !plug(); i++) /* the port is free when the kernel has noticed */
		g_usleep(20000);
}

static void urb_unlink(const struct header *h)
{
	struct header a = { .command = htonl(RET_UNLINK), .sequence = h->sequence };
	for (GList *l = camera.urbs.head; l; l = l->next) {
		struct urb *urb = l->data;
		if (urb->sequence != ntohl(h->unlink))
			continue;
		g_free(urb);
		g_queue_delete_link(&camera.urbs, l);
		a.answer.status = htonl((uint32_t)-ECONNRESET);
		break;
	}
	transmit(&a, sizeof(a));
}

static bool urb_submit(const struct header *h)
{
	uint8_t in[1024];
	uint32_t bytes = ntohl(h->submit.bytes), packets = ntohl(h->submit.packets);
	bool out = ntohl(h->direction) == 0;
	if (out && (bytes > sizeof(in) || !receive(in, bytes)))
		return false;
	if (ntohl(h->endpoint) == 0) {
		request(ntohl(h->sequence), h->submit.setup, in, out ? bytes : 0);
		return true;
	}
	struct urb *urb = g_new0(struct urb, 1);
	*urb = (struct urb){ .sequence = ntohl(h->sequence), .bytes = bytes };
	g_queue_push_tail(&camera.urbs, urb);
	if (camera.isochronous) {
		urb->packets = (int)MIN(packets, ISO_PACKETS_MAX);
		for (int i = 0; i < urb->packets; i++) {
			uint32_t row[4];
			if (!receive(row, sizeof(row)))
				return false;
			urb->lengths[i] = ntohl(row[1]);
		}
	} else {
		bulk_fill();
	}
	return true;
}

static void on_socket(void)
{
	struct header h;
	bool good = receive(&h, sizeof(h));
	if (good && ntohl(h.command) == CMD_UNLINK)
		urb_unlink(&h);
	else if (good)
		good = urb_submit(&h);
	if (!good)
		unplug();
}

static void on_signal(int number)
{
	if (number == SIGUSR1 && camera.socket >= 0)
		unplug();
	else if (number == SIGUSR1)
		plug_soon();
	else if (number == SIGUSR2)
		camera.frozen = !camera.frozen;
	else if (number == SIGRTMIN)
		camera.error_next = true;
	else if (number == SIGRTMIN + 1)
		camera.cut_next = true;
	else if (number == SIGRTMIN + 2)
		camera.cut_all = !camera.cut_all;
	else {
		unplug();
		exit(0);
	}
}

static void on_tick(void)
{
	bool wanted = camera.isochronous ? camera.alternate == 1 : !g_queue_is_empty(&camera.urbs);
	if (camera.socket < 0 || camera.frozen || !wanted)
		return;
	if (!camera.active)
		picture_begin();
	if (!camera.isochronous)
		bulk_fill();
}

static int timer_open(long ns)
{
	const struct itimerspec each = { { 0, ns }, { 0, ns } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	timerfd_settime(fd, 0, &each, NULL);
	return fd;
}

static int signals_open(void)
{
	const int numbers[] = { SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGRTMIN, SIGRTMIN + 1, SIGRTMIN + 2 };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void run(int signals, int ticks, int microframes)
{
	for (;;) {
		struct pollfd p[4] = { { signals, POLLIN, 0 }, { ticks, POLLIN, 0 }, { microframes, POLLIN, 0 },
				       { camera.socket, POLLIN, 0 } };
		uint64_t n = 0;
		struct signalfd_siginfo info;
		if (poll(p, 4, -1) < 0)
			continue;
		if (p[0].revents && read(signals, &info, sizeof(info)) == sizeof(info)) {
			on_signal((int)info.ssi_signo);
			continue;
		}
		if (p[1].revents && read(ticks, &n, sizeof(n)) == sizeof(n))
			on_tick();
		if (p[2].revents && read(microframes, &n, sizeof(n)) == sizeof(n))
			for (; n > 0 && camera.socket >= 0 && !g_queue_is_empty(&camera.urbs); n--)
				isochronous_fill();
		if (p[3].revents && camera.socket >= 0)
			on_socket();
	}
}

static bool format_add(const char *name)
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		if (g_str_equal(name, kind_names[kind]) && camera.kind_count < KINDS) {
			camera.kinds[camera.kind_count++] = kind;
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "isof:p:")) != -1;)
		switch (c) {
		case 'i': camera.isochronous = true; break;
		case 's': camera.slow = true; break;
		case 'o': camera.once = true; break;
		case 'f': camera.fps = CLAMP(atoi(optarg), 1, 60); break;
		case 'p': camera.port = atoi(optarg); break;
		default: return 64;
		}
	while (optind < argc && format_add(argv[optind]))
		optind++;
	if (optind < argc || camera.kind_count == 0) {
		fprintf(stderr, "usage: usb_camera [-i] [-o] [-s] [-f FPS] [-p PORT] yuyv|mjpeg|h264 ...\n");
		return 64;
	}
	camera.picture = g_byte_array_new();
	descriptors_make();
	negotiate(camera.probe);
	negotiate(camera.commit);
	int signals = signals_open();
	if (!plug()) {
		fprintf(stderr, "usb_camera: " ATTACH ": %s\n", g_strerror(errno));
		return 1;
	}
	/* An isochronous request is 32 microframes long: 4 ms. */
	run(signals, timer_open(1000000000L / camera.fps - 1), camera.isochronous ? timer_open(4000000) : -1);
}
