/* An address of the other end of a connection, in the one spelling in which it can be compared. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
    sa_family_t family; /* AF_INET; AF_INET6, never an IPv4-mapped one; AF_UNIX: over a local socket, whoever it is */
    struct in6_addr bytes; /* in network order; of AF_INET the first four; the others 0 */
};

/* A socket's address, without its port. An IPv4-mapped one (::ffff:192.0.2.7, as a socket for both families has them)
 * is the IPv4 address. False: of another family. */
bool address_from_socket(const struct sockaddr *socket, struct address *ret);

/* A socket's port, in the machine's order; 0: it has none. */
uint16_t address_port(const struct sockaddr *socket);

/* The whole of s[0..n) as an address in numbers: "192.0.2.7", "2001:db8::7"; mapped ones as above. False: it is none.
 */
bool address_from_text(const char *s, size_t n, struct address *ret);

/* "192.0.2.7", "2001:db8::7", "unix:" */
void address_print(const struct address *address, char out[INET6_ADDRSTRLEN]);

bool address_equal(const struct address *a, const struct address *b);

#endif
