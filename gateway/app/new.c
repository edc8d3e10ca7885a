#include "app/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/arguments.h"
#include "app/embedded.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

enum { FILE_MOST = 1024 * 1024, PATH_SIZE = 64 };

/* Appends `text` with every @NAME@ replaced. */
static int fill(struct buffer *out, const char *text, const char *name)
{
    static const char mark[] = "@NAME@";
    int rc = NGI_OK;
    for (const char *next; rc == NGI_OK && (next = strstr(text, mark)) != NULL; text = next + sizeof mark - 1) {
        rc = buffer_append(out, text, (size_t)(next - text));
        if (rc == NGI_OK)
            rc = buffer_append(out, name, strlen(name));
    }
    return rc == NGI_OK ? buffer_append(out, text, strlen(text)) : rc;
}

/* What a file of the scaffold is called in the new folder: plugin.c is the plugin's own. */
static void choose_path(const struct embedded *file, const char *name, char path[PATH_SIZE])
{
    const char *slash = strrchr(file->name, '/');
    const char *base = slash ? slash + 1 : file->name;
    if (strcmp(base, "plugin.c") == 0)
        snprintf(path, PATH_SIZE, "%s.c", name);
    else
        snprintf(path, PATH_SIZE, "%s", base);
}

static bool write_file(int directory, const struct embedded *file, const char *name)
{
    char path[PATH_SIZE];
    struct buffer text;
    int fd = -1, error = ENOMEM;
    buffer_init(&text, FILE_MOST);
    choose_path(file, name, path);
    if (fill(&text, file->text, name) == NGI_OK) {
        mode_t mode = text_has_prefix(file->text, "#!") ? 0777 : 0666;
        fd = openat(directory, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        error = fd < 0 ? errno : -file_write_all(fd, text.data, text.length);
    }
    if (error)
        log_line(NGI_LOG_ERROR, "%s/%s: %s", name, path, strerror(error));
    if (fd >= 0)
        close(fd);
    buffer_free(&text);
    return error == 0;
}

/* A name that is fit for a file, a URL, a command line and a Makefile alike. */
static bool is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= 40 && !name[n] && !(name[0] >= '0' && name[0] <= '9') && name[0] != '-';
}

static int make(const char *name)
{
    if (!is_name(name)) {
        log_line(NGI_LOG_ERROR,
                 "new: \"%s\" is no name: letters, digits, '_' and '-', at most 40, beginning with a letter or '_'",
                 name);
        return EXIT_USAGE;
    }
    if (mkdir(name, 0777) < 0) {
        log_line(NGI_LOG_ERROR, "new: %s: %s", name, strerror(errno));
        return EXIT_REFUSED;
    }
    int directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = directory >= 0;
    for (const struct embedded *file = embedded; good && file->name; file++)
        good = write_file(directory, file, name);
    if (directory >= 0)
        close(directory);
    if (!good)
        return EXIT_REFUSED;
    printf("%s/ is there. Next:\n  cd %s\n  make              # builds %s.so\n  make test         # calls it\n"
           "  postern run %s.so # serves it at http://127.0.0.1:8080/\n",
           name, name, name, name);
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_new(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    int status = arguments_parse(&arguments, command, argc, argv, 1, 1) ? make(arguments.rest[0]) : arguments.status;
    arguments_free(&arguments);
    return status;
}
