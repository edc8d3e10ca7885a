/* A real `postern host` for a test. */
#ifndef TESTS_INTEGRATION_HOSTING_H
#define TESTS_INTEGRATION_HOSTING_H

#include "tests/harness/fcgi.h"
#include "tests/integration/support.h"

/* Starts `gateway`: postern host with a plugin of the build tree and further arguments, on a free port. With `gates`
 * (names between spaces; NULL: none) it gets the FIFOs, and their directory as the option `place`. */
void host_plugin(const char *plugin, const char *gates, const char *const *arguments);
#define HOST(plugin, ...) host_plugin(plugin, NULL, LIST(__VA_ARGS__))
#define HOST_GATED(plugin, gates, ...) host_plugin(plugin, gates, LIST(__VA_ARGS__))

/* A connection to it. */
int host_connect(void);

/* A GET on a connection of its own; the answer is this module's, until the next. */
const struct answer *host_get(const char *target, const char *const *variables);
#define HOST_GET(target, ...) host_get(target, LIST(__VA_ARGS__))
/* A request with a body, likewise. */
const struct answer *host_post(const char *target, const char *const *variables, const void *body, size_t length);

/* Sends a GET on a connection that is open. */
void host_say(int fd, int id, int flags, const char *target);
/* Reads the answer of it. */
const struct answer *host_hear(int fd, int id);

/* Which it is, and that it was ended well. */
#define EXPECT_ANSWER(got, head, wanted)                          \
    do {                                                          \
        const struct answer *got_answer = (got);                  \
        EXPECT_HAS(got_answer->out, head);                        \
        ck_assert_str_eq(got_answer->body, wanted);               \
        ck_assert_int_eq(got_answer->ended, 1);                   \
        ck_assert_int_eq(got_answer->out_ended, 1);               \
        ck_assert_int_eq(got_answer->protocol_status, 0);         \
    } while (0)

#endif
