/* page: what the screen is to say, as callboxd told it last: one message "show" is one whole page.
 * Owner: callbox-screen's main loop. Texts are printable UTF-8, whatever the other side sent. */
#ifndef CALLBOX_SCREEN_PAGE_H
#define CALLBOX_SCREEN_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "core/base/message.h"

#define PAGE_CALLS 5
#define PAGE_TROUBLES 3

enum page_kind { PAGE_IDLE, PAGE_OUTGOING, PAGE_RINGING, PAGE_CALL, PAGE_KINDS };

struct page_call {
	char *peer;
	bool out, missed;
	time_t when;
};

struct page {
	enum page_kind kind;
	char *room, *account, *peer, *hint;
	char *state; /* of the call, as in call.fsm */
	bool video, online, dnd, counts; /* counts: the call's time runs */
	bool covered;			 /* the other side shows nothing */
	bool keys;			 /* a remote control works; not of the message */
	int64_t since_us;		 /* CLOCK_MONOTONIC: then it began to run */
	struct page_call calls[PAGE_CALLS];
	int call_count;
	char *troubles[PAGE_TROUBLES];
	int trouble_count;
};

extern const struct message_field page_fields[]; /* of "show" */

/* Fills *page, which must be empty. now_us: CLOCK_MONOTONIC. */
void page_init(struct page *page, const cJSON *show, int64_t now_us);
void page_finish(struct page *page);
const char *page_kind_name(enum page_kind kind);

#endif
