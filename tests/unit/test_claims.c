#include "plugin/claims.h"

#include <check.h>

#include "tests/unit/suites.h"

static struct claims claims;
static struct report report;

static void set_up(void)
{
    claims = (struct claims){ 0 };
    report = (struct report){ 0 };
}

static void tear_down(void)
{
    claims_free(&claims);
    report_free(&report);
}

START_TEST(plugins_that_differ_stand_side_by_side)
{
    ck_assert(claims_add(&claims, "/p/a.so", "a", "/a", &report));
    ck_assert(claims_add(&claims, "/p/b.so", "b", "/a/b", &report)); /* below another is its own place */
    ck_assert(claims_add(&claims, "/p/root.so", "root", "", &report));
    ck_assert(claims_add(&claims, "/p/A.so", "A", "/A", &report));
    ck_assert_uint_eq(report.count, 0);
    ck_assert_uint_eq(claims.count, 4);
}
END_TEST

START_TEST(a_name_is_claimed_once)
{
    ck_assert(claims_add(&claims, "/p/a.so", "a", "/a", &report));
    ck_assert(!claims_add(&claims, "/p/copy.so", "a", "/b", &report));
    ck_assert_uint_eq(report.count, 1);
    ck_assert_str_eq(report.lines[0], "/p/copy.so: duplicate name: /p/a.so is called \"a\" too; take one of them away");
    ck_assert_uint_eq(claims.count, 1);
}
END_TEST

START_TEST(a_mount_is_claimed_once)
{
    ck_assert(claims_add(&claims, "/p/a.so", "a", "/x", &report));
    ck_assert(claims_add(&claims, "/p/r.so", "r", "", &report));
    ck_assert(!claims_add(&claims, "/p/b.so", "b", "/x", &report));
    ck_assert(!claims_add(&claims, "/p/c.so", "c", "", &report));
    ck_assert_str_eq(report.lines[0], "/p/b.so: duplicate mount: /p/a.so is mounted at \"/x\" too; give one of them "
                                      "another: plugin b { mount = … }");
    ck_assert_str_eq(report.lines[1], "/p/c.so: duplicate mount: /p/r.so is mounted at \"/\" too; give one of them "
                                      "another: plugin c { mount = … }");
    ck_assert(claims_add(&claims, "/p/b.so", "b", "/y", &report)); /* the refused claim left nothing */
}
END_TEST

START_TEST(claims_keep_copies)
{
    char name[] = "a", mount[] = "/a", path[] = "/p/a.so";
    ck_assert(claims_add(&claims, path, name, mount, &report));
    name[0] = mount[1] = path[3] = 'z';
    ck_assert(!claims_add(&claims, "/p/b.so", "a", "/b", &report));
    ck_assert(!claims_add(&claims, "/p/b.so", "b", "/a", &report));
}
END_TEST

START_TEST(a_block_for_a_plugin_that_is_not_there_is_a_mistake)
{
    struct plugin_settings blocks[] = {
        { .name = (char *)"a", .where = (char *)"x.conf:1" },
        { .name = (char *)"b", .where = (char *)"x.conf:4" },
        { .name = (char *)"c", .where = (char *)"--set" },
    };
    struct settings settings = { .plugins = (char *)"/p", .plugin = blocks, .plugin_count = 3 };
    ck_assert(claims_add(&claims, "/p/a.so", "a", "/a", &report));
    ck_assert(!claims_match(&claims, &settings, &report));
    ck_assert_uint_eq(report.count, 2);
    ck_assert_str_eq(report.lines[0], "x.conf:4: plugin b: there is no plugin of that name in /p");
    ck_assert_str_eq(report.lines[1], "--set: plugin c: there is no plugin of that name in /p");
    settings.plugin_count = 1;
    ck_assert(claims_match(&claims, &settings, &report));
    settings.plugin_count = 0;
    ck_assert(claims_match(&claims, &settings, &report));
}
END_TEST

Suite *claims_suite(void)
{
    Suite *suite = suite_create("claims");
    TCase *tests = tcase_create("claims");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, plugins_that_differ_stand_side_by_side);
    tcase_add_test(tests, a_name_is_claimed_once);
    tcase_add_test(tests, a_mount_is_claimed_once);
    tcase_add_test(tests, claims_keep_copies);
    tcase_add_test(tests, a_block_for_a_plugin_that_is_not_there_is_a_mistake);
    suite_add_tcase(suite, tests);
    return suite;
}
