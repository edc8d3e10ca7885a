/* Any file that postern call --replay might be given. What can be read is written and read again as the same; a refusal
 * names its line. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "http/field.h"
#include "http/request.h"
#include "http/transcript.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

enum { LINE_MOST = 4096 };

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *fact(const struct transcript *transcript, size_t i)
{
    return *(const char *const *)(const void *)((const char *)&transcript->facts + transcript_keys[i].offset);
}

static void look(const struct transcript *transcript)
{
    FUZZ_ASSERT(fits(transcript->method, "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"));
    FUZZ_ASSERT(fits(transcript->target, "^[^ ]+$") && fits(transcript->protocol, "^HTTP/1\\.[01]$"));
    FUZZ_ASSERT(transcript->body_length <= transcript->body_total);
    FUZZ_ASSERT(transcript->header_count <= TRANSCRIPT_HEADERS_MAX);
    for (size_t i = 0; i < transcript->header_count; i++) {
        const struct transcript_header *header = &transcript->headers[i];
        FUZZ_ASSERT(fits(header->name, "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") &&
                    field_is_value(header->value, strlen(header->value)));
        FUZZ_ASSERT(!header->masked || (transcript_is_secret(header->name) && same(header->value, transcript_masked)));
    }
}

/* Whether transcript_write would keep it as it is: it has limits, and shows control characters as '?'. */
static bool is_plain(const struct transcript *transcript)
{
    bool plain = fits(transcript->target, "^[^\001-\010\012-\037\177]*$");
    for (size_t i = 0; i < transcript_key_count; i++)
        plain &= !fact(transcript, i) || (strlen(fact(transcript, i)) <= LINE_MOST &&
                                          fits(fact(transcript, i), "^[^\001-\010\012-\037\177]*$"));
    return plain;
}

static char *write_again(const struct transcript *transcript, size_t *ret_length)
{
    const struct body_limits limits = { SIZE_MAX, SIZE_MAX, "/nowhere" };
    struct request *request = request_new(1 << 16);
    int fd = memfd_create("transcript", MFD_CLOEXEC);
    FUZZ_ASSERT(request && fd >= 0);
    request->ngi.method = transcript->method;
    request->raw_target = transcript->target;
    request->protocol = transcript->protocol;
    for (size_t i = 0; i < transcript->header_count; i++) {
        const struct transcript_header *header = &transcript->headers[i];
        request->headers[request->header_count++] =
            (struct field){ header->name, header->value, (uint32_t)strlen(header->name),
                            (uint32_t)strlen(header->value) };
    }
    FUZZ_ASSERT(body_append(&request->body, &limits, transcript->body, transcript->body_length) == NGI_OK);
    FUZZ_ASSERT(transcript_write(fd, &transcript->facts, request, UINT64_MAX) == 0);
    request_free(request);
    *ret_length = (size_t)lseek(fd, 0, SEEK_END);
    char *text = malloc(*ret_length);
    FUZZ_ASSERT(text && pread(fd, text, *ret_length, 0) == (ssize_t)*ret_length);
    close(fd);
    return text;
}

static void repeat(const struct transcript *first)
{
    struct transcript *second;
    ngi_error err = { 0 };
    size_t length;
    char *text = write_again(first, &length);
    FUZZ_ASSERT(transcript_read(text, length, &second, &err) == NGI_OK);
    FUZZ_ASSERT(same(first->method, second->method) && same(first->target, second->target));
    FUZZ_ASSERT(same(first->protocol, second->protocol) && first->header_count == second->header_count);
    for (size_t i = 0; i < transcript_key_count; i++)
        FUZZ_ASSERT(same(fact(first, i), fact(second, i)));
    for (size_t i = 0; i < first->header_count; i++) {
        FUZZ_ASSERT(same(first->headers[i].name, second->headers[i].name));
        if (transcript_is_secret(first->headers[i].name))
            FUZZ_ASSERT(second->headers[i].masked);
        else
            FUZZ_ASSERT(same(first->headers[i].value, second->headers[i].value));
    }
    FUZZ_ASSERT(first->body_length == second->body_length);
    FUZZ_ASSERT(memcmp(first->body, second->body, first->body_length) == 0);
    transcript_free(second);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transcript *transcript;
    ngi_error err = { 0 };
    int rc = transcript_read((const char *)data, size, &transcript, &err);
    if (rc != NGI_OK) {
        FUZZ_ASSERT(rc == NGI_EPARSE && fits(err.text, "^line [0-9]+: ."));
        return 0;
    }
    look(transcript);
    if (is_plain(transcript))
        repeat(transcript);
    transcript_free(transcript);
    return 0;
}
