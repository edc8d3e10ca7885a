#include "plugin/crash.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/call.h"

/* Everything below runs in signal context: only what signal-safety(7) allows. */

/* Sanitizers have handlers and stacks of their own, and insist on them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CRASH_OURS 0
#else
#define CRASH_OURS 1
#endif

enum { STACK_SIZE = 32 * 1024 }; /* SIGSTKSZ is no constant any more */

struct line {
    char text[1024];
    size_t length;
};

static void put(struct line *line, const char *s)
{
    for (; s && *s && line->length < sizeof line->text; s++)
        line->text[line->length++] = *s >= 0x20 && *s != 0x7f ? *s : '?';
}

static void put_hex(struct line *line, uintptr_t value)
{
    char digits[2 * sizeof value + 1], *at = digits + sizeof digits - 1;
    *at = '\0';
    do
        *--at = "0123456789abcdef"[value & 15];
    while (value >>= 4);
    put(line, "0x");
    put(line, at);
}

static const char *name_of(int signal)
{
    switch (signal) {
    case SIGSEGV: return "SIGSEGV (bad memory access)";
    case SIGBUS: return "SIGBUS (bad memory access)";
    case SIGILL: return "SIGILL (bad instruction)";
    case SIGFPE: return "SIGFPE (division by zero or overflow)";
    case SIGABRT: return "SIGABRT (abort)";
    default: return "a signal";
    }
}

/* Says in which phase and for which request, and writes the line. */
static void finish(struct line *line, const struct call_site *site)
{
    if (site->phase) {
        put(line, ", ");
        put(line, site->phase);
    }
    if (site->request && site->request->route) {
        put(line, " of route \"");
        put(line, site->request->route->spec->pattern);
        put(line, "\", ");
        put(line, site->request->ngi.method);
        put(line, " ");
        put(line, site->request->raw_target);
    }
    if (line->length == sizeof line->text)
        line->length--;
    line->text[line->length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line->text, line->length);
    (void)written;
}

/* Runs in exit(): on the way out of main no thread is in a plugin. One that is has called exit itself. */
static void tell_exit(void)
{
    const struct call_site *site = call_site();
    struct line line = { .length = 0 };
    if (!site->phase)
        return;
    put(&line, "postern: a plugin must not call exit(): ");
    put(&line, site->plugin && site->plugin->name ? site->plugin->name : site->path);
    finish(&line, site);
    _exit(1);
}

static void tell(int signal, siginfo_t *info, void *context)
{
    (void)context;
    struct line line = { .length = 0 };
    const struct call_site *site = call_site();
    put(&line, "postern: crashed: ");
    put(&line, name_of(signal));
    if (signal == SIGSEGV || signal == SIGBUS) {
        put(&line, " at address ");
        put_hex(&line, (uintptr_t)info->si_addr);
    }
    if (site->plugin && site->plugin->name) {
        put(&line, " in plugin ");
        put(&line, site->plugin->name);
        put(&line, ", file ");
        put(&line, site->plugin->module->path);
    } else if (site->path) {
        put(&line, " in ");
        put(&line, site->path);
    } else {
        put(&line, " in the gateway itself");
    }
    finish(&line, site);
    /* SA_RESETHAND: the signal now does what it did before, core dump included. */
    raise(signal);
}

/* ---------------------------------------------------------------------------------------------------------- */

void crash_watch_thread(void)
{
#if CRASH_OURS
    /* Of the thread's own storage: it is there as long as the thread is, and no page of it is touched before the crash.
     */
    static _Thread_local char room[STACK_SIZE];
    const stack_t stack = { .ss_sp = room, .ss_size = sizeof room };
    sigaltstack(&stack, NULL);
#endif
}

void crash_watch(void)
{
    atexit(tell_exit);
#if CRASH_OURS
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
    struct sigaction action = { .sa_sigaction = tell, .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_ONSTACK };
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &action, NULL);
#else
    (void)tell;
#endif
    crash_watch_thread();
}
