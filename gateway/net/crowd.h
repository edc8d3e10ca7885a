/* How many connections each client address has open at a time. An IPv6 address counts with its /64, which is what a
 * client is given; connections over a local socket are not counted. Any thread. */
#ifndef NET_CROWD_H
#define NET_CROWD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"

/* Room for the counts of one process. Every entry of an address is freed with its last connection. */
struct crowd;
struct crowd_member;

/* `most`: connections of an address; 0: any number, and nothing is counted. NULL if out of memory. */
struct crowd *crowd_new(uint64_t most);
/* Everybody has left. Accepts NULL. */
void crowd_free(struct crowd *crowd);

/* Whether another connection from there is within the limit. Nothing is counted: who asks may not get it. So several
 * threads that ask at once may exceed it by one each. If not, *ret is the address. */
bool crowd_has_room(struct crowd *crowd, const struct sockaddr *socket, struct address *ret);

/* A connection has been opened. What it returns (NULL: it is not counted, or there is no memory for it) leaves again
 * when that is closed. */
struct crowd_member *crowd_enter(struct crowd *crowd, const struct sockaddr *socket);
void crowd_leave(struct crowd *crowd, struct crowd_member *member);

#endif
