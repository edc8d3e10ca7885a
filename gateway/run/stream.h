/* Responses that are sent while they are made: by a handler that has called ngi_flush, or by the `next` of
 * ngi_send_stream. On a pool thread `next` is called when libmicrohttpd wants bytes. On an executor there is a pipe
 * between the two: whoever fills it may block, the connection never does, and a client that reads slowly holds no
 * thread of `next` and no memory beyond the pipe. */
#ifndef RUN_STREAM_H
#define RUN_STREAM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task;

/* --- the connection's side */

enum { STREAM_END = 0, STREAM_CUT = -1, STREAM_LATER = -2 };

/* The next bytes of the response, at most `n`: their number; STREAM_END; STREAM_CUT: the connection has to be cut, the
 * reason is in the log; STREAM_LATER: the connection has been suspended. */
int64_t stream_take(struct task *task, void *buf, size_t n);

/* --- the running side */

/* As ngi_flush; ngi_write and ngi_printf after it. */
int stream_flush(struct task *task);
int stream_write(struct task *task, const void *data, size_t n);
int stream_vprintf(struct task *task, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* The handler of a response that has begun returned `rc`: sends the rest, or has the connection cut. */
void stream_end(struct task *task, int rc);

/* Whether the settled response is one that the executor should pull; opens the pipe for it. */
bool stream_opens(struct task *task);
/* Pulls until the pipe is full. On a thread of the executor that holds the task, with task->pumping set. */
void stream_pump(struct task *task);

#endif
