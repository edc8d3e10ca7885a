#include "run/runner.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/background.h"
#include "run/later.h"
#include "run/stream.h"
#include "run/task.h"
#include "run/upload.h"

/* --- streams ------------------------------------------------------------------------------------------------- */

static bool streams(const struct request *request)
{
    return request->task->begun; /* only this side sets it */
}

static int runner_write(struct request *request, const void *data, size_t n)
{
    return stream_write(request->task, data, n);
}

__attribute__((format(printf, 2, 0))) static int runner_vprintf(struct request *request, const char *fmt, va_list ap)
{
    return stream_vprintf(request->task, fmt, ap);
}

static int runner_flush(struct request *request)
{
    return stream_flush(request->task);
}

static bool arrives(const struct request *request)
{
    return request->task->in.data != NULL && !request->task->received;
}

static int64_t runner_read(struct request *request, void *buf, size_t n)
{
    return upload_read(request->task, buf, n);
}

static int receive(struct request *request)
{
    return upload_receive(request->task);
}

/* --- cancellation -------------------------------------------------------------------------------------------- */

static int runner_cancelled(struct request *request)
{
    struct task *task = request->task;
    /* On the pool, a call is watched from the moment it asks. */
    if (!task->shared && task_share(task) != NGI_OK)
        return watch_cancelled_all();
    int why = atomic_load_explicit(&task->cancelled, memory_order_relaxed);
    if (why == 0 && clock_us() >= task->deadline_us)
        return NGI_CANCEL_DEADLINE;
    return why;
}

static int runner_cancel_fd(struct request *request)
{
    struct task *task = request->task;
    int fd = atomic_load_explicit(&task->cancel_fd, memory_order_relaxed);
    if (fd >= 0)
        return fd;
    if (!task->shared && task_share(task) != NGI_OK)
        return NGI_EIO;
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return NGI_EIO;
    /* Seq_cst, as task_mark_cancelled: one of the two sees what the other has stored. */
    atomic_store(&task->cancel_fd, fd);
    if (atomic_load(&task->cancelled)) {
        const uint64_t one = 1;
        if (write(fd, &one, sizeof one) < 0)
            return NGI_EIO; /* closed with the task */
    }
    return fd;
}

static int64_t time_left_ms(struct request *request)
{
    int64_t deadline_us = request->task->deadline_us;
    if (deadline_us == INT64_MAX)
        return INT64_MAX;
    int64_t left = deadline_us - clock_us();
    return left > 0 ? (left + 999) / 1000 : 0;
}

/* --- work beyond the call ------------------------------------------------------------------------------------- */

static int runner_background(struct request *request, void (*fn)(void *arg), void *arg)
{
    return background_add(request->task, fn, arg);
}

static ngi_later *runner_later_new(struct request *request)
{
    struct task *task = request->task;
    if (task_share(task) != NGI_OK)
        return NULL;
    pthread_mutex_lock(&task->lock);
    bool out = task->later != NULL || task->continuation != NULL;
    pthread_mutex_unlock(&task->lock);
    return out ? NULL : later_new(task);
}

/* ---------------------------------------------------------------------------------------------------------- */

const struct runner task_runner = {
    .streams = streams,
    .write = runner_write,
    .vprintf = runner_vprintf,
    .flush = runner_flush,
    .arrives = arrives,
    .read = runner_read,
    .receive = receive,
    .cancelled = runner_cancelled,
    .cancel_fd = runner_cancel_fd,
    .time_left_ms = time_left_ms,
    .background = runner_background,
    .later_new = runner_later_new,
    .later_run = later_run,
    .later_drop = later_drop,
};
