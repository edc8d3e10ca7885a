#include "proc/zygote_child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { FILE_MOST = 16 * 1024 };

/* The number in the line that begins with `key`; 0: there is none. */
static long number_in(const char *path, const char *key)
{
    char *text = NULL;
    size_t length;
    long number = 0;
    if (file_read(path, FILE_MOST, &text, &length) < 0)
        return 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, strlen(key)) == 0) {
            number = strtol(line + strlen(key), NULL, 10);
            break;
        }
    }
    free(text);
    return number;
}

/* ---------------------------------------------------------------------------------------------------------- */

enum zygote_child zygote_child_look(int pidfd, pid_t pid, pid_t parent)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd); /* pidfd_open(2): "Pid:" is -1 after the end */
    long is = pidfd < 0 ? 0 : number_in(path, "Pid:");
    if (is == -1)
        return CHILD_ENDED;
    if (is <= 0 || is != pid)
        return CHILD_FALSE;
    snprintf(path, sizeof path, "/proc/%ld/status", is);
    long its_parent = number_in(path, "PPid:");
    if (its_parent == parent)
        return CHILD_LIVES;
    /* It may have been waited for in between: then the number is nobody's, or another's by now. */
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    return number_in(path, "Pid:") == -1 ? CHILD_ENDED : CHILD_FALSE;
}
