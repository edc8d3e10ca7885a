#include "conf/settings.h"

#include <string.h>

#include "conf/settings_table.h"
#include "conf/settings_value.h"
#include "sdk/ngi.h"

static void print_section(enum setting_section section, const void *base, int indent, FILE *out)
{
    for (size_t i = 0; i < settings_table_count; i++)
        if (settings_table[i].section == section)
            setting_print(&settings_table[i], base, indent, out);
}

static void print_plugin(const struct plugin_settings *plugin, FILE *out)
{
    fprintf(out, "\nplugin %s {\n", plugin->name);
    print_section(SECTION_PLUGIN, plugin, 4, out);
    if (plugin->option_count)
        fputs("    option {\n", out);
    for (size_t i = 0; i < plugin->option_count; i++) {
        fprintf(out, "        %s = ", plugin->options[i].name);
        setting_print_quoted(plugin->options[i].value, out);
        fputc('\n', out);
    }
    if (plugin->option_count)
        fputs("    }\n", out);
    for (size_t i = 0; i < plugin->route_count; i++) {
        fputs("    route ", out);
        setting_print_quoted(plugin->routes[i].pattern, out);
        fputs(" {\n", out);
        print_section(SECTION_ROUTE, &plugin->routes[i], 8, out);
        fputs("    }\n", out);
    }
    fputs("}\n", out);
}

static const char *standard_text(const struct setting *setting)
{
    return setting->standard ? setting->standard : setting->inherited;
}

static void describe_section(enum setting_section section, const char *title, FILE *out)
{
    char form[256];
    fprintf(out, "%s\n", title);
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting->section != section)
            continue;
        setting_form(setting, form, sizeof form);
        fprintf(out, "  %s (%s; default %s)\n      %s\n      %s.\n", setting->key, setting_type_name(setting),
                standard_text(setting), setting->help, form);
    }
}

/* Text in mdoc: backslashes, and the signs that begin a request at the start of a line, must not be read as such. */
static void print_mdoc(const char *text, FILE *out)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text; text++)
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '"')
            fputs("\\(dq", out);
        else
            fputc(*text, out);
}

static void describe_section_mdoc(enum setting_section section, const char *before, const char *after, FILE *out)
{
    char form[256];
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting->section != section)
            continue;
        setting_form(setting, form, sizeof form);
        fprintf(out, ".It %sCm %s No = Ar %s%s\n", before, setting->key, setting_type_name(setting), after);
        print_mdoc(setting->help, out);
        fputs("\nDefault: ", out);
        print_mdoc(standard_text(setting), out);
        fputs(".\nRight is ", out);
        print_mdoc(form, out);
        fputs(".\n", out);
    }
}

/* ---------------------------------------------------------------------------------------------------------------- */

int settings_print(const struct settings *settings, FILE *out)
{
    return settings_print_for(settings, NULL, out);
}

int settings_print_for(const struct settings *settings, const char *plugin, FILE *out)
{
    print_section(SECTION_ROOT, settings, 0, out);
    for (size_t i = 0; i < settings->plugin_count; i++)
        if (!plugin || strcmp(settings->plugin[i].name, plugin) == 0)
            print_plugin(&settings->plugin[i], out);
    return fflush(out) != 0 || ferror(out) ? NGI_EIO : NGI_OK;
}

void settings_describe(FILE *out)
{
    describe_section(SECTION_ROOT, "Settings of the gateway: KEY = VALUE", out);
    describe_section(SECTION_PLUGIN, "\nSettings of a plugin: plugin NAME { KEY = VALUE … }", out);
    fputs("  option { KEY = VALUE … }\n      The plugin's own options, checked against its table.\n", out);
    describe_section(SECTION_ROUTE, "\nSettings of a route: plugin NAME { route \"PATTERN\" { KEY = VALUE … } }", out);
}

void settings_describe_mdoc(FILE *out)
{
    describe_section_mdoc(SECTION_ROOT, "", "", out);
    describe_section_mdoc(SECTION_PLUGIN, "Cm plugin Ar NAME Brq ", "", out);
    fputs(".It Cm plugin Ar NAME Brq Cm option Brq Ar KEY No = Ar VALUE\n"
          "The plugin's own options, checked against its table.\n",
          out);
    describe_section_mdoc(SECTION_ROUTE, "Cm plugin Ar NAME Brq Cm route Ar PATTERN Brq ", "", out);
}
