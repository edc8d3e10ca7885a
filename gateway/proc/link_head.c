#include "proc/link_parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "fcgi/inner.h"
#include "http/problem.h"
#include "obs/counters.h"
#include "plugin/plugin.h"

/* As a web server sends it. */
static void put_variable(struct link *link, const struct fcgi_pair *pair)
{
    cgi_put(&link->cgi, link->task->request, (const char *)pair->name, pair->name_length, (const char *)pair->value,
            pair->value_length);
}

static bool is_named(const struct fcgi_pair *pair, const char *name)
{
    return pair->name_length == strlen(name) && memcmp(pair->name, name, pair->name_length) == 0;
}

/* One of our gateway's own, perhaps. What does not have their form is as if it had not been sent. */
static void take_inner(struct link *link, const struct fcgi_pair *pair)
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
        put_variable(link, pair);
    }
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
    return link_refuse(link, 503, NULL);
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
        return link_refuse(link, 431, NULL);
    int status = cgi_make(&link->cgi, request, link->host->mounted, &why);
    if (status)
        return link_refuse(link, status, why);
    if (request->content_length)
        (void)text_to_uint64(request->content_length, &link->announced); /* cgi_make has checked it */
    status = dispatch_route(&link->host->dispatch, request);
    if (status)
        return status;
    if (link->announced != UINT64_MAX && link->announced > request->route->max_body)
        return link_refuse(link, 413, NULL);
    return link->in_file >= 0 ? adopt_body(link) : 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

void link_begin(struct link *link)
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

void link_take_param(struct link *link, const struct fcgi_pair *pair)
{
    if (link->host->inner)
        take_inner(link, pair);
    else
        put_variable(link, pair);
}

void link_end_head(struct link *link, bool overflow)
{
    link->stage = LINK_BODY;
    if (!find_slot(link)) {
        link->over = true;
        return;
    }
    link->refusal = look_at_head(link, overflow);
    link->streams = link->due = link->arrives && !link->refusal;
}

int link_refuse(struct link *link, int status, const char *why)
{
    return problem_respond(link->task->request, status, false, why);
}
