#include "net/send.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "config.h"
#include "http/date.h"
#include "http/problem.h"
#include "http/status.h"
#include "net/connection.h"
#include "plugin/plugin.h"
#include "run/stream.h"

enum {
    STREAM_BLOCK = 32 * 1024,
    SMALL_HEAD = 512, /* bytes of header lines that every response may have */
};

static ssize_t take(void *cls, uint64_t position, char *buf, size_t max)
{
    (void)position;
    int64_t got = stream_take(cls, buf, max);
    switch (got) {
    case STREAM_END: return MHD_CONTENT_READER_END_OF_STREAM;
    case STREAM_CUT: return MHD_CONTENT_READER_END_WITH_ERROR;
    case STREAM_LATER: return 0;
    default: return (ssize_t)got;
    }
}

static struct MHD_Response *make_body(struct task *task)
{
    struct request *request = task->request;
    struct response *response = &request->response;
    struct MHD_Response *made;
    /* A 304 and a HEAD may tell the length of what they stand for. libmicrohttpd sends a Content-Length with them in
     * any case, so that a handler does well to declare one. */
    bool unwritten = response->kind == RESPONSE_TEXT && response->text.length == 0;
    if (response->declared > 0 && (response->status == 304 || (request->method == NGI_HEAD && unwritten)))
        return MHD_create_response_from_callback((uint64_t)response->declared, STREAM_BLOCK, take, task, NULL);
    if (status_has_no_content(response->status))
        return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    switch (response->kind) {
    case RESPONSE_FILE:
        made = MHD_create_response_from_fd_at_offset64((uint64_t)response->length, response->fd,
                                                       (uint64_t)response->offset);
        if (made)
            response->fd = -1; /* libmicrohttpd closes it */
        return made;
    case RESPONSE_STREAM:
        return MHD_create_response_from_callback(
            response->declared >= 0 ? (uint64_t)response->declared : MHD_SIZE_UNKNOWN, STREAM_BLOCK, take, task, NULL);
    case RESPONSE_TEXT: break;
    }
    return MHD_create_response_from_buffer(
        response->text.length, response->text.data ? response->text.data : (char *)"", MHD_RESPMEM_PERSISTENT);
}

/* libmicrohttpd before 0.9.77 ends the response to a HEAD as if it were a chunked one, and what follows would be read
 * as the next response. It does not where it speaks as to an HTTP/1.0 client: without chunks, and closing the
 * connection. */
static void mend_head(struct MHD_Response *made, const struct request *request)
{
#if !HAVE_DECL_MHD_RF_HEAD_ONLY_RESPONSE
    if (request->method == NGI_HEAD && response_length(&request->response) < 0)
        MHD_set_response_options(made, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
#else
    (void)made;
    (void)request;
#endif
}

static bool add_headers(struct MHD_Response *made, const struct response *response, bool close)
{
    bool good = !response->type || MHD_add_response_header(made, "Content-Type", response->type);
    for (const struct response_header *header = response->headers; header; header = header->next)
        /* libmicrohttpd takes no empty value; white space around one is not part of it (RFC 9110 section 5.5). */
        good &=
            MHD_add_response_header(made, header->field.name, header->field.value_length ? header->field.value : " ");
    if (!response_get_header(response, "Server"))
        good &= MHD_add_response_header(made, "Server", "Postern");
    if (close)
        good &= MHD_add_response_header(made, "Connection", "close");
    return good;
}

enum { RECORD = 72 }; /* bytes of libmicrohttpd's memory for a field, a query parameter, a cookie */

/* It copies the Cookie header, and takes it apart. */
static size_t cookies_taken(const struct request *request)
{
    size_t taken = 0;
    for (unsigned i = 0; i < request->header_count; i++) {
        const struct field *field = &request->headers[i];
        if (field->name_length != 6 || !text_equal_nocase_n(field->name, "Cookie", 6))
            continue;
        taken += field->value_length + 1 + RECORD;
        for (const char *at = field->value; (at = strpbrk(at, ";,")) != NULL; at++)
            taken += RECORD;
    }
    return taken;
}

/* Bytes of the connection's memory that libmicrohttpd has for a request and will add of its own to the response: a
 * record for each header and query parameter, the request line, Date, Server and so on. Generous, because what does not
 * fit cuts the connection without a word. */
static size_t memory_taken(const struct request *request)
{
    enum { SLACK = 512 };
    size_t records = request->header_count + 2;
    for (const char *query = request->raw_target; (query = strchr(query, '&')) != NULL; query++)
        records++;
    return request->head_size + records * RECORD + strlen(request->raw_target) + cookies_taken(request) + SLACK;
}

/* Replaces a response whose head would not fit into the connection's memory (`memory` bytes, where libmicrohttpd keeps
 * the request's head too) by a 500, and says so in the log. False: its handler still has it, and cannot be stopped. */
static bool check_head(struct request *request, size_t memory)
{
    const struct response *response = &request->response;
    size_t taken = memory_taken(request);
    size_t wanted = response->head_size + (response->type ? strlen(response->type) : 0);
    if (wanted <= SMALL_HEAD || taken + wanted <= memory)
        return true;
    log_line(NGI_LOG_ERROR,
             "%s [%s]: %s %s: the head of the response, %zu bytes, does not fit: raise connection_memory",
             request->plugin ? request->plugin->name : "gateway", request_id(request), request->ngi.method,
             request->raw_target, wanted);
    if (response->begun)
        return false;
    problem_respond(request, 500, true, NULL);
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool send_has_room(const struct request *request, size_t memory)
{
    return memory_taken(request) + SMALL_HEAD <= memory;
}

void send_last_words(struct MHD_Connection *connection, const struct request *request)
{
    const struct response *response = &request->response;
    char date[HTTP_DATE_SIZE], words[512];
    http_date_format(time(NULL), date);
    int n = snprintf(words, sizeof words,
                     "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\nContent-Type: %s\r\nServer: Postern\r\n"
                     "X-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\n\r\n%.*s",
                     response->status, status_phrase(response->status), date, response->type, response->text.length,
                     (int)response->text.length, response->text.data);
    /* What the socket does not take at once is lost, as the whole of it would have been. */
    if (n > 0 && (size_t)n < sizeof words)
        (void)send(connection_fd(connection), words, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

enum MHD_Result send_response(struct MHD_Connection *connection, struct task *task, size_t memory, bool close)
{
    struct request *request = task->request;
    struct response *response = &request->response;
    if (!check_head(request, memory))
        return MHD_NO;
    struct MHD_Response *made = make_body(task);
    enum MHD_Result rc = MHD_NO;
    if (made)
        mend_head(made, request);
    if (made && add_headers(made, response, close))
        rc = MHD_queue_response(connection, (unsigned)response->status, made);
    if (made)
        MHD_destroy_response(made);
    if (rc == MHD_NO)
        log_line(NGI_LOG_ERROR, "[%s]: the response could not be queued: out of memory", request_id(request));
    return rc;
}
