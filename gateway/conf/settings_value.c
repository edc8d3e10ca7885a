#include "conf/settings_value.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sdk/ngi.h"

/* The member of `base` that the row names. */
#define MEMBER(type, setting, base) ((type *)(void *)((char *)(base) + (setting)->offset))
#define CONST_MEMBER(type, setting, base) ((type const *)(const void *)((const char *)(base) + (setting)->offset))

static size_t *list_count(const struct setting *setting, void *base)
{
    return (size_t *)(void *)((char *)base + setting->count_offset);
}

static size_t const_list_count(const struct setting *setting, const void *base)
{
    return *(const size_t *)(const void *)((const char *)base + setting->count_offset);
}

static int refuse(const struct setting *setting, const char *text, const char *wrong, const struct place *place,
                  struct report *report)
{
    char form[256];
    setting_form(setting, form, sizeof form);
    report_add(report, "%s: %s%s: \"%s\" %s; right is %s", place->where, place->block, setting->key, text, wrong, form);
    return NGI_EINVAL;
}

/* What is wrong with a number for its range; NULL: nothing. */
static const char *range_mistake(const struct setting *setting, double value)
{
    if (value < (double)setting->min)
        return "is too small";
    return value > (double)setting->max ? "is too large" : NULL;
}

static bool parse_bool(const char *text, bool *ret)
{
    static const char *const words[] = { "off", "on", "no", "yes", "false", "true" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_equal_nocase(text, words[i])) {
            *ret = i % 2;
            return true;
        }
    return false;
}

static bool parse_name(const struct setting *setting, const char *text, int *ret)
{
    for (int i = 0; setting->names[i]; i++)
        if (strcmp(setting->names[i], text) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

/* Stores a text that is neither string nor list; what is wrong with it, or NULL. */
static const char *store_plain(const struct setting *setting, void *base, const char *text)
{
    const char *wrong = NULL;
    int64_t number;
    uint64_t size;
    double real;
    bool on;
    switch (setting->type) {
    case SETTING_INT:
        if (!text_to_int64(text, &number))
            return "is not a whole number";
        if (!(wrong = range_mistake(setting, (double)number)))
            *MEMBER(int64_t, setting, base) = number;
        return wrong;
    case SETTING_SIZE:
        if (!text_to_size(text, &size))
            return "is not a size";
        if (!(wrong = range_mistake(setting, (double)size)))
            *MEMBER(int64_t, setting, base) = (int64_t)size;
        return wrong;
    case SETTING_FLOAT:
        if (!text_to_double(text, &real))
            return "is not a number";
        if (!(wrong = range_mistake(setting, real)))
            *MEMBER(double, setting, base) = real;
        return wrong;
    case SETTING_BOOL:
    case SETTING_SWITCH:
        if (!parse_bool(text, &on))
            return "is neither on nor off";
        if (setting->type == SETTING_BOOL)
            *MEMBER(bool, setting, base) = on;
        else
            *MEMBER(int, setting, base) = on;
        return NULL;
    default: return parse_name(setting, text, MEMBER(int, setting, base)) ? NULL : "is unknown";
    }
}

static int store_string(const struct setting *setting, void *base, const char *text)
{
    char **member = MEMBER(char *, setting, base);
    char *copy = strdup(setting->type == SETTING_MOUNT && strcmp(text, "/") == 0 ? "" : text);
    if (!copy)
        return NGI_ENOMEM;
    free(*member);
    *member = copy;
    return NGI_OK;
}

static int append_string(const struct setting *setting, void *base, const char *text)
{
    char ***member = MEMBER(char **, setting, base);
    size_t *count = list_count(setting, base);
    char *copy = strdup(text);
    char **list = copy ? realloc(*member, (*count + 1) * sizeof *list) : NULL;
    if (!list) {
        free(copy);
        return NGI_ENOMEM;
    }
    list[(*count)++] = copy;
    *member = list;
    return NGI_OK;
}

static void print_list(const struct setting *setting, const void *base, FILE *out)
{
    char *const *list = *CONST_MEMBER(char **, setting, base);
    size_t count = const_list_count(setting, base);
    fputc('{', out);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", out);
        setting_print_quoted(list[i], out);
    }
    fputc('}', out);
}

/* As few digits as read back to the same number. */
static void print_real(double real, FILE *out)
{
    char text[32];
    double back;
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (text_to_double(text, &back) && back == real)
            break;
    }
    fputs(text, out);
}

/* Makes setting_is_set false of a member that is all zero. */
static void set_inherited(const struct setting *setting, void *base)
{
    switch (setting->type) {
    case SETTING_INT:
    case SETTING_SIZE: *MEMBER(int64_t, setting, base) = -1; break;
    case SETTING_FLOAT: *MEMBER(double, setting, base) = -1; break;
    case SETTING_SWITCH:
    case SETTING_ENUM: *MEMBER(int, setting, base) = -1; break;
    default: break; /* strings are NULL, lists empty */
    }
}

/* ---------------------------------------------------------------------------------------------------------------- */

int setting_set(const struct setting *setting, void *base, const char *text, const struct place *place,
                struct report *report)
{
    const char *wrong;
    switch (setting->type) {
    case SETTING_STRING:
    case SETTING_MOUNT:
    case SETTING_LIST:
        wrong = setting->check(text);
        if (wrong)
            return refuse(setting, text, wrong, place, report);
        return setting->type == SETTING_LIST ? append_string(setting, base, text) : store_string(setting, base, text);
    default:
        wrong = store_plain(setting, base, text);
        return wrong ? refuse(setting, text, wrong, place, report) : NGI_OK;
    }
}

void setting_clear_list(const struct setting *setting, void *base)
{
    if (setting->type != SETTING_LIST)
        return;
    char ***member = MEMBER(char **, setting, base);
    size_t *count = list_count(setting, base);
    for (size_t i = 0; i < *count; i++)
        free((*member)[i]);
    free(*member);
    *member = NULL;
    *count = 0;
}

bool setting_is_set(const struct setting *setting, const void *base)
{
    if (setting->standard)
        return true;
    switch (setting->type) {
    case SETTING_STRING:
    case SETTING_MOUNT: return *CONST_MEMBER(char *, setting, base) != NULL;
    case SETTING_LIST: return const_list_count(setting, base) > 0;
    case SETTING_INT:
    case SETTING_SIZE: return *CONST_MEMBER(int64_t, setting, base) >= 0;
    case SETTING_FLOAT: return *CONST_MEMBER(double, setting, base) >= 0;
    case SETTING_SWITCH:
    case SETTING_ENUM: return *CONST_MEMBER(int, setting, base) >= 0;
    default: return true;
    }
}

int section_set_defaults(enum setting_section section, void *base)
{
    static const struct place place = { "default", "" };
    struct report report = { 0 };
    int rc = NGI_OK;
    for (size_t i = 0; i < settings_table_count && rc == NGI_OK; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting->section != section)
            continue;
        if (setting->standard)
            rc = setting_set(setting, base, setting->standard, &place, &report);
        else
            set_inherited(setting, base);
    }
    report_log(&report); /* a mistake in the table: the tests find it */
    report_free(&report);
    return rc;
}

void section_free(enum setting_section section, void *base)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting->section != section)
            continue;
        setting_clear_list(setting, base);
        if (setting->type == SETTING_STRING || setting->type == SETTING_MOUNT) {
            free(*MEMBER(char *, setting, base));
            *MEMBER(char *, setting, base) = NULL;
        }
    }
}

void setting_print(const struct setting *setting, const void *base, int indent, FILE *out)
{
    char size[32];
    if (!setting_is_set(setting, base)) {
        fprintf(out, "%*s# %s: %s\n", indent, "", setting->key, setting->inherited);
        return;
    }
    fprintf(out, "%*s%s = ", indent, "", setting->key);
    switch (setting->type) {
    case SETTING_STRING: setting_print_quoted(*CONST_MEMBER(char *, setting, base), out); break;
    case SETTING_MOUNT: {
        const char *path = *CONST_MEMBER(char *, setting, base);
        setting_print_quoted(*path ? path : "/", out);
        break;
    }
    case SETTING_LIST: print_list(setting, base, out); break;
    case SETTING_INT: fprintf(out, "%" PRId64, *CONST_MEMBER(int64_t, setting, base)); break;
    case SETTING_FLOAT: print_real(*CONST_MEMBER(double, setting, base), out); break;
    case SETTING_BOOL: fputs(*CONST_MEMBER(bool, setting, base) ? "on" : "off", out); break;
    case SETTING_SWITCH: fputs(*CONST_MEMBER(int, setting, base) ? "on" : "off", out); break;
    case SETTING_SIZE:
        setting_format_size(*CONST_MEMBER(int64_t, setting, base), size, sizeof size);
        fputs(size, out);
        break;
    case SETTING_ENUM: fputs(setting->names[*CONST_MEMBER(int, setting, base)], out); break;
    }
    fputc('\n', out);
}

void setting_print_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++) {
        if (*byte < ' ' || *byte == 0x7f)
            fprintf(out, "\\x%02x", *byte);
        else
            fprintf(out, "%s%c", strchr("\"\\$", *byte) ? "\\" : "", *byte);
    }
    fputc('"', out);
}
