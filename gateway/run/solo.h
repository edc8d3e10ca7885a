/* A task whose connection's side is not one of many: a thread that waits for this one call, and does nothing else, but
 * perhaps keep an eye on a descriptor meanwhile. For `postern call`, and host processes. */
#ifndef RUN_SOLO_H
#define RUN_SOLO_H

#include "run/task.h"

struct solo {
    int fd; /* an eventfd, readable once the task has been resumed */
};

/* NGI_OK, NGI_EIO with the reason. */
int solo_open(struct solo *solo, ngi_error *err);
/* Safe after solo_open has failed. No task may have it any more. */
void solo_close(struct solo *solo);

/* Makes it the task's client. Before the task begins. */
void solo_attach(struct solo *solo, struct task *task);

/* Takes note that the task was resumed, so that `fd` is not readable for the last time any more: before looking. */
void solo_clear(struct solo *solo);
/* Waits until it is resumed, where nothing else is to be waited for. */
void solo_wait(struct solo *solo);

/* Runs a routed request to its end: TASK_RESPOND, and where somebody may cancel it, TASK_REPLACE or TASK_CUT. */
enum task_news solo_run(struct solo *solo, struct task *task, const struct dispatch *dispatch);

#endif
