/* How libconfuse is used. Every value is taken as text (a CFGT_PTR with a parse callback), so that the table's own
 * checks speak, all of them, with the line the value stands on. Every section accepts unknown keys (CFGF_KEYSTRVAL), so
 * that one of them does not end the parse: libconfuse calls the error function for it, which gives its line, and keeps
 * it behind the known ones. Two options of each section are ours, not the operator's: the first leads its callbacks to
 * the struct reader; the default of the second, parsed as the section opens, gives the line where it does. */
#include "conf/settings_read.h"

#include <assert.h>
#include <confuse.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings_check.h"
#include "conf/settings_tree.h"
#include "conf/settings_value.h"
#include "sdk/ngi.h"

enum { OPTION_READER, OPTION_OPENED, OPTION_FIRST_KEY, OPTIONS_MAX = 64 };

/* A text and the line it stands on. */
struct written {
    size_t line;
    char text[];
};

/* A key that libconfuse met and does not know. */
struct stray {
    const cfg_t *section;
    char *key;
    size_t line;
};

struct reader {
    const struct source *source;
    struct report *report;
    struct settings *settings;
    struct stray *strays;
    size_t stray_count;
    int rc;
};

/* The descriptions of all sections, as cfg_init takes and copies them. */
struct grammar {
    cfg_opt_t root[OPTIONS_MAX], plugin[OPTIONS_MAX], option[OPTIONS_MAX], route[OPTIONS_MAX];
};

static struct reader *reader_of(cfg_t *section)
{
    return cfg_opt_getnptr(cfg_getnopt(section, OPTION_READER), 0);
}

static int keep_text(cfg_t *section, cfg_opt_t *option, const char *text, void *result)
{
    (void)option;
    struct written *written = malloc(sizeof *written + strlen(text) + 1);
    *(void **)result = written;
    if (!written) {
        reader_of(section)->rc = NGI_ENOMEM;
        return 0; /* libconfuse aborts the process if a default is refused */
    }
    written->line = (size_t)section->line;
    strcpy(written->text, text);
    return 0;
}

static void keep_stray(struct reader *reader, const cfg_t *section, const char *key)
{
    struct stray *strays = realloc(reader->strays, (reader->stray_count + 1) * sizeof *strays);
    if (strays)
        reader->strays = strays;
    char *copy = strays ? strdup(key) : NULL;
    if (copy)
        strays[reader->stray_count++] = (struct stray){ section, copy, (size_t)section->line };
    else
        reader->rc = NGI_ENOMEM;
}

/* Whether the last unknown key stands on the same line: then what follows it, a title or a list, is no mistake of its
 * own. (In an option block every key is unknown to libconfuse, and none is a mistake.) */
static bool follows_stray(const struct reader *reader, const cfg_t *section)
{
    const struct stray *last = reader->stray_count ? &reader->strays[reader->stray_count - 1] : NULL;
    return last && strcmp(section->name, "option") != 0 && last->section == section &&
           last->line == (size_t)section->line;
}

static void hear_error(cfg_t *section, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void hear_error(cfg_t *section, const char *fmt, va_list ap)
{
    struct reader *reader = reader_of(section);
    char where[WHERE_MAX], *text;
    source_where(reader->source, (size_t)section->line, where);
    if (strcmp(fmt, "no such option '%s'") == 0) {
        keep_stray(reader, section, va_arg(ap, const char *));
    } else if (strcmp(fmt, "found duplicate title '%s'") == 0) {
        const char *kind = strcmp(section->name, "root") == 0 ? "plugin" : "route";
        report_add(reader->report, "%s: %s %s: has a block already; right is one block with all its settings", where,
                   kind, va_arg(ap, const char *));
    } else if (follows_stray(reader, section)) {
        return;
    } else if (vasprintf(&text, fmt, ap) >= 0) {
        report_add(reader->report, "%s: syntax: %s; right is KEY = VALUE, or a block NAME { … }", where, text);
        free(text);
    } else {
        reader->rc = NGI_ENOMEM;
    }
}

/* Writes the options of a section; `next` is behind the last and has room for its blocks and the end. */
static cfg_opt_t *describe_keys(cfg_opt_t *next, struct reader **reader, enum setting_section section)
{
    const cfg_opt_t *const first = next;
    *next++ = (cfg_opt_t){
        .name = "\001reader", .type = CFGT_PTR, .flags = CFGF_NODEFAULT, .simple_value = { .ptr = (void **)reader }
    };
    *next++ = (cfg_opt_t){ .name = "\001opened",
                           .type = CFGT_PTR,
                           .def = { .parsed = (char *)"here" },
                           .parsecb = keep_text,
                           .freecb = free };
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting->section != section)
            continue;
        bool list = setting->type == SETTING_LIST;
        *next++ = (cfg_opt_t){ .name = setting->key,
                               .type = CFGT_PTR,
                               .flags = list ? CFGF_LIST : CFGF_NODEFAULT,
                               .def = { .parsed = list ? (char *)setting->standard : NULL }, /* for += */
                               .parsecb = keep_text,
                               .freecb = free };
    }
    assert(next - first <= OPTIONS_MAX - 3); /* two blocks and the end at most */
    return next;
}

static void describe(struct grammar *grammar, struct reader **reader)
{
    cfg_opt_t end = CFG_END(), *next;
    *describe_keys(grammar->option, reader, SECTION_COUNT) = end;
    *describe_keys(grammar->route, reader, SECTION_ROUTE) = end;
    next = describe_keys(grammar->plugin, reader, SECTION_PLUGIN);
    *next++ = (cfg_opt_t)CFG_SEC("option", grammar->option, CFGF_NONE);
    *next++ = (cfg_opt_t)CFG_SEC("route", grammar->route, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
    *next = end;
    next = describe_keys(grammar->root, reader, SECTION_ROOT);
    *next++ = (cfg_opt_t)CFG_SEC("plugin", grammar->plugin, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
    *next = end;
}

/* The place of a section's opening brace; the first line, where the root is. */
static void opened_where(const struct reader *reader, cfg_t *section, char out[WHERE_MAX])
{
    const struct written *written = cfg_opt_getnptr(cfg_getnopt(section, OPTION_OPENED), 0);
    source_where(reader->source, written && written->line ? written->line : 1, out);
}

/* The place of an unknown key: where it was last met, or, should libconfuse not have told, its section's. */
static void stray_where(const struct reader *reader, cfg_t *section, const char *key, char out[WHERE_MAX])
{
    for (size_t i = reader->stray_count; i > 0; i--) {
        const struct stray *stray = &reader->strays[i - 1];
        if (stray->section == section && strcmp(stray->key, key) == 0) {
            source_where(reader->source, stray->line, out);
            return;
        }
    }
    opened_where(reader, section, out);
}

static void read_values(struct reader *reader, const struct setting *setting, cfg_opt_t *option, void *base,
                        const char *block)
{
    char where[WHERE_MAX];
    struct place place = { where, block };
    unsigned count = cfg_opt_size(option);
    if (count && option->flags & CFGF_MODIFIED)
        setting_clear_list(setting, base);
    else
        count = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct written *written = cfg_opt_getnptr(option, i);
        if (!written)
            continue; /* the parse ended on it */
        source_where(reader->source, written->line, where);
        if (setting_set(setting, base, written->text, &place, reader->report) == NGI_ENOMEM)
            reader->rc = NGI_ENOMEM;
    }
}

/* Reads the settings of a section into `base`, and names every key that is none. */
static void read_section(struct reader *reader, cfg_t *section, enum setting_section kind, void *base,
                         const char *block)
{
    char where[WHERE_MAX], advice[512];
    unsigned next = OPTION_FIRST_KEY;
    for (size_t i = 0; i < settings_table_count; i++)
        if (settings_table[i].section == kind)
            read_values(reader, &settings_table[i], cfg_getnopt(section, next++), base, block);
    for (cfg_opt_t *option; (option = cfg_getnopt(section, next)) != NULL; next++) {
        if (option->type == CFGT_SEC)
            continue;
        setting_advise(kind, cfg_opt_name(option), advice, sizeof advice);
        stray_where(reader, section, cfg_opt_name(option), where);
        report_add(reader->report, "%s: %s%s: is not a setting of %s; %s", where, block, cfg_opt_name(option),
                   section_titles[kind], advice);
    }
}

static void read_options(struct reader *reader, cfg_t *section, struct plugin_settings *plugin)
{
    char where[WHERE_MAX];
    cfg_opt_t *option;
    for (unsigned i = OPTION_FIRST_KEY; (option = cfg_getnopt(section, i)) != NULL; i++) {
        const char *value = cfg_opt_getnstr(option, 0);
        if (!value)
            continue; /* the parse ended on it */
        stray_where(reader, section, cfg_opt_name(option), where);
        const char *wrong = check_name(cfg_opt_name(option));
        if (wrong)
            report_add(reader->report, "%s: plugin.%s.option: the name \"%s\" %s; right are %s", where, plugin->name,
                       cfg_opt_name(option), wrong, NAME_FORM);
        else if (plugin_set_option(plugin, cfg_opt_name(option), value, where) != NGI_OK)
            reader->rc = NGI_ENOMEM;
    }
}

static void read_route(struct reader *reader, cfg_t *section, struct plugin_settings *plugin)
{
    char where[WHERE_MAX], *block;
    opened_where(reader, section, where);
    if (!*cfg_title(section)) {
        report_add(reader->report, "%s: plugin.%s.route: the pattern is empty; right is a route of the plugin", where,
                   plugin->name);
        return;
    }
    struct route_settings *route = plugin_add_route(plugin, cfg_title(section), where);
    if (!route || asprintf(&block, "plugin.%s.route \"%s\": ", plugin->name, route->pattern) < 0) {
        reader->rc = NGI_ENOMEM;
        return;
    }
    read_section(reader, section, SECTION_ROUTE, route, block);
    free(block);
}

static void read_plugin(struct reader *reader, cfg_t *section)
{
    char where[WHERE_MAX], *block;
    opened_where(reader, section, where);
    const char *name = cfg_title(section), *wrong = check_name(name);
    if (wrong)
        report_add(reader->report, "%s: plugin: the name \"%s\" %s; right are %s", where, name, wrong, NAME_FORM);
    struct plugin_settings *plugin = settings_add_plugin(reader->settings, name, where);
    if (!plugin || asprintf(&block, "plugin.%s.", name) < 0) {
        reader->rc = NGI_ENOMEM;
        return;
    }
    read_section(reader, section, SECTION_PLUGIN, plugin, block);
    read_options(reader, cfg_getsec(section, "option"), plugin);
    for (unsigned i = 0; i < cfg_size(section, "route"); i++)
        read_route(reader, cfg_getnsec(section, "route", i), plugin);
    free(block);
}

/* ---------------------------------------------------------------------------------------------------------------- */

int settings_read(struct settings *settings, const struct source *source, struct report *report)
{
    struct reader reader = { .source = source, .report = report, .settings = settings }, *itself = &reader;
    struct grammar grammar;
    size_t mistakes = report->count;
    describe(&grammar, &itself);
    cfg_t *root = cfg_init(grammar.root, CFGF_KEYSTRVAL);
    if (!root)
        return NGI_ENOMEM;
    cfg_set_error_function(root, hear_error);
    int parsed = cfg_parse_buf(root, source->text.data);
    read_section(&reader, root, SECTION_ROOT, settings, "");
    for (unsigned i = 0; i < cfg_size(root, "plugin"); i++)
        read_plugin(&reader, cfg_getnsec(root, "plugin", i));
    if (parsed != CFG_SUCCESS && report->count == mistakes) /* out of memory, most likely: nothing else is silent */
        report_add(report, "%s: syntax: libconfuse stopped without a reason; right is KEY = VALUE",
                   source_file(source));
    cfg_free(root);
    for (size_t i = 0; i < reader.stray_count; i++)
        free(reader.strays[i].key);
    free(reader.strays);
    return reader.rc;
}
