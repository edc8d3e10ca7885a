/* Ten thousand random templates against a matcher so simple that it is seen to be right (harness/route_shapes). The
 * words of a shape are 'a' to 'e'; a path may have 'z' too, a word that no template has. */
#include "http/router.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/route_shapes.h"
#include "tests/unit/suites.h"

enum { ROUTES = 10000, PATHS = 3000, DEPTH = 6 };

static struct shaped_route rows[ROUTES];
static const uint32_t bits[] = { NGI_GET, NGI_HEAD, NGI_POST, NGI_PUT };
static unsigned state = 42;

static unsigned below(unsigned n)
{
    return (unsigned)rand_r(&state) % n;
}

static uint32_t any_method(void)
{
    return bits[below(sizeof bits / sizeof *bits)];
}

static void make_shape(char *shape)
{
    unsigned depth = 1 + below(DEPTH);
    for (unsigned i = 0; i < depth; i++)
        shape[i] = "abcde111"[below(8)];
    if (below(4) == 0)
        shape[depth - 1] = below(2) ? '2' : '0';
    shape[depth] = '\0';
}

static void make_path(char *path)
{
    unsigned depth = 1 + below(DEPTH + 1);
    for (unsigned i = 0; i < depth; i++)
        path[i] = "aabbccddeez"[below(11)];
    if (below(5) == 0)
        path[depth - 1] = '0';
    path[depth] = '\0';
}

/* "a1" becomes "/a-word/{p1}". */
static void write_out(const char *shape, char *text)
{
    for (unsigned i = 0; shape[i]; i++) {
        if (shape[i] == '0')
            text += sprintf(text, "/");
        else if (shape[i] == '1' || shape[i] == '2')
            text += sprintf(text, "/{p%u%s}", i, shape[i] == '2' ? "..." : "");
        else
            text += sprintf(text, "/%c-word", shape[i]);
    }
}

static void fill(struct router *router)
{
    char text[DEPTH * 16];
    for (size_t count = 0; count < ROUTES;) {
        struct shaped_route *row = &rows[count];
        make_shape(row->shape);
        row->methods = any_method() | any_method();
        write_out(row->shape, text);
        int rc = router_add(router, row->methods, text, row, NULL);
        ck_assert_msg(rc == (shapes_have(rows, count, row) ? NGI_EBUSY : NGI_OK), "%s: %d", text, rc);
        count += rc == NGI_OK;
    }
}

static void assert_captures(const struct route_match *match, const char *shape, const char *text)
{
    unsigned count = 0;
    char name[8];
    for (unsigned i = 0; shape[i]; i++) {
        const char *segment = text + 1, *end = strchrnul(segment, '/');
        text = end;
        if (shape[i] != '1' && shape[i] != '2')
            continue;
        if (shape[i] == '2')
            end = segment + strlen(segment);
        snprintf(name, sizeof name, "p%u", i);
        const struct capture *capture = route_match_param(match, name);
        ck_assert_ptr_nonnull(capture);
        ck_assert_ptr_eq(capture->start, segment);
        ck_assert_uint_eq(capture->length, (size_t)(end - segment));
        count++;
    }
    ck_assert_uint_eq(match->count, count);
}

START_TEST(ten_thousand_routes_are_found_as_by_trying_them_all)
{
    unsigned found = 0, refused = 0;
    struct router *router = router_new();
    fill(router);
    for (unsigned i = 0; i < PATHS; i++) {
        char path[DEPTH + 2], text[DEPTH * 16];
        uint32_t allow, method = i % 7 ? any_method() : NGI_DELETE;
        struct route_match match;
        make_path(path);
        write_out(path, text);
        const struct shaped_route *row = shapes_find(rows, ROUTES, method, path, &allow);
        int rc = router_find(router, method, text, strlen(text), &match);
        ck_assert_msg(rc == (row ? NGI_OK : allow ? NGI_EPERM : NGI_ENOENT), "%s: %d", text, rc);
        ck_assert_msg(match.data == row, "%s: not %s", text, row ? row->shape : "none");
        if (row)
            assert_captures(&match, row->shape, text);
        else
            ck_assert_uint_eq(match.allow, allow);
        found += row != NULL;
        refused += !row && allow;
    }
    router_free(router);
    ck_assert_uint_gt(found, PATHS / 4); /* else it tests nothing */
    ck_assert_uint_gt(refused, PATHS / 20);
}
END_TEST

Suite *router_random_suite(void)
{
    Suite *suite = suite_create("router_random");
    TCase *tests = tcase_create("router_random");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, ten_thousand_routes_are_found_as_by_trying_them_all);
    suite_add_tcase(suite, tests);
    return suite;
}
