#include "conf/settings_extract.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "sdk/ngi.h"

/* The last lines are comments, one for each place. They are in the order of the blocks; no other line follows. */
static const char mark[] = "# ";
enum { MARK = sizeof mark - 1, EXTRACT_MOST = 4 << 20 };

/* A path may hold a line end. */
static void print_place(const char *where, FILE *out)
{
    fputs(mark, out);
    for (; *where; where++)
        fputc(*where == '\n' ? '?' : *where, out);
    fputc('\n', out);
}

static void print_places(const struct plugin_settings *plugin, FILE *out)
{
    print_place(plugin->where, out);
    for (size_t i = 0; i < plugin->option_count; i++)
        print_place(plugin->options[i].where, out);
    for (size_t i = 0; i < plugin->route_count; i++)
        print_place(plugin->routes[i].where, out);
}

static size_t count_places(const struct settings *settings)
{
    size_t count = 0;
    for (size_t i = 0; i < settings->plugin_count; i++)
        count += 1 + settings->plugin[i].option_count + settings->plugin[i].route_count;
    return count;
}

/* The start of the last `count` lines; NULL: there are fewer. */
static char *last_lines(char *text, size_t length, size_t count)
{
    char *at = text + length;
    for (; count > 0; count--) {
        if (at == text)
            return NULL;
        char *before = memrchr(text, '\n', (size_t)(at - 1 - text));
        at = before ? before + 1 : text;
    }
    return at;
}

/* Takes the next place in the place of `where`. */
static bool take_place(char **at, char **where)
{
    char *line = *at, *end = strchr(line, '\n');
    if (!end || strncmp(line, mark, MARK) != 0)
        return false;
    char *place = strndup(line + MARK, (size_t)(end - line) - MARK);
    if (!place)
        return false;
    free(*where);
    *where = place;
    *at = end + 1;
    return true;
}

static bool take_places(struct settings *settings, char *at)
{
    bool good = at != NULL;
    for (size_t i = 0; i < settings->plugin_count && good; i++) {
        struct plugin_settings *plugin = &settings->plugin[i];
        good = take_place(&at, &plugin->where);
        for (size_t j = 0; j < plugin->option_count && good; j++)
            good = take_place(&at, &plugin->options[j].where);
        for (size_t j = 0; j < plugin->route_count && good; j++)
            good = take_place(&at, &plugin->routes[j].where);
    }
    return good;
}

/* ---------------------------------------------------------------------------------------------------------------- */

int settings_extract(const struct settings *settings, const char *plugin)
{
    int fd = memfd_create("settings", MFD_CLOEXEC);
    int copy = fd < 0 ? -1 : dup(fd);
    FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
    int error = errno;
    if (out) {
        (void)settings_print_for(settings, plugin, out);
        for (size_t i = 0; i < settings->plugin_count; i++)
            if (!plugin || strcmp(settings->plugin[i].name, plugin) == 0)
                print_places(&settings->plugin[i], out);
        bool good = !ferror(out);
        if (fclose(out) == 0 && good)
            return fd;
        error = errno ? errno : EIO;
    } else if (copy >= 0) {
        close(copy);
    }
    if (fd >= 0)
        close(fd);
    return -error;
}

int settings_read_extract(int fd, struct settings **ret, struct report *report)
{
    char path[64], *text = NULL;
    size_t length = 0;
    struct settings *settings = NULL;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* opened anew: from its start */
    int rc = settings_load(path, NULL, 0, &settings, report);
    if (rc != NGI_OK)
        return rc;
    int error = file_read(path, EXTRACT_MOST, &text, &length);
    if (error < 0 || !take_places(settings, last_lines(text, length, count_places(settings)))) {
        report_add(report, "settings: %s", error < 0 ? strerror(-error) : "they do not say where they come from");
        settings_free(settings);
        rc = NGI_EINVAL;
    } else {
        *ret = settings;
    }
    free(text);
    return rc;
}
