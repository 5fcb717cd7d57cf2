/* keys: the mute key of input devices (evdev) whose name fits a pattern. They come and go; looked for every second.
 * Owner: main(); default main context. */
#ifndef CALLBOX_MIXER_KEYS_H
#define CALLBOX_MIXER_KEYS_H

struct keys;

/* pattern: shell wildcards on the device's name, case does not matter. pressed: KEY_MICMUTE or KEY_MUTE went down. */
struct keys *keys_open(const char *pattern, void (*pressed)(void *data), void *data);
void keys_close(struct keys *keys);

#endif
