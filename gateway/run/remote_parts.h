/* What the parts of a remote need of each other: what is sent (remote_send.c), what comes of what is received
 * (remote_response.c), beginning and losing a call (remote_call.c), the socket and the process (remote.c). All of it
 * under the remote's lock, and with a call. */
#ifndef RUN_REMOTE_PARTS_H
#define RUN_REMOTE_PARTS_H

#include <sys/types.h>

#include "run/remote.h"

#define REMOTE_SAID_MORE "it said more after the end of a call"

enum {
    REMOTE_BLOCK = 64 * 1024,        /* read at a time */
    REMOTE_KEPT = 4 * 1024,          /* of a buffer, from one call to the next */
    REMOTE_UNSPLIT_MOST = 16 * 1024, /* what the kernel hands to its reader in one piece, and so wholly or not at all */
};

/* Has the reactor wait for what is wanted now. Of what is stalled, on the reactor's thread: that of which nothing at
 * all is wanted is taken out of the set, since a peer that has hung up would be told of again and again. */
void remote_set_events(struct remote *remote);

/* --- what is sent */

/* Puts the request without its body into `out`. NGI_OK, NGI_ENOMEM, NGI_ETOOBIG. */
int remote_put_head(struct remote *remote, struct task *task);
/* Has the process give the call up; `why`: see fcgi/inner.h. */
int remote_put_abort(struct remote *remote, uint8_t why);
uint8_t remote_why_aborted(const struct remote *remote);
/* It may go on, but is told that its client may have left. */
int remote_put_warning(struct remote *remote);
/* Puts a piece of the body into `out`. False: there is none at the moment, or no more. */
bool remote_fill(struct remote *remote);
/* Sends what there is, the body included. False: the peer is gone. */
bool remote_push(struct remote *remote);

/* --- what comes */

/* Nothing is under way, or has been given ahead. */
bool remote_is_idle(const struct remote *remote);

/* As recv(2) without waiting; keeps a file that comes along. */
ssize_t remote_receive_some(struct remote *remote, uint8_t *block, size_t room);
void remote_drop_file(struct remote *remote);
/* Goes through what has come, up to the end of the call under way: true. Returns in *ret_used how far. What makes no
 * sense: remote->broken. */
bool remote_feed(struct remote *remote, struct requester *in, const uint8_t *data, size_t n, size_t *ret_used,
                 struct fcgi_end *ret_end);
/* From here on what comes is sent on. */
void remote_begin_stream(struct remote *remote);

/* After calls may have ended, on the reactor's thread. Releases the lock. True: nothing is under way any more, and
 * hosts_call_over has been called. */
bool remote_look_over(struct remote *remote);

/* --- calls given ahead: the reactor's thread */

/* Ends those that have been answered in their slots, if nothing else is under way. */
void remote_collect(struct remote *remote);
/* What comes is not for the call under way. True: it is for one that is from now on. */
bool remote_turn(struct remote *remote, const struct requester_event *event);
/* Where all that it still has has been taken back, it does not get for ever to say so. */
void remote_limit_ended(struct remote *remote);
/* Makes the next one the call under way, if the process has begun it. */
void remote_promote(struct remote *remote);

/* --- the beginning */

/* Readies it for a call. */
void remote_prepare(struct remote *remote, struct task *task, uint16_t request);

/* --- the end of a call: the task is settled, and still held */

/* The process has ended it, or said what makes no sense. */
void remote_end(struct remote *remote, const struct fcgi_end *how);
/* The handler will not answer any more: `status` instead, or the response is cut. `why`: for the log. */
void remote_fail(struct remote *remote, int status, const char *why);
/* Forgets the call. */
void remote_forget(struct remote *remote);
/* All of that, as the process has ended it. */
void remote_finish(struct remote *remote, const struct fcgi_end *how);

#endif
