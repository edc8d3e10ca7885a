/* A real gateway on a free port, for the length of a test or, started in an unchecked fixture, of a suite. */
#ifndef TESTS_HARNESS_GATEWAY_H
#define TESTS_HARNESS_GATEWAY_H

#include <stddef.h>
#include <sys/types.h>

enum { GATEWAY_LISTENERS = 4 };

struct gateway {
    pid_t pid;
    int port;      /* of the first TCP listener */
    char url[64];  /* "http://127.0.0.1:PORT" */
    char log[160]; /* path of the file that has its stdout and stderr */
    char urls[GATEWAY_LISTENERS][160]; /* as READY named them, url first, then those the test asked for */
    size_t listeners;
};

/* Starts `postern` with the given arguments (NULL-terminated, "serve", "--plugins", … ; --listen 127.0.0.1:0, or
 * --fastcgi 127.0.0.1:0 for "host", and --ready-fd are put behind the first) and waits for READY. Fails the test, showing the log, if it does not get there
 * within 60 s. It dies with the process that started it, so a test that fails leaves none behind; its log stays, in
 * $TMPDIR (/tmp). */
void gateway_start(struct gateway *gateway, const char *const *arguments);
/* The same without --listen: it listens where its arguments, or the configuration that they name, say. */
void gateway_start_as_told(struct gateway *gateway, const char *const *arguments);
#define GATEWAY(gateway, ...) gateway_start(gateway, (const char *const[]){ __VA_ARGS__, NULL })

/* $POSTERN_TEST_RUN, which every `postern serve` here gets as its setting `run`, unless its arguments say otherwise:
 * "process" has a suite's plugins called in host processes. NULL: not set. */
const char *gateway_rung(void);

/* From now on, gateways of this process are started from `path`, and not from the build tree; NULL: as before. */
void gateway_use_binary(const char *path);

/* Its worker, which has the plugins and the threads; of several the newest, which has been forked last. */
pid_t gateway_worker(const struct gateway *gateway);

/* SIGTERM, and waits for its end (fails the test after 60 s, or if it did not exit with 0: so a sanitizer's finding at
 * exit fails the test too). Safe to call twice. The log stays readable until the next start. */
void gateway_stop(struct gateway *gateway);
/* The same without sending anything: somebody else has stopped it. */
void gateway_wait(struct gateway *gateway);

/* As gateway_wait, but returns what was wrong (NULL: nothing): for an unchecked teardown, where a failed assertion
 * would end the whole program without a word. */
const char *gateway_end(struct gateway *gateway);

/* The whole log so far (static storage, until the next call), and waiting until a text stands in it. */
const char *gateway_log(const struct gateway *gateway);
void gateway_wait_log(const struct gateway *gateway, const char *text);

void gateway_show_log(const struct gateway *gateway);
/* For the end of a test program whose $TMPDIR is its own: Check ends a failed test by _exit, so it is here that the
 * logs of the gateways that such tests did not stop are shown and removed. */
void gateway_show_lost(void);

/* For a checked fixture under CK_FORK=no, where a failed test does not end its process: kills what is left and prints
 * the log of each that was not stopped. Gateways of the suite are left alone. */
void gateway_teardown(void);

#endif
