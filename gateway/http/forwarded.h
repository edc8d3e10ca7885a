/* What trusted proxies in front tell of their client: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, and
 * Forwarded (RFC 7239).
 *
 * Each proxy adds the address that it was reached from behind those that were there. So the lists are read from the
 * right, past the proxies that are trusted: the first address that is not is the client. What stands to the left of it
 * was written by who knows whom. What is no address (unknown, _hidden, anything) ends the reading, too: nobody tells
 * who was there, and the client is the one to the right of it, at least the connection's own peer. */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/network.h"
#include "http/field.h"

struct forwarded {
    bool has_client;
    struct address client;
    uint16_t port;      /* the client's; 0: nobody tells */
    const char *scheme; /* "http", "https": a constant; NULL: nobody tells */
    const char *host;   /* a valid host[:port], in the arena; NULL: nobody tells */
};

/* Reads the fields of the request that came from a trusted peer. `fields`: which of them count (enum forwarded_field).
 * NGI_OK; NGI_ENOMEM; NGI_EINVAL for what must not be guessed at, with *ret_why, a constant: a Forwarded that does not
 * follow its grammar, a scheme that is neither http nor https, a host that is none, and an X-Forwarded-… that says
 * other than Forwarded does: one of the two is not the proxy's word. */
int forwarded_read(struct arena *arena, const struct field *headers, unsigned count, unsigned fields,
                   const struct networks *trusted, struct forwarded *ret, const char **ret_why);

#endif
