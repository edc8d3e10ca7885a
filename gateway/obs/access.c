#include "obs/access.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "conf/settings.h"
#include "http/status.h"
#include "plugin/plugin.h"

enum { LINE_SIZE = 8192, FIELD_MOST = 2048 };

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
    if (request->method == NGI_HEAD || status_has_no_content(request->response.status))
        return 0;
    return sent ? response_length(&request->response) : -1;
}

/* A quoted field: whatever a client sent, it stays within its quotes and its line. */
static size_t put_quoted(char *out, size_t room, const char *s)
{
    bool cut = false;
    char clean[FIELD_MOST];
    size_t n = text_escape_controls(clean, sizeof clean, s ? s : "-", s ? strlen(s) : 1, &cut), used = 0;
    if (room < 2)
        return 0;
    out[used++] = '"';
    for (size_t i = 0; i < n && used + 3 < room; i++) {
        if (clean[i] == '"')
            out[used++] = '\\';
        out[used++] = clean[i];
    }
    out[used++] = '"';
    return used;
}

static size_t format_combined(char *line, struct request *request, int64_t queue_us, int64_t run_us, bool sent)
{
    char when[40], request_line[FIELD_MOST];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", &utc);
    snprintf(request_line, sizeof request_line, "%s %s %s", request->ngi.method, request->raw_target,
             request->protocol);

    size_t n = (size_t)snprintf(line, LINE_SIZE, "%s - - [%s] ", request->ngi.remote_addr, when);
    n += put_quoted(line + n, LINE_SIZE - n, request_line);
    int64_t bytes = bytes_sent(request, sent);
    n += (size_t)snprintf(line + n, LINE_SIZE - n, bytes < 0 ? " %d - " : " %d %lld ", request->response.status,
                          (long long)bytes);
    n += put_quoted(line + n, LINE_SIZE - n, request_header(request, "Referer"));
    line[n++] = ' ';
    n += put_quoted(line + n, LINE_SIZE - n, request_header(request, "User-Agent"));
    n += (size_t)snprintf(line + n, LINE_SIZE - n, " %s %s pool %lld %lld %s\n", request_id(request),
                          request->plugin ? request->plugin->name : "-", (long long)queue_us, (long long)run_us,
                          sent ? "sent" : "cut");
    return n;
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

static char *format_json(struct request *request, int64_t queue_us, int64_t run_us, bool sent)
{
    char when[40];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_t *line = json_pack(
        "{s:s, s:s, s:o, s:s, s:o, s:s, s:i, s:I, s:o, s:o, s:o, s:s, s:I, s:I, s:b}", "time", when, "id",
        request_id(request), "remote_addr", json_bytes(request->ngi.remote_addr), "method", request->ngi.method,
        "target", json_bytes(request->raw_target), "protocol", request->protocol, "status", request->response.status,
        "bytes", (json_int_t)bytes_sent(request, sent), "referer", json_bytes(request_header(request, "Referer")),
        "user_agent", json_bytes(request_header(request, "User-Agent")), "plugin",
        request->plugin ? json_string(request->plugin->name) : json_null(), "rung", "pool", "queue_us",
        (json_int_t)queue_us, "run_us", (json_int_t)run_us, "sent", sent);
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

int access_reopen(ngi_error *err)
{
    if (fd < 0 || strcmp(log_path, "-") == 0)
        return NGI_OK;
    int fresh = open_path(log_path);
    /* dup3 swaps the file under the number in one step: a thread that is writing writes to the one or the other. */
    if (fresh < 0 || dup3(fresh, fd, O_CLOEXEC) < 0) {
        int error = errno;
        if (fresh >= 0)
            close(fresh);
        return ngi_error_set(err, NGI_EIO, "access_log %s: %s", log_path, strerror(error));
    }
    close(fresh);
    return NGI_OK;
}

void access_close(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
    free(log_path);
    log_path = NULL;
}

void access_write(struct request *request, int64_t queue_us, int64_t run_us, bool sent)
{
    if (line_format == ACCESS_JSON) {
        char *text = format_json(request, queue_us, run_us, sent), *line = NULL;
        int n = text ? asprintf(&line, "%s\n", text) : -1;
        if (n > 0)
            (void)file_write_all(fd, line, (size_t)n); /* a full disk must not stop the answers */
        free(line);
        free(text);
        return;
    }
    char line[LINE_SIZE];
    (void)file_write_all(fd, line, format_combined(line, request, queue_us, run_us, sent));
}
