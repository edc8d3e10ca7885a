#include "conf/settings_check.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/network.h"
#include "base/text.h"
#include "conf/settings.h"

static bool is_port(const char *text)
{
    uint64_t port;
    return strlen(text) <= 5 && text_to_uint64(text, &port) && port <= 65535;
}

/* Whether text[0..length) is an address of the family. */
static bool is_address(int family, const char *text, size_t length)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char binary[sizeof(struct in6_addr)];
    if (length >= sizeof address)
        return false;
    snprintf(address, sizeof address, "%.*s", (int)length, text);
    return inet_pton(family, address, binary) == 1;
}

/* ---------------------------------------------------------------------------------------------------------------- */

const char *check_filled(const char *text)
{
    return *text ? NULL : "is empty";
}

const char *check_listen(const char *text)
{
    bool six = *text == '[';
    if (text_has_prefix(text, "unix:")) {
        size_t length = strlen(text + 5);
        if (length == 0)
            return "has no path";
        return length < sizeof((struct sockaddr_un *)0)->sun_path ? NULL : "has a path of more than 107 bytes";
    }
    const char *end = six ? strchr(text, ']') : strrchr(text, ':');
    if (!end || (six && end[1] != ':'))
        return *text ? "has no port" : "is empty";
    const char *address = text + six;
    if (!is_address(six ? AF_INET6 : AF_INET, address, (size_t)(end - address)))
        return six ? "has no IPv6 address in its brackets" : "has no IPv4 address before its port";
    return is_port(end + six + 1) ? NULL : "has a port that is no number from 0 to 65535";
}

const char *check_trusted(const char *text)
{
    static _Thread_local char wrong[NETWORK_MISTAKE];
    struct network network;
    return network_parse(text, &network, wrong) ? NULL : wrong;
}

const char *check_forwarded(const char *text)
{
    for (size_t i = 0; forwarded_names[i]; i++)
        if (strcmp(text, forwarded_names[i]) == 0)
            return NULL;
    return *text ? "is unknown" : "is empty";
}

const char *check_mount(const char *text)
{
    if (*text != '/')
        return "does not begin with /";
    if (!text[1])
        return NULL;
    if (text_has_suffix(text, "/"))
        return "ends with /";
    if (strpbrk(text, "?#%"))
        return "holds ?, # or %";
    for (const char *segment = text + 1;;) {
        size_t length = strcspn(segment, "/");
        if (length == 0)
            return "holds //";
        if ((length == 1 && *segment == '.') || (length == 2 && segment[0] == '.' && segment[1] == '.'))
            return "holds a segment . or ..";
        if (!segment[length])
            break;
        segment += length + 1;
    }
    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++)
        if (*byte <= ' ' || *byte == 0x7f)
            return "holds a space or a control character";
    return NULL;
}

const char *check_absolute(const char *text)
{
    return *text == '/' ? NULL : *text ? "does not begin with /" : "is empty";
}

const char *check_account(const char *text)
{
    if (!*text)
        return "is empty";
    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++)
        if (*byte <= ' ' || strchr(":/,", *byte) || *byte == 0x7f)
            return "holds a space, a colon, a comma, a slash or a control character";
    return NULL;
}

const char *check_name(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (!*text)
        return "is empty";
    return text[strspn(text, allowed)] ? "holds other characters" : NULL;
}
