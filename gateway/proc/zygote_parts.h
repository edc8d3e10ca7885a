/* What the parts of a zygote's handle need of each other: the process (zygote_process.c), its start and its end
 * (zygote.c), and what it does for the reactor and for hosts in between (zygote_serve.c). */
#ifndef PROC_ZYGOTE_PARTS_H
#define PROC_ZYGOTE_PARTS_H

#include <stdatomic.h>

#include "proc/crash_line.h"
#include "proc/slow.h"
#include "proc/zygote.h"
#include "proc/zygote_line.h"
#include "run/reactor.h"

enum {
    TEXT_MOST = 4 << 20, /* of a description, of a report */
    YOUNG_MS = 1000,     /* who dies before it has been ready for so long may do so again */
    WORDS = 128,
    /* A fork takes milliseconds: a zygote that has not answered by then never will. */
    ANSWER_MS = 10 * 1000,
};

enum zygote_stage { LOADING, LOADED, INITIALISING, READY, DEAD };

/* A host that has been asked for, and not been told of. */
struct ask {
    struct ask *next;
    uint64_t number;
    int fd; /* -1: sent, */
    int64_t sent_ms;
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
    struct crash_line crashes;

    /* The process. */
    enum zygote_stage stage;
    struct slow slow; /* it is at that; loading and init are warned of */
    _Atomic int pid;  /* 0: there is none. Relaxed: for people. */
    int pidfd, line;
    struct buffer heard;
    unsigned failures; /* in a row */

    /* On the reactor's thread, once it serves. */
    struct ask *asks, *sent;
    struct born *born;
    struct reactor_source line_source, end_source;
    struct reactor_timer due; /* by its stage: the next one, a warning, an answer */
    struct reactor_errand join, leave;
    int joined;       /* what came of the first */
    bool listens;     /* the two sources have been added: the first, */
    bool awaits_end;  /* the second */
    bool awaits_room; /* on the line */
};

/* Starts one. 0, or an errno. */
int zygote_begin(struct zygote *zygote);
void zygote_enter(struct zygote *zygote, enum zygote_stage stage);
/* When the next zygote_warn is due; INT64_MAX: never. */
int64_t zygote_slow_at_ms(const struct zygote *zygote);
/* Says what is waited for, if it has lasted so long. */
void zygote_warn(struct zygote *zygote);
/* It has ended, or is made to: forgets it, and says how in `words`. */
void zygote_bury(struct zygote *zygote, char words[WORDS]);
/* The lines of ZYGOTE_FAILED. */
void zygote_report_lines(struct zygote *zygote, struct report *report);

/* Its errands: has the reactor wait for it, and forget it. */
void zygote_join(struct reactor_errand *errand);
void zygote_leave(struct reactor_errand *errand);
/* Its timer. */
void zygote_due(struct reactor_timer *timer);

#endif
