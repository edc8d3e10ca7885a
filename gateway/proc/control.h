/* The control socket: a local one, on which `postern status`, reload, drain and stop each say a word and read a JSON
 * object; "release NAME" is a reload that lets a plugin out of quarantine. Only root and the user of the gateway are
 * heard. The supervisor's, one thread. */
#ifndef PROC_CONTROL_H
#define PROC_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/listener.h"
#include "sdk/ngi.h"

enum { CONTROL_CLIENTS = 16, CONTROL_POLLED = CONTROL_CLIENTS + 1 };

enum control_word { CONTROL_NONE, CONTROL_STATUS, CONTROL_RELOAD, CONTROL_RELEASE, CONTROL_DRAIN, CONTROL_STOP };

struct control_client {
    int fd; /* -1: a free place */
    int64_t since_ms;
    char word[128];
    size_t word_length;
    enum control_word asked; /* what it waits for */
    const char *name;        /* of "release NAME"; in `word` */
    unsigned generation;     /* of a reload, and a release: that it has made */
    int64_t until_ms;        /* of a status: it is answered with what there is */
    char *answer;            /* being sent; malloc'ed */
    size_t answer_length, answer_sent;
};

struct control {
    struct listener listener; /* fd -1: there is none */
    struct control_client clients[CONTROL_CLIENTS];
};

void control_init(struct control *control);
/* Listens at `path`; "off": nowhere. Where it does already, nothing changes. NGI_OK, NGI_EINVAL, NGI_EIO with the
 * reason.
 */
int control_open(struct control *control, const char *path, ngi_error *err);
/* `leaves`: in a child, to which the socket's file does not belong. */
void control_close(struct control *control, bool leaves);

/* What there is to poll for: writes up to CONTROL_POLLED entries, and returns how many. Where every place is taken,
 * clients wait in the queue of the socket; who has said nothing for a while gives way to them. */
nfds_t control_poll(const struct control *control, struct pollfd *out);
/* When the next one gives way, by clock_ms; INT64_MAX: none does. */
int64_t control_next_ms(const struct control *control);
/* After poll: accepts, reads, sends. What clients ask for is then in their `asked`, to be answered. */
void control_serve(struct control *control, const struct pollfd *polled, nfds_t count);

/* Sends `json` (malloc'ed, taken over; NULL: out of memory) and closes. */
void control_answer(struct control_client *client, char *json);

#endif
