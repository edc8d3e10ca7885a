/* Networks of addresses, as operators write them: "10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "unix:". */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"

struct network {
    struct address address; /* what its addresses begin with; 0 from there on */
    unsigned prefix;        /* how many bits that is; 0 of "unix:" */
};

/* A list that does not change once it is made: any thread may ask it. All zero: there are none. */
struct networks {
    struct network *all;
    size_t count;
};

enum { NETWORK_MISTAKE = 128 };

/* An address, alone or with a prefix length behind a '/'; "unix:" is every peer of a local socket. An IPv4-mapped
 * network of a prefix length from 96 up is the IPv4 network. False: it is none, and `wrong` says why ("has …"); where
 * only bits behind the prefix are set, it names the network that may have been meant. */
bool network_parse(const char *text, struct network *ret, char wrong[NETWORK_MISTAKE]);

/* Whether the address is in the network: ::/0 has no IPv4 address, nor a peer of a local socket. */
bool network_has(const struct network *network, const struct address *address);

/* The list of `count` texts, each of which network_parse has been asked about. NGI_OK, *ret for networks_free;
 * NGI_ENOMEM; NGI_EINVAL if one is none after all. */
int networks_new(struct networks *ret, const char *const *texts, size_t count);
void networks_free(struct networks *networks);

/* Whether the address is in one of them. */
bool networks_have(const struct networks *networks, const struct address *address);
/* The same of a socket's address; one of a family that is none of ours is in none. Without networks nothing is looked
 * at. */
bool networks_have_socket(const struct networks *networks, const struct sockaddr *socket);

#endif
