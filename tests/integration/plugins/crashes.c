/* crashes - one way to end a process a route. Functions that a backtrace has to name are kept from being
 * inlined. */
#include <ngi.h>
#include <pthread.h>
#include <stdlib.h>

/* Not known to the compiler, which would warn of what is meant here. */
static volatile int zero;
static const volatile int *volatile nothing;
static void (*volatile nowhere)(void);

#define KEPT __attribute__((noinline)) static

KEPT int deref(const volatile int *p)
{
    return *p;
}

static int null(ngi_request *r)
{
    return ngi_textf(r, 200, "%d", deref(nothing));
}

__attribute__((always_inline)) static inline int dissolved(const volatile int *p)
{
    return *p;
}

static int inlined(ngi_request *r)
{
    return ngi_textf(r, 200, "%d", dissolved(nothing));
}

static int aborts(ngi_request *r)
{
    (void)r;
    abort();
}

static int frees_twice(ngi_request *r)
{
    void *volatile block = malloc(2000);
    void *volatile next = malloc(2000); /* or the block would become one with what is behind it */
    free(block);
    free(block);
    free(next);
    return ngi_text(r, 200, "");
}

KEPT int deeper(int level)
{
    volatile char block[4096];
    block[0] = 1;
    return zero ? level : deeper(level + 1) + block[0];
}

static int overflows(ngi_request *r)
{
    return ngi_textf(r, 200, "%d", deeper(0));
}

static int divides(ngi_request *r)
{
    return ngi_textf(r, 200, "%d", 100 / zero);
}

static int calls_nothing(ngi_request *r)
{
    nowhere();
    return ngi_text(r, 200, "");
}

/* Return addresses and saved registers become nonsense. */
static int smashes(ngi_request *r)
{
    volatile char block[16];
    for (volatile int i = 0; i < 400; i++)
        ((volatile char *)block)[i] = 0x5a;
    (void)r;
    return 0;
}

static void *crash_too(void *barrier)
{
    pthread_barrier_wait(barrier);
    deref(nothing);
    return NULL;
}

static int together(ngi_request *r)
{
    pthread_barrier_t barrier;
    pthread_t threads[8];
    pthread_barrier_init(&barrier, NULL, 9);
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, crash_too, &barrier);
    (void)r;
    pthread_barrier_wait(&barrier);
    return deref(nothing);
}

static int exits(ngi_request *r)
{
    (void)r;
    exit(0);
}

static int fine(ngi_request *r)
{
    return ngi_text(r, 200, "fine\n");
}

NGI_PLUGIN("crashes", "1.2", NGI_ROUTE(NGI_ANY, "/null", null), NGI_ROUTE(NGI_ANY, "/abort", aborts),
           NGI_ROUTE(NGI_ANY, "/free", frees_twice), NGI_ROUTE(NGI_ANY, "/stack", overflows),
           NGI_ROUTE(NGI_ANY, "/divide", divides), NGI_ROUTE(NGI_ANY, "/nowhere", calls_nothing),
           NGI_ROUTE(NGI_ANY, "/smash", smashes), NGI_ROUTE(NGI_ANY, "/together", together),
           NGI_ROUTE(NGI_ANY, "/exit", exits), NGI_ROUTE(NGI_ANY, "/fine", fine), NGI_ROUTE(NGI_ANY, "/inlined", inlined))
