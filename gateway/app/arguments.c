#include "app/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

enum { OPTIONS_MOST = 32, FIRST_LONG = 256 };

/* Options that every command has. */
static const struct option_row help_row = { "--help", 'h', NULL, "print this and exit" };

static void print_option(FILE *out, const struct option_row *row)
{
    char left[48];
    snprintf(left, sizeof left, "%c%c%s%s%s%s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
             row->letter ? ", " : "  ", row->name, row->argument ? " " : "", row->argument ? row->argument : "");
    fprintf(out, "  %-28s %s\n", left, row->help);
}

static void print_help(const struct command *command)
{
    command_usage(command, false);
    printf("\n%s\n\nOptions:\n", command->description);
    for (const struct option_row *row = command->options; row->name; row++)
        print_option(stdout, row);
    print_option(stdout, &help_row);
}

/* getopt's tables from ours; val is the row's index plus FIRST_LONG. */
static size_t make_tables(const struct command *command, struct option *longs, char *shorts)
{
    size_t count = 0;
    *shorts++ = ':'; /* tells a missing argument from an unknown option */
    for (; command->options[count].name && count + 2 < OPTIONS_MOST; count++) {
        const struct option_row *row = &command->options[count];
        longs[count] = (struct option){ row->name + 2, row->argument ? required_argument : no_argument, NULL,
                                        FIRST_LONG + (int)count };
        if (row->letter)
            *shorts++ = row->letter;
        if (row->letter && row->argument)
            *shorts++ = ':';
    }
    longs[count] = (struct option){ "help", no_argument, NULL, 'h' };
    longs[count + 1] = (struct option){ 0 };
    strcpy(shorts, "h");
    return count;
}

static const struct option_row *find_row(const struct command *command, int value)
{
    for (size_t i = 0; command->options[i].name; i++)
        if (value == FIRST_LONG + (int)i || value == command->options[i].letter)
            return &command->options[i];
    return NULL;
}

/* Says what is wrong with the option that getopt stumbled over. */
static void report_option(const struct command *command, int value, const char *word)
{
    enum { FAR = 4 };
    const struct option_row *row = optopt ? find_row(command, optopt) : NULL, *near = NULL;
    size_t best = FAR;
    if (row && value == ':') {
        log_line(NGI_LOG_ERROR, "%s: %s needs an argument: %s %s", command->name, word, word, row->argument);
    } else if (row) {
        log_line(NGI_LOG_ERROR, "%s: %s takes no argument", command->name, row->name);
    } else if (optopt) {
        log_line(NGI_LOG_ERROR, "%s: unknown option -%c", command->name, optopt);
    } else {
        for (row = command->options; row->name; row++) {
            size_t distance = text_distance(row->name, word, FAR);
            if (distance < best) {
                best = distance;
                near = row;
            }
        }
        log_line(NGI_LOG_ERROR, "%s: unknown option %s%s%s%s", command->name, word, near ? "; did you mean " : "",
                 near ? near->name : "", near ? "?" : "");
    }
}

static bool refuse(struct arguments *arguments)
{
    command_usage(arguments->command, true);
    arguments->status = EXIT_USAGE;
    return false;
}

/* ---------------------------------------------------------------------------------------------------------- */

void command_usage(const struct command *command, bool to_stderr)
{
    fprintf(to_stderr ? stderr : stdout, "usage: postern %s %s\n", command->name, command->arguments);
}

bool arguments_parse(struct arguments *arguments, const struct command *command, int argc, char **argv, size_t least,
                     size_t most)
{
    struct option longs[OPTIONS_MOST];
    char shorts[2 * OPTIONS_MOST + 3];
    *arguments = (struct arguments){ .command = command };
    make_tables(command, longs, shorts);
    arguments->given = calloc((size_t)argc + 1, sizeof *arguments->given);
    if (!arguments->given) {
        log_line(NGI_LOG_ERROR, "out of memory");
        arguments->status = EXIT_REFUSED;
        return false;
    }
    optind = 0; /* a fresh start, with glibc's permutation */
    opterr = 0;
    for (int value; (value = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        const struct option_row *row = find_row(command, value);
        if (value == 'h') {
            print_help(command);
            return false;
        }
        if (!row) {
            const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
            report_option(command, value, word);
            return refuse(arguments);
        }
        arguments->given[arguments->given_count++] = (struct given){ row, row->argument ? optarg : NULL };
    }
    arguments->rest = argv + optind;
    arguments->rest_count = (size_t)(argc - optind);
    if (arguments->rest_count < least || arguments->rest_count > most) {
        if (arguments->rest_count > most)
            log_line(NGI_LOG_ERROR, "%s: one argument too many: %s", command->name, arguments->rest[most]);
        else
            log_line(NGI_LOG_ERROR, "%s: an argument is missing", command->name);
        return refuse(arguments);
    }
    return true;
}

void arguments_free(struct arguments *arguments)
{
    free(arguments->given);
    arguments->given = NULL;
}

const char *arguments_get(const struct arguments *arguments, const char *name)
{
    for (size_t i = arguments->given_count; i-- > 0;)
        if (strcmp(arguments->given[i].option->name, name) == 0)
            return arguments->given[i].value;
    return NULL;
}

bool arguments_has(const struct arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->given_count; i++)
        if (strcmp(arguments->given[i].option->name, name) == 0)
            return true;
    return false;
}

struct settings *arguments_load(const struct arguments *arguments, const char *const *presets, struct report *report)
{
    struct settings *settings = NULL;
    static const struct {
        const char *option, *key;
    } shorthands[] = { { "--plugins", "plugins" }, { "--control", "control" } };
    enum { SHORTHANDS = sizeof shorthands / sizeof *shorthands };
    char *listen = NULL, *short_for[SHORTHANDS] = { NULL };
    size_t count = 0, preset_count = 0;
    while (presets && presets[preset_count])
        preset_count++;
    const char **overrides = calloc(arguments->given_count + preset_count + SHORTHANDS + 1, sizeof *overrides);
    bool good = overrides != NULL;
    /* Several --listen are one list; the shorthands come before --set. */
    for (size_t i = 0; i < arguments->given_count && good; i++) {
        const struct given *given = &arguments->given[i];
        if (strcmp(given->option->name, "--listen") == 0) {
            char *more = NULL;
            good = asprintf(&more, "%s%s%s", listen ? listen : "listen=", listen ? "," : "", given->value) >= 0;
            free(listen);
            listen = good ? more : NULL;
        }
    }
    for (size_t i = 0; i < preset_count && good; i++)
        overrides[count++] = presets[i];
    if (good && listen)
        overrides[count++] = listen;
    for (size_t i = 0; i < SHORTHANDS && good; i++) {
        const char *value = arguments_get(arguments, shorthands[i].option);
        if (!value)
            continue;
        good = asprintf(&short_for[i], "%s=%s", shorthands[i].key, value) >= 0;
        if (!good)
            short_for[i] = NULL;
        overrides[count++] = short_for[i];
    }
    for (size_t i = 0; i < arguments->given_count && good; i++)
        if (strcmp(arguments->given[i].option->name, "--set") == 0)
            overrides[count++] = arguments->given[i].value;
    if (good)
        (void)settings_load(arguments_get(arguments, "--config"), overrides, count, &settings, report);
    else
        report_add(report, "out of memory");
    if (settings)
        log_set_level(settings->log_level);
    free(overrides);
    free(listen);
    for (size_t i = 0; i < SHORTHANDS; i++)
        free(short_for[i]);
    return settings;
}

struct settings *arguments_settings(const struct arguments *arguments, const char *preset)
{
    const char *const presets[] = { preset, NULL };
    struct report report = { 0 };
    struct settings *settings = arguments_load(arguments, presets, &report);
    report_log(&report);
    report_free(&report);
    return settings;
}
