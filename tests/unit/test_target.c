#include "http/target.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/ngi.h"
#include "tests/unit/suites.h"

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, 0);
}

static void tear_down(void)
{
    arena_free(&arena);
}

/* RFC 9112 section 3.2, RFC 3986 sections 5.2.4 and 6.2.2. */
START_TEST(a_target_has_one_path)
{
    static const struct {
        const char *raw, *path, *query;
    } cases[] = {
        { "/", "/", "" },
        { "/a/b", "/a/b", "" },
        { "/a/b/", "/a/b/", "" },
        { "/a?b=c", "/a", "b=c" },
        { "/?", "/", "" },
        { "/a?b?c/../d", "/a", "b?c/../d" },
        { "/a?%00%zz//", "/a", "%00%zz//" }, /* a query is the business of who reads it */
        { "//", "/", "" },
        { "///a//b//", "/a/b/", "" },
        { "/.", "/", "" },
        { "/./", "/", "" },
        { "/a/.", "/a/", "" },
        { "/a/./b", "/a/b", "" },
        { "/a/..", "/", "" },
        { "/a/../", "/", "" },
        { "/a/b/..", "/a/", "" },
        { "/a/b/../c", "/a/c", "" },
        { "/a/b/../../c", "/c", "" },
        { "/a//../b", "/b", "" }, /* slashes merge first */
        { "/a/b/c/./../../g", "/a/g", "" }, /* the RFC's own example */
        { "/.well-known/x", "/.well-known/x", "" },
        { "/...", "/...", "" },
        { "/..a/.b/c..", "/..a/.b/c..", "" },
        { "/%41%c3%a9", "/A\xc3\xa9", "" },
        { "/a%20b+c", "/a b+c", "" },
        { "/a%2Fb", "/a/b", "" },
        { "/a%2f%2F/b", "/a/b", "" },
        { "/a/%2e%2E/b", "/b", "" },
        { "/a%2f..%2fb", "/b", "" },
        { "/a%2f..", "/", "" },
        { "/%252e%252e/b", "/%2e%2e/b", "" }, /* decoded once */
        { "/a%3Fb%23c?d", "/a?b#c", "d" },
        { "/a%0Ab", "/a\nb", "" },
        { "/\xc3\xa9|\"<>\\^`{}", "/\xc3\xa9|\"<>\\^`{}", "" },
        { "/\xff?\xff", "/\xff", "\xff" },
        { "/a;b=c/@:!$&'()*,", "/a;b=c/@:!$&'()*,", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct target target;
        const char *why = NULL;
        ck_assert_msg(target_parse(&arena, cases[i].raw, &target, &why) == NGI_OK, "%s: %s", cases[i].raw, why);
        ck_assert_str_eq(target.path, cases[i].path);
        ck_assert_uint_eq(target.path_length, strlen(cases[i].path));
        ck_assert_str_eq(target.query, cases[i].query);
        ck_assert_ptr_null(target.authority);
        ck_assert(!target.asterisk);
    }
}
END_TEST

START_TEST(a_plain_target_is_not_copied)
{
    static const char raw[] = "/items/42.html";
    struct target target;
    const char *why;
    ck_assert_int_eq(target_parse(&arena, raw, &target, &why), NGI_OK);
    ck_assert_ptr_eq(target.path, raw);
    ck_assert_uint_eq(arena.total, 0);
}
END_TEST

/* RFC 9112 section 3.2.4. */
START_TEST(an_asterisk_is_a_target)
{
    struct target target;
    const char *why;
    ck_assert_int_eq(target_parse(&arena, "*", &target, &why), NGI_OK);
    ck_assert(target.asterisk);
    ck_assert_str_eq(target.path, "*");
    ck_assert_uint_eq(target.path_length, 1);
    ck_assert_str_eq(target.query, "");
}
END_TEST

/* RFC 9112 section 3.2.2, RFC 9110 section 4.2. */
START_TEST(an_absolute_target_brings_its_authority)
{
    static const struct {
        const char *raw, *authority, *path, *query;
    } cases[] = {
        { "http://example.com/a", "example.com", "/a", "" },
        { "HTTPS://Example.com:443/a/../b?c", "Example.com:443", "/b", "c" },
        { "http://example.com", "example.com", "/", "" },
        { "http://example.com?a=b", "example.com", "/", "a=b" },
        { "http://example.com//a", "example.com", "/a", "" },
        { "http://example.com:/", "example.com:", "/", "" },
        { "http://[2001:db8::7]:8080/", "[2001:db8::7]:8080", "/", "" },
        { "http://[::1]", "[::1]", "/", "" },
        { "http://192.0.2.7/", "192.0.2.7", "/", "" },
        { "http://a_b.c%41/", "a_b.c%41", "/", "" },
        { "http://a/?q=@", "a", "/", "q=@" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct target target;
        const char *why = NULL;
        ck_assert_msg(target_parse(&arena, cases[i].raw, &target, &why) == NGI_OK, "%s: %s", cases[i].raw, why);
        ck_assert_str_eq(target.authority, cases[i].authority);
        ck_assert_str_eq(target.path, cases[i].path);
        ck_assert_str_eq(target.query, cases[i].query);
    }
}
END_TEST

START_TEST(what_no_origin_server_accepts_is_refused_with_its_reason)
{
    static const struct {
        const char *raw, *why;
    } cases[] = {
        /* other forms: RFC 9112 section 3.2 */
        { "", "neither a path" },
        { "foo", "neither a path" },
        { "?q", "neither a path" },
        { "**", "neither a path" },
        { "*?q", "neither a path" },
        { "host:80", "neither a path" },
        { "http:/a", "neither a path" },
        { "http", "neither a path" },
        { "ftp://example.com/", "neither a path" },
        { " /a", "neither a path" },
        /* authorities: RFC 3986 section 3.2, RFC 9110 sections 4.2.1 and 4.2.4 */
        { "http://", "host[:port]" },
        { "http:///a", "host[:port]" },
        { "http://:80/", "host[:port]" },
        { "http://a:xyz/", "host[:port]" },
        { "http://a:65536/", "host[:port]" },
        { "http://a:99999999999999999999/", "host[:port]" },
        { "http://a:1:2/", "host[:port]" },
        { "http://a b/", "host[:port]" },
        { "http://a\\b/", "host[:port]" },
        { "http://a\xff/", "host[:port]" },
        { "http://a%4/", "host[:port]" },
        { "http://a#b/", "host[:port]" },
        { "http://[::1/", "host[:port]" },
        { "http://[]/", "host[:port]" },
        { "http://[::g]/", "host[:port]" },
        { "http://[::1]x/", "host[:port]" },
        { "http://[1.2.3.4]/", "host[:port]" },
        { "http://user@a/", "userinfo" },
        { "http://user:secret@a:80/", "userinfo" },
        { "http://@a/", "userinfo" },
        /* bytes */
        { "/a b", "space" },
        { "/a\tb", "space" },
        { "/a\x01", "space" },
        { "/a\r", "space" },
        { "/a\x7f", "space" },
        { "/a#b", "space" },
        { "/a?b#c", "space" },
        { "/a?b c", "space" },
        { "/a?\x7f", "space" },
        { "http://a/ ", "space" },
        /* escapes */
        { "/%", "'%'" },
        { "/%4", "'%'" },
        { "/%4?41", "'%'" },
        { "/%zz", "'%'" },
        { "/%4g", "'%'" },
        { "/%%41", "'%'" },
        { "/a%00", "%00" },
        { "/a.cgi%00.html", "%00" },
        /* above the root: RFC 3986 section 5.2.4 would stop there */
        { "/..", "above the root" },
        { "/../a", "above the root" },
        { "/a/../..", "above the root" },
        { "/./..", "above the root" },
        { "//..", "above the root" },
        { "/a//../../b", "above the root" },
        { "/%2e%2e/a", "above the root" },
        { "/.%2e", "above the root" },
        { "/..%2fa", "above the root" },
        { "http://a/..", "above the root" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct target target = { .path = "untouched" };
        const char *why = "";
        ck_assert_msg(target_parse(&arena, cases[i].raw, &target, &why) == NGI_EINVAL, "%s", cases[i].raw);
        ck_assert_msg(strstr(why, cases[i].why) != NULL, "%s: %s", cases[i].raw, why);
        ck_assert_str_eq(target.path, "untouched");
    }
}
END_TEST

START_TEST(out_of_memory_is_an_error)
{
    struct arena small;
    struct target target;
    const char *why;
    arena_init(&small, 1);
    ck_assert_int_eq(target_parse(&small, "/a?b", &target, &why), NGI_ENOMEM);
    ck_assert_int_eq(target_parse(&small, "http://a/b", &target, &why), NGI_ENOMEM);
    ck_assert_int_eq(target_parse(&small, "/a", &target, &why), NGI_OK);
}
END_TEST

static void assert_is_normal(const struct target *target)
{
    const char *path = target->path;
    size_t n = strlen(path);
    ck_assert_uint_eq(n, target->path_length);
    if (target->asterisk)
        return;
    ck_assert_int_eq(path[0], '/');
    ck_assert_ptr_null(strstr(path, "//"));
    ck_assert_ptr_null(strstr(path, "/./"));
    ck_assert_ptr_null(strstr(path, "/../"));
    ck_assert(n < 2 || strcmp(path + n - 2, "/.") != 0);
    ck_assert(n < 3 || strcmp(path + n - 3, "/..") != 0);
}

/* Each round strings random pieces together, in a copy with nothing behind its NUL. */
START_TEST(whatever_comes_is_refused_or_normal)
{
    static const char *const pieces[] = {
        "/", "/", "/", ".", ".", "..", "%2e", "%2F", "%", "%0", "%00", "a", "bc", "?", "#", " ", "\xff", "*", "@", ":",
        "[", "]", "http://", "https://", "::1",
    };
    unsigned random = 1;
    unsigned accepted = 0;
    for (int round = 0; round < 50000; round++) {
        char text[128] = "";
        int count = rand_r(&random) % 12;
        if (rand_r(&random) % 4)
            strcat(text, rand_r(&random) % 8 ? "/" : "http://a");
        for (int i = 0; i < count; i++)
            strcat(text, pieces[(size_t)rand_r(&random) % (sizeof pieces / sizeof pieces[0])]);
        char *raw = strdup(text);
        struct target target;
        const char *why = NULL;
        int rc = target_parse(&arena, raw, &target, &why);
        if (rc == NGI_OK) {
            accepted++;
            assert_is_normal(&target);
        } else {
            ck_assert_int_eq(rc, NGI_EINVAL);
            ck_assert_ptr_nonnull(why);
        }
        free(raw);
        arena_reset(&arena);
    }
    ck_assert_uint_gt(accepted, 1000); /* else it tests nothing */
}
END_TEST

START_TEST(a_long_target_takes_linear_time)
{
    size_t n = 3 * 1000 * 1000;
    char *raw = malloc(n + 1);
    struct target target;
    const char *why;
    ck_assert_ptr_nonnull(raw);
    for (size_t i = 0; i < n; i++)
        raw[i] = "/aa/.."[i < n / 2 ? i % 3 : i % 3 + 3]; /* half a million down, half a million up */
    raw[n] = '\0';
    ck_assert_int_eq(target_parse(&arena, raw, &target, &why), NGI_OK);
    ck_assert_str_eq(target.path, "/");
    free(raw);
}
END_TEST

Suite *target_suite(void)
{
    Suite *suite = suite_create("target");
    TCase *tests = tcase_create("target");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_target_has_one_path);
    tcase_add_test(tests, a_plain_target_is_not_copied);
    tcase_add_test(tests, an_asterisk_is_a_target);
    tcase_add_test(tests, an_absolute_target_brings_its_authority);
    tcase_add_test(tests, what_no_origin_server_accepts_is_refused_with_its_reason);
    tcase_add_test(tests, out_of_memory_is_an_error);
    tcase_add_test(tests, whatever_comes_is_refused_or_normal);
    tcase_add_test(tests, a_long_target_takes_linear_time);
    suite_add_tcase(suite, tests);
    return suite;
}
