/* hub_wire: what a hub and its clients say: one JSON object a WebSocket text message, at most
 * HUB_MESSAGE_BYTES. "t" names it.
 *
 *   client → hub   login{account,token,device,boot,guest?} · send{id,env} · ack{number} · ice{id}
 *   hub → client   welcome{capabilities} · refused{message} · kicked{} · synced{} · sent{id,error?}
 *                  · deliver{number,age_ms,replay,env} · ice{id,servers}
 *
 * env, client → hub: {kind,call_id,to_user,to_party,seq,deadline_ms,body}; the hub adds from_user and
 * from_party from the login, never from the text. Delivery is at least once, in order for one sender and
 * receiver; a message waits for a device that is away until its deadline.
 *
 * guest true: device is a name made for one tab of a browser; the hub forgets it, and what waits for it, soon after its
 * logout (guest_expiry in hub.conf); other devices are kept for days. */
#ifndef CALLBOX_PLUGINS_HUB_WIRE_H
#define CALLBOX_PLUGINS_HUB_WIRE_H

#include "core/base/message.h"

#define HUB_PROTOCOL "callbox-hub"
#define HUB_MESSAGE_BYTES 16384
#define HUB_NAME_BYTES 128

#endif
