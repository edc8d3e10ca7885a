#include "proc/link_parts.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "plugin/plugin.h"
#include "run/lane.h"
#include "run/upload.h"

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
    link->refusal = link_refuse(link, rc == NGI_ETOOBIG ? 413 : 503, NULL);
    drop_piece(link, n);
}

/* ---------------------------------------------------------------------------------------------------------- */

void link_pass_piece(struct link *link)
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

void link_take_piece(struct link *link, const uint8_t *data, size_t n)
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
            link_pass_piece(link);
        else
            link->streams = link->due = true; /* link_serve begins the call */
    }
}

void link_end_body(struct link *link)
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
        link->refusal = link_refuse(link, 400, "the body is shorter than CONTENT_LENGTH");
    /* As after a chunked request: the web server has taken the chunks apart, and its length is what has come. */
    if (link->announced == UINT64_MAX && link->received > 0)
        request->chunked = true;
    link->due = true;
}
