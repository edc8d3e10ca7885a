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

/* What is to run it, a thread or a host process, has come to it: notes how long it has waited. False: it has been given
 * up meanwhile, and is settled. `remote`: the process; NULL: this thread. */
bool task_take_up(struct task *task, struct remote *remote);
/* The process was gone before it had read the call: it waits again. False: it has been given up, and is settled. */
bool task_put_back(struct task *task);

/* Nothing can run it: 503, with a time after which to try again; settled. On the running side of a task that waits. */
void task_refuse(struct task *task);

/* Under the lock: takes a waiting task back from what is to run it. False: that has got it already. */
bool task_withdraw(struct task *task);

/* The gateway's answer where a request is given up before anything has been sent. */
int task_status_for(int why);

#endif
