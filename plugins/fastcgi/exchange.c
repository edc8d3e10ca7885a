/* SPDX-License-Identifier: MIT
 *
 * exchange.c - see exchange.h.
 *
 * Both directions are served at any time: an application that answers before it has read all would otherwise wait for
 * us to read, and we for it. What cannot be passed on is not read, so that nothing grows.
 */
#include "exchange.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Bytes of a body in a record: a multiple of 8, as section 3.3 advises. */
enum { STDIN_MOST = FCGI_CONTENT_MAX & ~7 };

/* --- to the application -------------------------------------------------------------------------------------- */

static void begin_record(struct exchange *x, uint8_t type, size_t length)
{
    struct fcgi_header header = { .type = type, .request = PARAMS_REQUEST_ID, .length = (uint16_t)length };

    fcgi_put_header(x->header, &header);
    x->head = x->header;
    x->head_left = sizeof x->header;
}

/* Whether there is something to send; cuts the next record where the last is out. */
static bool has_output(struct exchange *x)
{
    if (x->deaf)
        return false;
    if (x->head_left || x->content_left)
        return true;
    if (x->body_left) {
        x->content = x->body;
        x->content_left = x->body_left < STDIN_MOST ? x->body_left : STDIN_MOST;
        x->body += x->content_left;
        x->body_left -= x->content_left;
        begin_record(x, FCGI_STDIN, x->content_left);
        return true;
    }
    if (x->body_last && !x->body_ended) { /* an empty record ends a stream (section 3.3) */
        begin_record(x, FCGI_STDIN, 0);
        x->body_ended = true;
        return true;
    }
    return false;
}

static bool is_hungry(struct exchange *x)
{
    return !x->deaf && !x->body_last && !has_output(x);
}

/* Sends what fits. Whether any did. */
static bool push(struct exchange *x)
{
    bool moved = false;

    while (has_output(x)) {
        struct iovec parts[2] = {
            { (void *)(uintptr_t)x->head, x->head_left },
            { (void *)(uintptr_t)x->content, x->content_left },
        };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
        ssize_t n = sendmsg(x->link->fd, &message, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                x->error = errno;
                x->deaf = true;
            }
            return moved;
        }
        size_t of_head = (size_t)n < x->head_left ? (size_t)n : x->head_left;
        x->head += of_head;
        x->head_left -= of_head;
        x->content += (size_t)n - of_head;
        x->content_left -= (size_t)n - of_head;
        moved = moved || n > 0;
    }
    return moved;
}

/* --- from it ------------------------------------------------------------------------------------------------- */

static int garbage(struct exchange *x, const char *why)
{
    x->why = why;
    return EXCHANGE_GARBAGE;
}

/* A record begins. */
static int open_record(struct exchange *x)
{
    if (!fcgi_get_header(x->buffer + x->start, &x->record))
        return garbage(x, "a record of another version than 1");
    x->start += FCGI_HEADER_SIZE;
    x->record_left = x->record.length;
    x->padding_left = x->record.padding;
    if (x->record.request == 0) /* about the connection, and nothing that was asked for: section 4 */
        return EXCHANGE_PENDING;
    if (x->record.request != PARAMS_REQUEST_ID)
        return garbage(x, "a record of a request that was not made");
    switch (x->record.type) {
    case FCGI_STDOUT:
    case FCGI_STDERR: return EXCHANGE_PENDING;
    case FCGI_END_REQUEST:
        return x->record_left >= FCGI_BODY_SIZE ? EXCHANGE_PENDING
                                                : garbage(x, "an FCGI_END_REQUEST that is too short");
    default: return garbage(x, "a record of a type that no application sends");
    }
}

/* The next `n` bytes of content, which are there. How many of them were put into `buf`; at most `room`. */
static size_t take_content(struct exchange *x, void *buf, size_t room, size_t n)
{
    const uint8_t *from = x->buffer + x->start;
    bool ours = x->record.request == PARAMS_REQUEST_ID;
    size_t out = 0;

    if (ours && x->record.type == FCGI_STDOUT) {
        n = out = n < room ? n : room;
        memcpy(buf, from, n);
    } else if (ours && x->record.type == FCGI_STDERR) {
        journal_add(x->journal, from, n);
    } else if (ours && x->end_used < sizeof x->end_bytes) {
        size_t length = n < sizeof x->end_bytes - x->end_used ? n : sizeof x->end_bytes - x->end_used;
        memcpy(x->end_bytes + x->end_used, from, length);
        x->end_used += length;
    }
    x->start += n;
    x->record_left -= n;
    return out;
}

/* What is in the buffer, up to some bytes of output. PENDING: no more of use is in it. */
static int64_t parse(struct exchange *x, void *buf, size_t room)
{
    for (;;) {
        size_t there = x->filled - x->start;
        if (x->end_used == sizeof x->end_bytes && !x->ended) {
            fcgi_get_end(x->end_bytes, &x->end);
            x->ended = true;
        }
        if (x->ended)
            return EXCHANGE_END;
        if (x->record_left) {
            size_t n = x->record_left < there ? x->record_left : there;
            size_t out = n ? take_content(x, buf, room, n) : 0;
            if (!n || out)
                return out ? (int64_t)out : EXCHANGE_PENDING;
        } else if (x->padding_left) {
            size_t n = x->padding_left < there ? x->padding_left : there;
            if (!n)
                return EXCHANGE_PENDING;
            x->start += n;
            x->padding_left -= n;
        } else {
            if (there < FCGI_HEADER_SIZE)
                return EXCHANGE_PENDING;
            int rc = open_record(x);
            if (rc != EXCHANGE_PENDING)
                return rc;
        }
    }
}

/* Reads what is there; 0: some has come. */
static int pull(struct exchange *x)
{
    if (x->start) {
        memmove(x->buffer, x->buffer + x->start, x->filled - x->start);
        x->filled -= x->start;
        x->start = 0;
    }
    for (;;) {
        ssize_t n = recv(x->link->fd, x->buffer + x->filled, sizeof x->buffer - x->filled, MSG_DONTWAIT);
        if (n > 0) {
            x->filled += (size_t)n;
            x->answered = true;
            link_heard(x->links, x->link);
            return 0;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return EXCHANGE_PENDING;
        if (n < 0)
            x->error = errno;
        return EXCHANGE_CLOSED;
    }
}

/* Whether the connection can serve another request: all of this one has been sent, and nothing else has come. */
static bool is_reusable(const struct exchange *x)
{
    return x->ended && x->body_ended && !x->head_left && !x->content_left && !x->deaf && !x->record_left &&
           x->filled - x->start == x->padding_left;
}

/* ---------------------------------------------------------------------------------------------------------- */

void exchange_init(struct exchange *x, struct links *links, struct link *link, const struct params *params)
{
    struct journal *journal = x->journal;
    const struct patience *patience = x->patience;
    int64_t read_ms = x->read_ms;

    memset(x, 0, offsetof(struct exchange, buffer));
    x->journal = journal;
    x->patience = patience;
    x->read_ms = read_ms;
    x->links = links;
    x->link = link;
    x->head = params->data;
    x->head_left = params->size;
}

void exchange_feed(struct exchange *x, const void *data, size_t n, bool last)
{
    assert(!x->body_left);
    x->body = data;
    x->body_left = n;
    x->body_last = last;
    (void)has_output(x); /* into a record, so that the next block may follow before this one is out */
}

int64_t exchange_read(struct exchange *x, void *buf, size_t n, bool wait)
{
    int64_t silent_at = wait_now_ms() + x->read_ms;

    for (;;) {
        int64_t rc = parse(x, buf, n);
        if (rc != EXCHANGE_PENDING)
            return rc;
        bool moved = push(x);
        int got = pull(x);
        if (got == EXCHANGE_CLOSED)
            return got;
        if (moved || got == 0)
            silent_at = wait_now_ms() + x->read_ms;
        if (got == 0) { /* and on, but not for ever: it may say nothing of use, without an end */
            if (wait_for(x->patience, -1, 0, wait_now_ms()) != WAIT_TIMEOUT)
                return EXCHANGE_GIVEN_UP;
            continue;
        }
        if (is_hungry(x))
            return EXCHANGE_HUNGRY;
        if (!wait)
            return EXCHANGE_PENDING;
        switch (wait_for(x->patience, x->link->fd, (short)(POLLIN | (has_output(x) ? POLLOUT : 0)), silent_at)) {
        case WAIT_READY: break;
        case WAIT_TIMEOUT: return EXCHANGE_SILENT;
        default: return EXCHANGE_GIVEN_UP;
        }
    }
}

void exchange_close(struct exchange *x)
{
    if (!x->link)
        return;
    journal_end(x->journal);
    /* In the middle of a record nothing else can be said: the end of the connection has to do. */
    if (!x->ended && !x->deaf && !x->head_left && !x->content_left) {
        begin_record(x, FCGI_ABORT_REQUEST, 0);
        x->body_left = 0;
        x->body_last = x->body_ended = true;
        (void)push(x);
    }
    link_give(x->links, x->link, is_reusable(x));
    x->link = NULL;
}

const char *exchange_describe(const struct exchange *x, int code, char *buf, size_t size)
{
    static const char *const endings[] = { "in order", "that it cannot multiplex", "that it is overloaded",
                                           "that it does not know the role of a responder" };
    switch (code) {
    case EXCHANGE_END:
        if (x->end.protocol_status < sizeof endings / sizeof *endings)
            (void)snprintf(buf, size, "it says %s", endings[x->end.protocol_status]);
        else
            (void)snprintf(buf, size, "it ends with the unknown protocol status %u", x->end.protocol_status);
        return buf;
    case EXCHANGE_CLOSED:
        (void)snprintf(buf, size, "it has closed the connection%s%s", x->error ? ": " : "",
                       x->error ? strerror(x->error) : "");
        return buf;
    case EXCHANGE_GARBAGE: (void)snprintf(buf, size, "what it sends is no FastCGI: %s", x->why); return buf;
    case EXCHANGE_SILENT:
        (void)snprintf(buf, size, "it has neither taken nor sent anything for %g s (read_timeout)",
                       (double)x->read_ms / 1000);
        return buf;
    default: return "nobody waits for its answer any more";
    }
}
