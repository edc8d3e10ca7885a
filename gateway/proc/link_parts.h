/* What the parts of a link need of each other: the connection, what comes on it and what becomes of it (link.c), the
 * head of a request (link_head.c), its body (link_body.c), the call of its handler (link_call.c), the answer
 * (link_answer.c). */
#ifndef PROC_LINK_PARTS_H
#define PROC_LINK_PARTS_H

#include "proc/link.h"

/* What has become of a request. */
enum link_outcome { LINK_SENT, LINK_CUT, LINK_ABORTED };

/* --- the connection */

/* Waits for the call's news, more input, a signal, or room to send (`room`). False: there was no room for
 * connection_timeout. */
bool link_attend(struct link *link, bool room);

/* --- the head */

/* A request begins: it gets its task. */
void link_begin(struct link *link);
void link_take_param(struct link *link, const struct fcgi_pair *pair);
/* All has come, or more than there is room for (`overflow`). Sets `refusal` if the request is not taken, `due` if its
 * handler is to begin before the body comes. */
void link_end_head(struct link *link, bool overflow);

/* Puts the response together that takes the handler's place. Returns its status. */
int link_refuse(struct link *link, int status, const char *why);

/* --- the body */

void link_take_piece(struct link *link, const uint8_t *data, size_t n);
void link_end_body(struct link *link);
/* Hands what it can of link->piece to the handler that reads it as it comes. */
void link_pass_piece(struct link *link);

/* --- the call */

/* Runs the handler until there is something to send, and answers. */
enum link_outcome link_call(struct link *link);
/* The other side has given the request up; `why`: see fcgi/inner.h. */
void link_abort(struct link *link, int why);
/* Tells whoever runs the handler that nobody waits for it any more. */
void link_give_up(struct link *link, int why);
/* Until nobody runs plugin code for the request any more: the gateway counts on it, and ends a process in which that
 * takes too long. */
void link_await_handler(struct link *link);

/* --- the answer */

/* Sends the response of link->task; if it has been sent, with the end of the request. */
enum link_outcome link_answer(struct link *link);
/* Sends the end of a request that has got no response, or half of one. False: the connection is gone. */
bool link_send_end(struct link *link, bool cut);
/* Sends replies that wait, then so many bytes; false: the connection is gone. */
bool link_send(struct link *link, const uint8_t *data, size_t n);

#endif
