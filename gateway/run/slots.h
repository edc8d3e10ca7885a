/* What a gateway and one of its host processes share, a page or so for each call that the process is given ahead, while
 * it still has another one: who has the call, so that both agree whether it has begun, and room for a small answer,
 * which then needs no system call. The bytes that ask are FastCGI, on the socket, and so are those that answer, in
 * either place.
 *
 * The gateway may take a call back as long as it has not begun; one that has begun is answered in its slot only where
 * the process goes on with another call at once. Whoever waits for the slot to be looked at says so before: slot_quiet.
 *
 * A process may write whatever it likes: the gateway believes nothing of it but that the process has done so. */
#ifndef RUN_SLOTS_H
#define RUN_SLOTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SLOTS = 32,
    SLOT_ROOM = 4096 - 2 * sizeof(uint32_t), /* bytes of an answer, at most */
};

enum slot_state {
    SLOT_FREE,
    SLOT_SENT,      /* the process has been given the call; gateway */
    SLOT_LAST,      /* likewise, and is to answer by the socket; gateway */
    SLOT_BEGUN,     /* its handler runs, or has; process */
    SLOT_ALONE,     /* likewise, and it answers by the socket; either */
    SLOT_ANSWERED,  /* the answer is there; process */
    SLOT_WITHDRAWN, /* it is not to begin; gateway */
};

struct slot {
    _Atomic uint32_t state;  /* an enum slot_state; each change releases what was written before, each look acquires */
    _Atomic uint32_t length; /* of the answer; relaxed, as `state` orders it */
    uint8_t answer[SLOT_ROOM];
};

struct slots {
    struct slot all[SLOTS];
};

/* Memory that is shared by who has the descriptor, and that nobody can shorten. NULL (errno). *ret_fd: the caller's. */
struct slots *slots_new(int *ret_fd);
/* The other end of it. NULL (errno). The descriptor stays the caller's. */
struct slots *slots_map(int fd);
/* NULL is fine. */
void slots_free(struct slots *slots);

/* --- the gateway */

/* Before the call is sent. */
void slot_offer(struct slot *slot);
/* True: the call will not begin. */
bool slot_withdraw(struct slot *slot);
/* Has the answer come by the socket from here on. Returns the state that it is in now: SLOT_LAST, SLOT_ALONE, or
 * SLOT_ANSWERED, as it is too late; another is none of ours. */
enum slot_state slot_quiet(struct slot *slot);
bool slot_is_answered(const struct slot *slot);
/* Copies the answer; 0: it has a length that cannot be. */
size_t slot_read(const struct slot *slot, uint8_t answer[SLOT_ROOM]);

/* --- the process */

/* False: the call is not to begin. */
bool slot_begin(struct slot *slot);
/* Puts the whole answer there. False: it has to go by the socket. */
bool slot_answer(struct slot *slot, const uint8_t *data, size_t n);

#endif
