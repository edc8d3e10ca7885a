/* The listening sockets that the supervisor holds, across generations: one that stays in the configuration stays open,
 * with all that waits in its queue. */
#ifndef PROC_SOCKETS_H
#define PROC_SOCKETS_H

#include "conf/settings.h"
#include "net/listener.h"

/* A zeroed struct sockets holds none. */
struct sockets {
    struct held {
        char *where; /* as the settings say */
        struct listener listener;
    } * all;
    size_t count;
};

/* The sockets that the settings name, in their order: those held, and new ones, which are held from now on. `ret`
 * borrows them (free ret->all). NGI_OK; or, with none opened, NGI_EINVAL, NGI_EIO, NGI_ENOMEM. */
int sockets_take(struct sockets *sockets, const struct settings *settings, struct listeners *ret, ngi_error *err);

/* Closes those that are neither among `these` nor among `those`, each NULL for none; the files of local ones go. */
void sockets_keep(struct sockets *sockets, const struct listeners *these, const struct listeners *those);

/* In a child: closes its descriptors of those that are not among `listeners`. Else it would keep a port open where
 * nobody accepts, long after the others have closed it. */
void sockets_leave(const struct sockets *sockets, const struct listeners *listeners);

/* Closes all; the files of local ones go. */
void sockets_close(struct sockets *sockets);

#endif
