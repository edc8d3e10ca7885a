#include "proc/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "fcgi/inner.h"
#include "http/problem.h"
#include "obs/access.h"
#include "obs/counters.h"
#include "plugin/plugin.h"
#include "run/lane.h"
#include "run/upload.h"

/* --- the end of a request -------------------------------------------------------------------------------------- */

static void write_access(const struct link *link, bool sent)
{
    struct request *request = link->task->request;
    const struct timing timing = task_timing(link->task);
    if (link->stage == LINK_ANSWER) {
        request_id(request);
        access_write(request, &timing, request->response.status, sent);
    } else {
        access_write(request, &timing, ACCESS_HUNG_UP, false);
    }
}

/* The request is over. */
static void finish(struct link *link, bool sent)
{
    if (access_is_on())
        write_access(link, sent);
    task_end(link->task);
    if (link->given)
        task_end(link->given);
    link->task = link->given = NULL;
    counters_ended();
}

/* Has the connection reset when it is closed: to nginx, without fastcgi_keep_conn, the mere end of it is the end of a
 * response. A local socket knows no such thing. */
static void reset_at_close(struct link *link)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };
    (void)setsockopt(link->front.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void link_await_handler(struct link *link)
{
    link->piece_left = 0;
    while (!task_is_over(link->task) && !link->host->hurried) {
        link->host->ended |= link->front.ended;
        (void)link_attend(link, false);
        link_feed(link);
    }
}

/* Ends what has got no response, or half of one. What is only half is not ended for a web server, so that it can tell:
 * it closes its client's connection, or says 502. */
static enum link_outcome end_unanswered(struct link *link, enum link_outcome outcome)
{
    bool inner = link->host->inner;
    if (inner) {
        task_cancel(link->task, NGI_CANCEL_CLIENT);
        link_await_handler(link);
    }
    if (outcome == LINK_CUT && (!inner || link->over))
        return LINK_CUT;
    return link_send_end(link, outcome == LINK_CUT) ? LINK_ABORTED : LINK_CUT;
}

/* Says what becomes of the connection. */
static void end(struct link *link, enum link_outcome outcome)
{
    struct front *front = &link->front;
    bool keeps = front->responder.keeps;
    link->piece_left = 0;
    if (outcome != LINK_SENT)
        outcome = end_unanswered(link, outcome);
    if (outcome == LINK_CUT)
        reset_at_close(link);
    finish(link, outcome == LINK_SENT);
    front_drop_file(front);
    link->since_ms = clock_ms();
    link->stage = LINK_IDLE;
    if (outcome == LINK_CUT || front->ended || front->gone || front->closing) {
        link->over = true;
    } else if (!keeps && link->all_read) {
        link->over = true;
    } else if (!keeps) {
        shutdown(front->fd, SHUT_WR);
        front_drop(front);
        link->stage = LINK_LINGER;
    }
}

/* --- the head ------------------------------------------------------------------------------------------------ */

static void begin(struct link *link)
{
    link->task = task_take(link->host->dispatch.max_response);
    if (!link->task) {
        log_line(NGI_LOG_ERROR, "out of memory: a request is not taken");
        link->over = true;
        return;
    }
    solo_attach(&link->host->solo, link->task);
    counters_begun();
    cgi_begin(&link->cgi);
    link->stage = LINK_HEAD;
    link->used = true;
    link->refusal = 0;
    link->streams = link->all_read = link->aborted = false;
    link->announced = UINT64_MAX;
    link->received = link->excess = 0;
    link->id[0] = '\0';
    link->deadline_us = INT64_MAX;
    link->arrives = false;
    link->in_file = -1;
    link->slot = NULL;
    link->brings_slots = false;
}

static bool is_named(const struct fcgi_pair *pair, const char *name)
{
    return pair->name_length == strlen(name) && memcmp(pair->name, name, pair->name_length) == 0;
}

/* Of our gateway's own parameters. What does not have their form is as if it had not been sent. */
static void take_param(struct link *link, const struct fcgi_pair *pair)
{
    char text[24] = "";
    int64_t number;
    if (pair->value_length < sizeof text)
        memcpy(text, pair->value, pair->value_length);
    if (is_named(pair, INNER_REQUEST_ID)) {
        if (strlen(text) == REQUEST_ID_SIZE - 1 && text[strspn(text, "0123456789abcdef")] == '\0')
            memcpy(link->id, text, sizeof link->id);
    } else if (is_named(pair, INNER_DEADLINE_US)) {
        if (text_to_int64(text, &number) && number >= 0)
            link->deadline_us = number;
    } else if (is_named(pair, INNER_BODY_ARRIVES)) {
        link->arrives = true;
    } else if (is_named(pair, INNER_SLOTS)) {
        link->brings_slots = true;
    } else if (is_named(pair, INNER_BODY_FILE)) {
        if (text_to_int64(text, &number) && number >= 0)
            link->in_file = number;
    } else {
        cgi_put(&link->cgi, link->task->request, (const char *)pair->name, pair->name_length, (const char *)pair->value,
                pair->value_length);
    }
}

static int refuse(struct link *link, int status, const char *why)
{
    return problem_respond(link->task->request, status, false, why);
}

/* The body is in a file that has come along with the head. As look_at_head. */
static int adopt_body(struct link *link)
{
    struct request *request = link->task->request;
    int fd = front_take_file(&link->front);
    if (fd >= 0 && body_adopt(&request->body, fd, (uint64_t)link->in_file) == NGI_OK) {
        link->received = (uint64_t)link->in_file;
        return 0;
    }
    log_line(NGI_LOG_ERROR, "%s [%s]: the file with the request's body has not come along%s", request->plugin->name,
             request_id(request), fd < 0 ? ": this process may have too many files open" : "");
    return refuse(link, 503, NULL);
}

static void adopt_slots(struct link *link)
{
    struct link_host *host = link->host;
    int fd = front_take_file(&link->front);
    if (!host->slots) {
        host->slots = fd < 0 ? NULL : slots_map(fd);
        if (!host->slots)
            log_line(NGI_LOG_ERROR, "no memory to share with the gateway: %s",
                     fd < 0 ? "it has not come along: this process may have too many files open" : strerror(errno));
    }
    if (fd >= 0)
        close(fd);
}

/* Finds the slot of a request that has been sent ahead. False: there is none, so nobody knows whether it may begin. */
static bool find_slot(struct link *link)
{
    const struct link_host *host = link->host;
    unsigned number = (unsigned)link->front.responder.request - INNER_AHEAD;
    if (link->brings_slots)
        adopt_slots(link);
    if (!host->inner || link->front.responder.request < INNER_AHEAD)
        return true;
    if (host->slots && number < SLOTS)
        link->slot = &host->slots->all[number];
    else
        log_line(NGI_LOG_ERROR, "the gateway has sent a request ahead that there is no slot for");
    return link->slot;
}

/* Looks at a complete head. Returns 0 to go on, or the status of the refusal that has been put together. */
static int look_at_head(struct link *link, bool overflow)
{
    struct request *request = link->task->request;
    const char *why;
    if (*link->id)
        memcpy(request->id, link->id, sizeof request->id);
    link->task->deadline_us = link->deadline_us;
    if (overflow)
        return refuse(link, 431, NULL);
    int status = cgi_make(&link->cgi, request, link->host->mounted, &why);
    if (status)
        return refuse(link, status, why);
    if (request->content_length)
        (void)text_to_uint64(request->content_length, &link->announced); /* cgi_make has checked it */
    status = dispatch_route(&link->host->dispatch, request);
    if (status)
        return status;
    if (link->announced != UINT64_MAX && link->announced > request->route->max_body)
        return refuse(link, 413, NULL);
    return link->in_file >= 0 ? adopt_body(link) : 0;
}

/* --- the body ------------------------------------------------------------------------------------------------ */

/* A piece that nobody wants. The web server may not look for an answer before it has sent all: read on, for a while. */
static void drop_piece(struct link *link, size_t n)
{
    enum { PATIENCE = 16 * 1024 * 1024 };
    link->excess += n;
    if (link->excess > PATIENCE && link->stage == LINK_BODY)
        link->due = true;
}

static void keep_piece(struct link *link, const uint8_t *data, size_t n)
{
    struct request *request = link->task->request;
    struct body_limits limits = link->host->dispatch.body;
    limits.most = request->route->max_body;
    int rc = body_append(&request->body, &limits, data, n);
    if (rc == NGI_OK)
        return;
    if (rc != NGI_ETOOBIG)
        log_line(NGI_LOG_ERROR, "%s [%s]: the request body could not be kept in %s: %s", request->plugin->name,
                 request_id(request), limits.spool, rc == NGI_EIO ? strerror(errno) : ngi_strerror(rc));
    link->refusal = refuse(link, rc == NGI_ETOOBIG ? 413 : 503, NULL);
    drop_piece(link, n);
}

/* Hands what it can of link->piece to the handler that reads it as it comes. */
static void pass_piece(struct link *link)
{
    if (link->received > link->task->request->route->max_body) {
        upload_refuse(link->task, NGI_ETOOBIG, 413);
        link->piece_left = 0;
        return;
    }
    size_t taken = upload_put(link->task, link->piece, link->piece_left);
    if (taken == UPLOAD_UNWANTED)
        taken = link->piece_left;
    link->piece += taken;
    link->piece_left -= taken;
}

static void take_piece(struct link *link, const uint8_t *data, size_t n)
{
    if (n > link->announced - link->received) /* RFC 3875 section 4.2: no more than CONTENT_LENGTH is read */
        n = (size_t)(link->announced - link->received);
    link->received += n;
    if (n == 0 || link->stage == LINK_ANSWER)
        return;
    if (link->stage == LINK_BODY && link->refusal) {
        drop_piece(link, n);
    } else if (link->stage == LINK_BODY && !lane_streams_body(link->task->request->route->lane)) {
        keep_piece(link, data, n);
    } else {
        link->piece = data;
        link->piece_left = n;
        if (link->stage == LINK_CALL)
            pass_piece(link);
        else
            link->streams = link->due = true; /* link_serve begins the call */
    }
}

static void end_body(struct link *link)
{
    struct request *request = link->task->request;
    bool short_of = link->announced != UINT64_MAX && link->received < link->announced;
    link->all_read = true;
    if (link->stage == LINK_CALL) {
        if (short_of) /* it is cut off: what was passed on is no whole body */
            task_cancel(link->task, NGI_CANCEL_CLIENT);
        else
            upload_end(link->task);
    }
    if (link->stage != LINK_BODY)
        return;
    if (short_of && !link->refusal)
        link->refusal = refuse(link, 400, "the body is shorter than CONTENT_LENGTH");
    /* As after a chunked request: the web server has taken the chunks apart, and its length is what has come. */
    if (link->announced == UINT64_MAX && link->received > 0)
        request->chunked = true;
    link->due = true;
}

/* --- events -------------------------------------------------------------------------------------------------- */

/* Tells whoever runs the handler that nobody waits for it any more. */
static void give_up(struct link *link, int why)
{
    if (link->task && !link->given)
        task_cancel(link->task, why);
}

static void abort_request(struct link *link, int why)
{
    bool called = link->stage != LINK_HEAD && link->stage != LINK_BODY;
    if (why == INNER_MAY_LISTEN) {
        if (called)
            give_up(link, NGI_CANCEL_CLIENT);
        return;
    }
    link->aborted = true;
    if (!called)
        link->due = true;
    else if (why == INNER_BODY_TOO_BIG && link->stage == LINK_CALL && !link->given)
        upload_refuse(link->task, NGI_ETOOBIG, 413);
    else
        give_up(link, why == NGI_CANCEL_DEADLINE || why == NGI_CANCEL_SHUTDOWN ? why : NGI_CANCEL_CLIENT);
}

static void heed(struct link *link, const struct responder_event *event)
{
    switch (event->kind) {
    case RESPONDER_BEGIN: begin(link); break;
    case RESPONDER_PARAM:
        if (link->host->inner) {
            take_param(link, &event->pair);
            break;
        }
        cgi_put(&link->cgi, link->task->request, (const char *)event->pair.name, event->pair.name_length,
                (const char *)event->pair.value, event->pair.value_length);
        break;
    case RESPONDER_PARAMS_END:
        link->stage = LINK_BODY;
        if (!find_slot(link)) {
            link->over = true;
            break;
        }
        link->refusal = look_at_head(link, event->overflow);
        link->streams = link->due = link->arrives && !link->refusal;
        break;
    case RESPONDER_STDIN: take_piece(link, event->data, event->length); break;
    case RESPONDER_STDIN_END: end_body(link); break;
    case RESPONDER_ABORT:
        abort_request(link, link->host->inner && event->length == 1 ? *event->data : NGI_CANCEL_CLIENT);
        break;
    case RESPONDER_BROKEN:
        log_line(NGI_LOG_WARNING, "a connection is closed: what came is no FastCGI: %s", event->why);
        give_up(link, NGI_CANCEL_CLIENT);
        link->over = true;
        break;
    case RESPONDER_NOTHING:
    case RESPONDER_REPLY:
    case RESPONDER_HANG_UP: break;
    }
}

static bool is_called(const struct link *link)
{
    return link->stage == LINK_CALL || link->stage == LINK_ANSWER;
}

/* --- the call ------------------------------------------------------------------------------------------------ */

/* Starts a handler that reads its body as it arrives. False: it has been refused. */
static bool begin_stream(struct link *link)
{
    struct task *task = link->task;
    task->request->arrives = true;
    if (upload_open(task) != NGI_OK) {
        refuse(link, 503, NULL);
        return false;
    }
    if (!task_start(task, &link->host->dispatch))
        return false;
    pass_piece(link);
    link_feed(link); /* what has come behind the head, or the first piece */
    return true;
}

/* Has an answer of the gateway's own take the place of the handler's. */
static bool replace(struct link *link)
{
    struct task *other = task_replace(link->task, link->host->dispatch.max_response);
    if (!other)
        return false;
    link->given = link->task;
    link->task = other;
    return true;
}

/* Runs the handler until there is something to send. */
static enum link_outcome call(struct link *link)
{
    enum task_news news;
    link->stage = LINK_CALL;
    if (!link->streams)
        news = task_begin(link->task, &link->host->dispatch);
    else if (begin_stream(link))
        news = task_look(link->task);
    else
        return link_answer(link);
    while (news == TASK_WAIT || news == TASK_CONTINUE) {
        if (news == TASK_CONTINUE) {
            news = task_continue(link->task);
            continue;
        }
        link_attend(link, false);
        if (link->piece_left > 0)
            pass_piece(link);
        link_feed(link);
        news = task_look(link->task);
    }
    link->piece_left = 0; /* what has not been read by now is not wanted: what follows it may be */
    if (news == TASK_REPLACE && link->host->inner)
        link_await_handler(link);
    if (link->aborted)
        return LINK_ABORTED;
    if (news == TASK_CUT || link->over || (news == TASK_REPLACE && !replace(link)))
        return LINK_CUT;
    return link_answer(link);
}

/* ---------------------------------------------------------------------------------------------------------- */

struct link *link_new(struct link_host *host, int fd)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link) {
        close(fd);
        return NULL;
    }
    link->host = host;
    link->since_ms = clock_ms();
    front_open(&link->front, fd, host->inner, host->values);
    counters_opened();
    return link;
}

void link_free(struct link *link)
{
    if (link->task)
        finish(link, false);
    front_close(&link->front);
    counters_closed();
    free(link);
}

bool link_wants(const struct link *link)
{
    return front_wants(&link->front) && link->piece_left == 0 && !link->due && !link->ending && !link->over;
}

void link_feed(struct link *link)
{
    do {
        while (!link->due && !link->ending && !link->over && link->piece_left == 0) {
            struct responder_event event;
            front_next(&link->front, &event);
            if (event.kind == RESPONDER_NOTHING)
                break;
            heed(link, &event);
        }
        /* Replies go between records: those that come while one is sent follow it. */
        if (link->sending || link->front.replies.length == 0)
            break;
        if (!link_send(link, NULL, 0))
            link->over = true;
        /* There may be more where their room had run out. */
    } while (!link->due && !link->ending && !link->over && link->piece_left == 0);
    if (!is_called(link) && link->front.closing)
        link->over = true;
}

/* What it means that nothing more will come. */
static void heed_end(struct link *link)
{
    link->host->ended = link->host->inner;
    if (!is_called(link))
        link->over = true;
    else if (!link->hung_up)
        give_up(link, NGI_CANCEL_CLIENT);
    link->hung_up = true;
}

void link_receive(struct link *link)
{
    struct front *front = &link->front;
    link->since_ms = clock_ms();
    if (front_wants(front))
        front_fill(front);
    if (link->stage == LINK_LINGER) {
        front_drop(front);
        link->over = front->ended;
        return;
    }
    link_feed(link);
    if (front->ended && !link->due)
        heed_end(link);
}

void link_lost(struct link *link)
{
    link->front.ended = true;
    heed_end(link);
}

void link_serve(struct link *link)
{
    enum link_outcome outcome;
    link->due = false;
    if (link->slot && !slot_begin(link->slot))
        outcome = LINK_CUT; /* it has been taken back: the gateway waits for its end, and nothing else */
    else if (link->aborted)
        outcome = LINK_ABORTED;
    else if (link->refusal)
        outcome = link_answer(link);
    else
        outcome = call(link);
    end(link, outcome);
}
