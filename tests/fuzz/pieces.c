#include "tests/fuzz/pieces.h"

#include <regex.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

struct pieces pieces_of(const uint8_t *data, size_t size)
{
    return (struct pieces){ (const char *)data, (const char *)data + size };
}

char *pieces_take(struct pieces *pieces, char separator, size_t *ret_length)
{
    size_t left = pieces_left(pieces);
    if (left == 0)
        return NULL;
    const char *end = memchr(pieces->at, separator, left);
    size_t length = end ? (size_t)(end - pieces->at) : left;
    char *piece = malloc(length + 1);
    FUZZ_ASSERT(piece);
    memcpy(piece, pieces->at, length);
    piece[length] = '\0';
    pieces->at += length + (end ? 1 : 0);
    if (ret_length)
        *ret_length = length;
    return piece;
}

size_t pieces_left(const struct pieces *pieces)
{
    return (size_t)(pieces->end - pieces->at);
}

bool fits(const char *text, const char *expression)
{
    enum { MOST = 16 };
    static struct {
        const char *expression;
        regex_t compiled;
    } known[MOST];
    size_t i = 0;
    while (i < MOST && known[i].expression && known[i].expression != expression)
        i++;
    FUZZ_ASSERT(i < MOST);
    if (!known[i].expression) {
        FUZZ_ASSERT(regcomp(&known[i].compiled, expression, REG_EXTENDED | REG_NOSUB) == 0);
        known[i].expression = expression;
    }
    return regexec(&known[i].compiled, text, 0, NULL, 0) == 0;
}
