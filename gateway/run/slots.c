#include "run/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "processes share no locks");

/* True: it was `from`. */
static bool change(struct slot *slot, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong_explicit(&slot->state, &from, to, memory_order_acq_rel, memory_order_acquire);
}

/* ---------------------------------------------------------------------------------------------------------- */

struct slots *slots_new(int *ret_fd)
{
    int fd = memfd_create("slots", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct slots *slots = NULL;
    if (fd < 0)
        return NULL;
    /* Who could shorten it could have the gateway die of SIGBUS. */
    if (ftruncate(fd, sizeof *slots) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        slots = slots_map(fd);
    if (!slots) {
        int error = errno;
        close(fd);
        errno = error;
        return NULL;
    }
    *ret_fd = fd;
    return slots;
}

struct slots *slots_map(int fd)
{
    void *at = mmap(NULL, sizeof(struct slots), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

void slots_free(struct slots *slots)
{
    if (slots)
        munmap(slots, sizeof *slots);
}

void slot_offer(struct slot *slot)
{
    atomic_store_explicit(&slot->state, SLOT_SENT, memory_order_release);
}

bool slot_withdraw(struct slot *slot)
{
    return change(slot, SLOT_SENT, SLOT_WITHDRAWN) || change(slot, SLOT_LAST, SLOT_WITHDRAWN);
}

enum slot_state slot_quiet(struct slot *slot)
{
    if (change(slot, SLOT_SENT, SLOT_LAST))
        return SLOT_LAST;
    if (change(slot, SLOT_BEGUN, SLOT_ALONE))
        return SLOT_ALONE;
    return (enum slot_state)atomic_load_explicit(&slot->state, memory_order_acquire);
}

bool slot_is_answered(const struct slot *slot)
{
    return atomic_load_explicit(&slot->state, memory_order_acquire) == SLOT_ANSWERED;
}

size_t slot_read(const struct slot *slot, uint8_t answer[SLOT_ROOM])
{
    size_t n = atomic_load_explicit(&slot->length, memory_order_relaxed);
    if (n > SLOT_ROOM)
        return 0;
    memcpy(answer, slot->answer, n);
    return n;
}

bool slot_begin(struct slot *slot)
{
    return change(slot, SLOT_SENT, SLOT_BEGUN) || change(slot, SLOT_LAST, SLOT_ALONE);
}

bool slot_answer(struct slot *slot, const uint8_t *data, size_t n)
{
    if (n > SLOT_ROOM)
        return false;
    memcpy(slot->answer, data, n);
    atomic_store_explicit(&slot->length, (uint32_t)n, memory_order_relaxed);
    return change(slot, SLOT_BEGUN, SLOT_ANSWERED);
}
