/* SPDX-License-Identifier: MIT
 *
 * address.c - see address.h.
 */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const char *parse_unix(const char *path, struct address *ret)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&ret->socket;
    size_t length = strlen(path);

    if (!length)
        return "the path of the socket is missing";
    if (length >= sizeof address->sun_path)
        return "the path of a socket has 107 bytes at most";
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    ret->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return NULL;
}

static bool parse_port(const char *text, in_port_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    long port = digits && digits <= 5 && !text[digits] ? strtol(text, NULL, 10) : 0;

    *ret = htons((in_port_t)port);
    return port > 0 && port <= 65535;
}

/* ---------------------------------------------------------------------------------------------------------- */

const char *address_parse(const char *text, struct address *ret)
{
    static const char form[] = "it is \"unix:PATH\", \"ADDRESS:PORT\" or \"[ADDRESS]:PORT\", the address in numbers";
    struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->socket;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->socket;
    char host[64];

    memset(ret, 0, sizeof *ret);
    ret->text = text;
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, ret);

    bool bracketed = *text == '[';
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    if (!colon || length >= sizeof host || (bracketed && (length < 2 || colon[-1] != ']')))
        return form;
    memcpy(host, text + bracketed, length);
    host[length - (bracketed ? 2 : 0)] = '\0';
    if (bracketed && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        ret->length = sizeof *v6;
        return parse_port(colon + 1, &v6->sin6_port) ? NULL : form;
    }
    if (!bracketed && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        ret->length = sizeof *v4;
        return parse_port(colon + 1, &v4->sin_port) ? NULL : form;
    }
    return form;
}
