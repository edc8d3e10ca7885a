/* The line between the supervisor and a worker: a pair of sockets that keep messages apart. It never blocks, and its
 * end tells each side that the other is gone. That between a worker and a zygote is another of its kind, with messages
 * of its own (proc/zygote_line.h). */
#ifndef PROC_CHANNEL_H
#define PROC_CHANNEL_H

#include <stddef.h>

enum { CHANNEL_TEXT_MAX = 32 * 1024 };

/* The first byte of a message. Never renumbered: after SIGUSR2 the two sides may be of different releases. */
enum message {
    MESSAGE_NONE = 0,
    /* A worker says: */
    MESSAGE_RUNS = 'r',    /* what of a plugin runs from now on ("plugin x: its init"); without text: nothing */
    MESSAGE_LOADED = 'l',  /* every plugin has been loaded and initialised */
    MESSAGE_ACCEPTS = 'a', /* it takes connections */
    MESSAGE_FAILED = 'f',  /* it cannot start; the text says why, in lines */
    MESSAGE_LEAVES = 'v',  /* it has been told to end by somebody else: another may take its place */
    MESSAGE_QUIET = 'q',   /* it takes no more connections */
    MESSAGE_TOLD = 't',    /* its state is in the file of MESSAGE_TELL */
    MESSAGE_CRASHED = 'c', /* a plugin is bringing it down: its last words (proc/last_words) */
    MESSAGE_EVENT = 'e',   /* the text is for `postern status`; the log has it already */
    /* A worker is told: */
    MESSAGE_ACCEPT = 'A',   /* begin */
    MESSAGE_DRAIN = 'D',    /* others accept from now on: finish what there is, and end. The text has a character for
                             * each listener: LISTENER_GOES where nobody else accepts there. */
    MESSAGE_STOP = 'S',     /* nobody does: take what waits in the queue too, and end */
    MESSAGE_STOP_NOW = 'N', /* end at once */
    MESSAGE_REOPEN = 'R',   /* the access log */
    MESSAGE_TELL = 'T',     /* write the state, as JSON, to the descriptor that comes along */
};

enum { LISTENER_STAYS = '-', LISTENER_GOES = 'x' };

/* Two ends, non-blocking and close-on-exec. 0 or -errno. */
int channel_open(int ends[2]);

/* `message`: an enum message, or one of another line, from 1 to 255. `text` may be NULL; what is longer than
 * CHANNEL_TEXT_MAX is cut. `fd`: sent along, -1: none; it stays the caller's. 0 or -errno: -EPIPE if the other side is
 * gone, -EAGAIN if it does not listen. */
int channel_send(int channel, int message, const char *text, int fd);

/* The next message, with its text NUL-terminated and the descriptor that came along (the caller's; -1: none).
 * MESSAGE_NONE: there is none; -1: the other side is gone, or says what is no message. `ret_fd` NULL: none is taken,
 * whatever is sent. */
int channel_receive(int channel, char text[CHANNEL_TEXT_MAX + 1], int *ret_fd);

#endif
