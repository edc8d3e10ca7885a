/* Host processes that do what the query of a request says, with nothing of ours but the responder's state machine, and a
 * source that makes them by fork(2):
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
 */
#ifndef TESTS_UNIT_HOST_FIXTURE_H
#define TESTS_UNIT_HOST_FIXTURE_H

#include "run/hosts.h"

enum { BIG = 3 * 1024 * 1024 };

extern const struct hosts_source forks; /* its arg: NULL */

/* How the next processes are to be: as said above; dead on arrival; such that end at once, as where after_fork fails;
 * or none can be made. [any thread] */
enum host_making { MAKE_GOOD, MAKE_STILLBORN, MAKE_UNFIT, MAKE_NONE };
void forks_make(enum host_making how);
/* How many have been made so far, and have ended. */
unsigned forks_made(void);
unsigned forks_ended(void);

/* `hosts` is what is told. Before hosts_start; the reactor runs. */
void forks_begin(struct hosts *hosts);
/* After hosts_stop. */
void forks_end(void);

#endif
