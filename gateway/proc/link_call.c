#include "proc/link_parts.h"

#include "fcgi/inner.h"
#include "run/upload.h"

/* Starts a handler that reads its body as it arrives. False: it has been refused. */
static bool begin_stream(struct link *link)
{
    struct task *task = link->task;
    task->request->arrives = true;
    if (upload_open(task) != NGI_OK) {
        link_refuse(link, 503, NULL);
        return false;
    }
    if (!task_start(task, &link->host->dispatch))
        return false;
    link_pass_piece(link);
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

/* ---------------------------------------------------------------------------------------------------------- */

void link_give_up(struct link *link, int why)
{
    if (link->task && !link->given)
        task_cancel(link->task, why);
}

void link_abort(struct link *link, int why)
{
    bool called = link->stage != LINK_HEAD && link->stage != LINK_BODY;
    if (why == INNER_MAY_LISTEN) {
        if (called)
            link_give_up(link, NGI_CANCEL_CLIENT);
        return;
    }
    link->aborted = true;
    if (!called)
        link->due = true;
    else if (why == INNER_BODY_TOO_BIG && link->stage == LINK_CALL && !link->given)
        upload_refuse(link->task, NGI_ETOOBIG, 413);
    else
        link_give_up(link, why == NGI_CANCEL_DEADLINE || why == NGI_CANCEL_SHUTDOWN ? why : NGI_CANCEL_CLIENT);
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

enum link_outcome link_call(struct link *link)
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
            link_pass_piece(link);
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
