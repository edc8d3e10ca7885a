/* Clients that ask all the time, each in a thread, while a test does something to the gateway. */
#ifndef TESTS_INTEGRATION_LOAD_H
#define TESTS_INTEGRATION_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LOAD_MOST = 32, LOAD_PATHS = 4 };

struct load;

struct load_result {
    unsigned long answered; /* with 200 */
    unsigned long bad;      /* another status */
    unsigned long bad_gateway; /* of `bad`: 502 */
    unsigned long lost;     /* asked on a new connection or one in whose answer there had been a byte: no answer */
    /* A kept-alive connection that had been answered before was found closed, or was closed before a byte of the next
     * answer: RFC 9112, 9.3.1 and 9.5, leave a server that freedom, and have clients ask again; they do here. */
    unsigned long closed_idle;
    unsigned long told_close; /* answers with Connection: close */
    unsigned long lost_to;    /* of `lost`: on a connection that `killed` had answered, or that nobody had */
    char first_loss[200];
    /* Of each path that was asked for: how many were answered, and with another status, and how long the slowest in a
     * hundred took at least. */
    unsigned long answered_at[LOAD_PATHS], bad_at[LOAD_PATHS];
    int64_t p99_us[LOAD_PATHS];
};

/* Starts `kept` clients with kept-alive connections and `fresh` ones with a connection for each request, all of which
 * GET `path`. */
struct load *load_begin(int port, const char *path, unsigned kept, unsigned fresh);
/* The same with several paths (up to LOAD_PATHS, NULL), of which the clients take turns to have one each. */
struct load *load_begin_many(int port, const char *const *paths, unsigned kept, unsigned fresh);
/* Waits until `count` more requests have been answered. */
void load_await(struct load *load, unsigned long count);
/* The same with requests for one of the paths. */
void load_await_at(struct load *load, unsigned path, unsigned long count);
/* From now on, a request lost on a connection whose last answer was not `pid` (/g/pid) counts in `lost` only. */
void load_killed(struct load *load, pid_t pid);
/* Ends them, and prints the sum. */
struct load_result load_end(struct load *load);

#endif
