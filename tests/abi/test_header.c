/* ngi.h alone, in every language and with every compiler that is here, with warnings as errors. */
#include <stdio.h>
#include <string.h>

#include "tests/abi/suites.h"
#include "tests/harness/command.h"
#include "tests/harness/scratch.h"

#define STRICT "-pedantic -Werror -Wall -Wextra -Wshadow -Wconversion -Wno-unused-function "
#define STRICT_C STRICT "-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition "
/* C++ knows designated initializers since C++20, and g++ warns of those that are not given. */
#define LENIENT "-Werror -Wall -Wextra -Wno-unused-function -Wno-missing-field-initializers "

struct dialect {
    const char *compiler, *language, *flags, *full; /* full: the flags for NGI_PLUGIN_FULL; NULL: it has none */
};

static const struct dialect dialects[] = {
    { "gcc", "c", STRICT_C "-std=c99", STRICT_C "-std=c99" },
    { "gcc", "c", STRICT_C "-std=c11", STRICT_C "-std=c11" },
    { "gcc", "c", STRICT_C "-std=gnu17 -O2", STRICT_C "-std=gnu17 -O2" },
    { "g++", "c++", STRICT "-std=c++17", NULL },
    { "g++", "c++", STRICT "-std=c++20", LENIENT "-std=gnu++20" },
    { "clang", "c", STRICT_C "-std=c99", STRICT_C "-std=c99" },
    { "clang", "c", STRICT_C "-std=c11", STRICT_C "-std=c11" },
    { "clang++", "c++", STRICT "-std=c++17", NULL },
    { "clang++", "c++", STRICT "-std=c++20", LENIENT "-std=gnu++20" },
};

static const char alone[] = "#include <ngi.h>\n";
static const char twice[] = "#include <ngi.h>\n#include <ngi.h>\n";
static const char hello[] =
    "#include <ngi.h>\n"
    "static int hello(ngi_request *r)\n"
    "{\n"
    "    return ngi_textf(r, 200, \"Hello, %s!\\n\", ngi_query(r, \"name\", \"world\"));\n"
    "}\n"
    "static int later(ngi_request *r) { return NGI_HAS(r, later_new) ? NGI_LATER : NGI_ENOSYS; }\n"
    "NGI_PLUGIN(\"hello\", \"1.0\", NGI_ROUTE(NGI_GET, \"/\", hello),\n"
    "           NGI_ROUTE(NGI_GET | NGI_POST, \"/later\", later, NGI_MAY_BLOCK | NGI_SERIAL))\n";
/* { 0 } ends a table in C without a word from any compiler; C++ has {}. */
#define FULL(end)                                                                                                      \
    "#include <ngi.h>\n"                                                                                               \
    "static int hello(ngi_request *r) { return ngi_text(r, 200, ngi_option(r->ngi, \"word\")); }\n"                    \
    "static int init(const ngi_host *, const ngi_config *, void **, ngi_error *);\n"                                   \
    "static int init(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err)\n"              \
    "{ (void)host; *ret_state = NULL; return *config->name ? NGI_OK : ngi_error_set(err, NGI_EFAIL, \"none\"); }\n"    \
    "static const ngi_route routes[] = { NGI_ROUTE(NGI_GET, \"/\", hello), { " end " } };\n"                           \
    "static const ngi_option_spec options[] = { { \"word\", NGI_STRING, \"hi\", 0, 0, \"Said.\" }, { " end " } };\n"   \
    "NGI_PLUGIN_FULL(.name = \"full\", .version = \"1.0\", .flags = NGI_MAY_BLOCK, .routes = routes, .init = init, "   \
    ".options = options)\n"

static struct scratch scratch;

static void begin(void)
{
    scratch_make(&scratch);
}

static void end(void)
{
    scratch_remove(&scratch);
}

/* Compiles and links the text as a plugin. A compiler that is not here is passed over. */
static void compiles(const struct dialect *dialect, const char *flags, const char *text)
{
    static const char script[] = "command -v \"$1\" >/dev/null || { echo \"skipped: no $1\" >&2; exit 0; }\n"
                                 "exec $1 $4 -x $2 -shared -fPIC -fvisibility=hidden -I\"$3\" -o /dev/null \"$5\"";
    struct command_result result;
    scratch_write(&scratch, "text", text);
    COMMAND(&result, "sh", "-c", script, "sh", dialect->compiler, dialect->language, source("sdk"), flags,
            scratch_path(&scratch, "text"));
    ck_assert_msg(result.status == 0 && (!*result.err || strncmp(result.err, "skipped", 7) == 0), "%s %s:\n%s",
                  dialect->compiler, flags, result.err);
    command_free(&result);
}

/* The tests below are looped over the dialects. */

START_TEST(the_header_compiles_alone)
{
    compiles(&dialects[_i], dialects[_i].flags, alone);
}
END_TEST

START_TEST(the_header_compiles_twice)
{
    compiles(&dialects[_i], dialects[_i].flags, twice);
}
END_TEST

START_TEST(ngi_plugin_compiles)
{
    compiles(&dialects[_i], dialects[_i].flags, hello);
}
END_TEST

START_TEST(ngi_plugin_full_compiles)
{
    const struct dialect *dialect = &dialects[_i];
    if (dialect->full)
        compiles(dialect, dialect->full, strcmp(dialect->language, "c") == 0 ? FULL("0") : FULL(""));
}
END_TEST

Suite *header_suite(void)
{
    const int count = sizeof dialects / sizeof *dialects;
    Suite *suite = suite_create("header");
    TCase *tests = tcase_create("header");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(tests, the_header_compiles_alone, 0, count);
    tcase_add_loop_test(tests, the_header_compiles_twice, 0, count);
    tcase_add_loop_test(tests, ngi_plugin_compiles, 0, count);
    tcase_add_loop_test(tests, ngi_plugin_full_compiles, 0, count);
    suite_add_tcase(suite, tests);
    return suite;
}
