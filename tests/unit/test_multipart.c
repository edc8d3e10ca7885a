#include "http/multipart.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

#define DISPOSITION "Content-Disposition: form-data; "
#define HEAD DISPOSITION "name=a\r\n\r\n"

static struct arena arena;

/* What a parse has found so far: "name[filename,type]=data|" for each part. */
struct found {
    char text[512];
    unsigned parts;
    int stop_after; /* parts; then the walk is to end with NGI_EFAIL */
};

static void set_up(void)
{
    arena_init(&arena, 0);
}

static void tear_down(void)
{
    arena_free(&arena);
}

static int note_part(void *arg, const struct multipart_part *part)
{
    struct found *found = arg;
    size_t used = strlen(found->text);
    snprintf(found->text + used, sizeof found->text - used, "%s[%s,%s]=%.*s|", part->name,
             part->filename ? part->filename : "-", part->type ? part->type : "-", (int)part->length, part->data);
    return (int)++found->parts == found->stop_after ? NGI_EFAIL : NGI_OK;
}

/* Parses a copy of exactly `n` bytes, so that a sanitizer sees the first byte read beyond. */
static int parse_bytes(const char *body, size_t n, int (*fn)(void *, const struct multipart_part *), void *arg)
{
    char *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, body, n);
    int rc = multipart_parse(&arena, copy, n, "b", fn, arg);
    free(copy);
    return rc;
}

static int parse(const char *body, struct found *found)
{
    *found = (struct found){ .parts = 0 };
    return parse_bytes(body, strlen(body), note_part, found);
}

/* RFC 9110 section 8.3.1, RFC 2046 section 5.1.1. */
START_TEST(the_boundary_is_found)
{
    static const struct {
        const char *type, *boundary;
    } cases[] = {
        { "multipart/form-data; boundary=abc", "abc" },
        { "Multipart/Form-Data;BOUNDARY=\"abc\"", "abc" },
        { "multipart/form-data ;\tcharset=utf-8 ; boundary=abc ;", "abc" },
        { "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
          "----WebKitFormBoundary7MA4YWxkTrZu0gW" },
        { "multipart/form-data; boundary=----=_Part_4_1.2/3", "----=_Part_4_1.2/3" },
        { "multipart/form-data; boundary=\"a b:c\"", "a b:c" },
        { "multipart/form-data; x=\"; boundary=no\"; boundary=abc", "abc" },
        { "multipart/form-data; x=\"\\\"; boundary=no\"; boundary=abc", "abc" },
        { "multipart/form-data; boundary=1234567890123456789012345678901234567890123456789012345678901234567890",
          "1234567890123456789012345678901234567890123456789012345678901234567890" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *boundary = NULL;
        ck_assert_msg(multipart_boundary(&arena, cases[i].type, &boundary) == NGI_OK, "%s", cases[i].type);
        ck_assert_str_eq(boundary, cases[i].boundary);
    }
}
END_TEST

START_TEST(a_type_without_a_valid_boundary_is_refused)
{
    static const char *const other_types[] = {
        "", "text/plain; boundary=abc", "multipart/mixed; boundary=abc", "multipart/form-database; boundary=abc",
        "multipart/form-dat",
    };
    static const char *const cases[] = {
        "", ";", "; boundary", "; boundary=", "; boundary=\"\"", "; boundary=\"abc", "; boundary=\"abc\\\"",
        "; boundary=\"abc \"", "; boundary=a*b", "; boundary=a\xff", "; boundary=abc def",
        "; boundary=abc, multipart/form-data; boundary=def", "; boundary=abc; boundary=abc", "; =x; boundary=abc",
        " boundary=abc", "; boundary=12345678901234567890123456789012345678901234567890123456789012345678901",
    };
    const char *boundary = "untouched";
    for (size_t i = 0; i < sizeof other_types / sizeof other_types[0]; i++)
        ck_assert_msg(multipart_boundary(&arena, other_types[i], &boundary) == NGI_ENOENT, "%s", other_types[i]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *type = arena_format(&arena, "multipart/form-data%s", cases[i]);
        ck_assert_msg(multipart_boundary(&arena, type, &boundary) == NGI_EPARSE, "%s", type);
    }
    ck_assert_str_eq(boundary, "untouched");
}
END_TEST

/* RFC 2046 section 5.1.1. */
START_TEST(a_body_is_split_into_parts)
{
    static const struct {
        const char *body, *parts;
    } cases[] = {
        { "--b\r\n" HEAD "1\r\n--b--\r\n", "a[-,-]=1|" },
        { "--b\r\n" HEAD "1\r\n--b\r\n" HEAD "2\r\n--b--\r\n", "a[-,-]=1|a[-,-]=2|" },
        { "--b\r\n" HEAD "1\r\n--b--", "a[-,-]=1|" }, /* no line end behind it */
        { "--b\r\n" HEAD "1\r\n--b-- \t", "a[-,-]=1|" },
        { "--b\r\n" HEAD "1\r\n--b--\r\nepilogue\r\n--b\r\nnonsense", "a[-,-]=1|" },
        { "preamble\r\n--b\r\n" HEAD "1\r\n--b--", "a[-,-]=1|" },
        { "--bb\r\n\r\n--b\r\n" HEAD "1\r\n--b--", "a[-,-]=1|" },
        { "\r\n--b\r\n" HEAD "1\r\n--b--", "a[-,-]=1|" },
        { "--b \t \r\n" HEAD "1\r\n--b \r\n" HEAD "2\r\n--b-- \r\n", "a[-,-]=1|a[-,-]=2|" }, /* transport padding */
        { "--b\r\n" HEAD "\r\n--b--", "a[-,-]=|" },
        { "--b\r\n" HEAD "--b--", "a[-,-]=|" }, /* the empty line's CRLF is the delimiter's */
        { "--b\r\n" HEAD "\r\n\r\n--b--", "a[-,-]=\r\n|" },
        { "--b\r\n" HEAD "\n\r--b\r\n--bb\r\n--b-\r\n--\r\n--b x\r\n--b--x\r\n\r\n--b--",
          "a[-,-]=\n\r--b\r\n--bb\r\n--b-\r\n--\r\n--b x\r\n--b--x\r\n|" }, /* text that looks like a boundary */
        { "--b\r\n" HEAD "\r\r\n-\r\n--\r\r\n--b--", "a[-,-]=\r\r\n-\r\n--\r|" },
        { "--b--", "" },
        { "--b--\r\n", "" },
        { "\r\n--b--\r\n", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct found found;
        ck_assert_msg(parse(cases[i].body, &found) == NGI_OK, "%s", cases[i].body);
        ck_assert_str_eq(found.text, cases[i].parts);
    }
}
END_TEST

/* RFC 7578 section 4.2; HTML, multipart/form-data encoding. */
START_TEST(a_part_head_gives_name_file_name_and_type)
{
    static const struct {
        const char *head, *part;
    } cases[] = {
        { DISPOSITION "name=\"a\"; filename=\"f.txt\"\r\nContent-Type: text/plain; charset=x\r\n",
          "a[f.txt,text/plain; charset=x]=|" },
        { "content-TYPE:text/plain\t\r\nCONTENT-disposition:Form-Data;FILENAME=f;NAME=a\r\n", "a[f,text/plain]=|" },
        { "X-Other: 1\r\n" DISPOSITION "name=a\r\nContent-Transfer-Encoding: 8bit\r\n", "a[-,-]=|" },
        { DISPOSITION "name=a\r\nContent-Type:\r\n", "a[-,-]=|" },
        { DISPOSITION "name=\"\"\r\n", "[-,-]=|" },
        { DISPOSITION "name=a; filename=\"\"\r\n", "a[,-]=|" }, /* no file chosen */
        { DISPOSITION "name=\"a;b=c\"; filename=\"x; name=y\"\r\n", "a;b=c[x; name=y,-]=|" },
        { DISPOSITION "name=\"a\\\"b\\\\c\"\r\n", "a\"b\\c[-,-]=|" },
        { DISPOSITION "name=\"a%22b%0D%0Ac\"\r\n", "a\"b\r\nc[-,-]=|" },
        { DISPOSITION "name=\"100%25%0d%00%2%\"\r\n", "100%25%0d%00%2%[-,-]=|" }, /* these three only */
        { DISPOSITION "name=\"\xc3\xa9\"; filename=\"\xe2\x82\xac.txt\"\r\n", "\xc3\xa9[\xe2\x82\xac.txt,-]=|" },
        { DISPOSITION "name=a; filename*=UTF-8''evil.sh; filename=f\r\n", "a[f,-]=|" },
        { DISPOSITION "name=a; filename*=UTF-8''evil.sh\r\n", "a[-,-]=|" },
        { DISPOSITION "name=a; filename=\"/etc/passwd\"\r\n", "a[passwd,-]=|" },
        { DISPOSITION "name=a; filename=\"../../x\"\r\n", "a[x,-]=|" },
        { DISPOSITION "name=a; filename=\"C:\\a\\b.txt\"\r\n", "a[b.txt,-]=|" }, /* Internet Explorer's */
        { DISPOSITION "name=a; filename=\"C:\\\\a\\\\b.txt\"\r\n", "a[b.txt,-]=|" },
        { DISPOSITION "name=a; filename=\"a/b\\c\"\r\n", "a[c,-]=|" },
        { DISPOSITION "name=a; filename=\"dir/\"\r\n", "a[,-]=|" },
        { DISPOSITION "name=a; filename=\"..\"\r\n", "a[,-]=|" },
        { DISPOSITION "name=a; filename=\"x/.\"\r\n", "a[,-]=|" },
        { DISPOSITION "name=\"a/b\"\r\n", "a/b[-,-]=|" },
        { DISPOSITION ";; name=a ;\r\n", "a[-,-]=|" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct found found;
        char body[300];
        snprintf(body, sizeof body, "--b\r\n%s\r\n\r\n--b--", cases[i].head);
        ck_assert_msg(parse(body, &found) == NGI_OK, "%s", cases[i].head);
        ck_assert_str_eq(found.text, cases[i].part);
    }
}
END_TEST

START_TEST(a_malformed_part_head_is_refused)
{
    static const char *const cases[] = {
        "", "Content-Type: text/plain\r\n", /* no Content-Disposition */
        "Content-Disposition:\r\n", "Content-Disposition: attachment; name=a\r\n",
        "Content-Disposition: form-data name=a\r\n", "Content-Disposition: form-datax; name=a\r\n",
        "Content-Disposition: form-data\r\n", DISPOSITION "filename=f\r\n", DISPOSITION "name*=a\r\n", /* no name */
        DISPOSITION "name\r\n", DISPOSITION "name=\r\n", DISPOSITION "name =a\r\n", DISPOSITION "name=a b\r\n",
        DISPOSITION "name=a\"b\r\n", DISPOSITION "name=\"a\r\n", DISPOSITION "name=\"a\\\"\r\n",
        DISPOSITION "name=\"a\\\r\n", DISPOSITION "name=\"a\"b\r\n", DISPOSITION "name=\"a\x01\"\r\n",
        DISPOSITION "name=a; name=b\r\n", /* two readings */
        DISPOSITION "name=a; filename=f; filename=g\r\n",
        DISPOSITION "name=a\r\n" DISPOSITION "name=b\r\n",
        DISPOSITION "name=a\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n",
        DISPOSITION "name=a\r\n folded: yes\r\n", DISPOSITION "\r\n name=a\r\n", /* no header lines */
        DISPOSITION "name=a\r\nno colon\r\n", DISPOSITION "name=a\r\n: no name\r\n",
        DISPOSITION "name=a\r\nX : 1\r\n", "Content-Disposition : form-data; name=a\r\n",
        DISPOSITION "name=a\n", DISPOSITION "name=a\r\nX: 1\nY: 2\r\n", /* line ends are CRLF */
        DISPOSITION "name=a\rb\r\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct found found;
        char body[300];
        snprintf(body, sizeof body, "--b\r\n%s\r\n\r\n--b--", cases[i]);
        ck_assert_msg(parse(body, &found) == NGI_EPARSE, "%s", cases[i]);
        ck_assert_uint_eq(found.parts, 0);
    }
}
END_TEST

START_TEST(a_nul_in_a_name_is_refused)
{
    static const char name[] = "--b\r\n" DISPOSITION "name=\"a\0b\"\r\n\r\n1\r\n--b--";
    static const char filename[] = "--b\r\n" DISPOSITION "name=a; filename=\"a.png\0.sh\"\r\n\r\n1\r\n--b--";
    struct found found = { .parts = 0 };
    ck_assert_int_eq(parse_bytes(name, sizeof name - 1, note_part, &found), NGI_EPARSE);
    ck_assert_int_eq(parse_bytes(filename, sizeof filename - 1, note_part, &found), NGI_EPARSE);
    ck_assert_uint_eq(found.parts, 0);
}
END_TEST

/* Whatever the place where it is cut, and whatever came before. */
START_TEST(a_body_cut_short_is_refused)
{
    static const char body[] = "--b\r\n" HEAD "1\r\n--b\r\n" HEAD "2\r\n--b--";
    struct found found = { .parts = 0 };
    for (size_t n = 0; n < sizeof body - 1; n++)
        ck_assert_msg(parse_bytes(body, n, note_part, &found) == NGI_EPARSE, "%zu bytes", n);
    ck_assert_int_eq(parse_bytes(body, sizeof body - 1, note_part, &found), NGI_OK);
}
END_TEST

START_TEST(line_ends_without_cr_are_refused)
{
    static const char *const cases[] = {
        "--b\n" HEAD "1\r\n--b--",
        "--b\r\n" HEAD "1\n--b--",
        "--b\r\n" HEAD "1\r\n--b\n" HEAD "2\r\n--b--",
        "--b\r\n" HEAD "1\r\n--b--\n",
        "--b\r\n" HEAD "1\r\n--b--\r",
        "--b\r\n" HEAD "1\r\n--b--\rx",
        "--b\nContent-Disposition: form-data; name=a\n\n1\n--b--\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct found found;
        ck_assert_msg(parse(cases[i], &found) == NGI_EPARSE, "%s", cases[i]);
    }
}
END_TEST

START_TEST(a_part_head_is_8_kib_at_most)
{
    for (int over = 0; over <= 1; over++) {
        static const char start[] = "--b\r\n" DISPOSITION "name=a\r\nX: ", end[] = "\r\n\r\n1\r\n--b--";
        char body[9000];
        struct found found = { .parts = 0 };
        size_t head = 8192 + (size_t)over, filler = head - (sizeof start - 1 - strlen("--b\r\n")) - strlen("\r\n\r\n");
        size_t n = sizeof start - 1 + filler;
        memcpy(body, start, sizeof start - 1);
        memset(body + sizeof start - 1, 'x', filler);
        memcpy(body + n, end, sizeof end - 1);
        ck_assert_int_eq(parse_bytes(body, n + sizeof end - 1, note_part, &found), over ? NGI_EPARSE : NGI_OK);
    }
}
END_TEST

START_TEST(the_callee_may_stop)
{
    struct found found = { .stop_after = 2 };
    static const char body[] = "--b\r\n" HEAD "1\r\n--b\r\n" HEAD "2\r\n--b\r\n" HEAD "3\r\n--b--";
    ck_assert_int_eq(parse_bytes(body, sizeof body - 1, note_part, &found), NGI_EFAIL);
    ck_assert_uint_eq(found.parts, 2);
}
END_TEST

START_TEST(out_of_memory_is_an_error)
{
    static const char body[] = "--b\r\n" DISPOSITION "name=a; filename=b\r\nContent-Type: c/d\r\n\r\n1\r\n--b--";
    size_t limit = 0;
    int rc;
    do {
        struct found found = { .parts = 0 };
        arena_init(&arena, ++limit);
        rc = parse_bytes(body, sizeof body - 1, note_part, &found);
        arena_free(&arena);
    } while (rc == NGI_ENOMEM);
    ck_assert_int_eq(rc, NGI_OK);
    ck_assert_uint_gt(limit, 1);
}
END_TEST

/* Sums what was found, so that every byte of every part is read. */
static int read_part(void *arg, const struct multipart_part *part)
{
    size_t *sum = arg;
    *sum += strlen(part->name) + (part->filename ? strlen(part->filename) : 0) + (part->type ? strlen(part->type) : 0);
    for (size_t i = 0; i < part->length; i++)
        *sum += (unsigned char)part->data[i];
    return part->filename && strpbrk(part->filename, "/\\") ? NGI_EFAIL : NGI_OK;
}

/* Changes, drops or doubles a byte, or seldom cuts the text there; returns the new length. */
static size_t mutate(char *text, size_t n, unsigned *random)
{
    static const char bytes[] = "\r\n-b \t\";:=\\%/\0a\xff";
    size_t at = (size_t)rand_r(random) % n;
    switch (rand_r(random) % 16) {
    case 0: return at + 1;
    case 1: case 2: case 3: case 4: memmove(text + at, text + at + 1, n - at - 1); return n - 1;
    case 5: case 6: case 7: case 8: memmove(text + at + 1, text + at, n - at); return n + 1;
    default: text[at] = bytes[(size_t)rand_r(random) % sizeof bytes]; return n;
    }
}

/* Each round parses a mutated body, in a copy with nothing behind it. */
START_TEST(whatever_comes_is_refused_or_read)
{
    static const char seed[] = "x\r\n--b\r\n" DISPOSITION "name=\"a\\\"%22\"; filename=\"C:\\x/y\"\r\n"
                               "Content-Type: text/plain\r\n\r\nda\r\n--bta\r\n--b \r\n" HEAD "\r\n--b--\r\nx";
    unsigned random = 1;
    unsigned accepted = 0;
    for (int round = 0; round < 50000; round++) {
        char body[sizeof seed + 8];
        size_t n = sizeof seed - 1, sum = 0;
        memcpy(body, seed, n);
        for (int changes = rand_r(&random) % 4; changes > 0 && n > 0; changes--)
            n = mutate(body, n, &random);
        int rc = parse_bytes(body, n, read_part, &sum);
        ck_assert_msg(rc == NGI_OK || rc == NGI_EPARSE, "%d: %.*s", rc, (int)n, body);
        accepted += rc == NGI_OK;
        arena_reset(&arena);
    }
    ck_assert_uint_gt(accepted, 1000); /* else it tests nothing */
}
END_TEST

/* A megabyte of what looks most like a delimiter; tcase's time limit would show anything worse than linear. */
START_TEST(the_worst_body_takes_linear_time)
{
    static const char *const patterns[] = {
        "\r", "\r\n", "\r\n--boundar", "\r\n--boundary", "\r\n--boundary-", "\r\n--boundary x", "\r\n--boundary--x",
        "--boundary", " ",
    };
    static const char start[] = "--boundary\r\n" HEAD, end[] = "x\r\n--boundary--";
    enum { SIZE = 1 << 20 };
    char *body = malloc(SIZE);
    ck_assert_ptr_nonnull(body);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        size_t n = sizeof start - 1, period = strlen(patterns[i]), sum = 0;
        memcpy(body, start, n);
        for (; n + period + sizeof end - 1 <= SIZE; n += period)
            memcpy(body + n, patterns[i], period);
        memcpy(body + n, end, sizeof end - 1);
        int rc = multipart_parse(&arena, body, n + sizeof end - 1, "boundary", read_part, &sum);
        /* the one that is a delimiter after all has parts without a head */
        ck_assert_msg(rc == NGI_OK || strcmp(patterns[i], "\r\n--boundary") == 0, "%s: %d", patterns[i], rc);
    }
    free(body);
}
END_TEST

START_TEST(many_parts_take_linear_time_and_memory)
{
    static const char part[] = "\r\n--b\r\n" HEAD "x", end[] = "\r\n--b--";
    enum { PARTS = 20000 };
    size_t n = PARTS * (sizeof part - 1), sum = 0;
    char *body = malloc(n + sizeof end);
    ck_assert_ptr_nonnull(body);
    for (size_t i = 0; i < PARTS; i++)
        memcpy(body + i * (sizeof part - 1), part, sizeof part - 1);
    memcpy(body + n, end, sizeof end);
    ck_assert_int_eq(multipart_parse(&arena, body, n + sizeof end - 1, "b", read_part, &sum), NGI_OK);
    ck_assert_uint_eq(sum, PARTS * (1 + 'x'));
    ck_assert_uint_lt(arena.total, 2 * n);
    free(body);
}
END_TEST

Suite *multipart_suite(void)
{
    Suite *suite = suite_create("multipart");
    TCase *tests = tcase_create("multipart");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_boundary_is_found);
    tcase_add_test(tests, a_type_without_a_valid_boundary_is_refused);
    tcase_add_test(tests, a_body_is_split_into_parts);
    tcase_add_test(tests, a_part_head_gives_name_file_name_and_type);
    tcase_add_test(tests, a_malformed_part_head_is_refused);
    tcase_add_test(tests, a_nul_in_a_name_is_refused);
    tcase_add_test(tests, a_body_cut_short_is_refused);
    tcase_add_test(tests, line_ends_without_cr_are_refused);
    tcase_add_test(tests, a_part_head_is_8_kib_at_most);
    tcase_add_test(tests, the_callee_may_stop);
    tcase_add_test(tests, out_of_memory_is_an_error);
    tcase_add_test(tests, whatever_comes_is_refused_or_read);
    tcase_add_test(tests, the_worst_body_takes_linear_time);
    tcase_add_test(tests, many_parts_take_linear_time_and_memory);
    suite_add_tcase(suite, tests);
    return suite;
}
