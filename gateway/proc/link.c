#include "proc/link_parts.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/access.h"
#include "obs/counters.h"

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

/* --- events -------------------------------------------------------------------------------------------------- */

static void heed(struct link *link, const struct responder_event *event)
{
    switch (event->kind) {
    case RESPONDER_BEGIN: link_begin(link); break;
    case RESPONDER_PARAM: link_take_param(link, &event->pair); break;
    case RESPONDER_PARAMS_END: link_end_head(link, event->overflow); break;
    case RESPONDER_STDIN: link_take_piece(link, event->data, event->length); break;
    case RESPONDER_STDIN_END: link_end_body(link); break;
    case RESPONDER_ABORT:
        link_abort(link, link->host->inner && event->length == 1 ? *event->data : NGI_CANCEL_CLIENT);
        break;
    case RESPONDER_BROKEN:
        log_line(NGI_LOG_WARNING, "a connection is closed: what came is no FastCGI: %s", event->why);
        link_give_up(link, NGI_CANCEL_CLIENT);
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

/* What it means that nothing more will come. */
static void heed_end(struct link *link)
{
    link->host->ended = link->host->inner;
    if (!is_called(link))
        link->over = true;
    else if (!link->hung_up)
        link_give_up(link, NGI_CANCEL_CLIENT);
    link->hung_up = true;
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

bool link_attend(struct link *link, bool wants_room)
{
    struct link_host *host = link->host;
    if (link->slot) /* what waits behind this one has its turn elsewhere */
        link_feed(link);
    int timeout = host->patience(host);
    int limit =
        wants_room && host->settings->connection_timeout > 0 ? (int)(host->settings->connection_timeout * 1000) : -1;
    short events = (short)((link_wants(link) ? POLLIN : 0) | (wants_room ? POLLOUT : 0));
    struct pollfd fds[] = {
        { host->solo.fd, POLLIN, 0 },
        { host->signals, POLLIN, 0 },
        { link->hung_up && !wants_room ? -1 : link->front.fd, events, 0 },
    };
    bool limited = limit >= 0 && (timeout < 0 || limit < timeout);
    int n = poll(fds, sizeof fds / sizeof *fds, limited ? limit : timeout);
    if (n == 0 && limited) {
        log_line(NGI_LOG_WARNING, "the web server has taken nothing of a response for %g s: the connection is cut",
                 host->settings->connection_timeout);
        link->front.gone = link->front.ended = true;
        return false;
    }
    if (n > 0 && fds[0].revents)
        solo_clear(&host->solo);
    if (n > 0 && fds[2].revents & POLLIN)
        link_receive(link);
    else if (n > 0 && fds[2].revents & (POLLHUP | POLLERR))
        link_lost(link);
    host->heed(host, n > 0 && fds[1].revents);
    return true;
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
        outcome = link_call(link);
    end(link, outcome);
}
