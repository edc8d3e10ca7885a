#include "http/target.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "sdk/ngi.h"

static const char why_form[] = "the request target is neither a path, nor an http URI, nor *";
static const char why_byte[] = "the request target has a space, a control character or a '#'";
static const char why_userinfo[] = "the request target has userinfo";
static const char why_authority[] = "the request target has no valid host[:port]";
static const char why_escape[] = "the path has a '%' without two hexadecimal digits";
static const char why_nul[] = "the path has a %00";
static const char why_above[] = "the path climbs above the root";

/* RFC 3986 has no raw bytes from 0x80 on, nor some ASCII ones like '|' and '"', but browsers and curl send them, and
 * they have only one reading. A '#' has two. */
enum { PLAIN, END, BAD, SLASH, PERCENT, QUESTION };
static const unsigned char kind[256] = {
    [0] = END, [1 ... ' '] = BAD, [0x7f] = BAD, ['#'] = BAD, ['/'] = SLASH, ['%'] = PERCENT, ['?'] = QUESTION,
};

/* The end of the path that begins at `at`: the first '?', NUL or byte that may not be there. *ret_plain tells whether
 * decoding and normalising would change nothing. */
static const char *scan_path(const char *at, bool *ret_plain)
{
    *ret_plain = true;
    for (;; at++) {
        switch (kind[(unsigned char)*at]) {
        case PLAIN: break;
        case SLASH:
            if (at[1] == '/' || at[1] == '.')
                *ret_plain = false;
            break;
        case PERCENT: *ret_plain = false; break;
        default: return at;
        }
    }
}

static bool query_is_valid(const char *query)
{
    while (kind[(unsigned char)*query] != END)
        if (kind[(unsigned char)*query++] == BAD)
            return false;
    return true;
}

/* In place; returns the reason if it cannot be, NULL otherwise. */
static const char *decode(char *path, size_t *length)
{
    size_t to = 0;
    for (size_t from = 0; from < *length; from++, to++) {
        path[to] = path[from];
        if (path[from] != '%')
            continue;
        if (*length - from < 3)
            return why_escape;
        int high = text_hex((unsigned char)path[from + 1]), low = text_hex((unsigned char)path[from + 2]);
        if (high < 0 || low < 0)
            return why_escape;
        if (high == 0 && low == 0)
            return why_nul;
        path[to] = (char)(high << 4 | low);
        from += 2;
    }
    *length = to;
    return NULL;
}

/* Merges slashes and resolves dot segments (RFC 3986 section 5.2.4) in place; what is written, a '/' and a segment at a
 * time, never overtakes what is read. Returns the reason if it cannot be, NULL otherwise. */
static const char *normalise(char *path, size_t *length)
{
    size_t from = 0, to = 0;
    bool slash = false; /* the path ends in one */
    while (from < *length) {
        while (from < *length && path[from] == '/')
            from++;
        const char *segment = path + from, *next = memchr(segment, '/', *length - from);
        size_t n = next ? (size_t)(next - segment) : *length - from;
        from += n;
        slash = n == 0 || (n == 1 && segment[0] == '.') || (n == 2 && memcmp(segment, "..", 2) == 0);
        if (!slash) {
            path[to++] = '/';
            memmove(path + to, segment, n);
            to += n;
        } else if (n == 2) {
            if (to == 0)
                return why_above;
            while (path[--to] != '/')
                ;
        }
    }
    if (slash)
        path[to++] = '/';
    *length = to;
    return NULL;
}

static bool is_reg_name(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i], lower = text_lower(c);
        if ((c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || (c && strchr("-._~!$&'()*+,;=", c)))
            continue;
        if (c != '%' || n - i < 3 || text_hex((unsigned char)s[i + 1]) < 0 || text_hex((unsigned char)s[i + 2]) < 0)
            return false;
        i += 2;
    }
    return n > 0;
}

static bool is_ipv6(const char *s, size_t n)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (n >= sizeof text)
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_port(const char *s, size_t n)
{
    unsigned port = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        port = port * 10 + (unsigned)(s[i] - '0');
        if (port > 65535)
            return false;
    }
    return true; /* an empty one is the default (RFC 3986 section 3.2.3) */
}

/* Takes scheme and authority off an absolute-form target (RFC 9112 section 3.2.2); *at is then the rest. */
static int take_authority(struct arena *arena, const char **at, const char **ret_authority, const char **ret_why)
{
    size_t scheme = text_equal_nocase_n(*at, "http://", 7) ? 7 : text_equal_nocase_n(*at, "https://", 8) ? 8 : 0;
    if (scheme == 0) {
        *ret_why = why_form;
        return NGI_EINVAL;
    }
    const char *authority = *at + scheme;
    size_t n = strcspn(authority, "/?");
    if (!target_is_authority(authority, n)) {
        /* RFC 9110 section 4.2.4: userinfo serves deception; nothing honest sends it. */
        *ret_why = memchr(authority, '@', n) ? why_userinfo : why_authority;
        return NGI_EINVAL;
    }
    *ret_authority = arena_copy(arena, authority, n);
    *at = authority + n;
    return *ret_authority ? NGI_OK : NGI_ENOMEM;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool target_is_authority(const char *s, size_t n)
{
    const char *end = s + n, *host_end;
    bool valid;
    if (n > 0 && *s == '[') {
        const char *bracket = memchr(s, ']', n);
        valid = bracket && is_ipv6(s + 1, (size_t)(bracket - s - 1));
        host_end = bracket ? bracket + 1 : end;
    } else {
        const char *colon = memchr(s, ':', n);
        host_end = colon ? colon : end;
        valid = is_reg_name(s, (size_t)(host_end - s));
    }
    return valid && (host_end == end || (*host_end == ':' && is_port(host_end + 1, (size_t)(end - host_end - 1))));
}

int target_parse(struct arena *arena, const char *raw, struct target *ret, const char **ret_why)
{
    struct target target = { .path = raw, .query = "" };
    const char *why = NULL;
    bool plain;
    if (raw[0] == '*' && raw[1] == '\0') {
        target.path_length = 1;
        target.asterisk = true;
        *ret = target;
        return NGI_OK;
    }
    if (raw[0] != '/') {
        int rc = take_authority(arena, &target.path, &target.authority, ret_why);
        if (rc != NGI_OK)
            return rc;
    }

    const char *end = scan_path(target.path, &plain);
    target.path_length = (size_t)(end - target.path);
    if (*end == '?')
        target.query = end + 1;
    if (kind[(unsigned char)*end] == BAD || !query_is_valid(target.query)) {
        *ret_why = why_byte;
        return NGI_EINVAL;
    }
    if (target.path_length == 0) {
        target.path = "/";
        target.path_length = 1;
    } else if (!plain || *end) {
        char *copy = arena_copy(arena, target.path, target.path_length);
        if (!copy)
            return NGI_ENOMEM;
        if (!plain && ((why = decode(copy, &target.path_length)) || (why = normalise(copy, &target.path_length)))) {
            *ret_why = why;
            return NGI_EINVAL;
        }
        copy[target.path_length] = '\0';
        target.path = copy;
    }
    *ret = target;
    return NGI_OK;
}
