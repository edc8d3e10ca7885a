#include "base/scribe.h"

#include "base/peek.h"

static void put_digits(struct scribe *scribe, uint64_t value, unsigned base)
{
    char digits[24], *at = digits + sizeof digits - 1;
    *at = '\0';
    do
        *--at = "0123456789abcdef"[value % base];
    while (value /= base);
    scribe_put(scribe, at);
}

/* ---------------------------------------------------------------------------------------------------------- */

void scribe_put(struct scribe *scribe, const char *words)
{
    for (; *words && scribe->length < scribe->size; words++)
        scribe->text[scribe->length++] = *words;
}

void scribe_suspect(struct scribe *scribe, const char *text, size_t most)
{
    char part[256];
    size_t taken = 0, got;
    do {
        got = peek_string(part, sizeof part, text ? text + taken : NULL);
        for (size_t i = 0; i < got; i++, taken++) {
            if (taken == most) {
                scribe_put(scribe, "…");
                return;
            }
            if (scribe->length < scribe->size)
                scribe->text[scribe->length++] = (unsigned char)part[i] < 0x20 || part[i] == 0x7f ? '?' : part[i];
        }
    } while (got == sizeof part - 1);
}

void scribe_hex(struct scribe *scribe, uintptr_t value)
{
    scribe_put(scribe, "0x");
    put_digits(scribe, value, 16);
}

void scribe_number(struct scribe *scribe, uint64_t value)
{
    put_digits(scribe, value, 10);
}
