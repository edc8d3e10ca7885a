#include "http/cgi_tell.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct teller {
    int (*put)(void *arg, const char *name, size_t name_length, const char *value, size_t value_length);
    void *arg;
    int rc;
};

/* An empty value is that of a variable which is not set. */
static void tell(struct teller *teller, const char *name, const char *value)
{
    if (teller->rc == NGI_OK && value && *value)
        teller->rc = teller->put(teller->arg, name, strlen(name), value, strlen(value));
}

static void tell_number(struct teller *teller, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    tell(teller, name, text);
}

static bool is_named(const struct field *field, const char *name)
{
    return field->name_length == strlen(name) && text_equal_nocase_n(field->name, name, field->name_length);
}

/* Repeated headers are told as often as they came: who reads them knows how to join them. */
static void tell_header(struct teller *teller, const struct field *field)
{
    enum { PREFIX = 5, NAME_MOST = 256 };
    char name[PREFIX + NAME_MOST] = "HTTP_";
    if (teller->rc != NGI_OK || is_named(field, "Content-Length") || is_named(field, "Transfer-Encoding"))
        return;
    if (is_named(field, "Content-Type")) {
        tell(teller, "CONTENT_TYPE", field->value);
        return;
    }
    if (field->name_length > NAME_MOST) { /* no header that anyone knows */
        teller->rc = NGI_ETOOBIG;
        return;
    }
    for (size_t i = 0; i < field->name_length; i++) {
        char c = field->name[i];
        name[PREFIX + i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    teller->rc = teller->put(teller->arg, name, PREFIX + field->name_length, field->value, field->value_length);
}

/* ---------------------------------------------------------------------------------------------------------- */

int cgi_tell(const struct request *request, int64_t body_length,
             int (*put)(void *arg, const char *name, size_t name_length, const char *value, size_t value_length),
             void *arg)
{
    struct teller teller = { put, arg, NGI_OK };
    const struct peer *peer = request->peer;
    tell(&teller, "REQUEST_METHOD", request->ngi.method);
    tell(&teller, "REQUEST_URI", request->raw_target);
    tell(&teller, "SERVER_PROTOCOL", request->protocol);
    tell(&teller, "REMOTE_ADDR", peer->remote_addr);
    tell(&teller, "SERVER_ADDR", peer->local_addr);
    if (peer->remote_port)
        tell_number(&teller, "REMOTE_PORT", peer->remote_port);
    if (peer->local_port)
        tell_number(&teller, "SERVER_PORT", peer->local_port);
    tell(&teller, "REQUEST_SCHEME", peer->scheme);
    if (body_length >= 0)
        tell_number(&teller, "CONTENT_LENGTH", (uint64_t)body_length);
    for (unsigned i = 0; i < request->header_count; i++)
        tell_header(&teller, &request->headers[i]);
    return teller.rc;
}
