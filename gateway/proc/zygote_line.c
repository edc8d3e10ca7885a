#include "proc/zygote_line.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/closer.h"
#include "base/text.h"
#include "sdk/ngi.h"

/* One message, when there is room for it. */
static int tell(int line, enum zygote_message message, const char *text, int fd)
{
    int rc;
    while ((rc = channel_send(line, message, text, fd)) == -EAGAIN) {
        struct pollfd room = { line, POLLOUT, 0 };
        (void)poll(&room, 1, -1);
    }
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

int zygote_line_tell(int line, enum zygote_message message, const char *text, int fd)
{
    int rc = 0;
    for (; text && strlen(text) > CHANNEL_TEXT_MAX && rc == 0; text += CHANNEL_TEXT_MAX)
        rc = tell(line, ZYGOTE_PART, text, -1); /* it takes no more than that */
    return rc == 0 ? tell(line, message, text, fd) : rc;
}

int zygote_line_tell_of(int line, enum zygote_message message, uint64_t number, int64_t value, int fd)
{
    char text[48];
    snprintf(text, sizeof text, "%" PRIu64 " %" PRId64, number, value);
    return zygote_line_tell(line, message, text, fd);
}

bool zygote_line_parse(const char *text, uint64_t *ret_number, int64_t *ret_value)
{
    char number[24];
    const char *space = strchr(text, ' ');
    size_t n = space ? (size_t)(space - text) : strlen(text);
    if ((space != NULL) != (ret_value != NULL) || n >= sizeof number)
        return false;
    memcpy(number, text, n);
    number[n] = '\0';
    return text_to_uint64(number, ret_number) && (!ret_value || text_to_int64(space + 1, ret_value));
}

int zygote_line_hear(int line, struct buffer *text, int *ret_fd)
{
    char part[CHANNEL_TEXT_MAX + 1];
    *ret_fd = -1;
    if (text->length > 0 && text->data[text->length - 1] == '\0') /* of the last message */
        buffer_reset(text, CHANNEL_TEXT_MAX);
    int kind = channel_receive(line, part, ret_fd);
    if (kind == MESSAGE_NONE || kind < 0)
        return kind;
    bool ends = kind != ZYGOTE_PART;
    if (buffer_append(text, part, strlen(part) + ends) == NGI_OK && (ends || *ret_fd < 0))
        return kind;
    closer_drop(*ret_fd);
    *ret_fd = -1;
    return -1;
}
