/* postern inspect: what a file says of itself, as text and as JSON. */
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tests/refusals/refusal.h"

/* The n-th *.so of the examples, and its name as a plugin; false if there are fewer. */
static bool example(int n, char path[512], char name[64])
{
    glob_t found;
    ck_assert_int_eq(glob(built("examples/*.so"), 0, NULL, &found), 0);
    ck_assert_uint_ge(found.gl_pathc, 7);
    bool there = (size_t)n < found.gl_pathc;
    if (there) {
        snprintf(path, 512, "%s", found.gl_pathv[n]);
        snprintf(name, 64, "%.*s", (int)strcspn(strrchr(path, '/') + 1, "."), strrchr(path, '/') + 1);
    }
    globfree(&found);
    return there;
}

static bool has_line(const char *text, const char *label, const char *value)
{
    char line[600];
    snprintf(line, sizeof line, "%-10s %s\n", label, value);
    const char *at = strstr(text, line);
    return at && (at == text || at[-1] == '\n');
}

/* Looped over the examples. */
START_TEST(every_example_is_told_as_text)
{
    struct command_result result;
    char path[512], name[64];
    if (!example(_i, path, name))
        return;
    RUN(&result, "inspect", path);
    ck_assert_str_eq(result.err, "");
    ck_assert_int_eq(result.status, 0);
    ck_assert(has_line(result.out, "file", path));
    ck_assert(has_line(result.out, "name", name));
    ck_assert(has_line(result.out, "interface", "NGI 1.0"));
    ck_assert(has_line(result.out, "unresolved", "none"));
    ck_assert_ptr_nonnull(strstr(result.out, "\nroutes     "));
    command_free(&result);
}
END_TEST

START_TEST(every_example_is_told_as_json)
{
    struct command_result result;
    char path[512], name[64];
    if (!example(_i, path, name))
        return;
    RUN(&result, "inspect", "--json", path);
    json_t *object = json_loads(result.out, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(object);
    ck_assert_str_eq(json_string_value(json_object_get(object, "name")), name);
    ck_assert_str_eq(json_string_value(json_object_get(object, "abi")), "1.0");
    ck_assert_uint_gt(json_array_size(json_object_get(object, "routes")), 0);
    ck_assert_uint_gt(json_array_size(json_object_get(object, "needs")), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(object, "unresolved")), 0);
    ck_assert(json_is_true(json_object_get(object, "entry")));
    json_decref(object);
    command_free(&result);
}
END_TEST

START_TEST(the_text_is_for_people)
{
    given_linked("x.so",
                 "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", answer),\n"
                 "    NGI_ROUTE(NGI_PUT | NGI_DELETE, \"/items/{id}\", answer, NGI_SERIAL), { 0 } };\n"
                 "static const ngi_option_spec options[] = {\n"
                 "    { \"quality\", NGI_INT, \"80\", 1, 100, \"Of the picture.\" },\n"
                 "    { \"file\", NGI_STRING, NULL, 0, 0, NULL }, { 0 } };\n"
                 "NGI_PLUGIN_FULL(.name = \"x\", .version = \"2.1\", .summary = \"All of it.\",\n"
                 "    .flags = NGI_MAY_BLOCK, .routes = rows, .options = options)",
                 "-nostdlib -O2 -Wl,--build-id=none");
    SAYS(0,
         "file       DIR/x.so\n"
         "name       x\n"
         "version    2.1\n"
         "summary    All of it.\n"
         "interface  NGI 1.0\n"
         "flags      NGI_MAY_BLOCK\n"
         "routes     GET, HEAD    /\n"
         "           PUT, DELETE  /items/{id}  NGI_SERIAL\n"
         "options    quality  int     default 80  1 to 100  Of the picture.\n"
         "           file     string  required\n"
         "needs      none\n"
         "unresolved none\n",
         "", "inspect", "DIR/x.so");
}
END_TEST

START_TEST(no_code_of_the_plugin_runs)
{
    given("x.so", "__attribute__((constructor)) static void begin(void) { puts(\"I ran\"); exit(7); }\n"
                  "NGI_PLUGIN(\"x\", \"1.0\", NGI_ROUTE(NGI_GET, \"/\", answer))");
    struct command_result result;
    RUN(&result, "inspect", "DIR/x.so");
    ck_assert_int_eq(result.status, 0);
    ck_assert_ptr_null(strstr(result.out, "I ran"));
    command_free(&result);
}
END_TEST

START_TEST(an_unresolved_symbol_is_listed_and_no_failure)
{
    given("x.so", "int frobnicate(void);\n"
                  "static int needy(ngi_request *r) { (void)r; return frobnicate(); }\n"
                  "NGI_PLUGIN(\"x\", \"1.0\", NGI_ROUTE(NGI_GET, \"/\", needy))");
    struct command_result result;
    RUN(&result, "inspect", "DIR/x.so");
    ck_assert(has_line(result.out, "unresolved", "frobnicate"));
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
}
END_TEST

START_TEST(what_is_no_plugin_is_refused)
{
    scratch_write(&dir, "x.so", "plain text\n");
    SAYS(1, "",
         "postern: DIR/x.so: not an ELF file: it begins with \"plain text\" (a plugin is a shared object: cc "
         "-shared -fPIC)\n",
         "inspect", "DIR/x.so");
}
END_TEST

START_TEST(a_file_that_is_not_there_is_refused)
{
    SAYS(1, "", "postern: DIR/gone.so: No such file or directory\n", "inspect", "--json", "DIR/gone.so");
}
END_TEST

START_TEST(a_directory_is_refused)
{
    SAYS(1, "", "postern: DIR: a directory, not a file (a plugin is a shared object: cc -shared -fPIC)\n", "inspect",
         "DIR");
}
END_TEST

START_TEST(a_library_that_is_no_plugin_says_that_it_has_no_entry)
{
    given_linked("x.so", "", "-nostdlib -O2 -Wl,--build-id=none");
    SAYS(0,
         "file       DIR/x.so\n"
         "interface  not described in the file (no section ngi_plugin): known once it is loaded\n"
         "entry      none: it exports no function ngi_plugin_v1\n"
         "needs      none\n"
         "unresolved none\n",
         "", "inspect", "DIR/x.so");
}
END_TEST

Suite *inspect_suite(void)
{
    enum { EXAMPLES_MOST = 16 };
    Suite *suite = suite_create("inspect");
    TCase *tests = refusal_case(suite);
    tcase_add_loop_test(tests, every_example_is_told_as_text, 0, EXAMPLES_MOST);
    tcase_add_loop_test(tests, every_example_is_told_as_json, 0, EXAMPLES_MOST);
    tcase_add_test(tests, the_text_is_for_people);
    tcase_add_test(tests, no_code_of_the_plugin_runs);
    tcase_add_test(tests, an_unresolved_symbol_is_listed_and_no_failure);
    tcase_add_test(tests, what_is_no_plugin_is_refused);
    tcase_add_test(tests, a_file_that_is_not_there_is_refused);
    tcase_add_test(tests, a_directory_is_refused);
    tcase_add_test(tests, a_library_that_is_no_plugin_says_that_it_has_no_entry);
    return suite;
}
