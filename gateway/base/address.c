#include "base/address.h"

#include <arpa/inet.h>
#include <string.h>

static void set(struct address *address, sa_family_t family, const void *bytes, size_t n)
{
    *address = (struct address){ .family = family };
    memcpy(&address->bytes, bytes, n);
}

static void set_six(struct address *address, const struct in6_addr *six)
{
    if (IN6_IS_ADDR_V4MAPPED(six))
        set(address, AF_INET, &six->s6_addr[12], sizeof(struct in_addr));
    else
        set(address, AF_INET6, six, sizeof *six);
}

/* ---------------------------------------------------------------------------------------------------------- */

bool address_from_socket(const struct sockaddr *socket, struct address *ret)
{
    switch (socket->sa_family) {
    case AF_INET: set(ret, AF_INET, &((const struct sockaddr_in *)socket)->sin_addr, sizeof(struct in_addr)); break;
    case AF_INET6: set_six(ret, &((const struct sockaddr_in6 *)socket)->sin6_addr); break;
    case AF_UNIX: *ret = (struct address){ .family = AF_UNIX }; break;
    default: return false;
    }
    return true;
}

uint16_t address_port(const struct sockaddr *socket)
{
    switch (socket->sa_family) {
    case AF_INET: return ntohs(((const struct sockaddr_in *)socket)->sin_port);
    case AF_INET6: return ntohs(((const struct sockaddr_in6 *)socket)->sin6_port);
    default: return 0;
    }
}

bool address_from_text(const char *s, size_t n, struct address *ret)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct in6_addr six;
    if (n >= sizeof text || memchr(s, '\0', n))
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    if (inet_pton(AF_INET, text, &four) == 1)
        set(ret, AF_INET, &four, sizeof four);
    else if (inet_pton(AF_INET6, text, &six) == 1)
        set_six(ret, &six);
    else
        return false;
    return true;
}

void address_print(const struct address *address, char out[INET6_ADDRSTRLEN])
{
    if (address->family == AF_UNIX)
        strcpy(out, "unix:");
    else
        (void)inet_ntop(address->family, &address->bytes, out, INET6_ADDRSTRLEN);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->family == b->family && memcmp(&a->bytes, &b->bytes, sizeof a->bytes) == 0;
}
