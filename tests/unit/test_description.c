/* What a plugin has told of itself, on its way between processes. */
#include "plugin/description.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

static int nothing(ngi_request *r)
{
    (void)r;
    return NGI_OK;
}

static int read_text(const char *text)
{
    struct description description = { 0 };
    int rc = description_read(text, strlen(text), &description);
    if (rc == NGI_OK)
        description_free(&description);
    else
        ck_assert_ptr_null(description.name); /* untouched */
    return rc;
}

START_TEST(what_is_written_reads_back)
{
    static const ngi_route routes[] = { { NGI_GET | NGI_POST, "/items/{id}", nothing, NGI_MAY_BLOCK },
                                        { UINT32_MAX, "~^/caf\xe9 \x01\"\\\xff$", nothing, UINT32_MAX },
                                        { 0 } };
    const struct module module = {
        .self = { .name = "thumb", .version = "1.0-\xc3\xa9", .flags = NGI_ISOLATE, .routes = routes },
    };
    struct description description;
    char *text = description_write(&module);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(description_read(text, strlen(text), &description), NGI_OK);
    ck_assert_str_eq(description.name, "thumb");
    ck_assert_str_eq(description.version, "1.0-\xc3\xa9");
    ck_assert_uint_eq(description.flags, NGI_ISOLATE);
    ck_assert_uint_eq(description.route_count, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(description.routes[i].methods, routes[i].methods);
        ck_assert_str_eq(description.routes[i].pattern, routes[i].pattern);
        ck_assert_uint_eq(description.routes[i].flags, routes[i].flags);
        ck_assert(description.routes[i].handler == NULL);
    }
    ck_assert_uint_eq(description.routes[2].methods, 0);
    description_free(&description);
    description_free(&description); /* an empty one */
    free(text);
}
END_TEST

START_TEST(a_version_may_be_missing)
{
    static const ngi_route routes[] = { { NGI_GET, "/", nothing, 0 }, { 0 } };
    const struct module module = { .self = { .name = "a", .routes = routes } };
    struct description description;
    char *text = description_write(&module);
    ck_assert_int_eq(description_read(text, strlen(text), &description), NGI_OK);
    ck_assert_ptr_null(description.version);
    description_free(&description);
    free(text);
}
END_TEST

#define ROUTES "\"routes\":[{\"methods\":1,\"pattern\":\"/\",\"flags\":0}]"
#define HEAD "\"name\":\"a\",\"version\":null,\"flags\":0,"
#define ROW(row) "{" HEAD "\"routes\":[" row "]}"
#define LONG_NAME "0123456789012345678901234567890123456789012345678901234567890123"

static const char *const sound[] = {
    "{" HEAD ROUTES "}",
    "{\"name\":\"" LONG_NAME "\",\"version\":\"\",\"flags\":4294967295," ROUTES "}",
    ROW("{\"methods\":4294967295,\"pattern\":\"\\u00ff\",\"flags\":4294967295}"),
};

static const char *const lies[] = {
    "",
    "{",
    "[]",
    "null",
    "{}",
    "{" HEAD ROUTES "}{}",
    "{" HEAD ROUTES ",\"more\":1}",
    "{\"name\":\"a\",\"flags\":0," ROUTES "}",
    "{\"name\":\"a\",\"version\":null,\"flags\":0}",
    "{\"name\":\"a\"," HEAD ROUTES "}",
    "{\"name\":\"\",\"version\":null,\"flags\":0," ROUTES "}",
    "{\"name\":null,\"version\":null,\"flags\":0," ROUTES "}",
    "{\"name\":\"a\\u0000b\",\"version\":null,\"flags\":0," ROUTES "}",
    "{\"name\":\"" LONG_NAME "4\",\"version\":null,\"flags\":0," ROUTES "}",
    "{\"name\":\"a\",\"version\":1,\"flags\":0," ROUTES "}",
    "{\"name\":\"a\",\"version\":null,\"flags\":-1," ROUTES "}",
    "{\"name\":\"a\",\"version\":null,\"flags\":4294967296," ROUTES "}",
    "{\"name\":\"a\",\"version\":null,\"flags\":1.0," ROUTES "}",
    "{\"name\":\"a\",\"version\":null,\"flags\":\"1\"," ROUTES "}",
    "{" HEAD "\"routes\":{}}",
    "{" HEAD "\"routes\":[]}",
    ROW("1"),
    ROW("[1]"),
    ROW("{\"methods\":0,\"pattern\":\"/\",\"flags\":0}"),
    ROW("{\"methods\":1,\"pattern\":null,\"flags\":0}"),
    ROW("{\"methods\":1,\"pattern\":\"\\u0100\",\"flags\":0}"),
    ROW("{\"methods\":1,\"pattern\":\"\\ud83d\\ude00\",\"flags\":0}"),
    ROW("{\"methods\":1,\"pattern\":\"/\xff\",\"flags\":0}"),
    ROW("{\"methods\":1,\"pattern\":\"/\"}"),
    ROW("{\"methods\":1,\"pattern\":\"/\",\"flags\":0,\"handler\":1}"),
    ROW("{\"methods\":1,\"pattern\":\"/\",\"flags\":0},{\"methods\":1,\"pattern\":\"/\",\"flags\":-1}"),
};

START_TEST(what_is_sound_is_taken)
{
    ck_assert_int_eq(read_text(sound[_i]), NGI_OK);
}
END_TEST

START_TEST(what_lies_is_refused)
{
    ck_assert_msg(read_text(lies[_i]) == NGI_EPARSE, "%s", lies[_i]);
}
END_TEST

START_TEST(a_nul_is_no_end)
{
    static const char text[] = "{" HEAD ROUTES "}\0{}";
    struct description description;
    ck_assert_int_eq(description_read(text, sizeof text - 1, &description), NGI_EPARSE);
}
END_TEST

Suite *description_suite(void)
{
    Suite *suite = suite_create("description");
    TCase *tests = tcase_create("description");
    tcase_add_test(tests, what_is_written_reads_back);
    tcase_add_test(tests, a_version_may_be_missing);
    tcase_add_loop_test(tests, what_is_sound_is_taken, 0, sizeof sound / sizeof *sound);
    tcase_add_loop_test(tests, what_lies_is_refused, 0, sizeof lies / sizeof *lies);
    tcase_add_test(tests, a_nul_is_no_end);
    suite_add_tcase(suite, tests);
    return suite;
}
