#include "plugin/options.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { WHY_SIZE = 256 };

static bool in_range(const ngi_option_spec *spec, double value)
{
    return (spec->min == 0 && spec->max == 0) || (value >= spec->min && value <= spec->max);
}

/* The usual spellings of a truth, as "true" or "false"; NULL for anything else. */
static const char *normal_bool(const char *text)
{
    static const char *const yes[] = { "true", "on", "yes", "1" }, *const no[] = { "false", "off", "no", "0" };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (text_equal_nocase(text, yes[i]))
            return "true";
        if (text_equal_nocase(text, no[i]))
            return "false";
    }
    return NULL;
}

/* The text as it is stored, or NULL with the reason in `why`. */
static const char *check_value(const ngi_option_spec *spec, const char *text, char why[WHY_SIZE])
{
    int64_t integer;
    double number;
    switch (spec->type) {
    case NGI_INT:
        if (!text_to_int64(text, &integer)) {
            snprintf(why, WHY_SIZE, "\"%s\" is no whole number", text);
            return NULL;
        }
        if (!in_range(spec, (double)integer)) {
            snprintf(why, WHY_SIZE, "%s is out of range: %.15g to %.15g", text, spec->min, spec->max);
            return NULL;
        }
        return text;
    case NGI_FLOAT:
        if (!text_to_double(text, &number)) {
            snprintf(why, WHY_SIZE, "\"%s\" is no number", text);
            return NULL;
        }
        if (!in_range(spec, number)) {
            snprintf(why, WHY_SIZE, "%s is out of range: %.15g to %.15g", text, spec->min, spec->max);
            return NULL;
        }
        return text;
    case NGI_BOOL:
        if (!normal_bool(text))
            snprintf(why, WHY_SIZE, "\"%s\" is neither true nor false", text);
        return normal_bool(text);
    case NGI_STRING:
        if (!in_range(spec, (double)strlen(text))) {
            snprintf(why, WHY_SIZE, "its length, %zu bytes, is out of range: %.15g to %.15g", strlen(text), spec->min,
                     spec->max);
            return NULL;
        }
        return text;
    default:
        snprintf(why, WHY_SIZE,
                 "its type %d in the plugin's table is unknown: NGI_STRING, NGI_INT, NGI_FLOAT, NGI_BOOL",
                 (int)spec->type);
        return NULL;
    }
}

static const ngi_option_spec *find_spec(const ngi_option_spec *table, const char *name)
{
    for (; table && table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

/* Whether a row of the plugin's table can be meant, whatever it is set to. */
static bool check_row(const char *plugin, const ngi_option_spec *table, const ngi_option_spec *spec,
                      struct report *report)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    if (!*spec->name || spec->name[strspn(spec->name, letters)]) {
        report_add(report,
                   "plugin %s: its option \"%s\" has a name that no configuration can set; right are letters, "
                   "digits and '_': a fault of the plugin",
                   plugin, spec->name);
        return false;
    }
    if (find_spec(table, spec->name) == spec)
        return true;
    report_add(report, "plugin %s: its option \"%s\" is there twice: a fault of the plugin", plugin, spec->name);
    return false;
}

static void report_unknown(const char *plugin, const ngi_option_spec *table, const struct option_setting *set,
                           struct report *report)
{
    enum { FAR = 4 };
    const char *near = NULL;
    size_t best = FAR;
    for (const ngi_option_spec *spec = table; spec && spec->name; spec++) {
        size_t distance = text_distance(spec->name, set->name, FAR);
        if (distance < best) {
            best = distance;
            near = spec->name;
        }
    }
    if (near)
        report_add(report, "%s: plugin %s has no option \"%s\": did you mean \"%s\"?", set->where, plugin, set->name,
                   near);
    else if (table && table->name)
        report_add(report, "%s: plugin %s has no option \"%s\": postern inspect lists those it has", set->where, plugin,
                   set->name);
    else
        report_add(report, "%s: plugin %s has no option \"%s\": it takes none", set->where, plugin, set->name);
}

static const struct option_setting *find_set(const struct plugin_settings *set, const char *name)
{
    for (size_t i = 0; set && i < set->option_count; i++)
        if (strcmp(set->options[i].name, name) == 0)
            return &set->options[i];
    return NULL;
}

/* One row of the plugin's table. */
static int fill_one(struct option_value *value, const char *plugin, const ngi_option_spec *spec,
                    const struct option_setting *set, struct report *report)
{
    char why[WHY_SIZE];
    const char *text = set ? set->value : spec->default_value;
    if (!text) {
        report_add(report, "plugin %s: its option \"%s\" must be set: plugin %s { option { %s = … } }%s%s", plugin,
                   spec->name, plugin, spec->name, spec->help ? "  # " : "", spec->help ? spec->help : "");
        return NGI_EINVAL;
    }
    const char *checked = check_value(spec, text, why);
    if (!checked) {
        if (set)
            report_add(report, "%s: plugin %s: option \"%s\": %s", set->where, plugin, spec->name, why);
        else
            report_add(report, "plugin %s: the default of its option \"%s\": %s: a fault of the plugin", plugin,
                       spec->name, why);
        return NGI_EINVAL;
    }
    value->name = spec->name;
    value->text = strdup(checked);
    if (!value->text)
        report_add(report, "plugin %s: out of memory", plugin);
    return value->text ? NGI_OK : NGI_ENOMEM;
}

/* ---------------------------------------------------------------------------------------------------------- */

int options_fill(struct options *options, const char *plugin, const ngi_option_spec *table,
                 const struct plugin_settings *set, struct report *report)
{
    size_t count = 0;
    int rc = NGI_OK;
    *options = (struct options){ 0 };
    while (table && table[count].name)
        count++;
    options->values = calloc(count + 1, sizeof *options->values);
    if (!options->values) {
        report_add(report, "plugin %s: out of memory", plugin);
        return NGI_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        struct option_value value = { 0 };
        if (!check_row(plugin, table, &table[i], report)) {
            rc = NGI_EINVAL;
            continue;
        }
        int one = fill_one(&value, plugin, &table[i], find_set(set, table[i].name), report);
        if (one == NGI_OK)
            options->values[options->count++] = value;
        else
            rc = one;
    }
    for (size_t i = 0; set && i < set->option_count; i++)
        if (!find_spec(table, set->options[i].name)) {
            report_unknown(plugin, table, &set->options[i], report);
            rc = NGI_EINVAL;
        }
    return rc;
}

const char *options_get(const struct options *options, const char *name)
{
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->values[i].name, name) == 0)
            return options->values[i].text;
    return NULL;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < options->count; i++)
        free(options->values[i].text);
    free(options->values);
    *options = (struct options){ 0 };
}
