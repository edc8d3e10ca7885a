#include "tests/harness/client.h"

#include <arpa/inet.h>
#include <check.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Generous, because a sanitizer on a busy machine is slow; a test that passes never waits that long. */
enum { LIMIT_S = 60 };

struct text {
    char *data;
    size_t length, room;
};

static void text_add(struct text *text, const void *data, size_t n)
{
    if (text->length + n + 1 > text->room) {
        text->room = 2 * (text->length + n + 1);
        text->data = realloc(text->data, text->room);
        ck_assert_ptr_nonnull(text->data);
    }
    if (n > 0)
        memcpy(text->data + text->length, data, n);
    text->length += n;
    text->data[text->length] = '\0';
}

/* --- libcurl ------------------------------------------------------------------------------------------------- */

struct session {
    CURL *curl;
    char url[192];
    long connections;
};

struct intake {
    struct text head, body;
    int responses;
};

static size_t take_head(char *data, size_t size, size_t n, void *cls)
{
    struct intake *intake = cls;
    (void)size;
    if (n >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        intake->responses++;
        intake->head.length = 0; /* of a 100 nobody wants to know more */
    }
    text_add(&intake->head, data, n);
    return n;
}

static size_t take_body(char *data, size_t size, size_t n, void *cls)
{
    struct intake *intake = cls;
    (void)size;
    text_add(&intake->body, data, n);
    return n;
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int has_line(const char *const *lines, const char *name)
{
    for (; lines && *lines; lines++)
        if (strncasecmp(*lines, name, strlen(name)) == 0)
            return 1;
    return 0;
}

static struct curl_slist *make_list(const char *const *headers)
{
    struct curl_slist *list = NULL;
    /* What libcurl would add by itself. */
    if (!has_line(headers, "Expect:"))
        list = curl_slist_append(list, "Expect:");
    if (!has_line(headers, "Content-Type:"))
        list = curl_slist_append(list, "Content-Type:");
    for (; headers && *headers; headers++)
        list = curl_slist_append(list, *headers);
    return list;
}

static void set_method(CURL *curl, const char *method, const void *data, size_t length)
{
    if (data) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, data);
    }
    if (method && strcmp(method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (method || data)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method ? method : "GET");
}

static void set_url(CURL *curl, const char *url, const char *path)
{
    char whole[8192];
    if (strncmp(url, "unix:", 5) == 0) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, url + 5);
        url = "http://localhost";
    }
    ck_assert_int_lt(snprintf(whole, sizeof whole, "%s%s", url, path), (int)sizeof whole);
    curl_easy_setopt(curl, CURLOPT_URL, whole);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
}

static char *own(struct text *text)
{
    text_add(text, "", 0);
    return text->data;
}

/* ---------------------------------------------------------------------------------------------------------- */

struct session *session_begin(const char *url)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct session *session = calloc(1, sizeof *session);
    ck_assert_ptr_nonnull(session);
    pthread_once(&once, start_curl);
    session->curl = curl_easy_init();
    ck_assert_ptr_nonnull(session->curl);
    ck_assert_int_lt(snprintf(session->url, sizeof session->url, "%s", url), (int)sizeof session->url);
    return session;
}

void fetch_on(struct session *session, struct reply *reply, const char *path, const char *method,
              const char *const *headers, const void *data, size_t length)
{
    struct intake intake = { 0 };
    CURL *curl = session->curl;
    struct curl_slist *list = make_list(headers);
    curl_easy_reset(curl); /* options, not the connection */
    set_url(curl, session->url, path);
    set_method(curl, method, data, length);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &intake);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &intake);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)LIMIT_S);
    curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, LIMIT_S * 1000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    *reply = (struct reply){ .error = (int)curl_easy_perform(curl) };
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    long opened = 0;
    curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &opened);
    session->connections += opened;
    curl_slist_free_all(list);
    reply->head = own(&intake.head);
    reply->body = own(&intake.body);
    reply->length = intake.body.length;
    reply->interim = intake.responses > 0 ? intake.responses - 1 : 0;
}

long session_connections(const struct session *session)
{
    return session->connections;
}

void session_end(struct session *session)
{
    curl_easy_cleanup(session->curl);
    free(session);
}

void fetch(struct reply *reply, const char *url, const char *path, const char *method, const char *const *headers,
           const void *data, size_t length)
{
    struct session *session = session_begin(url);
    fetch_on(session, reply, path, method, headers, data, length);
    session_end(session);
}

void reply_free(struct reply *reply)
{
    free(reply->head);
    free(reply->body);
    *reply = (struct reply){ 0 };
}

const char *head_value(const char *head, const char *name)
{
    enum { VALUES = 8, VALUE_SIZE = 1024 };
    static _Thread_local char values[VALUES][VALUE_SIZE];
    static _Thread_local unsigned next;
    size_t length = strlen(name);
    const char *line = strstr(head, "\r\n");
    for (; line && line[2] && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) != 0 || line[2 + length] != ':')
            continue;
        const char *value = line + 2 + length + 1;
        size_t n = strcspn(value, "\r\n"), space = strspn(value, " \t");
        space = space < n ? space : n;
        while (n > space && isblank((unsigned char)value[n - 1]))
            n--;
        snprintf(values[next % VALUES], VALUE_SIZE, "%.*s", (int)(n - space), value + space);
        return values[next++ % VALUES];
    }
    return NULL;
}

const char *reply_header(const struct reply *reply, const char *name)
{
    return head_value(reply->head, name);
}

/* --- raw sockets --------------------------------------------------------------------------------------------- */

int raw_connect(int port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct timeval limit = { .tv_sec = LIMIT_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ck_assert_msg(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0, "connect: %s", strerror(errno));
    return fd;
}

void raw_send(int fd, const void *data, size_t length)
{
    const char *at = data;
    while (length > 0) {
        ssize_t n = send(fd, at, length, MSG_NOSIGNAL);
        ck_assert_msg(n > 0, "send: %s", strerror(errno));
        at += n;
        length -= (size_t)n;
    }
}

void raw_send_byte_by_byte(int fd, const char *text)
{
    struct pollfd answer = { fd, POLLIN, 0 };
    for (size_t i = 0; text[i] && poll(&answer, 1, 1) == 0; i++)
        if (send(fd, text + i, 1, MSG_NOSIGNAL) < 0)
            break; /* it has been answered and reset since */
}

/* recv, where a reset is an end like another. */
static size_t receive(int fd, void *data, size_t most)
{
    ssize_t n;
    do
        n = recv(fd, data, most, 0);
    while (n < 0 && errno == EINTR);
    ck_assert_msg(n >= 0 || errno == ECONNRESET, "recv: %s", strerror(errno));
    return n > 0 ? (size_t)n : 0;
}

/* Exactly `n` more bytes. */
static int receive_exactly(int fd, struct text *text, size_t n)
{
    char block[4096];
    while (n > 0) {
        size_t got = receive(fd, block, n < sizeof block ? n : sizeof block);
        if (got == 0)
            return 0;
        text_add(text, block, got);
        n -= got;
    }
    return 1;
}

/* Up to and with the next `end`, and not a byte more: the next response follows. */
static int receive_until(int fd, struct text *text, const char *end)
{
    size_t start = text->length, length = strlen(end);
    do {
        if (!receive_exactly(fd, text, 1))
            return 0;
    } while (text->length - start < length || memcmp(text->data + text->length - length, end, length) != 0);
    return 1;
}

static int receive_chunks(int fd, struct text *text)
{
    for (;;) {
        struct text size = { 0 };
        int good = receive_until(fd, &size, "\r\n");
        size_t n = good ? strtoul(size.data, NULL, 16) : 0;
        free(size.data);
        if (!good || !receive_exactly(fd, text, n + 2))
            return 0;
        text->length -= 2;
        text->data[text->length] = '\0';
        if (n == 0)
            return 1;
    }
}

char *raw_read_all(int fd, size_t *ret_length)
{
    struct text text = { 0 };
    char block[16 * 1024];
    size_t n;
    text_add(&text, "", 0);
    while ((n = receive(fd, block, sizeof block)) > 0)
        text_add(&text, block, n);
    if (ret_length)
        *ret_length = text.length;
    return text.data;
}

char *raw_read_response(int fd, int head_only)
{
    struct text text = { 0 };
    int good = receive_until(fd, &text, "\r\n\r\n");
    if (good) {
        int status = strncmp(text.data, "HTTP/1.", 7) == 0 ? atoi(text.data + 9) : 0;
        const char *length = head_value(text.data, "Content-Length");
        if (head_only || status < 200 || status == 204 || status == 304)
            return text.data;
        if (length)
            good = receive_exactly(fd, &text, strtoul(length, NULL, 10));
        else if (head_value(text.data, "Transfer-Encoding"))
            good = receive_chunks(fd, &text);
    }
    if (good)
        return text.data;
    free(text.data);
    return NULL;
}
