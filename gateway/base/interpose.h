/* What a function of ours that stands in front of libc's, for the whole process, calls in the end. */
#ifndef BASE_INTERPOSE_H
#define BASE_INTERPOSE_H

#include <dlfcn.h>
#include <stdatomic.h>

/* libc's function, or a sanitizer's, behind ours of the same name. `known` keeps it: every thread finds the same, so
 * relaxed will do. */
static inline void *interpose_next(const char *name, _Atomic(void *) *known)
{
    void *found = atomic_load_explicit(known, memory_order_relaxed);
    if (!found) {
        found = dlsym(RTLD_NEXT, name);
        atomic_store_explicit(known, found, memory_order_relaxed);
    }
    return found;
}

#endif
