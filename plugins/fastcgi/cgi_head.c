/* SPDX-License-Identifier: MIT
 *
 * cgi_head.c - see cgi_head.h.
 *
 * Strict, because what two readers understand differently splits responses: no folded lines, no blanks before the
 * colon, no control characters (RFC 9110 section 5.5), and each field that is meant for us once at most (RFC 3875
 * section 6.3).
 */
#include "cgi_head.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHOWN = 60 }; /* of a line, in a message */

/* How often the fields came that may come once. */
struct once {
    const char *status, *location, *type, *length;
};

__attribute__((format(printf, 2, 3))) static enum cgi_head_state bad(struct cgi_head *head, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(head->why, sizeof head->why, fmt, ap);
    va_end(ap);
    return CGI_HEAD_BAD;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *text, size_t length)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (!c || !strchr(others, c)))
            return false;
    }
    return length > 0;
}

static bool is_value(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return false;
    return true;
}

/* Between two neighbours alone (RFC 9110 section 7.6.1, RFC 3875 section 6.3.4): the gateway has its own. */
static bool is_hop_by_hop(const char *name)
{
    static const char *const names[] = { "Connection", "Keep-Alive", "Proxy-Connection", "TE",
                                         "Trailer",    "Upgrade",    "Transfer-Encoding" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* "404", "404 Not Found" (section 6.3.3). Only what an HTTP response can end with. */
static int parse_status(const char *value)
{
    if (strspn(value, "0123456789") != 3 || (value[3] && value[3] != ' '))
        return -1;
    int status = atoi(value);
    return status >= 200 && status <= 599 ? status : -1;
}

static int64_t parse_length(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    return digits && digits <= 18 && !value[digits] ? strtoll(value, NULL, 10) : -1;
}

/* Notes a field that may come once; false: it came before. */
static bool note(const char **seen, const char *value)
{
    bool first = *seen == NULL;
    *seen = value;
    return first;
}

/* One line, without its end; the byte behind it may be written. */
static enum cgi_head_state take_line(struct cgi_head *head, struct once *once, char *line, size_t length)
{
    char *colon = memchr(line, ':', length);
    bool first = true;

    if (!colon || !is_token(line, (size_t)(colon - line)))
        return bad(head, "a line of its header is no field: \"%.*s\"", (int)(length < SHOWN ? length : SHOWN), line);
    *colon = '\0';
    char *value = colon + 1, *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (!is_value(value, (size_t)(end - value)))
        return bad(head, "its header has a control character in the value of %.*s", SHOWN, line);
    *end = '\0';

    if (strcasecmp(line, "Status") == 0) {
        first = note(&once->status, value);
        head->status = parse_status(value);
        if (head->status < 0)
            return bad(head, "its header says Status: %.*s, which is none of a response", SHOWN, value);
    } else if (strcasecmp(line, "Location") == 0) {
        first = note(&once->location, value);
    } else if (strcasecmp(line, "Content-Type") == 0) {
        first = note(&once->type, value);
    } else if (strcasecmp(line, "Content-Length") == 0) {
        first = note(&once->length, value);
        head->length = parse_length(value);
        if (head->length < 0)
            return bad(head, "its header says Content-Length: %.*s, which is no length", SHOWN, value);
    }
    if (!first)
        return bad(head, "its header has %.*s twice", SHOWN, line);
    if (strcasecmp(line, "Status") == 0 || is_hop_by_hop(line))
        return CGI_HEAD_DONE;
    if (head->count == CGI_FIELDS_MOST)
        return bad(head, "its header has more than %d fields", CGI_FIELDS_MOST);
    head->fields[head->count++] = (struct cgi_field){ line, value };
    return CGI_HEAD_DONE;
}

/* All of it is there, and ends with an empty line. */
static enum cgi_head_state take(struct cgi_head *head)
{
    struct once once = { 0 };
    char *line = head->text, *last = head->text + head->line;

    if (line == last)
        return bad(head, "its header is empty");
    while (line < last) {
        char *newline = memchr(line, '\n', (size_t)(last - line));
        size_t length = (size_t)(newline - line);
        if (length && line[length - 1] == '\r')
            length--;
        if (take_line(head, &once, line, length) == CGI_HEAD_BAD)
            return CGI_HEAD_BAD;
        line = newline + 1;
    }
    if (once.location && !once.status && *once.location == '/')
        return bad(head,
                   "it asks for a local redirect to %.*s (RFC 3875 section 6.2.2), which is not offered: have it "
                   "say Status: 302 as well",
                   SHOWN, once.location);
    if (!once.status)
        head->status = once.location ? 302 : 200; /* sections 6.2.3 and 6.2.1 */
    return CGI_HEAD_DONE;
}

/* ---------------------------------------------------------------------------------------------------------- */

void cgi_head_init(struct cgi_head *head)
{
    head->length = -1;
    head->status = 0;
    head->count = head->used = head->line = 0;
    head->why[0] = '\0';
}

enum cgi_head_state cgi_head_add(struct cgi_head *head, const void *data, size_t n, size_t *ret_used)
{
    const char *from = data;

    for (size_t i = 0; i < n; i++) {
        if (head->used == CGI_HEAD_MOST) {
            *ret_used = i;
            return bad(head, "its header is longer than %d bytes", CGI_HEAD_MOST);
        }
        head->text[head->used++] = from[i];
        if (from[i] != '\n')
            continue;
        size_t length = head->used - 1 - head->line;
        if (length == 0 || (length == 1 && head->text[head->line] == '\r')) {
            *ret_used = i + 1;
            return take(head);
        }
        head->line = head->used;
    }
    *ret_used = n;
    return CGI_HEAD_MORE;
}
