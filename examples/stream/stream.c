/* stream - a body of any size that never lies in memory.
 *
 * Shows: ngi_send_stream. The host pulls pieces from `next` after the handler has returned, as fast as the client
 * drains them, and runs `close` exactly once, however it ends. The content is a count of lines of 16 bytes, so a
 * reader can check every byte by its position.
 *
 *     GET /{size}               `size` bytes; suffix K, M or G for 1024, its square, its cube; up to 1024G
 *     GET /{size}?chunked=1     the same without Content-Length
 *
 *     curl localhost:8080/stream/64
 *     curl -s 'localhost:8080/stream/1G?chunked=1' | tail -n 1
 */
#include <ngi.h>
#include <stdlib.h>

#define SIZE_MAXIMUM ((int64_t)1 << 40)

enum { LINE = 16 };

struct counter {
    int64_t position; /* of the next byte */
    int64_t size;
};

/* Fills `buf` with bytes position … of the endless sequence of lines; called again and again until it returns 0. */
static int64_t next(void *arg, void *buf, size_t n)
{
    struct counter *counter = arg;
    char *out = buf;
    size_t done = 0;

    if (n > (uint64_t)(counter->size - counter->position))
        n = (size_t)(counter->size - counter->position);
    while (done < n) {
        char line[LINE + 1];
        size_t skip = (size_t)(counter->position % LINE);
        size_t length = LINE - skip < n - done ? LINE - skip : n - done;

        (void)snprintf(line, sizeof line, "%015llu\n", (unsigned long long)(counter->position / LINE));
        memcpy(out + done, line + skip, length);
        done += length;
        counter->position += (int64_t)length;
    }
    return (int64_t)done;
}

/* Digits with one optional suffix; -1 for anything else. */
static int64_t parse_size(const char *text)
{
    static const char suffixes[] = "KMG";
    size_t digits = strspn(text, "0123456789");

    if (!digits || digits > 13)
        return -1;
    int64_t size = strtoll(text, NULL, 10);
    const char *suffix = text[digits] ? strchr(suffixes, text[digits]) : NULL;
    if (text[digits] && (!suffix || text[digits + 1]))
        return -1;
    int shift = suffix ? 10 * (int)(suffix - suffixes + 1) : 0;
    return size <= SIZE_MAXIMUM >> shift ? size << shift : -1;
}

static int stream(ngi_request *r)
{
    char length[24];
    int64_t size = parse_size(ngi_param(r, "size"));
    if (size < 0)
        return ngi_text(r, 400, "A size is a whole number, perhaps with K, M or G, up to 1024G.\n");

    int rc = ngi_header(r, "Content-Type", "text/plain; charset=US-ASCII");
    (void)snprintf(length, sizeof length, "%lld", (long long)size);
    if (!rc && strcmp(ngi_query(r, "chunked", "0"), "1"))
        rc = ngi_header(r, "Content-Length", length);
    if (rc)
        return rc;

    struct counter *counter = calloc(1, sizeof *counter);
    if (!counter)
        return ngi_fail(r, NGI_ENOMEM, "no memory for the stream");
    counter->size = size;
    return ngi_send_stream(r, next, free, counter); /* from here on `free` is the host's to call */
}

NGI_PLUGIN("stream", "1.0", NGI_ROUTE(NGI_GET, "/{size}", stream))
