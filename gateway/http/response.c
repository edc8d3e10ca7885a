#include "http/response.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/closer.h"
#include "base/text.h"
#include "sdk/ngi.h"

enum {
    /* No response needs more; net/ has its own, lower limit, which depends on the request. */
    HEAD_MOST = 256 * 1024,
    KEEP = 64 * 1024,
};

static void drop_file(const struct response *response, int fd)
{
    if (response->foreign)
        closer_drop(fd);
    else
        close(fd);
}

static void drop_body(struct response *response)
{
    const struct response old = *response;
    response->foreign = false;
    response->kind = RESPONSE_TEXT;
    response->fd = -1;
    response->next = NULL;
    response->close = NULL;
    response->arg = NULL;
    response->offset = response->length = 0;
    response->failed = NGI_OK;
    buffer_reset(&response->text, KEEP);
    /* Last, so that a close which comes back here finds nothing to close again. */
    if (old.kind == RESPONSE_FILE && old.fd >= 0)
        drop_file(&old, old.fd);
    if (old.kind == RESPONSE_STREAM && old.close)
        old.close(old.arg);
}

static void drop_head(struct response *response)
{
    response->status = 0;
    response->type = NULL;
    response->headers = NULL;
    response->headers_end = &response->headers;
    response->head_size = 0;
    response->declared = -1;
    response->conditional = false;
}

static int check_header(const char *name, size_t name_length, const char *value, size_t value_length)
{
    if (!field_is_token(name, name_length) || !field_is_value(value, value_length))
        return NGI_EINVAL;
    return field_is_hop_by_hop(name) ? NGI_EPERM : NGI_OK;
}

static bool is_named(const char *name, size_t length, const char *known, size_t known_length)
{
    return length == known_length && text_equal_nocase_n(name, known, length);
}
#define IS_NAMED(name, length, known) is_named(name, length, known, sizeof(known) - 1)

static int set_type(struct response *response, const char *value, size_t length)
{
    if (!value) {
        response->type = NULL;
        return NGI_OK;
    }
    if (!field_is_value(value, length))
        return NGI_EINVAL;
    if (length > HEAD_MOST / 4)
        return NGI_ETOOBIG;
    const char *own = arena_copy(response->arena, value, length);
    if (!own)
        return NGI_ENOMEM;
    response->type = own;
    return NGI_OK;
}

static int set_declared(struct response *response, const char *value)
{
    uint64_t length;
    if (!value) {
        response->declared = -1;
        return NGI_OK;
    }
    if (!text_to_uint64(value, &length) || length > INT64_MAX)
        return NGI_EINVAL;
    if (response->kind == RESPONSE_TEXT && length < response->text.length)
        return NGI_ELENGTH;
    response->declared = (int64_t)length;
    return NGI_OK;
}

/* Removes all headers of that name; `but_last`: except the last of the list, which has just come. */
static void remove_header(struct response *response, const char *name, bool but_last)
{
    struct response_header **at = &response->headers;
    while (*at) {
        const struct field *field = &(*at)->field;
        if (text_equal_nocase(field->name, name) && !(but_last && !(*at)->next)) {
            response->head_size -= field->name_length + field->value_length + 4;
            *at = (*at)->next;
        } else {
            at = &(*at)->next;
        }
    }
    response->headers_end = at;
}

static int append_header(struct response *response, const char *name, size_t name_length, const char *value,
                         size_t value_length)
{
    size_t size = name_length + value_length + 4; /* ": " and CR LF */
    if (size > HEAD_MOST || response->head_size + size > HEAD_MOST)
        return NGI_ETOOBIG;
    struct response_header *header = arena_alloc(response->arena, sizeof *header);
    char *own_name = arena_copy(response->arena, name, name_length);
    char *own_value = arena_copy(response->arena, value, value_length);
    if (!header || !own_name || !own_value)
        return NGI_ENOMEM;
    header->next = NULL;
    header->field = (struct field){ own_name, own_value, (uint32_t)name_length, (uint32_t)value_length };
    *response->headers_end = header;
    response->headers_end = &header->next;
    response->head_size += size;
    return NGI_OK;
}

/* Both ways to set a header: `replace` takes those of that name away first. */
static int put_header(struct response *response, const char *name, const char *value, bool replace)
{
    if (response->begun)
        return NGI_ESENT;
    if (!name)
        return NGI_EINVAL;
    size_t name_length = strlen(name), value_length = value ? strlen(value) : 0;
    int rc;
    if (IS_NAMED(name, name_length, "Content-Type")) {
        rc = set_type(response, value, value_length);
    } else if (IS_NAMED(name, name_length, "Content-Length")) {
        rc = set_declared(response, value);
    } else {
        rc = check_header(name, name_length, value ? value : "", value_length);
        bool others = response->headers != NULL;
        if (rc == NGI_OK && value)
            rc = append_header(response, name, name_length, value, value_length);
        if (rc == NGI_OK && replace && others) /* now that nothing can fail any more */
            remove_header(response, name, value != NULL);
    }
    if (rc == NGI_OK)
        response->touched = true;
    return rc;
}

/* Takes the last `n` bytes back if they go beyond the declared Content-Length. */
static int check_declared(struct response *response, size_t n)
{
    if (response->declared < 0 || response->text.length <= (uint64_t)response->declared)
        return NGI_OK;
    response->text.length -= n;
    return response->failed = NGI_ELENGTH;
}

/* The status of "404 Not Found"; -1 for what is none. */
static int parse_status_line(const char *line)
{
    if (!line || strspn(line, "0123456789") != 3 || (line[3] && line[3] != ' '))
        return -1;
    int status = atoi(line);
    return status >= 200 && status <= 599 && field_is_value(line, strlen(line)) ? status : -1;
}

/* ---------------------------------------------------------------------------------------------------------- */

void response_init(struct response *response, struct arena *arena, size_t most)
{
    *response = (struct response){ .arena = arena, .fd = -1 };
    buffer_init(&response->text, most);
    drop_head(response);
}

void response_reset(struct response *response)
{
    drop_body(response);
    drop_head(response);
    response->begun = false;
    response->touched = false;
}

void response_drop_body(struct response *response)
{
    drop_body(response);
    response->declared = -1;
}

void response_free(struct response *response)
{
    response_reset(response);
    buffer_free(&response->text);
}

int response_status(struct response *response, int status)
{
    if (response->begun)
        return NGI_ESENT;
    if (status < 200 || status > 599)
        return NGI_EINVAL;
    response->status = status;
    response->touched = true;
    return NGI_OK;
}

int response_set_header(struct response *response, const char *name, const char *value)
{
    return put_header(response, name, value, true);
}

int response_add_header(struct response *response, const char *name, const char *value)
{
    return value ? put_header(response, name, value, false) : NGI_EINVAL;
}

int response_set_type(struct response *response, const char *type)
{
    return response->begun ? NGI_ESENT : set_type(response, type, strlen(type));
}

void response_set_own_type(struct response *response, const char *type)
{
    response->type = type;
}

int response_start(struct response *response, const char *status_line, const char *const *headers)
{
    static const char *const none[] = { NULL };
    if (response->begun)
        return NGI_ESENT;
    int status = parse_status_line(status_line);
    if (status < 0)
        return NGI_EINVAL;
    if (!headers)
        headers = none;

    /* On an error nothing may have changed. The new head is a new list, so the old struct is all there is to put back.
     */
    struct response old = *response;
    drop_head(response);
    if (response->kind == RESPONSE_TEXT)
        response->text.length = 0;
    for (const char *const *at = headers; *at; at += 2) {
        int rc = at[1] ? response_add_header(response, at[0], at[1]) : NGI_EINVAL;
        if (rc != NGI_OK) {
            *response = old;
            return rc;
        }
    }
    drop_body(response);
    response->status = status;
    response->touched = true;
    return NGI_OK;
}

const char *response_get_header(const struct response *response, const char *name)
{
    for (const struct response_header *header = response->headers; header; header = header->next)
        if (text_equal_nocase(header->field.name, name))
            return header->field.value;
    return NULL;
}

int response_write(struct response *response, const void *data, size_t n)
{
    if (response->kind != RESPONSE_TEXT || (!data && n))
        return NGI_EINVAL;
    response->touched = true;
    int rc = buffer_append(&response->text, data, n);
    return rc == NGI_OK ? check_declared(response, n) : (response->failed = rc);
}

int response_vprintf(struct response *response, const char *fmt, va_list ap)
{
    if (response->kind != RESPONSE_TEXT)
        return NGI_EINVAL;
    response->touched = true;
    size_t before = response->text.length;
    int rc = buffer_vprintf(&response->text, fmt, ap);
    return rc == NGI_OK ? check_declared(response, response->text.length - before) : (response->failed = rc);
}

/* What statx(2) tells of it. */
static int look_at(const struct response *response, int fd, struct statx *file)
{
    const int known = response->foreign ? AT_STATX_DONT_SYNC : 0;
    return statx(fd, "", AT_EMPTY_PATH | known, STATX_TYPE | STATX_SIZE, file);
}

int response_send_file(struct response *response, int fd, int64_t offset, int64_t length)
{
    struct statx file;
    int64_t size = 0;
    int rc = NGI_OK;
    if (fd < 0)
        return NGI_EINVAL;
    if (response->begun)
        rc = NGI_ESENT;
    else if (response->kind != RESPONSE_TEXT || response->text.length)
        rc = NGI_EINVAL;
    else if (look_at(response, fd, &file) < 0)
        rc = NGI_EIO;
    else if (!S_ISREG(file.stx_mode) || offset < 0)
        rc = NGI_EINVAL;
    else if ((size = (int64_t)file.stx_size) < offset || length > size - offset)
        rc = NGI_ELENGTH;
    else if (length < 0)
        length = size - offset;
    if (rc != NGI_OK) {
        drop_file(response, fd);
        return rc;
    }
    response->kind = RESPONSE_FILE;
    response->fd = fd;
    response->offset = offset;
    response->length = length;
    response->touched = true;
    return NGI_OK;
}

int response_send_stream(struct response *response, int64_t (*next)(void *arg, void *buf, size_t n),
                         void (*close_fn)(void *arg), void *arg)
{
    int rc = NGI_OK;
    if (response->begun)
        rc = NGI_ESENT;
    else if (!next || response->kind != RESPONSE_TEXT || response->text.length)
        rc = NGI_EINVAL;
    if (rc != NGI_OK) {
        if (close_fn)
            close_fn(arg);
        return rc;
    }
    response->kind = RESPONSE_STREAM;
    response->next = next;
    response->close = close_fn;
    response->arg = arg;
    response->touched = true;
    return NGI_OK;
}

int64_t response_length(const struct response *response)
{
    switch (response->kind) {
    case RESPONSE_TEXT: return (int64_t)response->text.length;
    case RESPONSE_FILE: return response->length;
    case RESPONSE_STREAM: return response->declared;
    }
    return -1;
}
