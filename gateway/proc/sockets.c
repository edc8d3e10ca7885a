#include "proc/sockets.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_among(const struct listener *listener, const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (listeners->all[i].fd == listener->fd)
            return true;
    return false;
}

/* The socket held for `where`, unless it is taken already. */
static const struct listener *find(const struct sockets *sockets, const char *where, const struct listeners *taken)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (strcmp(sockets->all[i].where, where) == 0 && !is_among(&sockets->all[i].listener, taken))
            return &sockets->all[i].listener;
    return NULL;
}

static int hold(struct sockets *sockets, const char *where, int backlog, ngi_error *err)
{
    struct held *all = realloc(sockets->all, (sockets->count + 1) * sizeof *all);
    if (all)
        sockets->all = all;
    char *own = all ? strdup(where) : NULL;
    if (!own)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    struct held *held = &all[sockets->count];
    int rc = listener_open(&held->listener, where, backlog, err);
    if (rc != NGI_OK) {
        free(own);
        return rc;
    }
    held->where = own;
    sockets->count++;
    return NGI_OK;
}

static void drop_last(struct sockets *sockets)
{
    struct held *held = &sockets->all[--sockets->count];
    listener_close(&held->listener);
    free(held->where);
}

/* ---------------------------------------------------------------------------------------------------------- */

int sockets_take(struct sockets *sockets, const struct settings *settings, struct listeners *ret, ngi_error *err)
{
    size_t before = sockets->count;
    int rc = NGI_OK;
    *ret = (struct listeners){ .all = calloc(settings->listen_count, sizeof *ret->all) };
    if (!ret->all)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    for (size_t i = 0; i < settings->listen_count && rc == NGI_OK; i++) {
        const char *where = settings->listen[i];
        const struct listener *held = find(sockets, where, ret);
        if (held) {
            (void)listener_listen(held, (int)settings->backlog);
            ret->all[ret->count++] = *held;
        } else if ((rc = hold(sockets, where, (int)settings->backlog, err)) == NGI_OK)
            ret->all[ret->count++] = sockets->all[sockets->count - 1].listener;
    }
    if (rc == NGI_OK)
        return NGI_OK;
    while (sockets->count > before)
        drop_last(sockets);
    free(ret->all);
    *ret = (struct listeners){ 0 };
    return rc;
}

void sockets_keep(struct sockets *sockets, const struct listeners *these, const struct listeners *those)
{
    for (size_t i = 0; i < sockets->count;) {
        struct held *held = &sockets->all[i];
        if ((these && is_among(&held->listener, these)) || (those && is_among(&held->listener, those))) {
            i++;
            continue;
        }
        listener_close(&held->listener);
        free(held->where);
        *held = sockets->all[--sockets->count];
    }
}

void sockets_leave(const struct sockets *sockets, const struct listeners *listeners)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (!is_among(&sockets->all[i].listener, listeners))
            close(sockets->all[i].listener.fd);
}

void sockets_close(struct sockets *sockets)
{
    while (sockets->count > 0)
        drop_last(sockets);
    free(sockets->all);
    *sockets = (struct sockets){ 0 };
}
