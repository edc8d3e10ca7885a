#include "proc/quarantine.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/suites.h"

static struct quarantine quarantine;
static struct bundle bundle;

/* A file of the bundle with that content; NULL: it is refused. */
static struct plugin_file *add_file(const char *path, const char *content)
{
    bundle.all = realloc(bundle.all, (bundle.count + 1) * sizeof *bundle.all);
    ck_assert_ptr_nonnull(bundle.all);
    struct plugin_file *file = &bundle.all[bundle.count++];
    *file = (struct plugin_file){ .path = strdup(path), .copy = content ? memfd_create("copy", MFD_CLOEXEC) : -1 };
    if (content)
        ck_assert_int_eq(write(file->copy, content, strlen(content)), (ssize_t)strlen(content));
    return file;
}

/* The bundle of the next generation, of one file. */
static struct plugin_file *next_bundle(const char *path, const char *content)
{
    bundle_free(&bundle);
    return add_file(path, content);
}

static void set_up(void)
{
    ck_assert_int_eq(quarantine_add(&quarantine, add_file("/p/x.so", "build one"), "x", "it has crashed"), 0);
}

static void tear_down(void)
{
    quarantine_free(&quarantine);
    bundle_free(&bundle);
}

START_TEST(a_build_is_in_it_once)
{
    ck_assert_int_eq(quarantine_add(&quarantine, &bundle.all[0], "x", "once more"), -EEXIST);
    ck_assert_uint_eq(quarantine.count, 1);
    ck_assert_str_eq(quarantine.all[0].why, "it has crashed");
    ck_assert_int_ne(quarantine.all[0].copy, bundle.all[0].copy);
    ck_assert_int_eq(quarantine_add(&quarantine, add_file("/p/y.so", "another"), "y", "it too"), 0);
    ck_assert_uint_eq(quarantine.count, 2);
}
END_TEST

START_TEST(the_bytes_count_wherever_they_are)
{
    const struct plugin_file *file = next_bundle("/elsewhere/x.so", "build one");
    ck_assert(quarantine_apply(&quarantine, &bundle, NULL));
    ck_assert_pstr_eq(file->quarantine, "it has crashed");
    ck_assert_ptr_null(quarantine_is_over(&quarantine.all[0], &bundle, 2));
}
END_TEST

START_TEST(another_build_is_free)
{
    const struct plugin_file *file = next_bundle("/p/x.so", "build two");
    ck_assert(quarantine_apply(&quarantine, &bundle, NULL));
    ck_assert_ptr_null(file->quarantine);
    ck_assert_pstr_eq(quarantine_is_over(&quarantine.all[0], &bundle, 2), "there is another build of it");
    next_bundle("/p/y.so", "something else");
    ck_assert_pstr_eq(quarantine_is_over(&quarantine.all[0], &bundle, 2), "its file is gone");
}
END_TEST

START_TEST(a_file_that_is_refused_is_no_build)
{
    ck_assert_ptr_null(quarantine_find(&quarantine, next_bundle("/p/x.so", NULL)));
    ck_assert(quarantine_apply(&quarantine, &bundle, NULL));
    ck_assert_ptr_null(bundle.all[0].quarantine);
}
END_TEST

START_TEST(a_release_is_for_its_generation)
{
    ck_assert(!quarantine_has(&quarantine, "y"));
    ck_assert(quarantine_has(&quarantine, "x"));
    const struct plugin_file *file = next_bundle("/p/x.so", "build one");
    ck_assert(quarantine_apply(&quarantine, &bundle, "x"));
    ck_assert_ptr_null(file->quarantine);
    quarantine_release(&quarantine, "x", 7);
    ck_assert_pstr_eq(quarantine_is_over(&quarantine.all[0], &bundle, 7), "the operator has released it");
    /* 7 has not come up, 8 knows nothing of it. */
    ck_assert(quarantine_apply(&quarantine, &bundle, NULL));
    ck_assert_pstr_eq(file->quarantine, "it has crashed");
    ck_assert_ptr_null(quarantine_is_over(&quarantine.all[0], &bundle, 8));
}
END_TEST

START_TEST(what_is_removed_leaves_the_others)
{
    ck_assert_int_eq(quarantine_add(&quarantine, add_file("/p/y.so", "another"), "y", "it too"), 0);
    quarantine_remove(&quarantine, 0);
    ck_assert_uint_eq(quarantine.count, 1);
    ck_assert(!quarantine_has(&quarantine, "x"));
    ck_assert(quarantine_has(&quarantine, "y"));
    ck_assert_ptr_nonnull(quarantine_find(&quarantine, &bundle.all[1]));
    quarantine_remove(&quarantine, 0);
    ck_assert_uint_eq(quarantine.count, 0);
}
END_TEST

Suite *quarantine_suite(void)
{
    Suite *suite = suite_create("quarantine");
    TCase *tests = tcase_create("quarantine");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_build_is_in_it_once);
    tcase_add_test(tests, the_bytes_count_wherever_they_are);
    tcase_add_test(tests, another_build_is_free);
    tcase_add_test(tests, a_file_that_is_refused_is_no_build);
    tcase_add_test(tests, a_release_is_for_its_generation);
    tcase_add_test(tests, what_is_removed_leaves_the_others);
    suite_add_tcase(suite, tests);
    return suite;
}
