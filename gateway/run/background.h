/* ngi_background: work that goes on after the response has gone. */
#ifndef RUN_BACKGROUND_H
#define RUN_BACKGROUND_H

struct request;
struct task;

/* As ngi_background. The running side. */
int background_add(struct task *task, void (*fn)(void *arg), void *arg);

/* The response has gone: has the executor run what was added, one after the other. The last hold of the task. */
void background_start(struct task *task);

#endif
