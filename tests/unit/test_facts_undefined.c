/* What nothing would define: symbols and libraries. */
#include "plugin/facts.h"

#include <check.h>

#include "tests/unit/facts_fixture.h"
#include "tests/unit/suites.h"

static void ck_assert_undefined(size_t i, const char *text)
{
    ck_assert_uint_gt(facts->undefined_count, i);
    ck_assert_str_eq(facts->undefined[i], text);
}

START_TEST(a_missing_symbol_is_named)
{
    build(caller, "");
    inspect_good();
    ck_assert_uint_eq(facts->undefined_count, 1);
    ck_assert_undefined(0, "far_away");
}
END_TEST

START_TEST(a_weak_symbol_may_be_missing)
{
    build("#include <ngi.h>\nint far_away(void) __attribute__((weak));\n"
          "static int hello(ngi_request *r) { (void)r; return far_away ? far_away() : 200; }\n"
          "NGI_PLUGIN(\"caller\", \"1\", NGI_ROUTE(NGI_GET, \"/\", hello))\n",
          "");
    inspect_good();
    ck_assert_uint_eq(facts->undefined_count, 0);
}
END_TEST

START_TEST(a_needed_library_is_searched_beside_the_plugin)
{
    build("int far_away(void); int farther(void); int far_away(void) { return farther(); }\n", "");
    ck_assert(shell("mv x.so libfar.so"));
    build(caller, "-L. -lfar -Wl,-rpath,/nowhere:'$ORIGIN'");
    inspect_good();
    ck_assert_uint_eq(facts->needed_count, facts->needed_count > 1 ? 2 : 1);
    ck_assert_str_eq(facts->needed[0], "libfar.so");
    ck_assert_uint_eq(facts->undefined_count, 0);
}
END_TEST

START_TEST(symbols_of_libraries_that_libraries_need_count)
{
    build("int far_away(void); int far_away(void) { return 200; }\n", "-Wl,-soname,libinner.so");
    ck_assert(shell("mv x.so libinner.so"));
    build("int unrelated(void); int unrelated(void) { return 0; }\n", "-Wl,-soname,libouter.so -Wl,--no-as-needed -L. "
                                                                      "-linner -Wl,-rpath,'${ORIGIN}'");
    ck_assert(shell("mv x.so libouter.so"));
    build(caller, "-Wl,--no-as-needed -Wl,--unresolved-symbols=ignore-all -L. -louter -Wl,-rpath,'$ORIGIN'");
    inspect_good();
    ck_assert_uint_eq(facts->undefined_count, 0);
    ck_assert(shell("rm libinner.so"));
    inspect_good();
    ck_assert_undefined(0, "needed library libinner.so not found (libouter.so needs it)");
    ck_assert_undefined(1, "far_away");
}
END_TEST

START_TEST(a_missing_library_is_named_before_its_symbols)
{
    build("int far_away(void); int far_away(void) { return 200; }\n", "-Wl,-soname,libpostern-gone.so.7");
    ck_assert(shell("mv x.so libgone.so"));
    build(caller, "-L. -lgone");
    inspect_good();
    ck_assert_undefined(0, "needed library libpostern-gone.so.7 not found");
    ck_assert_undefined(1, "far_away");
    ck_assert_uint_eq(facts->undefined_count, 2);
}
END_TEST

static void build_versioned(const char *version)
{
    ck_assert(shell("echo '%s { global: far_away; };' >map", version));
    build("int far_away(void); int far_away(void) { return 200; }\n", "-Wl,--version-script=map -Wl,-soname,libv.so");
    ck_assert(shell("mv x.so libv.so"));
}

START_TEST(a_symbol_of_another_version_does_not_count)
{
    build_versioned("FAR_2.0");
    build(caller, "-L. -lv -Wl,-rpath,'$ORIGIN'");
    inspect_good();
    ck_assert_uint_eq(facts->undefined_count, 0);
    ck_assert(shell("mv x.so keep.so"));
    build_versioned("FAR_1.0");
    ck_assert_int_eq(inspect("keep.so"), NGI_OK);
    ck_assert_uint_eq(facts->undefined_count, 1);
    ck_assert_undefined(0, "far_away@FAR_2.0");
}
END_TEST

Suite *facts_undefined_suite(void)
{
    Suite *suite = suite_create("facts_undefined");
    TCase *tests = facts_case(suite, "undefined", 60);
    tcase_add_test(tests, a_missing_symbol_is_named);
    tcase_add_test(tests, a_weak_symbol_may_be_missing);
    tcase_add_test(tests, a_needed_library_is_searched_beside_the_plugin);
    tcase_add_test(tests, symbols_of_libraries_that_libraries_need_count);
    tcase_add_test(tests, a_missing_library_is_named_before_its_symbols);
    tcase_add_test(tests, a_symbol_of_another_version_does_not_count);
    return suite;
}
