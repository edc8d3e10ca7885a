/* Where requests begin and end on a connection, byte by byte as they come, ahead of whoever reads them: RFC 9112, the
 * reading that leaves no choice. A proxy in front that reads them in another way, or a library behind that is more
 * lenient, would take one request's body for the next request's head (request smuggling): so whatever has two readings
 * is refused. No sockets, no memory, no threads.
 *
 * What is about a single request and cannot be mistaken, say an odd path or Host, is not looked at here. */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAMING_METHOD_MOST = 64,       /* bytes of a method; the longest that is registered has 17 */
    FRAMING_EXTENSIONS_MOST = 4096, /* bytes of chunk extensions of a request, which nobody reads */
    FRAMING_TRAILERS_MOST = 8192,   /* bytes of its trailer section */
    FRAMING_EMPTY_MOST = 2,         /* empty lines before a request (section 2.2) */
};

enum framing_stage {
    /* Before a request, and in its head. */
    FRAMING_START, /* zero: of a connection, too */
    FRAMING_START_LF,
    FRAMING_METHOD,
    FRAMING_TARGET,
    FRAMING_VERSION,
    FRAMING_VERSION_LF,
    FRAMING_NAME_START,
    FRAMING_NAME,
    FRAMING_VALUE,
    FRAMING_VALUE_LF,
    FRAMING_HEAD_LF,
    /* In its body. */
    FRAMING_BODY,
    FRAMING_SIZE,
    FRAMING_EXTENSION,
    FRAMING_SIZE_LF,
    FRAMING_DATA,
    FRAMING_DATA_CR,
    FRAMING_DATA_LF,
    FRAMING_TRAILER_START,
    FRAMING_TRAILER_NAME,
    FRAMING_TRAILER,
    FRAMING_TRAILER_LF,
    FRAMING_TRAILERS_LF,
    /* Nothing that follows can be read. */
    FRAMING_REFUSED,
};

/* The fields that say where a request ends; a bit of `maybe` for each. */
enum { FRAMING_LENGTH = 1, FRAMING_CODING = 2 };

/* A zeroed one is at the beginning of a connection. */
struct framing {
    uint8_t stage;   /* an enum framing_stage */
    uint8_t maybe;   /* which of the fields that matter the name may still be, or is */
    uint8_t at;      /* how much has come of the method, the version, a name, a transfer coding */
    bool spaced;     /* white space has followed the value */
    bool old;        /* HTTP/1.0 */
    bool has_length; /* a Content-Length has come */
    bool has_coding; /* likewise a Transfer-Encoding */
    bool has_value;  /* the value under way has begun */
    uint64_t length; /* announced; from the body on, what is to come of it or of the chunk */
    uint32_t excess; /* empty lines, bytes of extensions, of trailers */
    uint64_t begun;  /* requests so far, the one under way among them */
    uint8_t refused; /* FRAMING_REFUSED: the stage in which, an enum framing_stage */
    int status;      /* FRAMING_REFUSED: what to answer, 400, 501 or 505 */
    const char *why; /* likewise, for people; a constant */
};

struct framing_taken {
    size_t length; /* of what is left of the data: chunk extensions are taken out, white space around lengths,
                    * empty lines before a request */
    size_t good;   /* of that, the bytes before the first that is refused */
    size_t start;  /* where the last request that begins in it begins; SIZE_MAX: none does */
};

/* Looks at the next `n` bytes, in place. False: they are refused from `good` on, and so is all that follows. */
bool framing_take(struct framing *framing, uint8_t *data, size_t n, struct framing_taken *ret);

static inline bool framing_is_in_head(const struct framing *framing)
{
    return framing->stage > FRAMING_START_LF && framing->stage <= FRAMING_HEAD_LF;
}

static inline bool framing_is_in_body(const struct framing *framing)
{
    return framing->stage >= FRAMING_BODY && framing->stage < FRAMING_REFUSED;
}

#endif
