#include "app/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/arguments.h"
#include "base/log.h"
#include "plugin/facts.h"

static int inspect(const char *path, bool json)
{
    struct facts *facts = NULL;
    ngi_error err = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        log_line(NGI_LOG_ERROR, "%s: %s", path, strerror(errno));
        return EXIT_REFUSED;
    }
    int rc = facts_read(fd, &facts, &err);
    if (rc != NGI_OK)
        log_line(NGI_LOG_ERROR, "%s: %s", path, err.text);
    else
        rc = json ? facts_print_json(facts, path, stdout) : facts_print(facts, path, stdout);
    facts_free(facts);
    close(fd);
    return rc == NGI_OK ? 0 : EXIT_REFUSED;
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_inspect(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    int status = arguments_parse(&arguments, command, argc, argv, 1, 1)
                   ? inspect(arguments.rest[0], arguments_has(&arguments, "--json"))
                   : arguments.status;
    arguments_free(&arguments);
    return status;
}
