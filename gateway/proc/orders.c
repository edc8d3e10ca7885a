#include "proc/orders.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/access.h"
#include "proc/last_words.h"
#include "proc/signals.h"

static struct {
    int signals, channel; /* set once, before there are threads; never closed, because any thread may say something */
    pid_t pid;
    bool gone; /* the supervisor is */
    bool told_to_end;
    void (*tell)(void *arg, int fd);
    void *arg;
} line = { .signals = -1, .channel = -1 };

static enum order end_of_line(void)
{
    log_line(NGI_LOG_ERROR, "the supervisor is gone: its worker ends too");
    line.gone = true;
    return ORDER_STOP;
}

static char said[CHANNEL_TEXT_MAX + 1]; /* the text of the last message */

static enum order take_message(void)
{
    int fd;
    int message = channel_receive(line.channel, said, &fd);
    enum order order = ORDER_NONE;
    switch (message) {
    case -1: order = end_of_line(); break;
    case MESSAGE_ACCEPT: order = ORDER_ACCEPT; break;
    case MESSAGE_DRAIN: order = ORDER_DRAIN; break;
    case MESSAGE_STOP: order = ORDER_STOP; break;
    case MESSAGE_STOP_NOW: order = ORDER_STOP_NOW; break;
    case MESSAGE_REOPEN: access_reopen(); break;
    case MESSAGE_TELL:
        if (fd >= 0) {
            line.tell(line.arg, fd);
            close(fd); /* before anybody learns of it, and looks at what is open here */
            fd = -1;
        }
        orders_say(MESSAGE_TOLD, NULL);
        break;
    default: break; /* of a later release */
    }
    if (fd >= 0)
        close(fd);
    return order;
}

static enum order take_signal(void)
{
    switch (signals_next(line.signals)) {
    case SIGTERM:
        said[0] = '\0';
        if (line.told_to_end)
            return ORDER_STOP_NOW;
        line.told_to_end = true;
        orders_say(MESSAGE_LEAVES, NULL);
        return ORDER_DRAIN;
    case SIGUSR1: access_reopen(); return ORDER_NONE;
    default: return ORDER_NONE; /* the supervisor gets them too, and says what follows */
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

void orders_begin(int signals, int channel, void (*tell)(void *arg, int fd), void *arg)
{
    line.signals = signals;
    line.channel = channel;
    line.pid = getpid();
    line.gone = false;
    line.tell = tell;
    line.arg = arg;
}

enum order orders_wait(int timeout_ms)
{
    int64_t until = clock_ms() + timeout_ms;
    for (;;) {
        struct pollfd ready[] = { { line.gone ? -1 : line.channel, POLLIN, 0 }, { line.signals, POLLIN, 0 } };
        int left = timeout_ms;
        if (timeout_ms > 0) {
            int64_t rest = until - clock_ms();
            left = rest > 0 ? (int)rest : 0;
        }
        int n = poll(ready, 2, left);
        if (n < 0 && errno != EINTR)
            log_line(NGI_LOG_ERROR, "orders cannot be waited for: %s", strerror(errno));
        enum order order = ORDER_NONE;
        if (n > 0 && ready[0].revents)
            order = take_message();
        if (n > 0 && order == ORDER_NONE && ready[1].revents)
            order = take_signal();
        if (order != ORDER_NONE || n == 0)
            return order;
    }
}

const char *orders_listeners(void)
{
    return said;
}

static void await_room(void)
{
    enum { PATIENCE_MS = 1000 };
    struct pollfd listens = { line.channel, POLLOUT, 0 };
    (void)poll(&listens, 1, PATIENCE_MS); /* for a supervisor that has much to hear */
}

void orders_say(enum message message, const char *text)
{
    int rc = line.channel < 0 ? 0 : channel_send(line.channel, message, text, -1);
    if (rc == -EAGAIN && message != MESSAGE_EVENT) {
        await_room();
        rc = channel_send(line.channel, message, text, -1);
    }
    if (rc < 0 && rc != -EPIPE)
        log_line(NGI_LOG_ERROR, "the supervisor cannot be told ('%c'): %s", message, strerror(-rc));
}

void orders_crashed(const struct transcript_facts *facts)
{
    if (line.channel < 0 || getpid() != line.pid)
        return;
    await_room();
    int rc = channel_send(line.channel, MESSAGE_CRASHED, last_words_write(facts), -1);
    if (rc < 0 && rc != -EPIPE) {
        static const char said_to_nobody[] = "postern: the supervisor does not hear which plugin has crashed\n";
        ssize_t written = write(STDERR_FILENO, said_to_nobody, sizeof said_to_nobody - 1);
        (void)written;
    }
}
