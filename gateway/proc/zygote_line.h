/* What a worker and a zygote say to each other, on a line like that between supervisor and worker (proc/channel.h). Of
 * a zygote every byte may lie: a plugin runs in it. */
#ifndef PROC_ZYGOTE_LINE_H
#define PROC_ZYGOTE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "proc/channel.h"

/* The first byte of a message. Both ends are the same binary. */
enum zygote_message {
    /* A zygote says: */
    ZYGOTE_PART = 'p',    /* text that belongs in front of the next message's */
    ZYGOTE_LOADED = 'l',  /* the plugin is there, configured; the text is its description */
    ZYGOTE_FAILED = 'f',  /* it cannot be loaded, or started; the text says why, in lines. It ends. */
    ZYGOTE_READY = 'r',   /* init has run */
    ZYGOTE_FORKED = 'k',  /* "NUMBER PID": there is a host process; its pidfd comes along */
    ZYGOTE_REFUSED = 'x', /* "NUMBER ERRNO": there is none */
    ZYGOTE_ENDED = 'e',   /* "NUMBER STATUS": it has ended, with that status of waitpid */
    /* It is told, and that it is to finish by the end of the line: */
    ZYGOTE_INIT = 'I', /* run init */
    ZYGOTE_FORK = 'F', /* "NUMBER": make a host process for the socket that comes along */
};

/* The zygote's side: says it, in parts if it is long, and waits for room. 0; -errno: the worker is gone. */
int zygote_line_tell(int line, enum zygote_message message, const char *text, int fd);
/* Likewise, with "NUMBER VALUE" for its text. */
int zygote_line_tell_of(int line, enum zygote_message message, uint64_t number, int64_t value, int fd);

/* Takes a text with one number, or two where `ret_value` is not NULL, and nothing else. */
bool zygote_line_parse(const char *text, uint64_t *ret_number, int64_t *ret_value);

/* The next message; `text` keeps the parts, and has the whole text, NUL-terminated, until the next call after a message
 * that is none of them. MESSAGE_NONE, -1 as channel_receive; -1 also for more text than `text` may hold. */
int zygote_line_hear(int line, struct buffer *text, int *ret_fd);

#endif
