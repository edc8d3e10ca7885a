#include "base/wait_status.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

const char *wait_status_print(int status, char out[WAIT_STATUS_SIZE])
{
    const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (name)
        snprintf(out, WAIT_STATUS_SIZE, "died of SIG%s", name);
    else if (WIFSIGNALED(status))
        snprintf(out, WAIT_STATUS_SIZE, "died of signal %d", WTERMSIG(status));
    else
        snprintf(out, WAIT_STATUS_SIZE, "ended with status %d", WEXITSTATUS(status));
    return out;
}
