/* Monotonic time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

/* Milliseconds since some fixed moment; never goes back. */
static inline int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Microseconds since the same moment. */
static inline int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* So long from now, as what waits until CLOCK_MONOTONIC says so wants it. */
static inline struct timespec clock_after(int64_t us)
{
    int64_t at_us = clock_us() + us;
    return (struct timespec){ at_us / 1000000, at_us % 1000000 * 1000 };
}

/* What this thread has used since it began; a system call. */
struct thread_usage {
    int64_t cpu_us;
    int64_t waits; /* times it gave its processor up of its own will: to sleep, or to wait for something */
};

static inline struct thread_usage clock_thread_usage(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (struct thread_usage){
        .cpu_us = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
                  usage.ru_stime.tv_usec,
        .waits = usage.ru_nvcsw,
    };
}

#endif
