#include "run/solo.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

/* Nothing is suspended but the thread itself, when it has looked and found nothing to do. */
static void suspend(void *arg)
{
    (void)arg;
}

static void resume(void *arg)
{
    const struct solo *solo = arg;
    const uint64_t one = 1;
    if (write(solo->fd, &one, sizeof one) == sizeof one || errno == EAGAIN)
        return;
    /* Its plugin has closed it, and perhaps all else: whoever waits for an answer is better off with a process that
     * has ended than with one that cannot answer. */
    log_line(NGI_LOG_ERROR, "a call cannot be resumed: %s: a plugin has closed a descriptor of its process, which ends",
             strerror(errno));
    _exit(1);
}

static const struct task_client client = { suspend, resume };

/* ---------------------------------------------------------------------------------------------------------- */

int solo_open(struct solo *solo, ngi_error *err)
{
    solo->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return solo->fd < 0 ? ngi_error_set(err, NGI_EIO, "eventfd: %s", strerror(errno)) : NGI_OK;
}

void solo_close(struct solo *solo)
{
    if (solo->fd < 0)
        return;
    task_await_resumed();
    close(solo->fd);
    solo->fd = -1;
}

void solo_attach(struct solo *solo, struct task *task)
{
    task->client = &client;
    task->client_arg = solo;
}

void solo_clear(struct solo *solo)
{
    uint64_t count;
    (void)!read(solo->fd, &count, sizeof count); /* nothing there: it was not resumed */
}

void solo_wait(struct solo *solo)
{
    struct pollfd resumed = { solo->fd, POLLIN, 0 };
    while (poll(&resumed, 1, -1) < 0 && errno == EINTR)
        ;
    solo_clear(solo);
}

enum task_news solo_run(struct solo *solo, struct task *task, const struct dispatch *dispatch)
{
    enum task_news news = task_begin(task, dispatch);
    for (;;) {
        if (news == TASK_WAIT)
            solo_wait(solo);
        else if (news != TASK_CONTINUE)
            return news;
        news = news == TASK_CONTINUE ? task_continue(task) : task_look(task);
    }
}
