#include <endian.h>
#include <string.h>

#include "http/framing_parts.h"

#define BETWEEN(c, from, to) ((c) >= (from) && (c) <= (to))
#define IS_ALNUM(c) (BETWEEN(c, '0', '9') || BETWEEN(c, 'A', 'Z') || BETWEEN(c, 'a', 'z'))
#define IS_MARK(c)                                                                                                     \
    ((c) == '!' || BETWEEN(c, '#', '\'') || (c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' || (c) == '^' ||      \
     (c) == '_' || (c) == '`' || (c) == '|' || (c) == '~')
#define CLASS(c)                                                                                                       \
    ((IS_ALNUM(c) || IS_MARK(c) ? TOKEN : 0) | ((c) > ' ' && (c) != 0x7f ? TARGET : 0) |                               \
     (((c) >= ' ' && (c) != 0x7f) || (c) == '\t' ? VALUE | EXTENSION : 0))
#define CLASS4(c) CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS16(c) CLASS4(c), CLASS4((c) + 4), CLASS4((c) + 8), CLASS4((c) + 12)
#define CLASS64(c) CLASS16(c), CLASS16((c) + 16), CLASS16((c) + 32), CLASS16((c) + 48)
const uint8_t framing_classes[256] = { CLASS64(0), CLASS64(64), CLASS64(128), CLASS64(192) };

/* --- sixteen at a time ---------------------------------------------------------------------------------------- */

typedef uint8_t sixteen __attribute__((vector_size(16)));

static inline sixteen all(uint8_t c)
{
    return (sixteen){ c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c };
}

/* The first byte of `those` that is not 0; 16: none. */
static inline size_t first(sixteen those)
{
    uint64_t halves[2];
    memcpy(halves, &those, sizeof halves);
    if (halves[0])
        return (size_t)__builtin_ctzll(le64toh(halves[0])) / 8;
    return 8 + (halves[1] ? (size_t)__builtin_ctzll(le64toh(halves[1])) / 8 : 8);
}

/* Where the token that goes on at data[at] ends. Few have other characters than letters, digits and '-'. */
static inline size_t skip_token(const uint8_t *data, size_t at, size_t n)
{
    sixteen some;
    while (n - at >= sizeof some) {
        memcpy(&some, data + at, sizeof some);
        sixteen is = (sixteen)((some | all(0x20)) - all('a') < all(26)) | (sixteen)(some - all('0') < all(10)) |
                     (sixteen)(some == all('-'));
        size_t ends = first(~is);
        at += ends;
        if (ends < sizeof some)
            break;
    }
    while (at < n && framing_classes[data[at]] & TOKEN)
        at++;
    return at;
}

/* Where a value that goes on at data[at] ends, or has a tab; or, `least` being the one after the space, a target: all
 * bytes from `least` on may stand in it but DEL. */
static inline size_t skip_text(const uint8_t *data, size_t at, size_t n, uint8_t least)
{
    sixteen some;
    while (n - at >= sizeof some) {
        memcpy(&some, data + at, sizeof some);
        size_t ends = first((sixteen)(some < all(least)) | (sixteen)(some == all(0x7f)));
        at += ends;
        if (ends < sizeof some)
            return at;
    }
    while (at < n && data[at] >= least && data[at] != 0x7f)
        at++;
    return at;
}

/* ---------------------------------------------------------------------------------------------------------- */

/* A whole header line, whose name cannot be one of those that matter. */
static size_t run_line(struct framing *framing, const uint8_t *data, size_t n)
{
    size_t at = skip_token(data, 0, n);
    uint8_t first = data[0] | 0x20;
    if (at == 0 || at == n || data[at] != ':' || (first == 'c' && at == FRAMING_LENGTH_NAME) ||
        (first == 't' && at == FRAMING_CODING_NAME))
        return 0;
    at = skip_text(data, at + 1, n, ' ');
    if (n - at < 2 || data[at] != '\r' || data[at + 1] != '\n')
        return 0;
    framing->maybe = 0;
    framing->at = 0;
    framing->has_value = framing->spaced = false;
    return at + 2;
}

/* Header lines, and the end of a head that announces no body. */
static size_t run_lines(struct framing *framing, const uint8_t *data, size_t n)
{
    size_t at = 0, line = 1;
    while (line > 0 && at < n) {
        line = run_line(framing, data + at, n - at);
        at += line;
    }
    if (n - at < 2 || data[at] != '\r' || data[at + 1] != '\n' || framing->has_length || framing->has_coding)
        return at;
    framing->at = 0;
    framing->excess = 0;
    framing->stage = FRAMING_START;
    return at + 2;
}

/* What a request line ends with, as nearly all do. */
static const char version[] = " HTTP/1.1\r\n";
enum { VERSION_LENGTH = sizeof version - 1 };

/* Behind the line: the framing is at the first header. */
static void end_line(struct framing *framing)
{
    framing->at = VERSION_LENGTH - 2; /* of the version and its carriage return */
    framing->stage = FRAMING_NAME_START;
}

static size_t run_version(struct framing *framing, const uint8_t *data, size_t n)
{
    if (framing->at > 0 || n < VERSION_LENGTH - 1 || memcmp(data, version + 1, VERSION_LENGTH - 1) != 0)
        return 0;
    end_line(framing);
    return VERSION_LENGTH - 1;
}

/* The rest of a method; where all of the request line is there, that, and the lines that follow. */
static size_t run_method(struct framing *framing, const uint8_t *data, size_t n)
{
    size_t length = skip_token(data, 0, n < FRAMING_METHOD_MOST ? n : FRAMING_METHOD_MOST), at = length + 1;
    if (framing->at + length >= FRAMING_METHOD_MOST)
        return 0;
    framing->at = (uint8_t)(framing->at + length);
    if (at >= n || data[length] != ' ' || !(framing_classes[data[at]] & TARGET))
        return length;
    at = skip_text(data, at, n, ' ' + 1);
    if (n - at < VERSION_LENGTH || memcmp(data + at, version, VERSION_LENGTH) != 0)
        return length;
    at += VERSION_LENGTH;
    framing->has_value = true;
    end_line(framing);
    return at + run_lines(framing, data + at, n - at);
}

static size_t run_body(struct framing *framing, size_t n)
{
    size_t taken = framing->length < n ? (size_t)framing->length : n;
    framing->length -= taken;
    if (framing->length == 0)
        framing->stage = framing->stage == FRAMING_BODY ? FRAMING_START : FRAMING_DATA_CR;
    return taken;
}

/* ---------------------------------------------------------------------------------------------------------- */

size_t framing_run(struct framing *framing, const uint8_t *data, size_t n)
{
    switch ((enum framing_stage)framing->stage) {
    case FRAMING_METHOD: return run_method(framing, data, n);
    case FRAMING_TARGET: return framing->has_value ? skip_text(data, 0, n, ' ' + 1) : 0;
    case FRAMING_VERSION: return run_version(framing, data, n);
    case FRAMING_NAME_START: return run_lines(framing, data, n);
    case FRAMING_NAME: return framing->maybe ? 0 : skip_token(data, 0, n);
    case FRAMING_VALUE: return framing->maybe ? 0 : skip_text(data, 0, n, ' ');
    case FRAMING_BODY:
    case FRAMING_DATA: return run_body(framing, n);
    default: return 0;
    }
}
