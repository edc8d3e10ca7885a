/* A real gateway on a free port, for the length of a test. */
#ifndef TESTS_HARNESS_GATEWAY_H
#define TESTS_HARNESS_GATEWAY_H

#include <sys/types.h>

struct gateway {
    pid_t pid;
    int port;       /* of the first TCP listener */
    char url[64];   /* "http://127.0.0.1:PORT" */
    char log[160];  /* path of the file that has its stderr */
};

/* Starts `postern` with the given arguments (NULL-terminated, "serve", "--plugins", … ; --listen 127.0.0.1:0 and --ready-fd are added) and
 * waits for READY. Fails the test, showing the log, if it does not get there within 30 s. */
void gateway_start(struct gateway *gateway, const char *const *arguments);
#define GATEWAY(gateway, ...) gateway_start(gateway, (const char *const[]){ __VA_ARGS__, NULL })

/* SIGTERM, and waits for its end (fails the test after 60 s, or if it did not exit with 0: so a sanitizer's finding at
 * exit fails the test too). Safe to call twice. */
void gateway_stop(struct gateway *gateway);

/* The whole log so far (static storage), and waiting until a text stands in it. */
const char *gateway_log(const struct gateway *gateway);
void gateway_wait_log(const struct gateway *gateway, const char *text);

/* A test that fails leaves its gateway running: call this in a teardown fixture; it kills what is left and prints the
 * log of one that was not stopped. */
void gateway_teardown(void);

#endif
