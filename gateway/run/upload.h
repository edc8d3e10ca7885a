/* A body that its handler reads while it arrives (stream_body): a pipe from the connection to ngi_read. */
#ifndef RUN_UPLOAD_H
#define RUN_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/body.h"

struct task;

/* --- the connection's side */

/* Before task_begin. NGI_OK, NGI_ENOMEM. */
int upload_open(struct task *task);
/* Takes a piece; returns how much of it. Less than all of it: the connection has been suspended until there is room.
 * UPLOAD_UNWANTED: nobody reads it any more. */
#define UPLOAD_UNWANTED SIZE_MAX
size_t upload_put(struct task *task, const void *data, size_t n);
/* There is no more. */
void upload_end(struct task *task);
/* No more of it is taken: ngi_read ends with `error`, and the answer is to be `status` if there is none yet: then true.
 */
bool upload_refuse(struct task *task, int error, int status);

/* Whether more of it is to come. [any thread that knows the task to be alive] */
bool upload_arrives(struct task *task);

/* --- the running side */

/* As ngi_read; waits. */
int64_t upload_read(struct task *task, void *buf, size_t n);
/* Moves all that is still to come into request->body, for ngi_body and forms. NGI_OK or the error. */
int upload_receive(struct task *task);

#endif
