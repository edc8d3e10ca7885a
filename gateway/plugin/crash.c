#include "plugin/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scribe.h"
#include "plugin/crash_file.h"
#include "plugin/crash_facts.h"

/* Everything below runs in signal context: only what signal-safety(7) allows, and system calls. Nothing in memory can
 * be relied on: see crash_facts. */

/* Sanitizers have handlers and stacks of their own, and insist on them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CRASH_OURS 0
#else
#define CRASH_OURS 1
#endif

enum {
    STACK_SIZE = 32 * 1024, /* SIGSTKSZ is no constant any more */
    LINE_SIZE = 4096,       /* PIPE_BUF: a line of it does not mix with others in a pipe */
    FACT_MOST = 512,        /* of it for each of the longer words */
    TARGET_MOST = 1024,
};

static crash_autopsy *autopsy;
static crash_witness *witness;

/* --- the line ---------------------------------------------------------------------------------------------------- */

static void put(struct scribe *line, const char *before, const char *fact)
{
    if (!fact)
        return;
    scribe_put(line, before);
    scribe_suspect(line, fact, FACT_MOST);
}

static void put_plugin(struct scribe *line, const struct transcript_facts *facts, bool exited)
{
    if (facts->plugin) {
        put(line, exited ? " " : " in plugin ", facts->plugin);
        put(line, ", file ", facts->file);
        put(line, ", version ", facts->version);
        put(line, ", build-id ", facts->build_id);
    } else if (facts->file) {
        put(line, exited ? " " : " in ", facts->file);
    } else {
        scribe_put(line, " outside every call of a plugin: in the gateway itself, or in a thread that a plugin has "
                         "made");
    }
    put(line, ", ", facts->phase);
}

static void put_request(struct scribe *line, const struct crash_facts *known)
{
    const struct request *request = known->request;
    if (!request)
        return;
    if (known->facts.route) {
        put(line, " of route \"", known->facts.route);
        scribe_put(line, "\"");
    }
    put(line, ", ", request->ngi.method);
    scribe_put(line, " ");
    scribe_suspect(line, request->raw_target, TARGET_MOST);
    put(line, ", incident ", known->facts.incident);
}

static void write_line(struct scribe *line)
{
    if (line->length == line->size)
        line->length--;
    scribe_put(line, "\n");
    ssize_t written = write(STDERR_FILENO, line->text, line->length);
    (void)written;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static void tell_loss(int error)
{
    char text[256];
    struct scribe line = { text, sizeof text, 0 };
    const char *why = strerrordesc_np(-error); /* unlike strerror, it translates and allocates nothing */
    scribe_put(&line, "postern: the request is not kept: ");
    scribe_put(&line, why ? why : "an unknown error");
    write_line(&line);
}

/* The line as early as it can be whole: whatever goes wrong after it, it has been said. */
static void tell(const struct crash_facts *known, const ucontext_t *where, enum crash_end end)
{
    static char text[LINE_SIZE]; /* one thread comes here, once: see begin() */
    struct scribe line = { text, sizeof text, 0 };
    const char *path = NULL;
    int fd = crash_file_open(known, &path);
    scribe_put(&line, end == CRASH_EXIT ? "postern: a plugin must not call exit():" : "postern: crashed:");
    put(&line, " ", known->facts.signal);
    put(&line, " at address ", known->facts.address);
    put_plugin(&line, &known->facts, end == CRASH_EXIT);
    put_request(&line, known);
    if (fd >= 0) {
        scribe_put(&line, ", kept in ");
        scribe_put(&line, path);
    }
    write_line(&line);
    if (witness)
        witness(&known->facts);
    int error = fd >= 0 ? crash_file_fill(fd, known) : fd == CRASH_FILE_OFF ? 0 : fd;
    if (error < 0)
        tell_loss(error);
    if (autopsy)
        autopsy(where, end, known->facts.incident ? known->facts.incident : "");
}

/* Whether this thread is to tell. Another that crashes meanwhile waits for its end, which is that of the process. False
 * for a thread that crashes while it tells. */
static bool begin(void)
{
    static _Atomic pid_t teller;
    pid_t nobody = 0;
    if (atomic_compare_exchange_strong(&teller, &nobody, gettid()))
        return true;
    while (nobody != gettid())
        pause();
    return false;
}

/* Runs in exit(): on the way out of main no thread is in a plugin. One that is has called exit itself. */
static void tell_exit(void)
{
    const struct call_site *site = call_site();
    ucontext_t where;
    if (!site->phase)
        return;
    getcontext(&where);
    if (begin())
        tell(crash_facts_gather(site, NULL), &where, CRASH_EXIT);
    _exit(1);
}

#if CRASH_OURS
static void on_signal(int signal, siginfo_t *info, void *context)
{
    const struct sigaction standard = { .sa_handler = SIG_DFL };
    if (begin())
        tell(crash_facts_gather(call_site(), info), context, signal == SIGABRT ? CRASH_ABORT : CRASH_FAULT);
    /* What the signal did before, core dump included, as soon as this returns and it is no longer blocked. */
    sigaction(signal, &standard, NULL);
    raise(signal);
}
#endif

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

void crash_tell(crash_witness *fn)
{
    witness = fn;
}

void crash_watch(crash_autopsy *fn)
{
    autopsy = fn;
    atexit(tell_exit);
#if CRASH_OURS
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    /* A fault in the handler finds its signal blocked, and ends the process at once (signal(7), force_sig in Linux). */
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &action, NULL);
#endif
    crash_watch_thread();
}
