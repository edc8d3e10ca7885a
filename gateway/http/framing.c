#include "http/framing.h"

#include <string.h>

#include "http/framing_parts.h"

static const char length_name[] = "content-length", coding_name[] = "transfer-encoding", chunked[] = "chunked",
                  version[] = "HTTP/1.";
_Static_assert(sizeof length_name - 1 == FRAMING_LENGTH_NAME && sizeof coding_name - 1 == FRAMING_CODING_NAME,
               "what framing_run leaves to a closer look");

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool refuse(struct framing *framing, int status, const char *why)
{
    framing->refused = framing->stage;
    framing->stage = FRAMING_REFUSED;
    framing->status = status;
    framing->why = why;
    return false;
}

static bool bad(struct framing *framing, const char *why)
{
    return refuse(framing, 400, why);
}

/* --- the head ------------------------------------------------------------------------------------------------- */

static void begin(struct framing *framing)
{
    *framing = (struct framing){ .stage = FRAMING_METHOD, .begun = framing->begun + 1 };
}

static bool take_version(struct framing *framing, uint8_t c)
{
    enum { DIGIT_AT = sizeof version - 1 };
    unsigned at = framing->at++;
    if (at < DIGIT_AT) {
        if (c == (uint8_t)version[at])
            return true;
        return at == DIGIT_AT - 2 && c >= '0' && c <= '9'
                 ? refuse(framing, 505, "another version than HTTP/1.x")
                 : bad(framing, "a request line that does not end in HTTP/1.x");
    }
    if (at == DIGIT_AT && c >= '0' && c <= '9') {
        framing->old = c == '0';
        return true;
    }
    if (at > DIGIT_AT && c == '\r') {
        framing->stage = FRAMING_VERSION_LF;
        return true;
    }
    return bad(framing, "a request line that does not end in HTTP/1.x");
}

static bool begin_name(struct framing *framing, uint8_t c)
{
    if (c == '\r') {
        framing->stage = FRAMING_HEAD_LF;
        return true;
    }
    if (c == ' ' || c == '\t')
        return bad(framing, "a header line that begins with white space");
    if (!(framing_classes[c] & TOKEN))
        return bad(framing, "a header whose name is no token");
    framing->stage = FRAMING_NAME;
    framing->at = 1;
    framing->maybe = lower(c) == 'c' ? FRAMING_LENGTH : lower(c) == 't' ? FRAMING_CODING : 0;
    return true;
}

static bool begin_value(struct framing *framing)
{
    if ((framing->maybe & FRAMING_LENGTH && framing->at != FRAMING_LENGTH_NAME) ||
        (framing->maybe & FRAMING_CODING && framing->at != FRAMING_CODING_NAME))
        framing->maybe = 0;
    if (framing->maybe & FRAMING_LENGTH && framing->has_length)
        return bad(framing, "more than one Content-Length");
    if (framing->maybe & FRAMING_CODING && framing->has_coding)
        return bad(framing, "more than one Transfer-Encoding");
    /* Known here, it is not the library's to find out: 1.0 would. */
    if ((framing->maybe & FRAMING_LENGTH && framing->has_coding) ||
        (framing->maybe & FRAMING_CODING && framing->has_length))
        return bad(framing, "both Content-Length and Transfer-Encoding");
    framing->has_length |= (framing->maybe & FRAMING_LENGTH) != 0;
    framing->has_coding |= (framing->maybe & FRAMING_CODING) != 0;
    framing->stage = FRAMING_VALUE;
    framing->has_value = false;
    framing->spaced = false;
    framing->at = 0;
    return true;
}

static bool take_name(struct framing *framing, uint8_t c)
{
    if (c == ':')
        return begin_value(framing);
    if (!(framing_classes[c] & TOKEN))
        return bad(framing, c == ' ' || c == '\t' ? "white space in or behind the name of a header"
                                                  : "a header whose name is no token");
    const char *name = framing->maybe & FRAMING_LENGTH ? length_name : coding_name;
    size_t length = framing->maybe & FRAMING_LENGTH ? FRAMING_LENGTH_NAME : FRAMING_CODING_NAME;
    if (framing->maybe && (framing->at >= length || lower(c) != (uint8_t)name[framing->at]))
        framing->maybe = 0;
    if (framing->maybe)
        framing->at++;
    return true;
}

/* A character of a value that matters, white space aside. */
static bool take_measure(struct framing *framing, uint8_t c)
{
    if (framing->maybe & FRAMING_LENGTH) {
        if (c < '0' || c > '9' || framing->spaced)
            return bad(framing, "a Content-Length that is no number");
        if (framing->length > (uint64_t)(INT64_MAX - (c - '0')) / 10)
            return bad(framing, "a Content-Length that is too large");
        framing->length = framing->length * 10 + (uint64_t)(c - '0');
    } else {
        if (framing->spaced || framing->at >= sizeof chunked - 1 || lower(c) != (uint8_t)chunked[framing->at])
            return refuse(framing, 501, "a Transfer-Encoding other than chunked");
        framing->at++;
    }
    framing->has_value = true;
    return true;
}

static bool end_value(struct framing *framing)
{
    if (framing->maybe & FRAMING_LENGTH && !framing->has_value)
        return bad(framing, "a Content-Length that is no number");
    if (framing->maybe & FRAMING_CODING && framing->at != sizeof chunked - 1)
        return refuse(framing, 501, "a Transfer-Encoding other than chunked");
    framing->stage = FRAMING_VALUE_LF;
    return true;
}

static bool take_value(struct framing *framing, uint8_t c)
{
    if (c == '\r')
        return end_value(framing);
    if (!(framing_classes[c] & VALUE))
        return bad(framing,
                   c == '\n' ? "a line that ends without a carriage return" : "a control character in a header");
    if (!framing->maybe)
        return true;
    if (c != ' ' && c != '\t')
        return take_measure(framing, c);
    framing->spaced |= framing->has_value;
    return true;
}

static bool end_head(struct framing *framing)
{
    if (framing->has_coding && framing->old)
        return bad(framing, "a Transfer-Encoding in HTTP/1.0");
    framing->excess = 0;
    framing->at = 0;
    framing->stage = framing->has_coding ? FRAMING_SIZE : framing->length > 0 ? FRAMING_BODY : FRAMING_START;
    return true;
}

/* --- chunks --------------------------------------------------------------------------------------------------- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

static bool take_size(struct framing *framing, uint8_t c)
{
    enum { DIGITS_MOST = 15 };
    int digit = hex_digit(c);
    if (digit >= 0 && framing->at < DIGITS_MOST) {
        framing->length = (framing->at == 0 ? 0 : framing->length * 16) + (uint64_t)digit;
        framing->at++;
        return true;
    }
    if (digit >= 0 || framing->at == 0)
        return bad(framing, digit >= 0 ? "a chunk that is too large" : "a chunk without a size");
    if (c == '\r')
        framing->stage = FRAMING_SIZE_LF;
    else if (c == ';' || c == ' ' || c == '\t') /* section 7.1.1: white space may stand before the semicolon */
        framing->stage = FRAMING_EXTENSION;
    else
        return bad(framing, "a chunk size that is no number");
    framing->spaced = c != ';';
    return true;
}

static bool take_extension(struct framing *framing, uint8_t c)
{
    if (c == '\r' && !framing->spaced) {
        framing->stage = FRAMING_SIZE_LF;
        return true;
    }
    if (framing->spaced && c != ';' && c != ' ' && c != '\t')
        return bad(framing, "a chunk size that is no number");
    framing->spaced &= c != ';';
    if (!(framing_classes[c] & EXTENSION))
        return bad(framing, "a chunk extension with a control character");
    if (++framing->excess > FRAMING_EXTENSIONS_MOST)
        return bad(framing, "chunk extensions that are too long");
    return true;
}

static bool take_trailer(struct framing *framing, uint8_t c)
{
    switch (framing->stage) {
    case FRAMING_TRAILER_START:
        if (c == '\r') {
            framing->stage = FRAMING_TRAILERS_LF;
            return true;
        }
        framing->stage = FRAMING_TRAILER_NAME;
        if (!(framing_classes[c] & TOKEN))
            return bad(framing, "a trailer whose name is no token");
        break;
    case FRAMING_TRAILER_NAME:
        if (c == ':')
            framing->stage = FRAMING_TRAILER;
        else if (!(framing_classes[c] & TOKEN))
            return bad(framing, "a trailer whose name is no token");
        break;
    default:
        if (c == '\r')
            framing->stage = FRAMING_TRAILER_LF;
        else if (!(framing_classes[c] & VALUE))
            return bad(framing, "a control character in a trailer");
        break;
    }
    return ++framing->excess <= FRAMING_TRAILERS_MOST || bad(framing, "trailers that are too long");
}

/* --- lines ---------------------------------------------------------------------------------------------------- */

/* The line feed that is the only thing that may come. */
static bool take_feed(struct framing *framing, uint8_t c)
{
    if (c != '\n' && framing->stage == FRAMING_START_LF)
        begin(framing);
    if (c != '\n')
        return bad(framing, "a carriage return that ends no line");
    switch (framing->stage) {
    case FRAMING_START_LF: framing->stage = FRAMING_START; break;
    case FRAMING_VERSION_LF:
    case FRAMING_VALUE_LF: framing->stage = FRAMING_NAME_START; break;
    case FRAMING_HEAD_LF: return end_head(framing);
    case FRAMING_SIZE_LF:
        framing->stage = framing->length > 0 ? FRAMING_DATA : FRAMING_TRAILER_START;
        framing->excess = framing->length > 0 ? framing->excess : 0;
        break;
    case FRAMING_DATA_LF:
        framing->stage = FRAMING_SIZE;
        framing->at = 0;
        break;
    case FRAMING_TRAILER_LF: framing->stage = FRAMING_TRAILER_START; break;
    case FRAMING_TRAILERS_LF:
        framing->stage = FRAMING_START;
        framing->excess = 0;
        break;
    }
    return true;
}

static bool take_start(struct framing *framing, uint8_t c)
{
    if (c == '\r' && ++framing->excess <= FRAMING_EMPTY_MOST) {
        framing->stage = FRAMING_START_LF;
        return true;
    }
    begin(framing);
    return framing_classes[c] & TOKEN || bad(framing, "a request that does not begin with a method");
}

static bool take_method(struct framing *framing, uint8_t c)
{
    if (c == ' ') {
        framing->stage = FRAMING_TARGET;
        framing->has_value = false;
        return true;
    }
    if (!(framing_classes[c] & TOKEN))
        return bad(framing, "a method that is no token");
    return ++framing->at < FRAMING_METHOD_MOST || refuse(framing, 501, "a method that is too long");
}

/* One byte where it matters which. */
static bool take(struct framing *framing, uint8_t c)
{
    switch ((enum framing_stage)framing->stage) {
    case FRAMING_START: return take_start(framing, c);
    case FRAMING_METHOD: return take_method(framing, c);
    case FRAMING_TARGET:
        if (c == ' ' && framing->has_value) {
            framing->stage = FRAMING_VERSION;
            framing->at = 0;
            return true;
        }
        if (!(framing_classes[c] & TARGET))
            return bad(framing, c == ' ' ? "no target" : "a control character in the request line");
        framing->has_value = true; /* of which net/intake makes a whole head */
        return true;
    case FRAMING_VERSION: return take_version(framing, c);
    case FRAMING_NAME_START: return begin_name(framing, c);
    case FRAMING_NAME: return take_name(framing, c);
    case FRAMING_VALUE: return take_value(framing, c);
    case FRAMING_SIZE: return take_size(framing, c);
    case FRAMING_EXTENSION: return take_extension(framing, c);
    case FRAMING_DATA_CR:
        framing->stage = FRAMING_DATA_LF;
        return c == '\r' || bad(framing, "a chunk that is longer than its size");
    case FRAMING_TRAILER_START:
    case FRAMING_TRAILER_NAME:
    case FRAMING_TRAILER: return take_trailer(framing, c);
    case FRAMING_START_LF:
    case FRAMING_VERSION_LF:
    case FRAMING_VALUE_LF:
    case FRAMING_HEAD_LF:
    case FRAMING_SIZE_LF:
    case FRAMING_DATA_LF:
    case FRAMING_TRAILER_LF:
    case FRAMING_TRAILERS_LF: return take_feed(framing, c);
    case FRAMING_BODY:
    case FRAMING_DATA:
    case FRAMING_REFUSED: break;
    }
    return false;
}

/* What a reader need not see, and might mistake, but for empty lines before a request: a chunk extension from the
 * semicolon, or the space before it, to the end of the line; and white space around the values that say where a request
 * ends. */
static bool is_left_out(const struct framing *framing, uint8_t c)
{
    return framing->stage == FRAMING_EXTENSION ||
           (framing->stage == FRAMING_VALUE && framing->maybe && (c == ' ' || c == '\t'));
}

/* ---------------------------------------------------------------------------------------------------------- */

bool framing_take(struct framing *framing, uint8_t *data, size_t n, struct framing_taken *ret)
{
    size_t at = 0, out = 0;
    *ret = (struct framing_taken){ .start = SIZE_MAX };
    bool good = framing->stage != FRAMING_REFUSED;
    while (good && at < n) {
        size_t taken = framing_run(framing, data + at, n - at);
        bool drops = false;
        if (taken == 0) {
            uint64_t begun = framing->begun;
            bool starts = framing->stage == FRAMING_START || framing->stage == FRAMING_START_LF;
            taken = 1;
            good = take(framing, data[at]);
            if (framing->begun != begun)
                ret->start = out;
            if (!good)
                break;
            drops = is_left_out(framing, data[at]) || (starts && framing->begun == begun);
        }
        if (!drops) {
            if (out != at)
                memmove(data + out, data + at, taken);
            out += taken;
        }
        at += taken;
    }
    ret->good = out;
    if (out != at)
        memmove(data + out, data + at, n - at);
    ret->length = out + (n - at);
    return good;
}
