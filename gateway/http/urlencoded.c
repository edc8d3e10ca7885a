#include "http/urlencoded.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* Decodes s[0..n) to `out` and ends it with a NUL; returns what is behind that, or NULL if a NUL was in it. Writes no
 * more than n + 1 bytes. */
static char *decode(char *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && n - i > 2) {
            int high = text_hex((unsigned char)s[i + 1]), low = text_hex((unsigned char)s[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high << 4 | low);
                i += 2;
            }
        }
        if (c == '\0')
            return NULL;
        *out++ = c;
    }
    *out++ = '\0';
    return out;
}

/* ---------------------------------------------------------------------------------------------------------- */

int urlencoded_parse(const char *s, size_t n, struct pairs *pairs)
{
    if (n == 0)
        return NGI_OK;
    /* One block for all the strings: decoded text is no longer than its source, and each NUL has the '=' or '&' that it
     * stands for. Only the last has none, hence one byte more; the value of a piece without '=' is a constant. */
    char *out = arena_alloc(pairs->arena, n + 1);
    if (!out)
        return NGI_ENOMEM;
    for (const char *end = s + n, *next; s < end; s = next) {
        const char *piece_end = memchr(s, '&', (size_t)(end - s));
        next = piece_end ? piece_end + 1 : end;
        if (!piece_end)
            piece_end = end;
        if (piece_end == s)
            continue;
        const char *equals = memchr(s, '=', (size_t)(piece_end - s)), *value = "";
        char *after = decode(out, s, (size_t)((equals ? equals : piece_end) - s));
        if (after && equals) {
            value = after;
            after = decode(after, equals + 1, (size_t)(piece_end - equals - 1));
        }
        if (!after)
            continue;
        int rc = pairs_add(pairs, out, value);
        if (rc != NGI_OK)
            return rc;
        out = after;
    }
    return NGI_OK;
}
