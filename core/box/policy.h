/* policy: what the administrator decided: callbox.conf and hooks.conf as the core takes them, at the start and again on
 * SIGHUP. Main loop. */
#ifndef CALLBOX_BOX_POLICY_H
#define CALLBOX_BOX_POLICY_H

#include "core/box/box.h"

/* Borrows the strings of conf. */
struct call_policy policy_of(const struct conf *conf, const struct hooks *hooks);
/* Reads both files again. A mistake is logged with file, line and key, and everything stays as it was. What a running box
 * cannot change stays too: control_socket, state_dir, history, call_fsm, dnd, log_level, the screen (screen, screen_mode,
 * language, cec), mute_button, the cards of the volume knobs, the accounts. */
void policy_reload(struct box *box);

#endif
