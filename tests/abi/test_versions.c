/* Plugins built for other minor versions than this gateway's. */
#include <string.h>

#include "tests/abi/suites.h"
#include "tests/harness/command.h"
#include "tests/harness/scratch.h"

#define ENTRY(self)                                                                                                    \
    "const ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *err)\n"                                          \
    "{ (void)host; (void)err; return " self "; }\n"

/* NGI 1.9 has two functions more in the host's table and members behind those of today. */
static const char future[] =
    "#include <ngi.h>\n"
    "struct host_1_9 { ngi_host now; int (*push)(ngi_request *r); int (*pull)(ngi_request *r); };\n"
    "struct plugin_1_9 { ngi_plugin now; int (*pause)(void *state); const char *licence; void *more[30]; };\n"
    "static int answer(ngi_request *r)\n"
    "{\n"
    "    return ngi_text(r, 200, r->ngi->size >= sizeof(struct host_1_9) ? \"pushed\" : \"an older host\");\n"
    "}\n"
    "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"
    "static const struct plugin_1_9 self NGI_SECTION_ = { { .size = sizeof self, .abi = 1 << 16 | 9, .name = \"x\",\n"
    "    .version = \"1\", .routes = rows }, .licence = \"MIT\" };\n" ENTRY("&self.now");

/* Before init was invented: behind the routes lies something else, which must not be taken for members. */
static const char old[] = "#include <ngi.h>\n"
                          "static int answer(ngi_request *r) { return ngi_text(r, 200, \"an old plugin\"); }\n"
                          "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"
                          "static const struct { uint32_t size, abi; const char *name, *version, *summary; uint32_t "
                          "flags;\n"
                          "    const ngi_route *routes; uintptr_t junk[16]; } self NGI_SECTION_ = {\n"
                          "    offsetof(ngi_plugin, init), 1 << 16, \"x\", \"1\", NULL, 0, rows, { 1, 2, 3, 4, 5, 6, "
                          "7, 8, 9 } };\n" ENTRY("(const ngi_plugin *)&self");

static struct scratch scratch;

static void begin(void)
{
    scratch_make(&scratch);
}

static void end(void)
{
    scratch_remove(&scratch);
}

/* Its handler's words come back, and check and inspect have nothing against it. */
static void answers(const char *text, const char *words)
{
    struct command_result result;
    scratch_compile(&scratch, "x.so", text, "-O1");
    COMMAND(&result, "postern", "call", scratch_path(&scratch, "x.so"), "GET", "/x");
    ck_assert_str_eq(result.err, "");
    ck_assert_int_eq(result.status, 0);
    ck_assert_str_eq(strstr(result.out, "\r\n\r\n"), words);
    command_free(&result);
    COMMAND(&result, "postern", "check", "--plugins", scratch.path);
    ck_assert_str_eq(result.err, "");
    command_free(&result);
}

/* A line of what inspect says of it. */
static void is_told(const char *line)
{
    struct command_result result;
    COMMAND(&result, "postern", "inspect", scratch_path(&scratch, "x.so"));
    ck_assert_int_eq(result.status, 0);
    ck_assert_msg(strstr(result.out, line) != NULL, "no \"%s\" in:\n%s", line, result.out);
    command_free(&result);
}

START_TEST(a_plugin_of_a_newer_minor_loads_and_sees_the_older_host)
{
    answers(future, "\r\n\r\nan older host");
    is_told("\ninterface  NGI 1.9\n");
}
END_TEST

START_TEST(a_plugin_that_ends_behind_its_routes_loads)
{
    answers(old, "\r\n\r\nan old plugin");
    is_told("\noptions    none\n");
}
END_TEST

Suite *versions_suite(void)
{
    Suite *suite = suite_create("versions");
    TCase *tests = tcase_create("versions");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, a_plugin_of_a_newer_minor_loads_and_sees_the_older_host);
    tcase_add_test(tests, a_plugin_that_ends_behind_its_routes_loads);
    suite_add_tcase(suite, tests);
    return suite;
}
