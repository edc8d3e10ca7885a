/* Any bytes as what a client sends: where they are cut into pieces makes no difference, what has passed passes again as
 * it is, and what has been refused stays refused. The first byte says how large the pieces are. */
#include <string.h>

#include "http/framing.h"
#include "tests/fuzz/fuzz.h"

enum { MOST = 1 << 16 };

struct outcome {
    struct framing framing;
    size_t begins; /* where the last request does, of what has passed; SIZE_MAX: there is none */
    size_t length;
    uint8_t passed[MOST];
};

static void feed(struct outcome *outcome, const uint8_t *data, size_t size, size_t piece)
{
    bool good = true;
    memset(&outcome->framing, 0, sizeof outcome->framing); /* with what is between its members: it is compared */
    outcome->begins = SIZE_MAX;
    outcome->length = 0;
    for (size_t at = 0; good && at < size; at += piece) {
        struct framing_taken taken;
        size_t n = size - at < piece ? size - at : piece;
        uint8_t *own = malloc(n);
        uint64_t begun = outcome->framing.begun;
        FUZZ_ASSERT(own);
        memcpy(own, data + at, n);
        good = framing_take(&outcome->framing, own, n, &taken);
        FUZZ_ASSERT(taken.good <= taken.length && taken.length <= n);
        FUZZ_ASSERT(!good || taken.good == taken.length);
        FUZZ_ASSERT((taken.start == SIZE_MAX) == (outcome->framing.begun == begun));
        FUZZ_ASSERT(taken.start == SIZE_MAX || taken.start <= taken.good);
        if (taken.start != SIZE_MAX)
            outcome->begins = outcome->length + taken.start;
        memcpy(outcome->passed + outcome->length, own, taken.good);
        outcome->length += taken.good;
        free(own);
    }
    FUZZ_ASSERT(good == (outcome->framing.stage != FRAMING_REFUSED));
    FUZZ_ASSERT(good || outcome->framing.why);
}

static void expect_the_same(const struct outcome *a, const struct outcome *b)
{
    FUZZ_ASSERT(a->length == b->length && memcmp(a->passed, b->passed, a->length) == 0);
    FUZZ_ASSERT(memcmp(&a->framing, &b->framing, sizeof a->framing) == 0 && a->begins == b->begins);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, pieces;
    if (size < 1 || size > MOST)
        return 0;
    size_t piece = data[0] ? data[0] : 1;
    data++;
    size--;
    feed(&whole, data, size, size ? size : 1);
    feed(&pieces, data, size, piece);
    expect_the_same(&pieces, &whole);
    if (piece > 1)
        feed(&pieces, data, size, 1);
    expect_the_same(&pieces, &whole);

    feed(&pieces, whole.passed, whole.length, whole.length ? whole.length : 1);
    FUZZ_ASSERT(pieces.framing.stage != FRAMING_REFUSED && pieces.length == whole.length);
    FUZZ_ASSERT(memcmp(whole.passed, pieces.passed, whole.length) == 0);
    return 0;
}
