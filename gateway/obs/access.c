#include "obs/access.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/settings.h"
#include "http/status.h"
#include "plugin/plugin.h"

enum { FIELD_MOST = 2048, LINE_MOST = 4 * 3 * FIELD_MOST + 4096 };

/* Set by access_open before there are other threads; access_reopen changes only what the descriptor refers to. */
static int fd = -1;
static int line_format;
static char *log_path;

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

/* Bytes of body that were sent; -1 where nobody counted them. */
static int64_t bytes_sent(const struct request *request, bool sent)
{
    if (!sent)
        return -1;
    if (request->method == NGI_HEAD || status_has_no_content(request->response.status))
        return 0;
    return response_length(&request->response);
}

/* A quoted field: whatever a client sent, it stays within its quotes and its line. As in Apache's log, a quote and a
 * backslash get a backslash, and what is no printable ASCII is \xHH. */
static void put_quoted(struct buffer *line, const char *const *pieces)
{
    size_t left = FIELD_MOST;
    (void)buffer_append(line, "\"", 1);
    for (const char *const *s = pieces; *s; s++)
        for (const char *at = *s; *at && left > 0; at++, left--) {
            unsigned char c = (unsigned char)*at;
            if (c < 0x20 || c > 0x7e)
                (void)buffer_printf(line, "\\x%02x", c);
            else
                (void)buffer_printf(line, c == '"' || c == '\\' ? "\\%c" : "%c", c);
        }
    (void)buffer_append(line, "\"", 1);
}

/* The first header of that name; NULL without it. */
static const char *find_header(const struct request *request, const char *name)
{
    for (unsigned i = 0; i < request->header_count; i++)
        if (text_equal_nocase(request->headers[i].name, name))
            return request->headers[i].value;
    return NULL;
}

static void put_header(struct buffer *line, const struct request *request, const char *name)
{
    const char *value = find_header(request, name);
    put_quoted(line, (const char *const[]){ value ? value : "-", NULL });
}

/* Errors of the buffer are out of memory: the line is then shorter, which is as much as can be said. */
static void format_combined(struct buffer *line, const struct request *request, const struct timing *timing, int status,
                            bool sent)
{
    char when[40];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", &utc);
    const char *const request_line[] = { request->ngi.method, " ", request->raw_target, " ", request->protocol, NULL };
    int64_t bytes = bytes_sent(request, sent);

    (void)buffer_printf(line, "%s - - [%s] ", request->ngi.remote_addr, when);
    put_quoted(line, request_line);
    (void)buffer_printf(line, bytes < 0 ? " %d - " : " %d %lld ", status, (long long)bytes);
    put_header(line, request, "Referer");
    (void)buffer_append(line, " ", 1);
    put_header(line, request, "User-Agent");
    (void)buffer_printf(line, " %s %s %s %lld %lld %s", request->id, request->plugin ? request->plugin->name : "-",
                        timing->rung, (long long)timing->queue_us, (long long)timing->run_us, sent ? "sent" : "cut");
}

/* A JSON string even of bytes that are no UTF-8, which jansson would refuse. */
static json_t *json_bytes(const char *s)
{
    json_t *value = s ? json_string(s) : json_null();
    if (value)
        return value;
    char clean[FIELD_MOST];
    size_t n = 0;
    for (; *s && n + 1 < sizeof clean; s++)
        clean[n++] = (unsigned char)*s < 0x80 ? *s : '?';
    clean[n] = '\0';
    return json_string(clean);
}

static char *format_json(const struct request *request, const struct timing *timing, int status, bool sent)
{
    char when[40];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_t *line = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:I, s:o, s:o, s:o, s:s, s:I, s:I, s:b}", "time", when, "id", request->id,
        "remote_addr", json_bytes(request->ngi.remote_addr), "method", json_bytes(request->ngi.method), "target",
        json_bytes(request->raw_target), "protocol", json_bytes(request->protocol), "status", status, "bytes",
        (json_int_t)bytes_sent(request, sent), "referer", json_bytes(find_header(request, "Referer")), "user_agent",
        json_bytes(find_header(request, "User-Agent")), "plugin",
        request->plugin ? json_string(request->plugin->name) : json_null(), "rung", timing->rung, "queue_us",
        (json_int_t)timing->queue_us, "run_us", (json_int_t)timing->run_us, "sent", sent);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    return text;
}

/* ---------------------------------------------------------------------------------------------------------- */

int access_open(const char *path, int format, ngi_error *err)
{
    line_format = format;
    if (strcmp(path, "off") == 0)
        return NGI_OK;
    fd = strcmp(path, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : open_path(path);
    if (fd < 0)
        return ngi_error_set(err, NGI_EIO, "access_log %s: %s", path, strerror(errno));
    log_path = strdup(path);
    return log_path ? NGI_OK : ngi_error_set(err, NGI_ENOMEM, "out of memory");
}

bool access_is_on(void)
{
    return fd >= 0;
}

void access_reopen(void)
{
    if (fd < 0 || strcmp(log_path, "-") == 0)
        return;
    int fresh = open_path(log_path);
    /* dup3 swaps the file under the number in one step: a thread that is writing writes to the one or the other. */
    if (fresh < 0 || dup3(fresh, fd, O_CLOEXEC) < 0) {
        int error = errno;
        if (fresh >= 0)
            close(fresh);
        log_line(NGI_LOG_ERROR, "access_log %s: %s: still writing to the old file", log_path, strerror(error));
        return;
    }
    close(fresh);
}

void access_close(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
    free(log_path);
    log_path = NULL;
}

void access_write(const struct request *request, const struct timing *timing, int status, bool sent)
{
    struct buffer line;
    buffer_init(&line, LINE_MOST);
    if (line_format == ACCESS_JSON) {
        char *text = format_json(request, timing, status, sent);
        if (text) {
            buffer_init(&line, strlen(text) + 1);
            (void)buffer_append(&line, text, strlen(text));
        }
        free(text);
    } else {
        format_combined(&line, request, timing, status, sent);
    }
    /* A full disk must not stop the answers. */
    if (line.length > 0 && buffer_append(&line, "\n", 1) == NGI_OK)
        (void)file_write_all(fd, line.data, line.length);
    buffer_free(&line);
}
