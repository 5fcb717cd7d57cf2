/* speaker: Opus packets in → jitter buffer → gain → the box's own tones → speaker. One thread of its own.
 * It works alone too: then it plays tones only, and nothing listens (no microphone is open while it rings).
 * speaker_receive: any one thread; the other verbs: any thread. */
#ifndef CALLBOX_MEDIA_SOUND_SPEAKER_H
#define CALLBOX_MEDIA_SOUND_SPEAKER_H

#include "core/media/sound/echo.h"
#include "core/media/sound/jitter.h"
#include "core/media/sound/port.h"
#include "core/media/sound/tones.h"

struct speaker;

/* echo: hears what is played; may be NULL. */
int speaker_start(const char *wish, struct echo *echo, const struct port_tell *tell, struct speaker **ret_speaker);
void speaker_stop(struct speaker *speaker);

void speaker_receive(struct speaker *speaker, const uint8_t *opus, size_t bytes, uint16_t sequence,
		     uint32_t rtp_time, int64_t arrival_us);
void speaker_mute(struct speaker *speaker, bool on); /* the other side; tones stay */
void speaker_wish(struct speaker *speaker, const char *wish);
/* Takes the tone, in place of the one that plays; NULL: silence. */
void speaker_tone(struct speaker *speaker, struct tone *tone);
bool speaker_has_tone(struct speaker *speaker);
/* In place of a mixer that the card has not: 1 leaves it as it is. */
void speaker_gain(struct speaker *speaker, double gain);
void speaker_stats(struct speaker *speaker, struct port_stats *ret_port, struct jitter_stats *ret_jitter);

#endif
