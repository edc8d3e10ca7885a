/* What the parts of a zygote's handle need of each other: the process (zygote_process.c), its start and its end
 * (zygote.c), and what it does for the reactor and for hosts in between (zygote_serve.c). */
#ifndef PROC_ZYGOTE_PARTS_H
#define PROC_ZYGOTE_PARTS_H

#include <stdatomic.h>

#include "proc/zygote.h"
#include "proc/zygote_line.h"
#include "run/reactor.h"

enum {
    TEXT_MOST = 4 << 20, /* of a description, of a report */
    YOUNG_MS = 1000,     /* who dies before it has been ready for so long may do so again */
    WORDS = 128,
};

enum zygote_stage { LOADING, LOADED, INITIALISING, READY, DEAD };

/* A host that has been asked for, and not been told of. */
struct ask {
    struct ask *next;
    uint64_t number;
    int fd; /* -1: sent */
};

/* A host that there is. */
struct born {
    struct born *next;
    uint64_t number;
    pid_t pid;
    int pidfd;   /* our own: for the end, if it does not come by itself */
    bool orphan; /* of a zygote that has died: nobody tells of its end */
};

struct zygote {
    const struct plugin_file *file;
    char *name, *mount;  /* of the brief; no mount: NULL */
    int settings;        /* the extract, for each one that is started */
    struct hosts *hosts; /* NULL: it does not serve yet */

    /* The process. */
    enum zygote_stage stage;
    _Atomic int pid; /* 0: there is none. Relaxed: for people. */
    int pidfd, line;
    struct buffer heard;
    int64_t ready_ms;
    unsigned failures; /* in a row */

    /* On the reactor's thread, once it serves. */
    struct ask *asks, *sent;
    struct born *born;
    struct reactor_source line_source, end_source;
    struct reactor_timer again;
    struct reactor_errand join, leave;
    int joined;       /* what came of the first */
    bool listens;     /* the two sources have been added: the first, */
    bool awaits_end;  /* the second */
    bool awaits_room; /* on the line */
};

/* Starts one. 0, or an errno. */
int zygote_begin(struct zygote *zygote);
/* It has ended, or is made to: forgets it, and says how in `words`. */
void zygote_bury(struct zygote *zygote, char words[WORDS]);
/* The lines of ZYGOTE_FAILED. */
void zygote_report_lines(struct zygote *zygote, struct report *report);

/* Its errands: has the reactor wait for it, and forget it. */
void zygote_join(struct reactor_errand *errand);
void zygote_leave(struct reactor_errand *errand);
/* Its timer: starts the next one. */
void zygote_start_again(struct reactor_timer *timer);

#endif
