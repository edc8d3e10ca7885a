/* The line on which a plugin's host processes hand over the requests that they crash at, for a worker to keep: their
 * sandbox may keep crash_dir from them. One pair of sockets serves all zygotes and hosts that the plugin ever has. */
#ifndef PROC_CRASH_LINE_H
#define PROC_CRASH_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "run/reactor.h"

/* The worker's side. Of what comes every byte may lie, and any amount may come. */
struct crash_line {
    const char *plugin; /* its name; the owner's */
    int ours, theirs;   /* -1: requests are not kept; the second one is handed to each zygote */
    struct reactor_source source;
    struct reactor_timer again; /* when it has said too much, it is not heard for a while */
    bool listens;
    int64_t since_us; /* so many requests have come */
    unsigned count;
    int64_t bytes;
};

/* One that is not open: all that follows may be called. */
void crash_line_init(struct crash_line *line);
/* 0; -errno. Opens nothing where this process keeps no requests. */
int crash_line_open(struct crash_line *line, const char *plugin);
/* On the reactor's thread: waits for requests, and no longer. */
void crash_line_listen(struct crash_line *line);
void crash_line_leave(struct crash_line *line);
/* Keeps what has come. On the reactor's thread, or after crash_line_leave. */
void crash_line_take(struct crash_line *line);
void crash_line_close(struct crash_line *line);

/* The zygote's side, before its sandbox and before any code of the plugin: requests go over that end. -1: nowhere. */
void crash_line_use(int theirs, const struct settings *settings);

#endif
