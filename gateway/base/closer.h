/* Closes descriptors that a process has sent which may mean harm. Closing the last descriptor of a file may wait for as
 * long as its maker likes: a TCP socket that lingers (SO_LINGER, socket(7)) at a peer that does not read, a file of a
 * file system that a process of the maker's serves. So it is done on threads that have nothing else to do. */
#ifndef BASE_CLOSER_H
#define BASE_CLOSER_H

/* Takes `fd` over, and closes it soon, or when that is possible; never waits. A file in memory (memfd_create(2)) that
 * is not large, whose end is the kernel's alone, has been closed on return. -1: nothing is done. Keeps errno. [any
 * thread, under any lock; the caller's signal mask is that of the thread which may be made] */
void closer_drop(int fd);

#endif
