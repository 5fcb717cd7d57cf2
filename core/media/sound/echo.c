#include "core/media/sound/echo.h"

#include <glib.h>
#include <pthread.h>
#include <speex/speex_echo.h>
#include <string.h>

#define TAIL (SOUND_RATE / 5)

struct echo {
	pthread_mutex_t lock; /* speexdsp's echo state is fed by both threads */
	SpeexEchoState *filter;
	bool heard; /* a microphone asks: only then is the speaker's sound kept */
};

int echo_create(struct echo **ret_echo)
{
	int rate = SOUND_RATE;
	struct echo *echo = g_new0(struct echo, 1);
	pthread_mutex_init(&echo->lock, NULL);
	echo->filter = speex_echo_state_init(SOUND_BLOCK, TAIL);
	speex_echo_ctl(echo->filter, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
	*ret_echo = echo;
	return 0;
}

void echo_destroy(struct echo *echo)
{
	if (!echo)
		return;
	speex_echo_state_destroy(echo->filter);
	pthread_mutex_destroy(&echo->lock);
	g_free(echo);
}

void echo_played(struct echo *echo, unsigned int serial, const struct sound_state *state,
		 const int16_t block[SOUND_BLOCK])
{
	(void)serial;
	(void)state;
	pthread_mutex_lock(&echo->lock);
	if (echo->heard)
		speex_echo_playback(echo->filter, block);
	pthread_mutex_unlock(&echo->lock);
}

void echo_cancel(struct echo *echo, unsigned int serial, const struct sound_state *state, int16_t block[SOUND_BLOCK])
{
	int16_t without[SOUND_BLOCK];
	(void)serial;
	(void)state;
	pthread_mutex_lock(&echo->lock);
	echo->heard = true;
	speex_echo_capture(echo->filter, block, without);
	pthread_mutex_unlock(&echo->lock);
	memcpy(block, without, sizeof(without));
}
