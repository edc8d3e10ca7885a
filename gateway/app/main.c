#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "base/log.h"
#include "base/text.h"
#include "config.h"
#include "net/server.h"
#include "proc/takeover.h"

static void print_help(FILE *out)
{
    fprintf(out, "Postern %s: an application server for native handlers.\n\nusage: postern COMMAND …\n\n",
            PACKAGE_VERSION);
    for (const struct command *command = commands; command->summary; command++)
        fprintf(out, "  %-9s %s\n", command->name, command->summary);
    fprintf(out, "\npostern COMMAND --help tells more.\n");
}

static int unknown(const char *word)
{
    enum { FAR = 3 };
    const char *near = NULL;
    size_t best = FAR;
    for (const struct command *command = commands; command->summary; command++) {
        size_t distance = text_distance(command->name, word, FAR);
        if (distance < best) {
            best = distance;
            near = command->name;
        }
    }
    if (near)
        log_line(NGI_LOG_ERROR, "no such command: %s; did you mean %s?", word, near);
    else
        log_line(NGI_LOG_ERROR, "no such command: %s; postern --help lists them", word);
    return EXIT_USAGE;
}

/* Were a standard descriptor closed, a client's connection could get its number, and our log lines. */
static int fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    return fd < 0 ? -1 : close(fd);
}

int main(int argc, char **argv)
{
    takeover_remember(argv);
    if (fill_standard_descriptors() < 0) {
        log_line(NGI_LOG_ERROR, "/dev/null cannot be opened: %s; its mode should be 666", strerror(errno));
        return EXIT_REFUSED;
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("postern %s (NGI %d.%d, libmicrohttpd %s)\n", PACKAGE_VERSION, NGI_MAJOR, NGI_MINOR, server_library());
        return 0;
    }
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, argv[1]) == 0)
            return command->run(command, argc - 1, argv + 1);
    return unknown(argv[1]);
}
