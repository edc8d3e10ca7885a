/* Plugins whose symbols or libraries are not there. */
#include <unistd.h>

#include "tests/refusals/refusal.h"

#define PLUGIN "NGI_PLUGIN(\"x\", \"1.0\", NGI_ROUTE(NGI_GET, \"/\", needy))"

START_TEST(an_undefined_symbol_is_named)
{
    given("x.so", "int frobnicate(void);\n"
                  "static int needy(ngi_request *r) { (void)r; return frobnicate(); }\n" PLUGIN);
    refused("DIR/x.so: undefined symbol frobnicate: link the library that has it (-lNAME)");
}
END_TEST

/* A slip of the pen, and no library has it. */
START_TEST(an_undefined_symbol_of_ours_is_none)
{
    given_linked("x.so", "static int needy(ngi_request *r) { (void)r; return ngi_environ(); }\n" PLUGIN,
                 "-Wno-implicit-function-declaration");
    refused("DIR/x.so: undefined symbol ngi_environ: ngi.h declares no such function: look its name up there, and see "
            "what the compiler warns of");
}
END_TEST

START_TEST(further_undefined_symbols_are_hinted_at)
{
    given("x.so", "int frobnicate(void);\nint defrobnicate(void);\n"
                  "static int needy(ngi_request *r) { (void)r; return frobnicate() + defrobnicate(); }\n" PLUGIN);
    refused("DIR/x.so: undefined symbol defrobnicate: link the library that has it (-lNAME); "
            "postern inspect lists more that is missing");
}
END_TEST

START_TEST(a_needed_library_that_is_not_there_is_named)
{
    given("libfrob.so", "");
    given_linked("x.so", "static int needy(ngi_request *r) { (void)r; return 200; }\n" PLUGIN,
                 "-Wl,--no-as-needed -LDIR -lfrob");
    ck_assert_int_eq(unlink(scratch_path(&dir, "libfrob.so")), 0);
    refused("DIR/x.so: needed library libfrob.so not found: install it, or link with -Wl,-rpath");
}
END_TEST

START_TEST(a_weak_symbol_may_be_missing)
{
    given("x.so", "__attribute__((weak)) int frobnicate(void);\n"
                  "static int needy(ngi_request *r) { (void)r; return frobnicate ? frobnicate() : 200; }\n" PLUGIN);
    accepted();
}
END_TEST

Suite *linking_suite(void)
{
    Suite *suite = suite_create("linking");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, an_undefined_symbol_is_named);
    tcase_add_test(tests, an_undefined_symbol_of_ours_is_none);
    tcase_add_test(tests, further_undefined_symbols_are_hinted_at);
    tcase_add_test(tests, a_needed_library_that_is_not_there_is_named);
    tcase_add_test(tests, a_weak_symbol_may_be_missing);
    return suite;
}
