#include "http/transcript.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/peek.h"
#include "base/scribe.h"
#include "base/text.h"
#include "http/request.h"

enum {
    TEXT_MOST = 4096,         /* bytes of a fact; a path has no more */
    VALUE_MOST = 1024 * 1024, /* of a target or a header: no connection has that much memory */
    NAME_MOST = 64,           /* of a header whose name matters here */
    BLOCK = 2048,             /* on a signal handler's small stack */
};

const char transcript_masked[] = "(masked)";

const struct transcript_key transcript_keys[] = {
    { "when", offsetof(struct transcript_facts, when) },
    { "plugin", offsetof(struct transcript_facts, plugin) },
    { "version", offsetof(struct transcript_facts, version) },
    { "build-id", offsetof(struct transcript_facts, build_id) },
    { "file", offsetof(struct transcript_facts, file) },
    { "mount", offsetof(struct transcript_facts, mount) },
    { "route", offsetof(struct transcript_facts, route) },
    { "phase", offsetof(struct transcript_facts, phase) },
    { "signal", offsetof(struct transcript_facts, signal) },
    { "address", offsetof(struct transcript_facts, address) },
    { "incident", offsetof(struct transcript_facts, incident) },
    { "remote", offsetof(struct transcript_facts, remote) },
    { "scheme", offsetof(struct transcript_facts, scheme) },
};
const size_t transcript_key_count = sizeof transcript_keys / sizeof *transcript_keys;

/* --- a file, from a signal handler ------------------------------------------------------------------------------ */

struct sink {
    int fd, error; /* the first error; -errno */
    struct scribe block;
    char room[BLOCK];
};

static void flush(struct sink *sink)
{
    if (sink->error == 0)
        sink->error = file_write_all(sink->fd, sink->room, sink->block.length);
    sink->block.length = 0;
}

static void put(struct sink *sink, const char *words)
{
    if (strlen(words) > sizeof sink->room - sink->block.length)
        flush(sink);
    scribe_put(&sink->block, words);
}

/* Bytes of a line that may lie in bad memory, `n` of them; control characters become '?'. */
static void put_line_bytes(struct sink *sink, const char *bytes, size_t n)
{
    size_t got, part;
    for (size_t done = 0; done < n && done < VALUE_MOST; done += got) {
        flush(sink);
        part = n - done < sizeof sink->room ? n - done : sizeof sink->room;
        got = peek(sink->room, bytes + done, part);
        for (size_t i = 0; i < got; i++)
            if (((unsigned char)sink->room[i] < 0x20 && sink->room[i] != '\t') || sink->room[i] == 0x7f)
                sink->room[i] = '?';
        sink->block.length = got;
        if (got < part)
            break;
    }
}

/* The same, up to the NUL. */
static void put_text(struct sink *sink, const char *text, size_t most)
{
    char part[256];
    size_t got, done = 0;
    do {
        got = peek_string(part, sizeof part, text ? text + done : NULL);
        if (got > most - done)
            got = most - done;
        put_line_bytes(sink, part, got);
        done += got;
    } while (got == sizeof part - 1);
}

/* --- the parts --------------------------------------------------------------------------------------------------- */

static void put_facts(struct sink *sink, const struct transcript_facts *facts)
{
    put(sink, "# postern request 1\n");
    for (size_t i = 0; i < transcript_key_count; i++) {
        const char *value = *(const char *const *)(const void *)((const char *)facts + transcript_keys[i].offset);
        if (!value)
            continue;
        put(sink, "# ");
        put(sink, transcript_keys[i].name);
        put(sink, ": ");
        put_text(sink, transcript_keys[i].offset == offsetof(struct transcript_facts, mount) && !*value ? "/" : value,
                 TEXT_MOST);
        put(sink, "\n");
    }
}

static void put_header(struct sink *sink, const struct field *field)
{
    char name[NAME_MOST] = "";
    put_line_bytes(sink, field->name, field->name_length);
    put(sink, ": ");
    if (field->name_length < sizeof name)
        name[peek(name, field->name, field->name_length)] = '\0';
    if (transcript_is_secret(name))
        put(sink, transcript_masked);
    else
        put_line_bytes(sink, field->value, field->value_length);
    put(sink, "\n");
}

static void put_number(struct sink *sink, uint64_t number)
{
    enum { DIGITS = 20 };
    if (sizeof sink->room - sink->block.length < DIGITS)
        flush(sink);
    scribe_number(&sink->block, number);
}

static void put_body(struct sink *sink, const struct body *body, uint64_t n)
{
    for (uint64_t done = 0; done < n && sink->error == 0;) {
        flush(sink);
        size_t part = n - done < sizeof sink->room ? (size_t)(n - done) : sizeof sink->room;
        ssize_t got = body->fd < 0 ? (ssize_t)peek(sink->room, body->memory.data + done, part)
                                   : pread(body->fd, sink->room, part, (off_t)done);
        if (got <= 0)
            sink->error = -EIO;
        else
            done += (uint64_t)(sink->block.length = (size_t)got);
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

bool transcript_is_secret(const char *name)
{
    static const char *const secret[] = {
        "Authorization",     "Proxy-Authorization", "Cookie",       "Cookie2",      "DPoP",
        "Sec-Token-Binding", "X-Api-Key",           "X-Auth-Token", "X-Csrf-Token", "X-Xsrf-Token",
    };
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        if (text_equal_nocase(name, secret[i]))
            return true;
    return false;
}

int transcript_write(int fd, const struct transcript_facts *facts, const struct request *request, uint64_t body_most)
{
    struct sink sink = { .fd = fd };
    const struct body *body = &request->body;
    uint64_t kept = body->length < body_most ? body->length : body_most;
    sink.block = (struct scribe){ sink.room, sizeof sink.room, 0 };
    if (body->fd < 0)
        kept = peek_length(body->memory.data, (size_t)kept);
    put_facts(&sink, facts);
    put(&sink, "# body: ");
    put_number(&sink, kept);
    put(&sink, " of ");
    if (request->arrives)
        put(&sink, "unknown");
    else
        put_number(&sink, body->length);
    put(&sink, "\n");
    put_text(&sink, request->ngi.method, VALUE_MOST);
    put(&sink, " ");
    put_text(&sink, request->raw_target, VALUE_MOST);
    put(&sink, " ");
    put_text(&sink, request->protocol, VALUE_MOST);
    put(&sink, "\n");
    for (unsigned i = 0; i < request->header_count && i < REQUEST_HEADERS_MAX; i++)
        put_header(&sink, &request->headers[i]);
    put(&sink, "\n");
    put_body(&sink, body, kept);
    flush(&sink);
    return sink.error;
}
