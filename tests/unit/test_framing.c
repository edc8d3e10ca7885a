#include "http/framing.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

/* What comes of bytes, whatever pieces they come in. */
struct outcome {
    bool good;
    size_t begins; /* where the last request does, of what was let through; SIZE_MAX: there is none */
    size_t length; /* of `passed`: what was let through */
    char passed[65536];
    struct framing framing;
};

/* Millions of times: ck_assert writes to a file each time. */
#define SURE(what)                                                                                                     \
    do                                                                                                                 \
        if (!(what))                                                                                                   \
            ck_abort_msg("%s", #what);                                                                                 \
    while (0)

/* `first`: the size of the first piece; `piece`: that of the others. */
static void feed(struct outcome *outcome, const void *data, size_t n, size_t first, size_t piece)
{
    memset(&outcome->framing, 0, sizeof outcome->framing); /* with what is between its members: it is compared */
    outcome->good = true;
    outcome->length = 0;
    outcome->begins = SIZE_MAX;
    for (size_t at = 0, size; outcome->good && at < n; at += size) {
        struct framing_taken taken;
        size = at == 0 ? first : piece;
        size = n - at < size ? n - at : size;
        uint8_t *own = malloc(size); /* a sanitizer sees who reads beyond */
        SURE(own);
        memcpy(own, (const char *)data + at, size);
        outcome->good = framing_take(&outcome->framing, own, size, &taken);
        SURE(taken.length <= size);
        SURE(taken.good <= taken.length);
        SURE(!outcome->good || taken.good == taken.length);
        SURE(taken.start == SIZE_MAX || taken.start <= taken.good);
        if (taken.start != SIZE_MAX)
            outcome->begins = outcome->length + taken.start;
        SURE(outcome->length + taken.good <= sizeof outcome->passed);
        memcpy(outcome->passed + outcome->length, own, taken.good);
        outcome->length += taken.good;
        free(own);
    }
}

static void expect_the_same(const struct outcome *a, const struct outcome *b)
{
    SURE(a->good == b->good);
    SURE(a->length == b->length);
    SURE(memcmp(a->passed, b->passed, b->length) == 0);
    SURE(memcmp(&a->framing, &b->framing, sizeof b->framing) == 0);
    SURE(a->begins == b->begins);
}

/* The same in one piece, byte by byte, in pieces of 7, and cut in two anywhere. */
static struct outcome *take(const void *data, size_t n)
{
    enum { SMALL = 2048 };
    static struct outcome whole, pieces;
    static const size_t sizes[] = { 1, 7 };
    feed(&whole, data, n, n, n);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        feed(&pieces, data, n, sizes[i], sizes[i]);
        expect_the_same(&pieces, &whole);
    }
    for (size_t cut = 1; cut < n && n <= SMALL; cut++) {
        feed(&pieces, data, n, cut, n);
        expect_the_same(&pieces, &whole);
    }
    return &whole;
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"
#define POST "POST / HTTP/1.1\r\nHost: x\r\n"
#define METHOD_64 "LOCK4567LOCK4567LOCK4567LOCK4567LOCK4567LOCK4567LOCK4567LOCK4567"
#define CHUNKED POST "Transfer-Encoding:chunked\r\n\r\n"

/* --- what is let through --------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    unsigned begun;
    enum framing_stage stage;
} fine[] = {
    { "", 0, FRAMING_START },
    { GET "\r\n", 1, FRAMING_START },
    { "\r\n\r\n" GET "\r\n", 1, FRAMING_START },
    { GET "\r\n" GET "\r\n" GET, 3, FRAMING_NAME_START },
    { GET "\r\n\r\n" GET "\r\n", 2, FRAMING_START },
    { "GET /a%20b?c=d&e#f HTTP/1.0\r\n\r\n", 1, FRAMING_START },
    { "GET \xc3\xa4 HTTP/1.1\r\n\r\n", 1, FRAMING_START },
    { "M!#$%&'*+-.^_`|~9 * HTTP/1.9\r\n\r\n", 1, FRAMING_START },
    { METHOD_64 " / HTTP/1.1\r\n\r\n", 1, FRAMING_START },
    { GET "A:\r\nB: \t \r\nC:x\t\r\nD:\xff\"(),/:;<=>?@[\\]{}\r\n\r\n", 1, FRAMING_START },
    { POST "Content-Length: 0\r\n\r\n", 1, FRAMING_START },
    { POST "content-LENGTH:\t 5 \t\r\n\r\nhello" GET "\r\n", 2, FRAMING_START },
    { POST "Content-Length: 00005\r\n\r\nhell", 1, FRAMING_BODY },
    { POST "Content-Length: 9223372036854775807\r\n\r\nx", 1, FRAMING_BODY },
    { POST "Content-Lengths: x\r\nContent-Lengt: y\r\nXContent-Length: z\r\nTransfer-Encodin: 1\r\n\r\n", 1,
      FRAMING_START },
    { CHUNKED "0\r\n\r\n" GET "\r\n", 2, FRAMING_START },
    { CHUNKED "5\r\nhello\r\n00A\r\n0123456789\r\nfffff\r\nx", 1, FRAMING_DATA },
    { CHUNKED "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n" GET "\r\n", 2, FRAMING_START },
    { POST "transfer-encoding:CHUNKED \t\r\n\r\n0\r\n\r\n", 1, FRAMING_START },
    { CHUNKED "1\r\n\r\r\n0\r\n\r\n", 1, FRAMING_START },
    /* Lines that are gone over as a whole, beside those that are not. */
    { POST "Content-Length: 5 \r\nA: b\r\n\r\nhell", 1, FRAMING_BODY },
    { POST "Content-Length: 0 \r\nA: b\r\n\r\n", 1, FRAMING_START },
    { POST "Content-Length: 5 \r\nA: b\r\n", 1, FRAMING_NAME_START },
    { POST "Transfer-Encoding: chunked \r\nA: b\r\n\r\n", 1, FRAMING_SIZE },
    { POST "A: b\r\nCONTENT-LENGTH: 5\r\nC: d\r\n\r\n", 1, FRAMING_BODY },
    { POST "A: b\r\nTRANSFER-ENCODING: chunked\r\nC: d\r\n\r\n", 1, FRAMING_SIZE },
    { GET "Cache-Controls: 1\r\ncXXXXXXXXXXXXX: 1\r\ntXXXXXXXXXXXXXXXX: 1\r\n\r\n", 1, FRAMING_START },
    { "GET / HTTP/1.1\r\n\r\n" GET "\r\n", 2, FRAMING_START },
};

/* White space around the values of Content-Length and Transfer-Encoding may be left out, and empty lines. */
static bool is_the_same_but_for_spaces(const struct outcome *outcome, const char *text)
{
    size_t i = 0;
    for (; *text; text++) {
        if (i < outcome->length && outcome->passed[i] == *text)
            i++;
        else if (*text != ' ' && *text != '\t' && *text != '\r' && *text != '\n')
            return false;
    }
    return i == outcome->length;
}

START_TEST(what_has_one_reading_passes_as_it_came)
{
    const char *text = fine[_i].text;
    const struct outcome *outcome = take(text, strlen(text));
    ck_assert_msg(outcome->good, "%s", outcome->framing.why);
    ck_assert(is_the_same_but_for_spaces(outcome, text));
    ck_assert_uint_eq(outcome->framing.begun, fine[_i].begun);
    ck_assert_int_eq(outcome->framing.stage, fine[_i].stage);
}
END_TEST

START_TEST(white_space_around_lengths_is_taken_out)
{
    static const char text[] =
        POST "Content-Length: \t 0 \t\r\nA: \t b \t\r\n\r\n" POST "Transfer-Encoding: chunked \r\n\r\n",
                      left[] = POST "Content-Length:0\r\nA: \t b \t\r\n\r\n" POST "Transfer-Encoding:chunked\r\n\r\n";
    const struct outcome *outcome = take(text, strlen(text));
    ck_assert(outcome->good);
    ck_assert_uint_eq(outcome->length, strlen(left));
    ck_assert_mem_eq(outcome->passed, left, strlen(left));
}
END_TEST

START_TEST(chunk_extensions_are_taken_out)
{
    static const struct {
        const char *size, *left;
    } cases[] = {
        { "1;a=b", "1" }, { "1;", "1" },        { "1 ;a", "1" },     { "1\t \t; a = \"b;c\" ;d", "1" },
        { "1;;;", "1" },  { "1;\xff=\t", "1" }, { "01;name", "01" },
    };
    char text[512], left[512];
    snprintf(text, sizeof text, CHUNKED "%s\r\nx\r\n0;end\r\n\r\n" GET "\r\n", cases[_i].size);
    snprintf(left, sizeof left, CHUNKED "%s\r\nx\r\n0\r\n\r\n" GET "\r\n", cases[_i].left);
    const struct outcome *outcome = take(text, strlen(text));
    ck_assert_msg(outcome->good, "%s", outcome->framing.why);
    ck_assert_uint_eq(outcome->length, strlen(left));
    ck_assert_mem_eq(outcome->passed, left, strlen(left));
    ck_assert_uint_eq(outcome->framing.begun, 2);
}
END_TEST

/* --- what is refused ------------------------------------------------------------------------------------------- */

/* `good`, and then `bad`, at whose first byte it is known. */
static const struct {
    const char *good, *bad;
    int status;
    const char *why;
} refused[] = {
    { "", "\n", 400, "method" },
    { "", " GET / HTTP/1.1\r\n", 400, "method" },
    { "\r\n\r\n", "\r\n", 400, "method" },
    { "\r", "G", 400, "carriage return" },
    { "", "\x16\x03\x01", 400, "method" }, /* TLS */
    { "GET", "\t/ HTTP/1.1\r\n", 400, "method" },
    { "GE", "(T / HTTP/1.1\r\n", 400, "method" },
    { METHOD_64, "L / HTTP/1.1\r\n", 501, "method that is too long" },
    { METHOD_64, "(", 400, "no token" },
    { METHOD_64, "LOCKLO(", 501, "method that is too long" },
    { "GET ", " / HTTP/1.1\r\n", 400, "target" },
    { "GET ", " HTTP/1.1\r\nHost: x\r\n\r\n", 400, "no target" },
    { "GET /a", "\tb HTTP/1.1\r\n", 400, "control character" },
    { "GET /a", "\x7f HTTP/1.1\r\n", 400, "control character" },
    { "GET /", "\r\n\r\n", 400, "control character" }, /* HTTP/0.9 */
    { "GET /a ", "b HTTP/1.1\r\n", 400, "HTTP/1.x" },
    { "GET / HTTP/", "2.0\r\n", 505, "version" },
    { "GET / HTTP/1", "\r\n", 400, "HTTP/1.x" },
    { "GET / HTTP/1.1", " \r\n", 400, "HTTP/1.x" },
    { "GET / HTTP/1.1", "1\r\n", 400, "HTTP/1.x" },
    { "GET / HTTP/1.1", "\nHost: x\r\n", 400, "HTTP/1.x" },
    { "GET / HTTP/1.1\r", "Host: x\r\n", 400, "carriage return" },
    { "GET / ", "http/1.1\r\n", 400, "HTTP/1.x" },
    { "GET / HTTP/1.1\r\n", " Host: x\r\n", 400, "white space" },
    { GET, " folded\r\n", 400, "white space" },
    { GET, "\tfolded\r\n", 400, "white space" },
    { GET, ": empty\r\n", 400, "token" },
    { GET "A", " : b\r\n", 400, "white space" },
    { GET "A", "\r\n", 400, "token" },
    { GET "A", "(: b\r\n", 400, "token" },
    { GET "A", "\xe4: b\r\n", 400, "token" },
    { GET "A: b", "\nC: d\r\n", 400, "carriage return" },
    { GET "A: b\r", "C: d\r\n", 400, "carriage return" },
    { GET "A: b", "\x01\r\n", 400, "control" },
    { GET "\r", "X", 400, "carriage return" },
    { POST "Content-Length", " : 5\r\n", 400, "white space" },
    { POST "Transfer-Encoding", "\t: chunked\r\n", 400, "white space" },
    { POST "Content-Length: 5\r\nContent-Length", ": 6\r\n", 400, "more than one Content-Length" },
    { POST "Content-Length: 5\r\ncontent-length", ": 5\r\n", 400, "more than one Content-Length" },
    { POST "Content-Length: 5", ", 5\r\n", 400, "no number" },
    { POST "Content-Length: 5 ", "5\r\n", 400, "no number" },
    { POST "Content-Length: ", "+5\r\n", 400, "no number" },
    { POST "Content-Length: ", "-1\r\n", 400, "no number" },
    { POST "Content-Length: 0", "x5\r\n", 400, "no number" },
    { POST "Content-Length: ", "\r\n", 400, "no number" },
    { POST "Content-Length: 922337203685477580", "8\r\n", 400, "too large" },
    { POST "Content-Length: 9223372036854775807", "0\r\n", 400, "too large" },
    { POST "Transfer-Encoding: ", "gzip\r\n", 501, "Transfer-Encoding" },
    { POST "Transfer-Encoding: chunked", ", chunked\r\n", 501, "Transfer-Encoding" },
    { POST "Transfer-Encoding: chunked ", "x\r\n", 501, "Transfer-Encoding" },
    { POST "Transfer-Encoding: ", "xchunked\r\n", 501, "Transfer-Encoding" },
    { POST "Transfer-Encoding: chunke", "\r\n", 501, "Transfer-Encoding" },
    { POST "Transfer-Encoding: ", "\r\n", 501, "Transfer-Encoding" },
    { POST "Transfer-Encoding: ", "\"chunked\"\r\n", 501, "Transfer-Encoding" },
    { POST "Transfer-Encoding: ", "\vchunked\r\n", 400, "control" },
    { POST "Transfer-Encoding: chunked\r\nTransfer-Encoding", ": chunked\r\n", 400, "more than one Transfer-Encoding" },
    { POST "Transfer-Encoding: chunked\r\nContent-Length", ": 5\r\n", 400, "both" },
    { POST "Content-Length: 5\r\nTransfer-Encoding", ": chunked\r\n", 400, "both" },
    { "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r", "\n", 400, "HTTP/1.0" },
    { CHUNKED, "\r\n", 400, "without a size" },
    { CHUNKED, " 1\r\n", 400, "without a size" },
    { CHUNKED, "x1\r\n", 400, "without a size" },
    { CHUNKED "0", "x1\r\n", 400, "no number" },
    { CHUNKED "1", "\nx\r\n", 400, "no number" },
    { CHUNKED "1\r", "x\r\n", 400, "carriage return" },
    { CHUNKED "1", " \r\nx\r\n", 400, "no number" },
    { CHUNKED "1\r\nx", "y\r\n", 400, "longer than its size" },
    { CHUNKED "1\r\nx", "\n0\r\n\r\n", 400, "longer than its size" },
    { CHUNKED "1\r\nx\r", "0", 400, "carriage return" },
    { CHUNKED "fffffffffffffff", "f\r\n", 400, "too large" },
    { CHUNKED "0\r\n", " a: b\r\n", 400, "trailer" },
    { CHUNKED "0\r\na", " : b\r\n", 400, "trailer" },
    { CHUNKED "0\r\na: b", "\n\r\n", 400, "trailer" },
    { CHUNKED "0\r\n\r", "G", 400, "carriage return" },
    { GET "\r\n", "\nGET / HTTP/1.1\r\n", 400, "method" },
    { GET "\r\n", "\x01", 400, "method" },
    { GET "\r\n\r", "G", 400, "carriage return" },
    { GET "\r\nGET / HTTP/1.1\r\n", " x", 400, "white space" },
};

START_TEST(what_has_two_readings_is_refused)
{
    char text[1024];
    int n = snprintf(text, sizeof text, "%s%s", refused[_i].good, refused[_i].bad);
    const struct outcome *outcome = take(text, (size_t)n);
    ck_assert(!outcome->good);
    ck_assert_str_eq(strstr(outcome->framing.why, refused[_i].why) ? "" : outcome->framing.why, "");
    ck_assert_int_eq(outcome->framing.status, refused[_i].status);
    char good[1024];
    snprintf(good, sizeof good, "%s", refused[_i].good);
    ck_assert(is_the_same_but_for_spaces(outcome, good));
    ck_assert_int_eq(outcome->framing.stage, FRAMING_REFUSED);
}
END_TEST

/* net/intake makes a whole head of what has passed: it has to know whether there is a target. */
START_TEST(a_target_that_is_refused_at_once_has_not_begun)
{
    ck_assert(!take("GET  ", 5)->framing.has_value);
    ck_assert(!take("GET \x01", 5)->framing.has_value);
    ck_assert(take("GET /\x01", 6)->framing.has_value);
}
END_TEST

START_TEST(no_control_character_passes_but_in_a_body)
{
    char text[256];
    for (int c = 0; c < 256; c++) {
        bool control = c < ' ' ? c != '\t' : c == 0x7f;
        int n = snprintf(text, sizeof text, GET "A: b%cc\r\n\r\n", c);
        ck_assert_int_eq(take(text, (size_t)n)->good, !control);
        n = snprintf(text, sizeof text, "GET /%c HTTP/1.1\r\n\r\n", c);
        ck_assert_int_eq(take(text, (size_t)n)->good, !control && c != '\t' && c != ' ');
        n = snprintf(text, sizeof text, POST "Content-Length: 1\r\n\r\n%c", c);
        ck_assert(take(text, (size_t)n)->good);
        n = snprintf(text, sizeof text, CHUNKED "1;%c\r\n%c\r\n0\r\n\r\n", c ? c : 1, c);
        ck_assert_int_eq(take(text, (size_t)n)->good, c != 0 && !control);
    }
}
END_TEST

/* Sixteen bytes are looked at at a time, where there are as many: it makes no difference at which of them one is. */
START_TEST(any_byte_anywhere_is_what_it_is_alone)
{
    static struct outcome whole, single;
    static const char text[] = "METHOD-OF-FORTY-EIGHT-CHARACTERS-AND-NO-MORE-YET "
                               "/a-target-of-forty-eight-characters/and-no-more-yet HTTP/1.1\r\n"
                               "A-Header-Name-Of-Forty-Eight-Characters-No-More-: "
                               "a value of forty eight characters, and no more yet!\r\n\r\n";
    char changed[sizeof text];
    for (size_t at = 0; at < sizeof text - 1; at++)
        for (int c = 0; c < 256; c++) {
            memcpy(changed, text, sizeof text);
            changed[at] = (char)c;
            feed(&whole, changed, sizeof text - 1, sizeof text, 1);
            feed(&single, changed, sizeof text - 1, 1, 1);
            expect_the_same(&whole, &single);
        }
}
END_TEST

START_TEST(what_nobody_reads_is_bounded)
{
    static char text[3 * FRAMING_TRAILERS_MOST];
    static const struct {
        const char *before, *piece;
        size_t most;
        const char *why;
    } cases[] = {
        { CHUNKED "1;", "e", FRAMING_EXTENSIONS_MOST, "extensions" },
        { CHUNKED, "1;1234567\r\nx\r\n", FRAMING_EXTENSIONS_MOST / 7 * 14, "extensions" },
        { CHUNKED "0\r\n", "a: b\r\n", FRAMING_TRAILERS_MOST / 5 * 6, "trailers" },
    };
    size_t n = (size_t)snprintf(text, sizeof text, "%s", cases[_i].before), length = strlen(cases[_i].piece);
    for (; n + length < sizeof text; n += length)
        memcpy(text + n, cases[_i].piece, length);
    struct outcome *outcome = take(text, n);
    ck_assert(!outcome->good);
    ck_assert_ptr_nonnull(strstr(outcome->framing.why, cases[_i].why));
    feed(outcome, text, cases[_i].most - 64, 4096, 4096);
    ck_assert(outcome->good);
}
END_TEST

/* The offset at which a request begins, in the bytes that are left. */
START_TEST(the_last_beginning_is_told)
{
    char text[] = CHUNKED "1;extension\r\nx\r\n0;another\r\n\r\n" GET "\r\n" GET;
    struct framing framing = { 0 };
    struct framing_taken taken;
    size_t n = sizeof text - 1;
    ck_assert(framing_take(&framing, (uint8_t *)text, n, &taken));
    ck_assert_uint_eq(taken.length, n - strlen(";extension;another"));
    ck_assert_uint_eq(taken.start, taken.length - strlen(GET));
    ck_assert_mem_eq(text + taken.start, GET, strlen(GET));
    ck_assert_uint_eq(framing.begun, 3);
    ck_assert(framing_is_in_head(&framing) && !framing_is_in_body(&framing));
    char more[] = "A: b";
    ck_assert(framing_take(&framing, (uint8_t *)more, 4, &taken));
    ck_assert_uint_eq(taken.start, SIZE_MAX);
}
END_TEST

/* ---------------------------------------------------------------------------------------------------------- */

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

Suite *framing_suite(void)
{
    Suite *suite = suite_create("framing");
    TCase *tcase = tcase_create("framing");
    tcase_add_loop_test(tcase, what_has_one_reading_passes_as_it_came, 0, COUNT(fine));
    tcase_add_test(tcase, white_space_around_lengths_is_taken_out);
    tcase_add_loop_test(tcase, chunk_extensions_are_taken_out, 0, 7);
    tcase_add_loop_test(tcase, what_has_two_readings_is_refused, 0, COUNT(refused));
    tcase_add_test(tcase, a_target_that_is_refused_at_once_has_not_begun);
    tcase_add_test(tcase, no_control_character_passes_but_in_a_body);
    tcase_add_test(tcase, any_byte_anywhere_is_what_it_is_alone);
    tcase_add_loop_test(tcase, what_nobody_reads_is_bounded, 0, 3);
    tcase_add_test(tcase, the_last_beginning_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
