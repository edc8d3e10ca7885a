/* SPDX-License-Identifier: MIT
 *
 * wait.h - waiting for a descriptor, no longer than anybody wants the answer.
 */
#ifndef FASTCGI_WAIT_H
#define FASTCGI_WAIT_H

#include <stdint.h>

/* What else ends a wait. It outlives the handler: a stream goes on without the request (ngi.h, ngi_send_stream). */
struct patience {
    int cancel_fd;       /* of ngi_cancel_fd; negative: there is none */
    int64_t deadline_ms; /* of wait_now_ms; INT64_MAX: none */
};

enum { WAIT_READY, WAIT_TIMEOUT, WAIT_DEADLINE, WAIT_CANCELLED };

/* Milliseconds of a clock that nobody sets. */
int64_t wait_now_ms(void);

/* Waits for poll(2)'s `events` on `fd` (negative: for none) until `until_ms` of that clock. */
int wait_for(const struct patience *patience, int fd, short events, int64_t until_ms);

#endif
