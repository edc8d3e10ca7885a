#include "app/command.h"

#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "proc/zygote_main.h"

static bool parse_number(const char *text, int *ret)
{
    uint64_t number;
    if (!text_to_uint64(text, &number) || number > INT_MAX)
        return false;
    *ret = (int)number;
    return true;
}

/* A descriptor that may be there, or not: -1. */
static bool parse_descriptor(const char *text, int *ret)
{
    *ret = -1;
    return strcmp(text, "-1") == 0 || parse_number(text, ret);
}

/* What may be there, or not: "-", or "=" and the text. */
static bool parse_optional(const char *text, const char **ret)
{
    *ret = *text == '=' ? text + 1 : NULL;
    return *text == '=' || strcmp(text, "-") == 0;
}

/* Not for people: what a worker starts (proc/zygote.c), and so without help and in no list. */
int command_zygote(const struct command *command, int argc, char **argv)
{
    enum { LINE = 1, SETTINGS, COPY, CRASHES, WORKER, STAMPED, FILE_PATH, NAME, MOUNT, COUNT };
    struct zygote_job job;
    int worker, stamped;
    if (argc != COUNT || !parse_number(argv[LINE], &job.line) || !parse_number(argv[SETTINGS], &job.settings) ||
        !parse_number(argv[COPY], &job.copy) || !parse_descriptor(argv[CRASHES], &job.crashes) ||
        !parse_number(argv[WORKER], &worker) || !parse_number(argv[STAMPED], &stamped) ||
        !parse_optional(argv[MOUNT], &job.mount)) {
        log_line(NGI_LOG_ERROR, "%s: for a worker of postern only", command->name);
        return EXIT_USAGE;
    }
    job.worker = worker;
    job.stamped = stamped;
    job.path = argv[FILE_PATH];
    job.name = argv[NAME];
    return zygote_main(&job);
}
