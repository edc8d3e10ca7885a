#include "http/field.h"

#include <string.h>

#include "base/text.h"

static const bool token_char[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true, ['#'] = true, ['$'] = true,
    ['%'] = true,         ['&'] = true,         ['\''] = true,        ['*'] = true, ['+'] = true, ['-'] = true,
    ['.'] = true,         ['^'] = true,         ['_'] = true,         ['`'] = true, ['|'] = true, ['~'] = true,
};

/* RFC 9110 section 5.5: VCHAR, obs-text, space and tab. */
static const bool value_char[256] = {
    ['\t'] = true,
    [' ' ... '~'] = true,
    [0x80 ... 0xff] = true,
};

/* RFC 9110 section 7.6.1; Proxy-Connection never was a standard and is treated as one there. */
static const char *const hop_by_hop[] = {
    "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
};

/* Whether one of eight bytes may be a control character: below 0x20, or 0x7f. Looking at them together costs a quarter
 * of looking at each; a byte may be suspected wrongly, never missed ("Bit Twiddling Hacks": hasless, haszero). */
static bool has_control(const char *s)
{
    const uint64_t ones = UINT64_MAX / 255, highs = ones * 0x80;
    uint64_t bytes, deletes;
    memcpy(&bytes, s, sizeof bytes);
    deletes = bytes ^ ones * 0x7f;
    return (((bytes - ones * 0x20) & ~bytes) | ((deletes - ones) & ~deletes)) & highs;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool field_is_token_char(unsigned char c)
{
    return token_char[c];
}

bool field_is_token(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!token_char[(unsigned char)s[i]])
            return false;
    return n > 0;
}

bool field_is_value(const char *s, size_t n)
{
    size_t i = 0;
    for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t))
        if (has_control(s + i))
            for (size_t j = 0; j < sizeof(uint64_t); j++)
                if (!value_char[(unsigned char)s[i + j]])
                    return false;
    for (; i < n; i++)
        if (!value_char[(unsigned char)s[i]])
            return false;
    return true;
}

bool field_is_hop_by_hop(const char *name)
{
    for (size_t i = 0; i < sizeof hop_by_hop / sizeof hop_by_hop[0]; i++)
        if (text_equal_nocase(name, hop_by_hop[i]))
            return true;
    return false;
}
