/* control: the control socket: JSON-RPC 2.0, one object a line, over a Unix stream socket of mode 0660.
 * Owner: struct box, main loop. A client that sends an endless line, or does not read what it asked for, is
 * disconnected; the others notice nothing. */
#ifndef CALLBOX_BOX_CONTROL_H
#define CALLBOX_BOX_CONTROL_H

#include <cjson/cJSON.h>

#define CONTROL_LINE_BYTES 65536
#define CONTROL_CLIENTS_MAX 1024
#define CONTROL_UNSENT_BYTES (1 << 20)

/* JSON-RPC 2.0 error codes */
#define CONTROL_PARSE_ERROR (-32700)
#define CONTROL_INVALID_REQUEST (-32600)
#define CONTROL_NO_METHOD (-32601)
#define CONTROL_INVALID_PARAMS (-32602)
#define CONTROL_REFUSED (-32000) /* the box's own: wrong state and the like */

struct control;
/* An answer that is still owed; survives the client. */
struct control_request;

/* Every request is answered exactly once by one of control_result() and control_error(), now or later. params
 * is borrowed, an object or NULL. */
typedef void (*control_method_fn)(struct control_request *request, const char *method, const cJSON *params,
				  void *data);
/* Notifications for a client that has just subscribed: the present state. */
typedef cJSON *(*control_state_fn)(void *data);

int control_open(const char *path, control_method_fn on_method, control_state_fn state, void *data,
		 struct control **ret_control, char **ret_error);
void control_close(struct control *control);

/* Both take the JSON and free the request. */
void control_result(struct control_request *request, cJSON *result);
/* The same with a descriptor, taken, that goes with the answer's first byte (SCM_RIGHTS). */
void control_result_fd(struct control_request *request, cJSON *result, int fd);
void control_error(struct control_request *request, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* From now on this client gets notifications, the first being "state". */
void control_subscribe(struct control_request *request);

/* This client gets one event, under the name `as`; NULL: no longer. Answers the request. */
void control_listen(struct control_request *request, const char *event, const char *as);

/* To every subscriber and listener; params is borrowed. */
void control_notify(struct control *control, const char *event, const cJSON *params);

#endif
