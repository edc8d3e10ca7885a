#include "app/command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/arguments.h"
#include "app/control_line.h"
#include "base/log.h"

enum { NAME_MOST = 64 }; /* of a plugin */

static int judge_reload(const char *answer)
{
    json_error_t error;
    json_t *object = json_loads(answer, 0, &error);
    int status = EXIT_REFUSED;
    if (json_is_true(json_object_get(object, "ok"))) {
        printf("generation %d serves\n", (int)json_integer_value(json_object_get(object, "generation")));
        status = 0;
    } else if (object) {
        const char *why = json_string_value(json_object_get(object, "why"));
        if (!why)
            why = json_string_value(json_object_get(object, "error"));
        log_line(NGI_LOG_ERROR, "nothing has changed: %.*s; the gateway's log tells more",
                 (int)strcspn(why ? why : "?", "\n"), why ? why : "?");
    } else {
        log_line(NGI_LOG_ERROR, "the gateway ended before the reload was over");
    }
    json_decref(object);
    return status;
}

/* drain and stop: the answer is the gateway's last word. */
static int judge_end(const char *answer)
{
    json_t *object = json_loads(answer, 0, NULL);
    int status = json_is_true(json_object_get(object, "ok")) ? 0 : EXIT_REFUSED;
    if (status != 0 && *answer)
        log_line(NGI_LOG_ERROR, "the gateway says %s", answer);
    else if (status != 0)
        log_line(NGI_LOG_ERROR, "the gateway has gone without a word: it was ended by force, or has crashed");
    json_decref(object);
    return status;
}

/* What to say to the gateway, malloc'ed; NULL, with the reason logged. */
static char *words_of(const struct arguments *arguments)
{
    const char *release = arguments_get(arguments, "--release");
    char *words = NULL;
    if (release && (!*release || strlen(release) > NAME_MOST || strpbrk(release, " \n"))) {
        log_line(NGI_LOG_ERROR, "--release %s: no plugin has such a name", release);
        return NULL;
    }
    if (asprintf(&words, "%s%s", release ? "release " : arguments->command->name, release ? release : "") >= 0)
        return words;
    log_line(NGI_LOG_ERROR, "out of memory");
    return NULL;
}

static int tell(const struct command *command, int argc, char **argv, int (*judge)(const char *answer))
{
    struct arguments arguments;
    int status = EXIT_REFUSED;
    if (!arguments_parse(&arguments, command, argc, argv, 0, 0)) {
        status = arguments.status;
    } else {
        char *words = words_of(&arguments);
        char *answer = words ? control_ask(&arguments, words) : NULL;
        if (answer)
            status = judge(answer);
        free(answer);
        free(words);
    }
    arguments_free(&arguments);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_reload(const struct command *command, int argc, char **argv)
{
    return tell(command, argc, argv, judge_reload);
}

int command_drain(const struct command *command, int argc, char **argv)
{
    return tell(command, argc, argv, judge_end);
}

int command_stop(const struct command *command, int argc, char **argv)
{
    return tell(command, argc, argv, judge_end);
}
