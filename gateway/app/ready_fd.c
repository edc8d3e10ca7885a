#include "app/ready_fd.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "proc/takeover.h"

bool ready_fd_parse(const char *text, int *ret)
{
    uint64_t number;
    *ret = -1;
    if (!text || takeover_happened()) /* it was told long ago, and closed */
        return true;
    if (!text_to_uint64(text, &number) || number > INT_MAX || fcntl((int)number, F_GETFD) < 0) {
        log_line(NGI_LOG_ERROR, "--ready-fd %s: no open descriptor", text);
        return false;
    }
    if (number > STDERR_FILENO)
        (void)fcntl((int)number, F_SETFD, FD_CLOEXEC);
    *ret = (int)number;
    return true;
}
