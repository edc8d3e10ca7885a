#include "proc/link_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "fcgi/inner.h"
#include "http/head.h"
#include "plugin/plugin.h"
#include "run/stream.h"

enum { TEXT_MOST = 64 * 1024 }; /* of a response, that goes to our gateway byte by byte */

/* A record being filled. */
struct record {
    struct link *link;
    size_t length;  /* of its content */
    bool begun;     /* some of the response has been sent */
    uint8_t *bytes; /* link_host.out */
};

static bool is_over(const struct link *link)
{
    return link->aborted || link->front.gone || link->over;
}

/* Sends what has been filled in, if anything. */
static bool flush(struct record *record)
{
    struct link *link = record->link;
    if (record->length == 0)
        return !is_over(link);
    if (link->slot && !record->begun && link->task->request->response.kind == RESPONSE_STREAM)
        link_feed(link); /* it may take as long as its client likes */
    responder_put_header(&link->front.responder, FCGI_STDOUT, record->length, record->bytes);
    bool good = link_send(link, record->bytes, FCGI_HEADER_SIZE + record->length);
    record->begun = true;
    record->length = 0;
    return good && !is_over(link);
}

/* What FCGI_END_REQUEST says of the call. */
static uint32_t status_of(const struct link *link, bool cut)
{
    return link->host->inner ? inner_status(cut, task_timing(link->task).run_us) : 0;
}

/* Sends what has been filled in and the end of the request, at once: a small response is a single piece. */
static bool flush_last(struct record *record)
{
    struct link *link = record->link;
    size_t n = 0;
    if (is_over(link))
        return false;
    if (record->length > 0) {
        responder_put_header(&link->front.responder, FCGI_STDOUT, record->length, record->bytes);
        n = FCGI_HEADER_SIZE + record->length;
    }
    responder_put_end(&link->front.responder, status_of(link, false), record->bytes + n);
    n += RESPONDER_END_SIZE;
    /* The gateway looks there when the next one is answered, which is here already, or after a moment. */
    if (link->slot && !record->begun && link->front.replies.length == 0 && front_has_more(&link->front) &&
        slot_answer(link->slot, record->bytes, n))
        return true;
    link->ending = true;
    bool good = link_send(link, record->bytes, n);
    link->ending = false;
    return good;
}

/* Where the next bytes go, at least one; NULL: they cannot be sent. */
static uint8_t *room(struct record *record, size_t *ret_n)
{
    if (record->length == LINK_BLOCK && !flush(record))
        return NULL;
    *ret_n = LINK_BLOCK - record->length;
    return record->bytes + FCGI_HEADER_SIZE + record->length;
}

static bool put(struct record *record, const char *data, size_t n)
{
    while (n > 0) {
        size_t most;
        uint8_t *at = room(record, &most);
        if (!at)
            return false;
        most = most < n ? most : n;
        memcpy(at, data, most);
        record->length += most;
        data += most;
        n -= most;
    }
    return true;
}

/* `about`: a line on the body, for our gateway; "". */
static bool put_head(struct record *record, const struct request *request, const char *about)
{
    struct buffer head;
    buffer_init(&head, SIZE_MAX);
    /* RFC 3875 section 6.3.3: the status is a header. */
    bool good = put(record, about, strlen(about)) && head_write(&head, "Status:", request) == NGI_OK &&
                put(record, head.data, head.length);
    buffer_free(&head);
    return good;
}

static bool put_file(struct record *record, struct request *request)
{
    const struct response *response = &request->response;
    for (int64_t left = response->length; left > 0;) {
        size_t most;
        uint8_t *at = room(record, &most);
        if (!at)
            return false;
        ssize_t n = pread(response->fd, at, left < (int64_t)most ? (size_t)left : most,
                          response->offset + response->length - left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            log_line(NGI_LOG_ERROR, "%s [%s]: %s %s: the response is cut: the file of ngi_send_file %s%s",
                     request->plugin->name, request_id(request), request->ngi.method, request->raw_target,
                     n < 0 ? "cannot be read: " : "has become shorter", n < 0 ? strerror(errno) : "");
            return false;
        }
        record->length += (size_t)n;
        left -= n;
    }
    return true;
}

/* Waits where net/ would suspend the connection; what there is is sent before that. */
static bool put_stream(struct record *record)
{
    struct link *link = record->link;
    for (;;) {
        size_t most;
        uint8_t *at = room(record, &most);
        if (!at)
            return false;
        int64_t n = stream_take(link->task, at, most);
        if (n > 0)
            record->length += (size_t)n;
        else if (n == STREAM_END)
            return true;
        else if (n == STREAM_CUT)
            return false;
        else if (record->length == 0)
            link_attend(link, false);
        else if (!flush(record)) /* who waits for room to send takes the stream's news for it: it is asked again */
            return false;
        if (is_over(link))
            return false;
    }
}

/* What goes to the web server's log: a failing handler's words, which no client sees (section 5.3, FCGI_STDERR). */
static bool tell_failure(struct link *link)
{
    struct request *request = link->task->request;
    uint8_t bytes[FCGI_HEADER_SIZE + 1024];
    char words[1024];
    bool cut;
    if (request->response.status < 500 || !request->failure || !request->plugin)
        return true;
    int n = snprintf(words, sizeof words, "%s [%s]: %d: %s", request->plugin->name, request_id(request),
                     request->response.status, request->failure);
    if (n < 0)
        return true;
    size_t length = text_escape_controls((char *)bytes + FCGI_HEADER_SIZE, sizeof bytes - FCGI_HEADER_SIZE - 1, words,
                                         (size_t)n < sizeof words ? (size_t)n : sizeof words - 1, &cut);
    bytes[FCGI_HEADER_SIZE + length++] = '\n';
    responder_put_header(&link->front.responder, FCGI_STDERR, length, bytes);
    return link_send(link, bytes, FCGI_HEADER_SIZE + length);
}

/* To our gateway, what is in a file goes as that file: no byte of it is copied. */
static bool give_file(struct record *record, const struct request *request, int fd, int64_t offset, int64_t length)
{
    struct link *link = record->link;
    char about[80];
    snprintf(about, sizeof about, "Body: file %" PRId64 " %" PRId64 "\r\n", offset, length);
    link->front.goes = fd;
    bool good = put_head(record, request, about) && flush(record);
    link->front.goes = -1;
    return good;
}

/* A text as a file in memory; -1: it cannot be made, as under a file_size_limit, and goes as it is. */
static int file_of(const struct buffer *text)
{
    int fd = memfd_create("response", MFD_CLOEXEC);
    if (fd < 0 || file_write_all(fd, text->data, text->length) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool give_text(struct record *record, const struct request *request, bool *ret_given)
{
    const struct buffer *text = &request->response.text;
    int fd = text->length > TEXT_MOST ? file_of(text) : -1;
    *ret_given = fd >= 0;
    if (fd < 0)
        return true;
    bool good = give_file(record, request, fd, 0, (int64_t)text->length);
    close(fd);
    return good;
}

/* To our gateway; false: not sent. */
static bool give_response(struct record *record)
{
    struct link *link = record->link;
    struct request *request = link->task->request;
    const struct response *response = &request->response;
    bool alone = head_stands_alone(request), given = false;
    switch (response->kind) {
    case RESPONSE_STREAM:
        if (!put_head(record, request, "Body: stream\r\n"))
            return false;
        if (!alone)
            return put_stream(record);
        /* The head is all that a client gets, but whoever writes the rest has to hear of that first. */
        if (!flush(record))
            return false;
        link_await_handler(link);
        return !is_over(link);
    case RESPONSE_FILE:
        if (!alone)
            return give_file(record, request, response->fd, response->offset, response->length);
        return put_head(record, request, "");
    case RESPONSE_TEXT: break;
    }
    if (!alone && !give_text(record, request, &given))
        return false;
    return given ||
           (put_head(record, request, "") && (alone || put(record, response->text.data, response->text.length)));
}

static bool put_response(struct record *record)
{
    struct request *request = record->link->task->request;
    struct response *response = &request->response;
    if (record->link->host->inner) /* it writes its own log */
        return give_response(record);
    if (!tell_failure(record->link) || !put_head(record, request, ""))
        return false;
    if (head_stands_alone(request))
        return true;
    switch (response->kind) {
    case RESPONSE_TEXT: return put(record, response->text.data, response->text.length);
    case RESPONSE_FILE: return put_file(record, request);
    case RESPONSE_STREAM: return put_stream(record);
    }
    return false;
}

static bool send_bytes(struct link *link, const uint8_t *data, size_t n)
{
    while (n > 0) {
        size_t done = front_send(&link->front, data, n);
        if (link->front.gone)
            return false;
        data += done;
        n -= done;
        if (done > 0)
            link->since_ms = clock_ms();
        else if (!link_attend(link, true))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool link_send(struct link *link, const uint8_t *data, size_t n)
{
    struct buffer *replies = &link->front.replies;
    bool good = true;
    link->sending = true;
    /* More may come while these are sent: they are moved out first. */
    while (replies->length > 0 && good) {
        struct buffer waiting = *replies;
        buffer_init(replies, waiting.limit);
        good = send_bytes(link, (const uint8_t *)waiting.data, waiting.length);
        buffer_free(&waiting);
    }
    good = good && send_bytes(link, data, n);
    link->sending = false;
    return good;
}

bool link_send_end(struct link *link, bool cut)
{
    uint8_t bytes[RESPONDER_END_SIZE];
    responder_put_end(&link->front.responder, status_of(link, cut), bytes);
    link->ending = true;
    bool good = link_send(link, bytes, sizeof bytes);
    link->ending = false;
    return good;
}

enum link_outcome link_answer(struct link *link)
{
    struct record record = { .link = link, .bytes = link->host->out };
    link->stage = LINK_ANSWER;
    if (put_response(&record)) {
        if (flush_last(&record))
            return LINK_SENT;
    } else if (!is_over(link)) {
        (void)flush(&record); /* what was there before it was cut is the client's all the same */
    }
    return link->aborted ? LINK_ABORTED : LINK_CUT;
}
