/* How one generation follows another: the new one loads beside the old and takes over when all of its workers serve, or
 * fails and changes nothing but a message. The supervisor's, one thread. */
#ifndef PROC_SUCCESSION_H
#define PROC_SUCCESSION_H

#include <stdbool.h>
#include <time.h>

#include "proc/generation.h"
#include "proc/quarantine.h"
#include "proc/sockets.h"
#include "proc/supervisor.h"

enum { SUCCESSION_EVENTS = 32 };

/* Something that went wrong, or was mended, for who asks later. */
struct event {
    time_t when;
    char text[512];
};

struct succession {
    const struct recipe *recipe;
    struct sockets sockets;
    struct generation *generations; /* the newest first */
    unsigned made;                  /* generations so far */
    pid_t supervisor;
    int signals, ready_fd;
    bool ready;                                                  /* one of them has served */
    bool stopping;                                               /* an order to end has come */
    bool forced;                                                 /* a worker did not end well */
    void (*prepare)(void *arg, const struct settings *settings); /* before a generation's files are looked at */
    void (*leave)(void *arg);                                    /* in a child: closes what else the supervisor has */
    void *arg;
    char refused_why[256]; /* the latest that could not even begin */
    unsigned failed;       /* the number of the latest generation that has failed, and why */
    char failed_why[256];
    struct quarantine quarantine;
    struct event events[SUCCESSION_EVENTS]; /* a ring */
    unsigned event_count;                   /* so far */
};

/* The newest at that stage; NULL: none. */
struct generation *succession_find(const struct succession *succession, enum generation_stage stage);

/* Makes a generation, which takes over when it has come up. One that is on its way gives way. False, with the reasons
 * logged and noted, if it cannot even begin. `release`: a plugin that it lets out of quarantine; NULL: none. */
bool succession_begin(struct succession *succession, const char *release);

/* Ends all: MESSAGE_STOP, then, asked again, MESSAGE_STOP_NOW. */
void succession_end(struct succession *succession, enum message message);

/* Takes what a worker has said. */
void succession_hear(struct succession *succession, struct generation *generation, struct worker *worker);

/* Some children have ended. */
void succession_reap(struct succession *succession);

/* After any of these: does what follows from it. */
void succession_advance(struct succession *succession);

/* Keeps a line for `postern status`; succession_note logs it, too, as an error. */
void succession_record(struct succession *succession, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void succession_note(struct succession *succession, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* When succession_advance has something to do by itself, by clock_ms; INT64_MAX: never. */
int64_t succession_next_ms(const struct succession *succession);

#endif
