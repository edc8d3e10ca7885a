/* A real web server in front of real `postern host` processes: its configuration is what doc/OPERATING.md shows, in a
 * scratch directory, on a free port, as the user who runs the tests. */
#ifndef TESTS_SERVERS_FRONT_H
#define TESTS_SERVERS_FRONT_H

#include "tests/integration/support.h"

/* SERVER is the one that this program is about: "nginx", "apache" or "lighttpd". */
#define IS(name) (strcmp(SERVER, name) == 0)

/* The program of the server; NULL: it is not installed. */
const char *front_program(void);

/* Serves the plugins ("examples/hello.so …", between spaces), each below /NAME, twice: by a gateway (`gateway`), and by a
 * host process each, behind the server. `more` (NULL: none) goes into its configuration. */
void front_start(const char *plugins, const char *more);
/* Serves the plugins by a gateway, and the server as a proxy before it: nginx or apache. The gateway trusts 127.0.0.2,
 * from where the proxy comes, and not 127.0.0.1, from where clients do. */
void front_start_proxy(const char *plugins);
/* All of it ends, and has to end well. */
void front_stop(void);

/* "http://127.0.0.1:PORT" of the server, and the path of its error log. */
const char *front_url(void);
const char *front_log(void);
/* What the host process of a plugin has logged. */
const struct gateway *front_host(const char *name);

/* For a checked fixture: nothing is left behind by a test that failed. */
void front_clean_up(void);

#endif
