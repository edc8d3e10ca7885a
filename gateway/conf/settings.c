#include "conf/settings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/settings_check.h"
#include "conf/settings_hosts.h"
#include "conf/settings_read.h"
#include "conf/settings_tree.h"
#include "conf/settings_trust.h"
#include "conf/settings_value.h"
#include "conf/source.h"
#include "sdk/ngi.h"

static const char override_where[] = "--set";

static int read_file(struct settings *settings, const char *file, struct report *report)
{
    struct source source;
    int rc = source_read(&source, file, report);
    if (rc == NGI_OK)
        rc = settings_read(settings, &source, report);
    source_free(&source);
    return rc;
}

/* The block of a plugin, made if there is none yet. */
static int plugin_block(struct settings *settings, const char *name, struct plugin_settings **ret,
                        struct report *report)
{
    const char *wrong = check_name(name);
    if (wrong) {
        report_add(report, "%s: plugin: the name \"%s\" %s; right are %s", override_where, name, wrong, NAME_FORM);
        return NGI_EINVAL;
    }
    for (size_t i = 0; i < settings->plugin_count; i++)
        if (strcmp(settings->plugin[i].name, name) == 0) {
            *ret = &settings->plugin[i];
            return NGI_OK;
        }
    *ret = settings_add_plugin(settings, name, override_where);
    return *ret ? NGI_OK : NGI_ENOMEM;
}

/* A list's values stand between commas. */
static int set_list(const struct setting *setting, void *base, char *text, const struct place *place,
                    struct report *report)
{
    int rc = NGI_OK;
    char *value;
    setting_clear_list(setting, base);
    while ((value = strsep(&text, ",")) != NULL && rc != NGI_ENOMEM)
        rc = setting_set(setting, base, value, place, report);
    return rc;
}

/* KEY of a section: `block` is what stood before it. */
static int set_key(enum setting_section section, void *base, const char *block, const char *key, char *value,
                   struct report *report)
{
    struct place place = { override_where, block };
    const struct setting *setting = setting_find(section, key);
    char advice[512];
    if (!setting) {
        setting_advise(section, key, advice, sizeof advice);
        report_add(report, "%s: %s%s: is not a setting of %s; %s", override_where, block, key, section_titles[section],
                   advice);
        return NGI_EINVAL;
    }
    if (setting->type == SETTING_LIST)
        return set_list(setting, base, value, &place, report);
    return setting_set(setting, base, value, &place, report);
}

static int set_option(struct settings *settings, const char *plugin_name, const char *key, const char *value,
                      struct report *report)
{
    struct plugin_settings *plugin;
    const char *wrong = check_name(key);
    if (wrong) {
        report_add(report, "%s: plugin.%s.option: the name \"%s\" %s; right are %s", override_where, plugin_name, key,
                   wrong, NAME_FORM);
        return NGI_EINVAL;
    }
    int rc = plugin_block(settings, plugin_name, &plugin, report);
    return rc == NGI_OK ? plugin_set_option(plugin, key, value, override_where) : rc;
}

/* `path` is what stands behind "plugin.": NAME.option.KEY, or NAME.KEY. Names of plugins and of options may hold dots:
 * the first ".option." splits the one form, and the last dot the other, as no key holds one. */
static int set_of_plugin(struct settings *settings, char *path, char *value, struct report *report)
{
    static const char option[] = ".option.";
    char block[512];
    struct plugin_settings *plugin;
    char *split = strstr(path, option);
    if (split) {
        *split = '\0';
        return set_option(settings, path, split + sizeof option - 1, value, report);
    }
    split = strrchr(path, '.');
    if (!split) {
        report_add(report, "%s: plugin.%s: names no setting; right is plugin.NAME.KEY=VALUE", override_where, path);
        return NGI_EINVAL;
    }
    *split = '\0';
    int rc = plugin_block(settings, path, &plugin, report);
    if (rc != NGI_OK)
        return rc;
    snprintf(block, sizeof block, "plugin.%s.", path);
    return set_key(SECTION_PLUGIN, plugin, block, split + 1, value, report);
}

static int set_override(struct settings *settings, const char *text, struct report *report)
{
    static const char plugin[] = "plugin.";
    char *key = strdup(text), *value = key ? strchr(key, '=') : NULL;
    int rc = NGI_ENOMEM;
    if (!key)
        goto out;
    if (!value) {
        report_add(report, "%s: %s: has no value; right is KEY=VALUE", override_where, text);
        rc = NGI_EINVAL;
        goto out;
    }
    *value++ = '\0';
    if (text_has_prefix(key, plugin))
        rc = set_of_plugin(settings, key + sizeof plugin - 1, value, report);
    else
        rc = set_key(SECTION_ROOT, settings, "", key, value, report);
out:
    free(key);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- */

int settings_load(const char *file, const char *const *overrides, size_t override_count, struct settings **ret,
                  struct report *report)
{
    size_t mistakes = report->count;
    struct settings *settings = settings_new();
    int rc = settings ? NGI_OK : NGI_ENOMEM;
    if (rc == NGI_OK && file)
        rc = read_file(settings, file, report);
    for (size_t i = 0; i < override_count && rc != NGI_ENOMEM; i++)
        if (set_override(settings, overrides[i], report) == NGI_ENOMEM)
            rc = NGI_ENOMEM;
    /* What was refused above has no value to be compared. */
    if (rc == NGI_OK && report->count == mistakes) {
        settings_compare_hosts(settings, report);
        settings_compare_trust(settings, report);
    }
    if (rc == NGI_OK && report->count > mistakes)
        rc = NGI_EINVAL;
    if (rc == NGI_OK)
        *ret = settings;
    else
        settings_free(settings);
    return rc;
}
