#include "tests/unit/settings_fixture.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/postern-settings-XXXXXX";
static int home = -1;

struct report report;
struct settings *settings;

void settings_set_up(void)
{
    strcpy(directory + sizeof directory - 7, "XXXXXX");
    home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert(home >= 0 && mkdtemp(directory) && chdir(directory) == 0);
    settings = NULL;
}

void settings_tear_down(void)
{
    static const char *const files[] = { "a.conf", "b.conf", "sub/c.conf", "sub/d.conf" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    rmdir("sub");
    ck_assert(fchdir(home) == 0 && close(home) == 0 && rmdir(directory) == 0);
    settings_free(settings);
    settings = NULL;
    report_free(&report);
}

void write_conf(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

int load(const char *text)
{
    settings_free(settings);
    settings = NULL;
    report_free(&report);
    write_conf("a.conf", text);
    return settings_load("a.conf", NULL, 0, &settings, &report);
}

void load_well(const char *text)
{
    int rc = load(text);
    report_log(&report);
    ck_assert_int_eq(rc, NGI_OK);
    ck_assert_uint_eq(report.count, 0);
}

int override(const char *first, ...)
{
    const char *list[8];
    size_t n = 0;
    va_list ap;
    settings_free(settings);
    settings = NULL;
    report_free(&report);
    va_start(ap, first);
    for (; first; first = va_arg(ap, const char *))
        list[n++] = first;
    va_end(ap);
    return settings_load(access("a.conf", F_OK) == 0 ? "a.conf" : NULL, list, n, &settings, &report);
}

void assert_report(const char *line, ...)
{
    va_list ap;
    size_t i = 0;
    va_start(ap, line);
    for (; line; line = va_arg(ap, const char *), i++) {
        ck_assert_msg(i < report.count, "missing: %s", line);
        ck_assert_str_eq(report.lines[i], line);
    }
    va_end(ap);
    ck_assert_msg(i == report.count, "too many lines: %s", i < report.count ? report.lines[i] : "");
}
