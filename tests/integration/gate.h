/* What the suites share whose handlers last as long as a test wants: gates (FIFOs in the scratch directory, each named
 * as the call that it holds; see plugins/gate.h), and connections on which to ask without waiting for the answer. */
#ifndef TESTS_INTEGRATION_GATE_H
#define TESTS_INTEGRATION_GATE_H

/* Makes a gate. serve_gated or prepare comes before it. */
void make_gate(const char *name);
/* Lets the one who waits at a gate go on; waits until somebody waits there. */
void release(const char *name);
/* The same, where perhaps nobody waits; and leaves a moment for what comes of it. */
void nudge(const char *name);

/* As serve, with `gates` (names between spaces) made, and their directory as the option `place` of plugin `plugin`.
 * `rung`: how all routes run, "thread"; NULL leaves that to the gateway. */
void serve_gated(const char *plugins, const char *plugin, const char *gates, const char *rung, const char *const *more);

/* Sends a GET on a connection that is open. */
void say(int fd, const char *target);
/* The same on a new connection, which is the caller's to close. */
int begin(const char *target);
/* Reads one response, in which both texts must stand, somewhere. */
void expect_answer(int fd, const char *status, const char *body);
/* Reads until `text` has come, and no further; malloc'ed. */
char *read_until(int fd, const char *text);

#endif
