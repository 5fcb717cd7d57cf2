/* adapt: which size and rate the picture sent has now: the largest step of the profile that the network's bits,
 * the encoder's time and the level of H.264 that the peer decodes (RFC 6184 section 8.1) can carry. Steps go down
 * after a second of want, up after seconds of plenty; one that was left because the encoder was too slow
 * stays left for longer each time. Pure: time comes in. One thread. */
#ifndef CALLBOX_VIDEO_ADAPT_H
#define CALLBOX_VIDEO_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

#define ADAPT_STEPS_MAX 16

struct adapt_step {
	int width, height, fps;
};

struct adapt {
	struct adapt_step steps[ADAPT_STEPS_MAX]; /* dearest first */
	int count, now;				  /* the present step */
	int level;				  /* H.264 level times ten; 0: not known, no limit */
	double cost_us;				  /* mean of encoding one picture at the present step */
	double known_us[ADAPT_STEPS_MAX];	  /* the same of steps that were left for the bits' sake; 0: not known */
	int64_t poor_us, slow_us, plenty_us;	  /* since when; 0: not so */
	int64_t slow_until_us, slow_wait_us;	  /* no step up for the encoder's sake */
	int64_t due_us;				  /* the next picture to take */
};

/* The steps of a profile: from its size and rate down to 90 lines and 7 pictures a second. Starts at the
 * dearest step that bitrate_bps carries. */
void adapt_init(struct adapt *adapt, int width, int height, int fps, int bitrate_bps);
void adapt_set_level(struct adapt *adapt, int level);
/* Whether the picture captured at capture_us is one to encode, at the present step's rate. */
bool adapt_takes(struct adapt *adapt, int64_t capture_us);
/* After each picture encoded. */
void adapt_spent(struct adapt *adapt, int64_t us);
/* Looks again; true: the present step changed. */
bool adapt_look(struct adapt *adapt, int64_t now_us, int bitrate_bps);
const struct adapt_step *adapt_now(const struct adapt *adapt);

#endif
