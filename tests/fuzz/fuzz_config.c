/* Any configuration: a file, a file that it may include as "101", and overrides (--set), with form feeds between them.
 * What is read is printed and read again as the same, also by way of an extract; a refusal names its place, and leaves
 * nothing behind that the next reading would stumble over. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/settings.h"
#include "conf/settings_check.h"
#include "conf/settings_extract.h"
#include "sdk/ngi.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

enum { FILE_FD = 100, INCLUDED_FD = 101, OVERRIDES = 16 };

static const char file[] = "/proc/self/fd/100";

/* Fixed descriptors, so that an input can name the second. */
static void make_file(int fd)
{
    int made = memfd_create("configuration", MFD_CLOEXEC);
    FUZZ_ASSERT(made >= 0 && dup2(made, fd) == fd && close(made) == 0);
}

static void fill_file(int fd, const char *text, size_t length)
{
    FUZZ_ASSERT(ftruncate(fd, 0) == 0 && pwrite(fd, text, length, 0) == (ssize_t)length);
}

static char *print(const struct settings *settings)
{
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    FUZZ_ASSERT(out && settings_print(settings, out) == NGI_OK && fclose(out) == 0);
    return text;
}

static struct settings *load_well(const char *text)
{
    struct report report = { 0 };
    struct settings *settings;
    fill_file(FILE_FD, text, strlen(text));
    int rc = settings_load(file, NULL, 0, &settings, &report);
    report_log(&report);
    FUZZ_ASSERT(rc == NGI_OK && report.count == 0);
    return settings;
}

static void check_printed(struct settings *settings, const char *expected)
{
    char *text = print(settings);
    FUZZ_ASSERT(strcmp(text, expected) == 0);
    free(text);
    settings_free(settings);
}

static void check_extract(const struct settings *settings, const char *expected)
{
    struct report report = { 0 };
    struct settings *again;
    int fd = settings_extract(settings, NULL);
    FUZZ_ASSERT(fd >= 0 && settings_read_extract(fd, &again, &report) == NGI_OK && report.count == 0);
    for (size_t i = 0; i < settings->plugin_count; i++)
        FUZZ_ASSERT(strcmp(settings->plugin[i].where, again->plugin[i].where) == 0);
    check_printed(again, expected);
    close(fd);
}

static void check_values(const struct settings *settings)
{
    FUZZ_ASSERT(settings->listen_count > 0 && settings->run >= RUN_AUTO && settings->run <= RUN_PROCESS);
    FUZZ_ASSERT(settings->timeout >= 0 && settings->timeout <= 86400); /* no NaN */
    for (size_t i = 0; i < settings->listen_count; i++)
        FUZZ_ASSERT(!check_listen(settings->listen[i]));
    for (size_t i = 0; i < settings->plugin_count; i++) {
        const struct plugin_settings *plugin = &settings->plugin[i];
        FUZZ_ASSERT(!check_name(plugin->name) && settings_plugin(settings, plugin->name) == plugin);
        FUZZ_ASSERT(!plugin->mount ||
                    (fits(plugin->mount, "^(/[^/?#%\001- \177]+)*$") && !fits(plugin->mount, "/\\.\\.?(/|$)")));
        for (size_t j = 0; j < plugin->option_count; j++) {
            FUZZ_ASSERT(!check_name(plugin->options[j].name));
            for (size_t k = 0; k < j; k++)
                FUZZ_ASSERT(strcmp(plugin->options[j].name, plugin->options[k].name) != 0);
        }
        for (size_t j = 0; j < plugin->route_count; j++)
            FUZZ_ASSERT(*plugin->routes[j].pattern);
    }
}

static void check_report(const struct report *report)
{
    FUZZ_ASSERT(report->count > 0);
    for (size_t i = 0; i < report->count; i++)
        FUZZ_ASSERT(fits(report->lines[i], "^(/proc/self/fd/[^:]*:[1-9][0-9]*: .|--set: .|spare_hosts = [0-9]+ )"));
}

static void run(const char *const *overrides, size_t count)
{
    struct report report = { 0 };
    struct settings *settings;
    int rc = settings_load(file, overrides, count, &settings, &report);
    if (rc == NGI_OK) {
        char *text = print(settings);
        FUZZ_ASSERT(report.count == 0);
        check_values(settings);
        check_printed(load_well(text), text);
        check_extract(settings, text);
        free(text);
        settings_free(settings);
    } else {
        FUZZ_ASSERT(rc == NGI_EINVAL);
        check_report(&report);
        settings_free(load_well("threads = 1\nplugin a { route \"/\" { queue = 2 } }\n"));
    }
    report_free(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    struct pieces pieces = pieces_of(data, size);
    char *overrides[OVERRIDES], *text = pieces_take(&pieces, '\f', NULL), *included = pieces_take(&pieces, '\f', NULL);
    size_t count = 0;
    if (!made) {
        make_file(FILE_FD);
        make_file(INCLUDED_FD);
        made = true;
    }
    fill_file(FILE_FD, text ? text : "", text ? strlen(text) : 0);
    fill_file(INCLUDED_FD, included ? included : "", included ? strlen(included) : 0);
    while (count < OVERRIDES && (overrides[count] = pieces_take(&pieces, '\f', NULL)))
        count++;
    run((const char *const *)overrides, count);
    while (count > 0)
        free(overrides[--count]);
    free(included);
    free(text);
    return 0;
}
