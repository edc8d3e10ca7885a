/* What the integration suites share: a gateway with its scratch directory, and short ways to ask it. */
#ifndef TESTS_INTEGRATION_SUPPORT_H
#define TESTS_INTEGRATION_SUPPORT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/client.h"
#include "tests/harness/command.h"
#include "tests/harness/gateway.h"
#include "tests/harness/scratch.h"

/* A list of strings that ends with NULL. */
#define LIST(...) ((const char *const[]){ NULL, ##__VA_ARGS__, NULL } + 1)

/* What runs the tests: main.c's. */
extern SRunner *runner;
/* Gateways shared by a test case that did not end well: Check has no place for such a failure. */
extern int bad_ends;

/* The gateway under test, and its directory: plugins/, spool/, and state/ as $XDG_STATE_HOME. */
extern struct gateway gateway;
extern struct scratch scratch;

/* Makes the directories, so that a test can put files there before it serves. serve does it where it was not done. */
void prepare(void);
/* Starts the gateway with plugins of the build tree ("examples/hello.so …", between spaces) and further arguments. */
void serve(const char *plugins, const char *const *arguments);
#define SERVE(plugins, ...) serve(plugins, LIST(__VA_ARGS__))
/* Stops the gateway (which has to end well) and removes the directory. */
void finish(void);

/* A suite's test case, with generous time: `serve_all` starts a gateway that all of its tests share and that is stopped
 * after them; NULL where each test has a gateway of its own. */
TCase *test_case(Suite *suite, const char *name, void (*serve_all)(void));

/* At the top of a test that means nothing where its plugins run in host processes, with the reason. */
#define NOT_IN_HOSTS(reason)                            \
    do {                                                \
        static const char *const why = "" reason;       \
        if (gateway_rung() && *why)                     \
            return;                                     \
    } while (0)

/* A request to the gateway; the reply is this module's, until the next. */
const struct reply *ask(const char *method, const char *path, const char *const *headers, const void *data,
                        size_t length);
#define GET(path, ...) ask("GET", path, LIST(__VA_ARGS__), NULL, 0)
#define POST(path, text, ...) ask("POST", path, LIST(__VA_ARGS__), text, strlen(text))
#define ASK(method, path, ...) ask(method, path, LIST(__VA_ARGS__), NULL, 0)

/* Sends a text on a connection of its own and returns all that comes back until the peer closes; until the next. */
const char *talk(const char *text);

/* The value of line NAME=value in a body of the environ example, NULL without it; static storage, the last eight. */
const char *variable(const struct reply *reply, const char *name);

/* Waits until `text` stands in file `name` of the scratch directory (which may not exist yet); returns the file's text,
 * until the next call. */
const char *wait_for_text(const char *name, const char *text);

/* The gateway's resident memory. */
long resident_kb(void);

/* How often `text` stands in `in`. */
unsigned count_of(const char *in, const char *text);

/* `length` bytes that look random and are always the same; malloc'ed. */
char *noise(size_t length);

#define EXPECT(got, wanted_status, wanted_body)                \
    do {                                                       \
        const struct reply *got_once = (got);                  \
        ck_assert_int_eq(got_once->error, 0);                  \
        ck_assert_int_eq(got_once->status, wanted_status);     \
        ck_assert_str_eq(got_once->body, wanted_body);         \
    } while (0)
#define EXPECT_STATUS(got, wanted_status)                      \
    do {                                                       \
        const struct reply *got_once = (got);                  \
        ck_assert_int_eq(got_once->error, 0);                  \
        ck_assert_int_eq(got_once->status, wanted_status);     \
    } while (0)
/* `value` NULL: it must not be there. */
#define EXPECT_HEADER(got, name, value) ck_assert_pstr_eq(reply_header(got, name), value)
#define EXPECT_HAS(text, part) \
    ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in:\n%s", part, (const char *)(text))
#define EXPECT_LACKS(text, part) \
    ck_assert_msg(strstr(text, part) == NULL, "\"%s\" is in:\n%s", part, (const char *)(text))

#endif
