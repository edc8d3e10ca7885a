/* What the parts of a task need of each other: the connection's side (task.c), the running side (task_run.c), giving up
 * (task_cancel.c), the objects and their end (task_store.c). */
#ifndef RUN_TASK_PARTS_H
#define RUN_TASK_PARTS_H

#include "run/task.h"

/* Runs the handler, or what is to go on for it, on this thread. */
void task_run(struct task *task, bool on_pool);
/* The same as a job of the executor, which holds the task. */
void task_run_job(struct job *job);

/* Has a thread of the executor run a continuation, or where there is none, because it has been promised, does it here.
 */
void task_go_away(struct task *task);

/* The gateway's answer where a request is given up before anything has been sent. */
int task_status_for(int why);

#endif
