#include "tests/harness/fcgi.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/harness/client.h"

enum { LIMIT_MS = 60 * 1000, HEADER = 8, CONTENT_MOST = 65535 };

/* --- bytes to send ------------------------------------------------------------------------------------------- */

void wire_add(struct wire *wire, const void *data, size_t n)
{
    wire->data = realloc(wire->data, wire->length + n + 1);
    ck_assert_ptr_nonnull(wire->data);
    if (n > 0)
        memcpy(wire->data + wire->length, data, n);
    wire->length += n;
}

void wire_free(struct wire *wire)
{
    free(wire->data);
    *wire = (struct wire){ 0 };
}

void wire_record(struct wire *wire, int type, int id, const void *content, size_t n, int padding)
{
    static const unsigned char nothing[255];
    const unsigned char header[HEADER] = { 1, (unsigned char)type, (unsigned char)(id >> 8), (unsigned char)id,
                                           (unsigned char)(n >> 8), (unsigned char)n, (unsigned char)padding, 0 };
    ck_assert_uint_le(n, CONTENT_MOST);
    wire_add(wire, header, sizeof header);
    wire_add(wire, content, n);
    wire_add(wire, nothing, (size_t)padding);
}

void wire_begin(struct wire *wire, int id, int role, int flags)
{
    const unsigned char body[8] = { (unsigned char)(role >> 8), (unsigned char)role, (unsigned char)flags };
    wire_record(wire, R_BEGIN, id, body, sizeof body, 0);
}

static void add_length(struct wire *pairs, size_t n)
{
    const unsigned char length[4] = { (unsigned char)(n >> 24 | 0x80), (unsigned char)(n >> 16),
                                      (unsigned char)(n >> 8), (unsigned char)n };
    if (n < 128)
        wire_add(pairs, length + 3, 1);
    else
        wire_add(pairs, length, 4);
}

void wire_pair_n(struct wire *pairs, const char *name, size_t name_length, const char *value, size_t value_length)
{
    add_length(pairs, name_length);
    add_length(pairs, value_length);
    wire_add(pairs, name, name_length);
    wire_add(pairs, value, value_length);
}

void wire_pair(struct wire *pairs, const char *name, const char *value)
{
    wire_pair_n(pairs, name, strlen(name), value, strlen(value));
}

/* A stream's content in records as large as they may be, and its end. */
static void add_stream(struct wire *wire, int type, int id, const void *content, size_t n)
{
    for (size_t at = 0; at < n; at += CONTENT_MOST)
        wire_record(wire, type, id, (const char *)content + at, n - at < CONTENT_MOST ? n - at : CONTENT_MOST, 0);
    wire_record(wire, type, id, NULL, 0, 0);
}

static void add_head(struct wire *wire, int id, int flags, const char *method, const char *target,
                     const char *const *variables, const char *length)
{
    struct wire pairs = { 0 };
    wire_begin(wire, id, 1, flags);
    wire_pair(&pairs, "REQUEST_METHOD", method);
    wire_pair(&pairs, "REQUEST_URI", target);
    wire_pair(&pairs, "SERVER_PROTOCOL", "HTTP/1.1");
    wire_pair(&pairs, "HTTP_HOST", "front.example");
    if (length)
        wire_pair(&pairs, "CONTENT_LENGTH", length);
    for (; variables && *variables; variables++) {
        const char *equals = strchr(*variables, '=');
        ck_assert_ptr_nonnull(equals);
        wire_pair_n(&pairs, *variables, (size_t)(equals - *variables), equals + 1, strlen(equals + 1));
    }
    add_stream(wire, R_PARAMS, id, pairs.data, pairs.length);
    wire_free(&pairs);
}

void wire_head(struct wire *wire, int id, int flags, const char *method, const char *target,
               const char *const *variables)
{
    add_head(wire, id, flags, method, target, variables, NULL);
}

void wire_request(struct wire *wire, int id, int flags, const char *method, const char *target,
                  const char *const *variables, const void *body, size_t length)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", length);
    add_head(wire, id, flags, method, target, variables, body ? text : NULL);
    add_stream(wire, R_STDIN, id, body, body ? length : 0);
}

/* --- what comes back ----------------------------------------------------------------------------------------- */

int fcgi_connect(const char *url)
{
    if (strncmp(url, "unix:", 5) != 0)
        return raw_connect(atoi(strrchr(url, ':') + 1));
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", url + 5);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_msg(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "%s: %s", url, strerror(errno));
    return fd;
}

void fcgi_send(int fd, struct wire *wire)
{
    raw_send(fd, wire->data, wire->length);
    wire_free(wire);
}

/* Bytes read: less than `n` if the peer has closed. */
static size_t read_whole(int fd, unsigned char *out, size_t n)
{
    size_t length = 0;
    while (length < n) {
        struct pollfd readable = { fd, POLLIN, 0 };
        int ready = poll(&readable, 1, LIMIT_MS);
        ck_assert_msg(ready > 0 || errno == EINTR, "nothing comes");
        ssize_t got = recv(fd, out + length, n - length, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    return length;
}

int fcgi_read_record(int fd, int *ret_id, unsigned char **ret_content, size_t *ret_length)
{
    unsigned char header[HEADER], padding[255];
    *ret_content = NULL;
    if (read_whole(fd, header, sizeof header) < sizeof header)
        return 0;
    ck_assert_int_eq(header[0], 1);
    size_t n = (size_t)header[4] << 8 | header[5];
    unsigned char *content = malloc(n + 1);
    ck_assert_ptr_nonnull(content);
    if (read_whole(fd, content, n) < n || read_whole(fd, padding, header[6]) < header[6]) {
        free(content);
        return 0;
    }
    content[n] = '\0';
    *ret_id = header[2] << 8 | header[3];
    *ret_content = content;
    *ret_length = n;
    return header[1];
}

static void append(char **text, size_t *length, const unsigned char *more, size_t n)
{
    *text = realloc(*text, *length + n + 1);
    ck_assert_ptr_nonnull(*text);
    memcpy(*text + *length, more, n);
    *length += n;
    (*text)[*length] = '\0';
}

static void read_answer(int fd, int id, struct answer *answer, const char *until)
{
    size_t err_length = 0;
    if (!answer->out) {
        append(&answer->out, &answer->length, (const unsigned char *)"", 0);
        append(&answer->err, &err_length, (const unsigned char *)"", 0);
    }
    while (!answer->ended && !(until && strstr(answer->out, until))) {
        int got_id = 0;
        unsigned char *content;
        size_t n = 0;
        int type = fcgi_read_record(fd, &got_id, &content, &n);
        if (type == 0)
            break;
        ck_assert_int_eq(got_id, id);
        err_length = strlen(answer->err);
        if (type == R_STDOUT) {
            ck_assert_int_eq(answer->out_ended, 0);
            answer->out_ended = n == 0;
            append(&answer->out, &answer->length, content, n);
        } else if (type == R_STDERR) {
            append(&answer->err, &err_length, content, n);
        } else {
            ck_assert_int_eq(type, R_END);
            ck_assert_uint_eq(n, 8);
            answer->ended = 1;
            answer->app_status = content[0] << 24 | content[1] << 16 | content[2] << 8 | content[3];
            answer->protocol_status = content[4];
        }
        free(content);
    }
    const char *blank = strstr(answer->out, "\r\n\r\n");
    answer->body = blank ? blank + 4 : "";
}

void fcgi_read(int fd, int id, struct answer *answer)
{
    *answer = (struct answer){ 0 };
    read_answer(fd, id, answer, NULL);
}

void fcgi_read_until(int fd, int id, struct answer *answer, const char *text)
{
    read_answer(fd, id, answer, text);
    ck_assert_msg(strstr(answer->out, text) != NULL, "\"%s\" does not come, but:\n%s", text, answer->out);
}

int fcgi_is_closed(int fd)
{
    unsigned char byte;
    return read_whole(fd, &byte, 1) == 0;
}

void answer_free(struct answer *answer)
{
    free(answer->out);
    free(answer->err);
    *answer = (struct answer){ 0 };
}
