/* The zygote itself: loads one plugin in its sandbox, runs init, and forks a host process for each socket that it is
 * sent. One thread, but for those that the plugin's init makes. */
#ifndef PROC_ZYGOTE_MAIN_H
#define PROC_ZYGOTE_MAIN_H

#include <stdbool.h>
#include <sys/types.h>

/* What its worker hands over; descriptors are close-on-exec again after zygote_main has begun. */
struct zygote_job {
    int line;
    int settings;      /* settings_extract */
    int copy;          /* of the plugin's file */
    int crashes;       /* proc/crash_line.h; -1: requests of crashes are not kept */
    const char *path;  /* of that file, for messages */
    const char *name;  /* of the plugin */
    const char *mount; /* NULL: as the settings or the name say */
    pid_t worker;
    bool stamped; /* log lines bear the time: the gateway serves already */
};

/* Returns the exit status. Host processes do not return from it. */
int zygote_main(const struct zygote_job *job);

#endif
