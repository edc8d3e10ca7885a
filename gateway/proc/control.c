#include "proc/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { SILENCE_MS = 1000 }; /* of a client, while others want its place */

static const char *const words[] = { [CONTROL_STATUS] = "status",
                                     [CONTROL_RELOAD] = "reload",
                                     [CONTROL_RELEASE] = "release",
                                     [CONTROL_DRAIN] = "drain",
                                     [CONTROL_STOP] = "stop" };

static void dismiss(struct control_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    free(client->answer);
    *client = (struct control_client){ .fd = -1 };
}

/* The file's mode lets nobody else in; this is for where that is not looked at. */
static bool is_trusted(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

/* The first free place; CONTROL_CLIENTS: there is none. */
static size_t find_place(const struct control *control)
{
    size_t i = 0;
    while (i < CONTROL_CLIENTS && control->clients[i].fd >= 0)
        i++;
    return i;
}

static bool is_silent(const struct control_client *client)
{
    return client->fd >= 0 && client->asked == CONTROL_NONE && !client->answer;
}

static void take_client(struct control *control)
{
    size_t i = find_place(control);
    if (i == CONTROL_CLIENTS)
        return;
    int fd = accept4(control->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    control->clients[i].fd = fd;
    control->clients[i].since_ms = clock_ms();
    if (!is_trusted(fd))
        control_answer(&control->clients[i], strdup("{\"error\": \"only root and the gateway's user are heard\"}"));
}

static void take_word(struct control_client *client)
{
    size_t room = sizeof client->word - 1 - client->word_length;
    ssize_t n = recv(client->fd, client->word + client->word_length, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        dismiss(client);
        return;
    }
    client->word_length += (size_t)n;
    client->word[client->word_length] = '\0';
    char *end = strchr(client->word, '\n');
    if (!end) {
        if (client->word_length == sizeof client->word - 1)
            dismiss(client);
        return;
    }
    *end = '\0';
    char *name = strchr(client->word, ' ');
    if (name)
        *name++ = '\0';
    client->name = name;
    for (size_t i = 1; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], client->word) == 0 && (i == CONTROL_RELEASE) == (name != NULL))
            client->asked = (enum control_word)i;
    if (client->asked == CONTROL_NONE)
        control_answer(client, strdup("{\"error\": \"unknown; there are status, reload, release NAME, drain, stop\"}"));
}

static void send_answer(struct control_client *client)
{
    ssize_t n = send(client->fd, client->answer + client->answer_sent, client->answer_length - client->answer_sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        client->answer_sent += (size_t)n;
    if (n < 0 || client->answer_sent == client->answer_length)
        dismiss(client);
}

static void look_after(struct control_client *client)
{
    if (client->answer)
        send_answer(client);
    else if (client->asked == CONTROL_NONE)
        take_word(client);
    else
        dismiss(client); /* it has left before it was answered */
}

/* ---------------------------------------------------------------------------------------------------------- */

void control_init(struct control *control)
{
    *control = (struct control){ .listener.fd = -1 };
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        control->clients[i].fd = -1;
}

int control_open(struct control *control, const char *path, ngi_error *err)
{
    enum { QUEUE = 16 };
    char where[sizeof control->listener.path + sizeof "unix:"];
    bool off = strcmp(path, "off") == 0;
    if (strcmp(path, control->listener.path) == 0)
        return NGI_OK;
    struct listener opened = { .fd = -1 };
    if (!off) {
        mode_t before = umask(0177);
        int rc = snprintf(where, sizeof where, "unix:%s", path) < (int)sizeof where
                   ? listener_open(&opened, where, QUEUE, err)
                   : ngi_error_set(err, NGI_EINVAL, "control %s: the path is too long", path);
        umask(before);
        if (rc != NGI_OK)
            return rc;
    }
    listener_close(&control->listener);
    control->listener = opened;
    return NGI_OK;
}

void control_close(struct control *control, bool leaves)
{
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        dismiss(&control->clients[i]);
    if (leaves)
        control->listener.path[0] = '\0';
    listener_close(&control->listener);
}

nfds_t control_poll(const struct control *control, struct pollfd *out)
{
    nfds_t count = 0;
    if (control->listener.fd >= 0 && find_place(control) < CONTROL_CLIENTS)
        out[count++] = (struct pollfd){ control->listener.fd, POLLIN, 0 };
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        const struct control_client *client = &control->clients[i];
        /* Of one who waits for an answer only the end counts: it may have closed its sending side. */
        short events = client->answer ? POLLOUT : client->asked == CONTROL_NONE ? POLLIN : 0;
        if (client->fd >= 0)
            out[count++] = (struct pollfd){ client->fd, events, 0 };
    }
    return count;
}

int64_t control_next_ms(const struct control *control)
{
    int64_t next = INT64_MAX;
    if (control->listener.fd < 0 || find_place(control) < CONTROL_CLIENTS)
        return next;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        const struct control_client *client = &control->clients[i];
        if (is_silent(client) && client->since_ms + SILENCE_MS < next)
            next = client->since_ms + SILENCE_MS;
    }
    return next;
}

void control_serve(struct control *control, const struct pollfd *polled, nfds_t count)
{
    bool comes = false;
    for (nfds_t n = 0; n < count; n++) {
        if (!polled[n].revents)
            continue;
        comes |= polled[n].fd == control->listener.fd;
        for (size_t i = 0; i < CONTROL_CLIENTS; i++)
            if (control->clients[i].fd == polled[n].fd)
                look_after(&control->clients[i]);
    }
    if (clock_ms() >= control_next_ms(control))
        for (size_t i = 0; i < CONTROL_CLIENTS; i++)
            if (is_silent(&control->clients[i]) && clock_ms() - control->clients[i].since_ms >= SILENCE_MS)
                dismiss(&control->clients[i]);
    if (comes)
        take_client(control);
}

void control_answer(struct control_client *client, char *json)
{
    client->answer = json ? json : strdup("{\"error\": \"out of memory\"}");
    client->answer_length = client->answer ? strlen(client->answer) : 0;
    client->answer_sent = 0;
    client->asked = CONTROL_NONE;
    if (client->answer)
        send_answer(client);
    else
        dismiss(client);
}
