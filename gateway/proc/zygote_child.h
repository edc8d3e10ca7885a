/* Whether a process is what a zygote says of it: a gateway may be root, and kills what it is told is a host. */
#ifndef PROC_ZYGOTE_CHILD_H
#define PROC_ZYGOTE_CHILD_H

#include <sys/types.h>

enum zygote_child {
    CHILD_LIVES,
    CHILD_ENDED, /* and has been waited for: nothing can be said of it, and nothing done to it */
    CHILD_FALSE, /* it is no process, or another one than `pid`, or not a child of `parent` */
};

enum zygote_child zygote_child_look(int pidfd, pid_t pid, pid_t parent);

#endif
