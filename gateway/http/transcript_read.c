#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "http/transcript.h"
#include "http/field.h"

#define FIRST_LINE "# postern request "

struct reader {
    struct transcript *transcript;
    char *at, *end; /* what has not been read */
    unsigned line;  /* number of the line that was taken last */
    bool has_body;
    ngi_error *err;
};

#define REFUSE(reader, ...) refuse((reader)->line, (reader)->err, __VA_ARGS__)

static int refuse(unsigned line, ngi_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int refuse(unsigned line, ngi_error *err, const char *fmt, ...)
{
    char what[384];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return ngi_error_set(err, NGI_EPARSE, "line %u: %s", line, what);
}

/* The next line, NUL-terminated in place; NULL with a refusal if the file ends before its \n, or a NUL is in it. */
static char *take_line(struct reader *reader)
{
    char *line = reader->at, *end = memchr(line, '\n', (size_t)(reader->end - line));
    reader->line++;
    if (!end) {
        REFUSE(reader, line == reader->end ? "it is missing: the file was cut" : "it has no end: the file was cut");
        return NULL;
    }
    if (memchr(line, '\0', (size_t)(end - line))) {
        REFUSE(reader, "it holds a NUL byte");
        return NULL;
    }
    *end = '\0';
    reader->at = end + 1;
    return line;
}

static int read_version(struct reader *reader)
{
    const char *line = take_line(reader);
    if (!line)
        return NGI_EPARSE;
    if (!text_has_prefix(line, FIRST_LINE))
        return REFUSE(reader, "it is not \"" FIRST_LINE "1\": the file holds no request that postern kept");
    if (strcmp(line + strlen(FIRST_LINE), "1") != 0)
        return REFUSE(reader, "the form is version %.20s, this postern reads version 1", line + strlen(FIRST_LINE));
    return NGI_OK;
}

/* "65536 of 100000" */
static int read_lengths(struct reader *reader, char *value)
{
    struct transcript *transcript = reader->transcript;
    char *of = strstr(value, " of ");
    uint64_t kept;
    if (reader->has_body)
        return REFUSE(reader, "body is told twice");
    reader->has_body = true;
    if (of)
        *of = '\0';
    if (!of || !text_to_uint64(value, &kept) || kept > SIZE_MAX ||
        (strcmp(of + 4, "unknown") != 0 && !text_to_uint64(of + 4, &transcript->body_total)))
        return REFUSE(reader, "body has to be \"BYTES of BYTES\" or \"BYTES of unknown\"");
    if (kept > transcript->body_total)
        return REFUSE(reader, "body has more bytes than there were");
    transcript->body_length = (size_t)kept;
    return NGI_OK;
}

static int read_fact(struct reader *reader, char *line)
{
    char *name = line + 2, *value = strstr(line, ": ");
    if (line[1] != ' ' || !value)
        return REFUSE(reader, "it is not \"# NAME: VALUE\"");
    *value = '\0';
    value += 2;
    if (strcmp(name, "body") == 0)
        return read_lengths(reader, value);
    for (size_t i = 0; i < transcript_key_count; i++) {
        if (strcmp(name, transcript_keys[i].name) != 0)
            continue;
        const char **place = (const char **)(void *)((char *)&reader->transcript->facts + transcript_keys[i].offset);
        if (*place)
            return REFUSE(reader, "%s is told twice", name);
        *place = value;
        return NGI_OK;
    }
    return REFUSE(reader, "\"%.40s\" is nothing that version 1 tells", name);
}

static int read_request_line(struct reader *reader, char *line)
{
    struct transcript *transcript = reader->transcript;
    char *target = strchr(line, ' '), *protocol = strrchr(line, ' ');
    if (!target || target == protocol || strpbrk(line, "\t"))
        return REFUSE(reader, "it is not \"METHOD TARGET HTTP/1.1\"");
    *target++ = '\0';
    *protocol++ = '\0';
    if (!field_is_token(line, strlen(line)))
        return REFUSE(reader, "the method is no token");
    if (!*target || strchr(target, ' '))
        return REFUSE(reader, "the target is empty or holds a space");
    if (strcmp(protocol, "HTTP/1.1") != 0 && strcmp(protocol, "HTTP/1.0") != 0)
        return REFUSE(reader, "the protocol is neither HTTP/1.1 nor HTTP/1.0");
    transcript->method = line;
    transcript->target = target;
    transcript->protocol = protocol;
    return NGI_OK;
}

static int read_header(struct reader *reader, char *line)
{
    struct transcript *transcript = reader->transcript;
    char *colon = strchr(line, ':');
    if (!colon || colon[1] != ' ' || !field_is_token(line, (size_t)(colon - line)) ||
        !field_is_value(colon + 2, strlen(colon + 2)))
        return REFUSE(reader, "it is not \"Name: value\"");
    if (transcript->header_count == TRANSCRIPT_HEADERS_MAX)
        return REFUSE(reader, "there are more than %d headers", TRANSCRIPT_HEADERS_MAX);
    *colon = '\0';
    const char *value = colon + 2;
    transcript->headers[transcript->header_count++] =
        (struct transcript_header){ line, value, transcript_is_secret(line) && strcmp(value, transcript_masked) == 0 };
    return NGI_OK;
}

static int read_all(struct reader *reader)
{
    struct transcript *transcript = reader->transcript;
    char *line;
    int rc = read_version(reader);
    while (rc == NGI_OK && !transcript->method) {
        line = take_line(reader);
        if (!line)
            return NGI_EPARSE;
        rc = *line == '#' ? read_fact(reader, line) : read_request_line(reader, line);
    }
    if (rc == NGI_OK && !reader->has_body)
        rc = REFUSE(reader, "no \"# body: …\" before it");
    while (rc == NGI_OK) {
        line = take_line(reader);
        if (!line)
            return NGI_EPARSE;
        if (!*line)
            break;
        rc = read_header(reader, line);
    }
    if (rc != NGI_OK)
        return rc;
    transcript->body = reader->at;
    size_t left = (size_t)(reader->end - reader->at);
    reader->line++;
    if (left != transcript->body_length)
        return REFUSE(reader, "the body has %zu bytes, not the %zu that are announced%s", left, transcript->body_length,
                      left < transcript->body_length ? ": the file was cut" : "");
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

int transcript_read(const char *text, size_t length, struct transcript **ret, ngi_error *err)
{
    struct transcript *transcript = calloc(1, sizeof *transcript);
    if (transcript)
        transcript->text = malloc(length + 1);
    if (!transcript || !transcript->text) {
        transcript_free(transcript);
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    }
    memcpy(transcript->text, text, length);
    transcript->text[length] = '\0';
    transcript->body_total = UINT64_MAX;
    struct reader reader = { transcript, transcript->text, transcript->text + length, 0, false, err };
    int rc = read_all(&reader);
    if (rc != NGI_OK) {
        transcript_free(transcript);
        return rc;
    }
    if (transcript->facts.mount && strcmp(transcript->facts.mount, "/") == 0)
        transcript->facts.mount = "";
    *ret = transcript;
    return NGI_OK;
}

void transcript_free(struct transcript *transcript)
{
    if (!transcript)
        return;
    free(transcript->text);
    free(transcript);
}
