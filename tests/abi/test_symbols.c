/* What a plugin exports, and what it needs: one function, and nothing of the host. */
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/abi/suites.h"
#include "tests/harness/command.h"

enum { PLUGINS_MOST = 24 };

/* Every plugin of the build tree, in turn; NULL after the last. */
static const char *plugin_file(int n)
{
    static char path[512];
    glob_t found;
    ck_assert_int_eq(glob(built("examples/*.so"), 0, NULL, &found), 0);
    (void)glob(built("plugins/*.so"), GLOB_APPEND, NULL, &found);
    ck_assert_uint_ge(found.gl_pathc, 8);
    ck_assert_uint_lt(found.gl_pathc, PLUGINS_MOST);
    bool there = (size_t)n < found.gl_pathc;
    if (there)
        snprintf(path, sizeof path, "%s", found.gl_pathv[n]);
    globfree(&found);
    return there ? path : NULL;
}

/* What the command says of a plugin; NULL after the last. Free it. */
static char *output(int n, const char *script)
{
    struct command_result result;
    const char *file = plugin_file(n);
    if (!file)
        return NULL;
    COMMAND(&result, "sh", "-c", script, "sh", file);
    ck_assert_msg(result.status == 0, "%s:\n%s%s", file, result.out, result.err);
    char *out = strdup(result.out);
    command_free(&result);
    return out;
}

/* The tests below are looped over the plugins. */

START_TEST(a_plugin_exports_its_entry_and_nothing_else)
{
    char *names = output(_i, "nm -D --defined-only \"$1\" | sed 's/.* //'");
    if (names)
        ck_assert_str_eq(names, "ngi_plugin_v1\n");
    free(names);
}
END_TEST

/* ldd resolves every symbol from the libraries the file names, without any program that loads it. What the sanitizers
 * put into a plugin is theirs to provide. */
START_TEST(a_plugin_needs_no_symbol_of_the_host)
{
    char *missing = output(_i, "ldd -r \"$1\" 2>&1 | grep 'undefined symbol' | "
                               "grep -Ev 'symbol: __(asan|lsan|ubsan|tsan|sanitizer|gcov)_' || :");
    if (missing)
        ck_assert_str_eq(missing, "");
    free(missing);
}
END_TEST

START_TEST(a_plugin_needs_no_library_of_the_host)
{
    char *libraries =
        output(_i, "readelf -d \"$1\" | sed -n 's/.*(NEEDED).*\\[\\(.*\\)\\]/\\1/p' | "
                   "grep -Ev '^(libc|libm|libz|libsqlite3|libpng16|lib(a|l|ub|t)san|ld-linux.*|libgcc_s)[.]so' || :");
    if (libraries)
        ck_assert_str_eq(libraries, "");
    free(libraries);
}
END_TEST

START_TEST(nothing_that_a_plugin_needs_is_called_ngi)
{
    char *names = output(_i, "nm -D --undefined-only \"$1\" | grep -i ngi_ || :");
    if (names)
        ck_assert_str_eq(names, "");
    free(names);
}
END_TEST

Suite *symbols_suite(void)
{
    Suite *suite = suite_create("symbols");
    TCase *tests = tcase_create("symbols");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, a_plugin_exports_its_entry_and_nothing_else, 0, PLUGINS_MOST);
    tcase_add_loop_test(tests, a_plugin_needs_no_symbol_of_the_host, 0, PLUGINS_MOST);
    tcase_add_loop_test(tests, a_plugin_needs_no_library_of_the_host, 0, PLUGINS_MOST);
    tcase_add_loop_test(tests, nothing_that_a_plugin_needs_is_called_ngi, 0, PLUGINS_MOST);
    suite_add_tcase(suite, tests);
    return suite;
}
