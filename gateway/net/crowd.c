#include "net/crowd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { BUCKETS = 1 << 14 };

struct crowd_member {
    struct address address;
    uint64_t count; /* not 0 */
    struct crowd_member *next;
};

/* One lock, held for a few instructions when a connection opens and when it closes. */
struct crowd {
    pthread_mutex_t lock;
    uint64_t most, key;
    struct crowd_member *buckets[BUCKETS];
};

/* False: it is not counted. */
static bool name(const struct crowd *crowd, const struct sockaddr *socket, struct address *ret)
{
    if (crowd->most == 0 || !socket || !address_from_socket(socket, ret) || ret->family == AF_UNIX)
        return false;
    if (ret->family == AF_INET6)
        memset(&ret->bytes.s6_addr[8], 0, 8);
    return true;
}

/* Where a look for it begins. The key is secret, so that nobody can choose addresses that meet: a network has many. */
static struct crowd_member **bucket_of(struct crowd *crowd, const struct address *address)
{
    uint64_t half, hash;
    memcpy(&half, &address->bytes, sizeof half); /* of both families what counts is in the first eight bytes */
    hash = half ^ crowd->key;
    for (int i = 0; i < 2; i++) { /* the finalizer of MurmurHash3 */
        hash ^= hash >> 33;
        hash *= UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 33;
        hash *= UINT64_C(0xc4ceb9fe1a85ec53);
        hash ^= crowd->key;
    }
    return &crowd->buckets[(hash ^ hash >> 32) % BUCKETS];
}

static struct crowd_member **find(struct crowd *crowd, const struct address *address)
{
    struct crowd_member **at = bucket_of(crowd, address);
    while (*at && !address_equal(&(*at)->address, address))
        at = &(*at)->next;
    return at;
}

/* ---------------------------------------------------------------------------------------------------------- */

struct crowd *crowd_new(uint64_t most)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    if (!crowd)
        return NULL;
    pthread_mutex_init(&crowd->lock, NULL);
    crowd->most = most;
    (void)!getrandom(&crowd->key, sizeof crowd->key, GRND_NONBLOCK); /* without it, it is only slower at worst */
    return crowd;
}

void crowd_free(struct crowd *crowd)
{
    if (!crowd)
        return;
    pthread_mutex_destroy(&crowd->lock);
    free(crowd);
}

bool crowd_has_room(struct crowd *crowd, const struct sockaddr *socket, struct address *ret)
{
    struct address address;
    if (!name(crowd, socket, &address))
        return true;
    pthread_mutex_lock(&crowd->lock);
    const struct crowd_member *member = *find(crowd, &address);
    bool room = !member || member->count < crowd->most;
    pthread_mutex_unlock(&crowd->lock);
    if (!room)
        *ret = address;
    return room;
}

struct crowd_member *crowd_enter(struct crowd *crowd, const struct sockaddr *socket)
{
    struct address address;
    if (!name(crowd, socket, &address))
        return NULL;
    pthread_mutex_lock(&crowd->lock);
    struct crowd_member **at = find(crowd, &address);
    struct crowd_member *member = *at ? *at : calloc(1, sizeof *member);
    if (member && !*at) {
        member->address = address;
        *at = member;
    }
    if (member)
        member->count++;
    pthread_mutex_unlock(&crowd->lock);
    return member;
}

void crowd_leave(struct crowd *crowd, struct crowd_member *member)
{
    if (!member)
        return;
    pthread_mutex_lock(&crowd->lock);
    if (--member->count == 0) {
        *find(crowd, &member->address) = member->next;
        free(member);
    }
    pthread_mutex_unlock(&crowd->lock);
}
