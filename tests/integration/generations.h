/* What the suites share that reload: plugins in many flavours, made at run time, and a gateway with a control socket
 * ("control" in the scratch directory) that serves one of them. */
#ifndef TESTS_INTEGRATION_GENERATIONS_H
#define TESTS_INTEGRATION_GENERATIONS_H

#include <sys/types.h>

/* Compiles plugins/NAME.so's next content to made/FLAVOUR.so: `flags` are -DANSWER="text", which it answers at /NAME/,
 * and what its init does: -DREFUSES, -DCRASHES, -DEXITS, -DHANGS,
 * -DMARK="PATH" (refuses while there is that file), -DSTARVES="PATH" (whose worker makes that file cannot serve);
 * -DBROKEN does not link. /NAME/hold?name= waits at a gate and answers the same text, /NAME/pid tells who answers. */
void make_flavour(const char *flavour, const char *flags);
/* Puts made/FLAVOUR.so to plugins/NAME.so, written over what is there, or as another file of that name. */
void copy_over(const char *flavour, const char *name);
void move_over(const char *flavour, const char *name);

/* The usual: flavours "one" and "two", with "one" as plugins/g.so, and a gateway (grace = 20) with further arguments.
 */
void prepare_generations(void);
void serve_generations(const char *const *more);
#define SERVE_GENERATIONS(...) serve_generations(LIST(__VA_ARGS__))

/* The path of the control socket, to be passed on; static storage. */
const char *control_path(void);

/* `postern reload`: it must exit with `status`, and say `text`. */
void reload(int status, const char *text);
/* The answer to `postern status`, or to it with --json; until the next call. */
const char *status_text(void);
const char *status_json(void);

/* Waits until the log says that generation `number` serves, or has ended. */
void await_serving(unsigned number);
void await_ended(unsigned number);
/* Waits until the log has `text` `count` times. */
void await_count(const char *text, unsigned count);

/* The children of the gateway, up to `most`, the oldest first; how many there are. */
size_t workers(pid_t *pids, size_t most);
/* Waits until process `pid`, no child of ours, has gone. */
void await_gone(pid_t pid);
/* A descriptor that can be read when process `pid` has gone; the caller's. */
int open_process(pid_t pid);
void await_exit(int process);

/* How many descriptors `pid` has open whose links begin with `kind` ("socket:", "" for all). */
unsigned descriptors(pid_t pid, const char *kind);

#endif
