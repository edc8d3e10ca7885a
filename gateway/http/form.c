#include "http/request.h"

#include <string.h>

#include "base/text.h"
#include "http/multipart.h"
#include "http/urlencoded.h"

/* Whether a Content-Type is `type`, whatever its parameters. */
static bool is_type(const char *content_type, const char *type)
{
    size_t n = strcspn(content_type, "; \t");
    return n == strlen(type) && text_equal_nocase_n(content_type, type, n);
}

static int take_part(void *arg, const struct multipart_part *part)
{
    struct request *request = arg;
    if (!part->filename) {
        char *value = arena_copy(&request->arena, part->data, part->length);
        if (!value)
            return NGI_ENOMEM;
        /* A field is a string: one with a NUL would read as a shorter one. */
        return memchr(part->data, '\0', part->length) ? NGI_EPARSE : pairs_add(&request->form, part->name, value);
    }
    if (request->upload_count == REQUEST_PAIRS_MAX)
        return NGI_ETOOBIG;
    struct upload *upload = arena_alloc(&request->arena, sizeof *upload);
    if (!upload)
        return NGI_ENOMEM;
    *upload = (struct upload){ NULL,
                               part->name,
                               { part->filename, part->type ? part->type : "application/octet-stream", part->data,
                                 part->length } };
    *request->uploads_end = upload;
    request->uploads_end = &upload->next;
    request->upload_count++;
    return NGI_OK;
}

static int parse(struct request *request)
{
    const char *boundary;
    const char *type = request_header(request, "Content-Type");
    if (!type)
        return NGI_ENOENT;
    bool simple = is_type(type, "application/x-www-form-urlencoded");
    int rc = simple ? NGI_OK : multipart_boundary(&request->arena, type, &boundary);
    if (rc != NGI_OK)
        return rc;
    const char *body = body_block(&request->body);
    if (!body)
        return NGI_EIO;
    if (simple)
        return urlencoded_parse(body, (size_t)request->body.length, &request->form);
    return multipart_parse(&request->arena, body, (size_t)request->body.length, boundary, take_part, request);
}

/* ---------------------------------------------------------------------------------------------------------- */

int request_parse_form(struct request *request)
{
    if (request->form_result == FORM_UNREAD) {
        pairs_init(&request->form, &request->arena, REQUEST_PAIRS_MAX);
        request->upload_count = 0;
        request->form_result = parse(request);
        if (request->form_result != NGI_OK) {
            /* Half a form is no form. */
            pairs_init(&request->form, &request->arena, REQUEST_PAIRS_MAX);
            request->uploads = NULL;
            request->uploads_end = &request->uploads;
        }
    }
    return request->form_result;
}
