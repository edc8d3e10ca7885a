#include "tests/integration/application.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "fcgi/record.h"
#include "tests/integration/support.h"

enum { LIMIT_S = 60, ARGUMENTS_MOST = 40, REQUEST_ID = 1 };

static int listener = -1;

static void listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    strcpy(address.sun_path, path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 64), 0);
}

/* With the option `socket`, "unix:" or "HOST:PORT". */
static void serve_at(const char *where, const char *const *more)
{
    const char *arguments[ARGUMENTS_MOST] = { "--set" };
    char option[256];
    size_t n = 2;
    snprintf(option, sizeof option, "plugin.fastcgi.option.socket=%s", where);
    arguments[1] = option;
    while (*more && n < ARGUMENTS_MOST - 1)
        arguments[n++] = *more++;
    serve("plugins/fastcgi.so", arguments);
}

/* Exactly `n` bytes; false: the connection ends before. */
static bool receive(int fd, void *data, size_t n)
{
    char *at = data;
    while (n > 0) {
        ssize_t got = recv(fd, at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        ck_assert_msg(got >= 0 || errno == ECONNRESET, "recv: %s", strerror(errno));
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

/* "name=value\n" of each pair. */
static char *list_pairs(const uint8_t *data, size_t length)
{
    char *text = malloc(length + 1), *out = text; /* two bytes of lengths, at least, make room for '=' and '\n' */
    ck_assert_ptr_nonnull(text);
    while (length > 0) {
        struct fcgi_pair pair;
        size_t took = fcgi_get_pair(data, length, &pair);
        ck_assert_uint_gt(took, 0);
        out = mempcpy(out, pair.name, pair.name_length);
        *out++ = '=';
        out = mempcpy(out, pair.value, pair.value_length);
        *out++ = '\n';
        data += took;
        length -= took;
    }
    *out = '\0';
    return text;
}

/* The content of the stream of one type, to its end. */
static char *read_stream(int fd, int type, size_t *ret_length)
{
    size_t length = 0, got = 1;
    char *all = NULL;
    while (got > 0) {
        all = realloc(all, length + FCGI_CONTENT_MAX + 1);
        ck_assert_ptr_nonnull(all);
        ck_assert_int_eq(application_record(fd, all + length, FCGI_CONTENT_MAX, &got), type);
        length += got;
    }
    all[length] = '\0';
    *ret_length = length;
    return all;
}

/* ---------------------------------------------------------------------------------------------------------- */

void application_serve(const char *const *more)
{
    char where[256];
    prepare();
    listen_at(scratch_path(&scratch, "app.sock"));
    snprintf(where, sizeof where, "unix:%s", scratch_path(&scratch, "app.sock"));
    serve_at(where, more);
}

bool application_serve_tcp(const char *host)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *found;
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char where[64], port[16];
    ck_assert_int_eq(getaddrinfo(host, "0", &hints, &found), 0);
    listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = listener >= 0 && bind(listener, found->ai_addr, found->ai_addrlen) == 0 && listen(listener, 64) == 0;
    freeaddrinfo(found);
    if (!there)
        return false;
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    ck_assert_int_eq(getnameinfo((struct sockaddr *)&address, length, NULL, 0, port, sizeof port, NI_NUMERICSERV), 0);
    snprintf(where, sizeof where, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    serve_at(where, LIST());
    return true;
}

int application_accept(void)
{
    const struct timeval limit = { .tv_sec = LIMIT_S };
    application_await();
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

bool application_is_wanted(void)
{
    struct pollfd there = { listener, POLLIN, 0 };
    return poll(&there, 1, 0) == 1;
}

void application_await(void)
{
    struct pollfd there = { listener, POLLIN, 0 };
    ck_assert_msg(poll(&there, 1, LIMIT_S * 1000) == 1, "the gateway does not connect");
}

void application_shrink(void)
{
    ck_assert_int_eq(listen(listener, 0), 0);
}

void application_close(void)
{
    close(listener);
    listener = -1;
}

int application_record(int fd, void *data, size_t size, size_t *ret_length)
{
    uint8_t bytes[FCGI_HEADER_SIZE], padding[FCGI_PADDING_MAX];
    struct fcgi_header header;
    if (!receive(fd, bytes, sizeof bytes))
        return -1;
    ck_assert(fcgi_get_header(bytes, &header));
    ck_assert_uint_eq(header.request, REQUEST_ID);
    ck_assert_uint_le(header.length, size);
    *ret_length = header.length;
    return receive(fd, data, header.length) && receive(fd, padding, header.padding) ? header.type : -1;
}

void application_read(int fd, struct asked *ret)
{
    uint8_t begin_bytes[FCGI_BODY_SIZE];
    struct fcgi_begin begin;
    size_t length;
    int type = application_record(fd, begin_bytes, sizeof begin_bytes, &length);
    *ret = (struct asked){ NULL, 0 };
    if (type < 0)
        return;
    ck_assert(type == FCGI_BEGIN_REQUEST && length == FCGI_BODY_SIZE);
    fcgi_get_begin(begin_bytes, &begin);
    ck_assert_uint_eq(begin.role, FCGI_RESPONDER);
    char *pairs = read_stream(fd, FCGI_PARAMS, &length);
    ret->variables = list_pairs((const uint8_t *)pairs, length);
    ret->flags = begin.flags;
    free(pairs);
}

const char *asked_for(const struct asked *asked, const char *name)
{
    const struct reply reply = { .body = asked->variables };
    return variable(&reply, name);
}

char *application_body(int fd, size_t *ret_length)
{
    return read_stream(fd, FCGI_STDIN, ret_length);
}

void application_expect_abort(int fd)
{
    char data[16];
    size_t length;
    ck_assert_int_eq(application_record(fd, data, sizeof data, &length), FCGI_ABORT_REQUEST);
    application_expect_end(fd);
}

void application_expect_end(int fd)
{
    char data[16];
    size_t length;
    ck_assert_int_eq(application_record(fd, data, sizeof data, &length), -1);
    close(fd);
}

void application_drain(int fd)
{
    char data[FCGI_CONTENT_MAX];
    size_t length;
    while (application_record(fd, data, sizeof data, &length) >= 0)
        continue;
    close(fd);
}

void application_take(int fd, struct asked *ret)
{
    size_t length;
    application_read(fd, ret);
    if (ret->variables) {
        free(application_body(fd, &length));
        ck_assert_uint_eq(length, 0);
    }
}

/* Puts a record to `out`, and returns its end. */
static uint8_t *put_record(uint8_t *out, uint8_t version, const struct fcgi_header *header, const void *data)
{
    fcgi_put_header(out, header);
    out[0] = version;
    out = mempcpy(out + FCGI_HEADER_SIZE, data, header->length);
    memset(out, 0, header->padding);
    return out + header->padding;
}

void application_send(int fd, uint8_t version, uint8_t type, uint16_t request, const void *data, uint16_t length,
                      uint8_t padding)
{
    uint8_t record[FCGI_HEADER_SIZE + FCGI_CONTENT_MAX + FCGI_PADDING_MAX];
    struct fcgi_header header = { type, request, length, padding };
    raw_send(fd, record, (size_t)(put_record(record, version, &header, data) - record));
}

static void send_stream(int fd, uint8_t type, const char *data, size_t length)
{
    while (length > 0) {
        uint16_t n = length < FCGI_CONTENT_MAX ? (uint16_t)length : FCGI_CONTENT_MAX;
        application_send(fd, 1, type, REQUEST_ID, data, n, (uint8_t)(-n & 7));
        data += n;
        length -= n;
    }
}

void application_say(int fd, const char *text)
{
    send_stream(fd, FCGI_STDOUT, text, strlen(text));
}

void application_write(int fd, const void *data, size_t length)
{
    send_stream(fd, FCGI_STDOUT, data, length);
}

void application_complain(int fd, const char *text)
{
    send_stream(fd, FCGI_STDERR, text, strlen(text));
}

void application_end(int fd, uint8_t protocol_status)
{
    struct fcgi_end end = { 0, protocol_status };
    uint8_t bytes[FCGI_BODY_SIZE];
    fcgi_put_end(bytes, &end);
    application_send(fd, 1, FCGI_END_REQUEST, REQUEST_ID, bytes, sizeof bytes, 0);
}

void application_answer(int fd, const char *text)
{
    static const uint8_t end[FCGI_BODY_SIZE];
    uint8_t records[4096], *out = records;
    ck_assert_uint_lt(strlen(text), sizeof records - 100);
    out = put_record(out, 1, &(struct fcgi_header){ FCGI_STDOUT, REQUEST_ID, (uint16_t)strlen(text), 0 }, text);
    out = put_record(out, 1, &(struct fcgi_header){ FCGI_STDOUT, REQUEST_ID, 0, 0 }, "");
    out = put_record(out, 1, &(struct fcgi_header){ FCGI_END_REQUEST, REQUEST_ID, sizeof end, 0 }, end);
    raw_send(fd, records, (size_t)(out - records));
}
