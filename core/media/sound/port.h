/* port: one direction's device as its wish says, or silence while there is none.
 *
 * The wish is a list (sound_device.h). The first device that opens is used; when it goes, the next one is, within
 * 20 ms; a better one that comes back is returned to. Looked for every second, and as soon as a device
 * appears or goes. port_wish, port_stats: any thread; the rest: the thread that moves blocks. */
#ifndef CALLBOX_MEDIA_SOUND_PORT_H
#define CALLBOX_MEDIA_SOUND_PORT_H

#include "core/devices/sound_device.h"

#define PORT_BLOCKS SOUND_BLOCKS_MAX /* moved at once */
#define PORT_SAMPLES (PORT_BLOCKS * SOUND_BLOCK)

struct port;

struct port_tell {
	/* kind: microphone, speaker; state: opened, lost, back, failed. On the port's thread. */
	void (*device)(const char *kind, const char *id, const char *state, const char *message, void *data);
	void *data;
};

struct port_stats {
	double dbfs; /* of the last 100 ms; -96 is silence */
	unsigned int xruns;
	uint64_t missed; /* frames that they cost */
	char id[SOUND_ID];
};

int port_create(const char *kind, bool capture, const char *wish, const struct port_tell *tell,
		struct port **ret_port);
void port_destroy(struct port *port);

/* First thing on the port's thread: sound comes before other work, where the system allows it. */
void port_hurry(void);
/* Reads or writes a packet's time, paced by the device or by the clock. wanted false: no device is open. */
void port_move(struct port *port, int16_t samples[PORT_SAMPLES], bool wanted);
/* The device ends; the port may go on. */
void port_close(struct port *port);
/* Whether air is between this device and another one. */
bool port_is_live(const struct port *port);
/* Of the open device as it was behind that block of those that were moved last; its serial number changes with each
 * opening, 0: none is open. */
unsigned int port_state(const struct port *port, unsigned int block, struct sound_state *ret_state);
void port_level(struct port *port, const int16_t block[SOUND_BLOCK]);

void port_wish(struct port *port, const char *wish);
void port_stats(struct port *port, struct port_stats *ret_stats);

#endif
