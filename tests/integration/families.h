/* The processes of a gateway that runs plugins in host processes: who is whose child. */
#ifndef TESTS_INTEGRATION_FAMILIES_H
#define TESTS_INTEGRATION_FAMILIES_H

#include <stddef.h>
#include <sys/types.h>

/* The process of `worker` that has loaded plugin file NAME.so, and forks hosts; 0: there is none at the moment. */
pid_t zygote_of(pid_t worker, const char *name);
/* Its children, up to `most`; how many there are. Of a zygote, those are hosts (and what a host had left behind). */
size_t children_of(pid_t parent, pid_t *pids, size_t most);
/* What children_of tells of `worker`, and of its zygotes. */
size_t family_of(pid_t worker, pid_t *pids, size_t most);

/* How many host processes of plugin `name` there are that serve or are about to, in all workers, by `postern status`.
 * The control socket is generations.h's. */
unsigned hosts_there(const char *name);
/* Waits until there are so many. */
void await_hosts(const char *name, unsigned count);

/* As finish, after which no process may be left. */
void finish_alone(void);

#endif
