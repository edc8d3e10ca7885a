/* SPDX-License-Identifier: MIT
 *
 * address.h - where the application listens: "unix:/run/app.sock", "127.0.0.1:9000", "[::1]:9000".
 */
#ifndef FASTCGI_ADDRESS_H
#define FASTCGI_ADDRESS_H

#include <sys/socket.h>

struct address {
    struct sockaddr_storage socket;
    socklen_t length;
    const char *text; /* as the operator wrote it: for messages; the caller's */
};

/* NULL, or what is wrong with `text`. */
const char *address_parse(const char *text, struct address *ret);

#endif
