/* What a worker is told to do: by its supervisor, over their channel, or by a signal. One thread, the main one, where
 * nothing else is said. */
#ifndef PROC_ORDERS_H
#define PROC_ORDERS_H

#include "http/transcript.h"
#include "proc/channel.h"

enum order {
    ORDER_NONE,
    ORDER_ACCEPT,   /* begin to accept */
    ORDER_DRAIN,    /* others go on accepting: finish and end */
    ORDER_STOP,     /* nobody does; also when the supervisor is gone */
    ORDER_STOP_NOW, /* whatever runs */
};

/* `signals`: of signals_open; `channel`: to the supervisor. `tell`: writes the worker's state to a descriptor. */
void orders_begin(int signals, int channel, void (*tell)(void *arg, int fd), void *arg);

/* The next order; waits up to `timeout_ms` (-1: without end), ORDER_NONE if the time is up. What can be done on the
 * spot (SIGUSR1, questions for the state) is. SIGTERM is an ORDER_DRAIN, of which the supervisor is told; a second one
 * is ORDER_STOP_NOW. */
enum order orders_wait(int timeout_ms);

/* What was said with the last ORDER_DRAIN: see MESSAGE_DRAIN; "" if a signal was the order. Until the next order. */
const char *orders_listeners(void);

/* Says something to the supervisor; `text` may be NULL. While that has much to hear it waits, for a second at most; with
 * MESSAGE_EVENT, which any thread may say, not at all. A message is one system call on a descriptor that stays what it
 * is until the process ends. [the main thread] */
void orders_say(enum message message, const char *text);

/* The last words of a process that a plugin brings down: MESSAGE_CRASHED. In signal context; a crash_witness. A child
 * that a plugin has forked is not the worker, and says nothing. */
void orders_crashed(const struct transcript_facts *facts);

#endif
