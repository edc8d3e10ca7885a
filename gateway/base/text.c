#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool text_equal_nocase_n(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text_lower((unsigned char)a[i]) != text_lower((unsigned char)b[i]))
            return false;
    return true;
}

bool text_equal_nocase(const char *a, const char *b)
{
    size_t n = strlen(a);
    return n == strlen(b) && text_equal_nocase_n(a, b, n);
}

bool text_has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool text_to_uint64(const char *s, uint64_t *ret)
{
    uint64_t value = 0;
    if (!*s)
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
            return false;
    }
    *ret = value;
    return true;
}

bool text_to_int64(const char *s, int64_t *ret)
{
    bool negative = *s == '-';
    uint64_t magnitude;
    if (!text_to_uint64(s + negative, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool text_to_double(const char *s, double *ret)
{
    char *end;
    /* strtod would also take spaces, hexadecimal, "inf" and "nan". */
    if (!*s || strspn(s, "0123456789+-.eE") != strlen(s))
        return false;
    errno = 0;
    double value = strtod(s, &end);
    if (*end || errno == ERANGE)
        return false;
    *ret = value;
    return true;
}

bool text_to_size(const char *s, uint64_t *ret)
{
    char digits[24];
    size_t n = strspn(s, "0123456789");
    unsigned shift = 0;
    uint64_t value;
    if (n == 0 || n >= sizeof digits)
        return false;
    switch (s[n]) {
    case '\0': break;
    case 'k':
    case 'K': shift = 10; break;
    case 'm':
    case 'M': shift = 20; break;
    case 'g':
    case 'G': shift = 30; break;
    default: return false;
    }
    if (shift && s[n + 1])
        return false;
    memcpy(digits, s, n);
    digits[n] = '\0';
    if (!text_to_uint64(digits, &value) || value > UINT64_MAX >> shift)
        return false;
    *ret = value << shift;
    return true;
}

size_t text_escape_controls(char *out, size_t room, const char *s, size_t n, bool *ret_cut)
{
    static const char hex[] = "0123456789abcdef";
    size_t used = 0, sequence = 0; /* bytes that a UTF-8 sequence still wants */
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i], next = i + 1 < n ? (unsigned char)s[i + 1] : 0;
        char piece[4] = { (char)c };
        size_t length = 1;
        bool continues = (c & 0xc0) == 0x80;
        /* U+0080 to U+009F are control characters too, and a lone byte of that range is one to some terminals. */
        bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0) || (continues && !sequence);
        if (control || !continues)
            sequence = control ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
        else
            sequence--;
        if (control) {
            const char *letter = strchr("\nn\rr\tt", c);
            piece[0] = '\\';
            if (letter && c < 0x20 && c) {
                piece[1] = letter[1];
                length = 2;
            } else {
                memcpy(piece + 1, (char[]){ 'x', hex[c >> 4], hex[c & 15] }, 3);
                length = 4;
            }
        }
        if (used + length > room) {
            *ret_cut = true;
            break;
        }
        memcpy(out + used, piece, length);
        used += length;
    }
    return used;
}

size_t text_distance(const char *a, const char *b, size_t limit)
{
    enum { WORD_MAX = 40 };
    size_t n = strlen(a), m = strlen(b), row[WORD_MAX + 1];
    if (n > WORD_MAX || m > WORD_MAX)
        return limit;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[m] < limit ? row[m] : limit;
}
