#include "plugin/facts_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sdk/ngi.h"

static const char *const method_names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

/* Length of the UTF-8 sequence (RFC 3629) at the beginning of a string, 0 if there is none; its character in *ret. */
static size_t utf8_sequence(const unsigned char *s, uint32_t *ret)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : (*s & 0xf8) == 0xf0 ? 4 : 0;
    uint32_t character = length == 1 ? *s : *s & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (s[i] & 0x3f);
    }
    if (length == 0 || character < smallest[length] || character > 0x10ffff ||
        (character >= 0xd800 && character < 0xe000))
        return 0;
    *ret = character;
    return length;
}

/* ---------------------------------------------------------------------------------------------------------- */

char *facts_text_printable(const char *s)
{
    enum { LONGEST_ESCAPE = 4 };
    size_t room = strlen(s) * LONGEST_ESCAPE, used = 0;
    char *out = malloc(room + 1);
    while (out && *s) {
        uint32_t character;
        bool cut = false;
        size_t length = utf8_sequence((const unsigned char *)s, &character);
        if (length == 0 || (character >= 0x80 && character < 0xa0)) {
            used += (size_t)snprintf(out + used, room + 1 - used, "\\x%02x", (unsigned char)*s++);
            continue;
        }
        used += text_escape_controls(out + used, room - used, s, length, &cut);
        s += length;
    }
    if (out)
        out[used] = '\0';
    return out;
}

char *facts_text_utf8(const char *s)
{
    static const char replacement[] = "\xef\xbf\xbd";
    size_t used = 0;
    char *out = malloc(strlen(s) * (sizeof replacement - 1) + 1);
    while (out && *s) {
        uint32_t character;
        size_t length = utf8_sequence((const unsigned char *)s, &character);
        memcpy(out + used, length ? s : replacement, length ? length : sizeof replacement - 1);
        used += length ? length : sizeof replacement - 1;
        s += length ? length : 1;
    }
    if (out)
        out[used] = '\0';
    return out;
}

size_t facts_text_width(const char *s)
{
    size_t width = 0;
    for (; *s; s++)
        width += ((unsigned char)*s & 0xc0) != 0x80;
    return width;
}

const char *facts_text_method(uint32_t methods, size_t nth, char scratch[16])
{
    enum { KNOWN = sizeof method_names / sizeof *method_names };
    if (methods == NGI_ANY)
        return nth == 0 ? "ANY" : NULL;
    if (methods & NGI_GET)
        methods |= NGI_HEAD;
    for (size_t i = 0; i < KNOWN; i++)
        if ((methods & 1u << i) && nth-- == 0)
            return method_names[i];
    if (nth > 0 || methods >> KNOWN == 0)
        return NULL;
    snprintf(scratch, 16, "0x%x", methods >> KNOWN << KNOWN);
    return scratch;
}

const char *facts_text_type(int32_t type)
{
    switch (type) {
    case NGI_STRING: return "string";
    case NGI_INT: return "int";
    case NGI_FLOAT: return "float";
    case NGI_BOOL: return "bool";
    default: return NULL;
    }
}
