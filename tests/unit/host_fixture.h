/* Host processes that do what the query of a request says, with nothing of ours but the responder's state machine, and
 * a source that makes them by fork(2):
 *
 *   hello     "hello", with its length           pid      the process's number
 *   big       BIG bytes, with their length       long     BIG bytes, without
 *   file      BIG bytes, in a file                stream   "live", and no end until it is aborted
 *   nofile    says that there is one              short    a file that is shorter than it says
 *   crash     SIGSEGV                            exit     exit(0)
 *   hang      does nothing any more              wait     ends the call once it is aborted
 *   half      a head that promises more, SIGSEGV cut      some bytes, then an end that says: failed
 *   garbage   no FastCGI                         mute     an end without a response
 *   smuggle   a head that no handler may send    close    closes the socket, and goes on
 *   gate      "hello" after forks_open_gate
 *   answer-and-hang
 *
 * And of a call that was given ahead, to lie about: "long-slot", "no-answer", "odd-state", "out-of-turn", "unknown",
 * "end-of-another".
 */
#ifndef TESTS_UNIT_HOST_FIXTURE_H
#define TESTS_UNIT_HOST_FIXTURE_H

#include "run/hosts.h"
#include "tests/unit/run_fixture.h"

enum { BIG = 3 * 1024 * 1024 };

/* How the next processes are to be: as said above; dead on arrival; such that end at once, as where after_fork fails;
 * or none can be made. [any thread] */
enum host_making { MAKE_GOOD, MAKE_STILLBORN, MAKE_UNFIT, MAKE_NONE };
void forks_make(enum host_making how);
/* How many have been made so far, and have ended. */
unsigned forks_made(void);
unsigned forks_ended(void);

/* Lets one "gate" go on. */
void forks_open_gate(void);
/* Answers that were left in slots so far. */
unsigned forks_in_slots(void);

/* --- a lane whose calls they run, and a client of it */

struct given {
    unsigned most, spare, queue;
    uint64_t max_requests, max_rss;
    int kill_after_ms, timeout_ms;
};

extern struct client client;
extern char told[4096]; /* what the teller was told; the reactor's, read when all is over */

void given(const struct given *given);
void over(void);
struct hosts_state state(void);
/* Its status for `/?word`; the text is the client's, and the caller leaves. */
int ask(const char *word);
/* The same, and leaves. */
int get(const char *word);
/* Has calls be quick for so long that the next one is waited for on this thread; `very`: and that one which is not
 * changes nothing. */
void be_quick(bool very);

#endif
