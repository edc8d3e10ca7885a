#include "tests/refusals/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 150, ARGUMENTS = 24, TEXT_SIZE = 32 * 1024 };

struct scratch dir;

static void begin(void)
{
    scratch_make(&dir);
}

static void end(void)
{
    scratch_remove(&dir);
}

/* A copy of `text` with every `from` turned into `to`. */
static char *replace(const char *text, const char *from, const char *to)
{
    char *out = malloc(TEXT_SIZE), *at = out;
    ck_assert_ptr_nonnull(out);
    for (const char *next; (next = strstr(text, from)) != NULL; text = next + strlen(from))
        at += sprintf(at, "%.*s%s", (int)(next - text), text, to);
    ck_assert_uint_lt((size_t)(at - out) + strlen(text), TEXT_SIZE);
    strcpy(at, text);
    return out;
}

/* Lines as the log writes them: "postern: " before each. */
static char *as_logged(const char *lines)
{
    char *joined = replace(lines, "\n", "\npostern: "), *out = malloc(TEXT_SIZE);
    ck_assert_ptr_nonnull(out);
    snprintf(out, TEXT_SIZE, "postern: %s\n", joined);
    free(joined);
    return out;
}

static void check_says(struct command_result *result, const char *const *arguments)
{
    const char *argv[ARGUMENTS] = { "postern", "check", "--plugins", "DIR" };
    for (size_t i = 0; arguments && arguments[i]; i++)
        argv[4 + i] = arguments[i];
    run(result, argv);
}

/* A gateway that did start would write READY to its stdout. */
static void serve_refuses(const char *logged, const char *const *arguments)
{
    struct command_result result;
    const char *argv[ARGUMENTS] = {
        "postern", "serve", "--plugins", "DIR", "--listen", "127.0.0.1:0", "--ready-fd", "1"
    };
    for (size_t i = 0; arguments && arguments[i]; i++)
        argv[8 + i] = arguments[i];
    run(&result, argv);
    ck_assert_msg(strncmp(result.err, logged, strlen(logged)) == 0, "serve said:\n%s\ninstead of:\n%s", result.err,
                  logged);
    ck_assert_str_eq(result.out, "");
    ck_assert_int_eq(result.status, 1);
    command_free(&result);
}

/* ---------------------------------------------------------------------------------------------------------- */

TCase *refusal_case(Suite *suite)
{
    TCase *tests = tcase_create(suite_tcase(suite, "refusals") ? "more" : "refusals");
    tcase_set_timeout(tests, TIMEOUT);
    tcase_add_checked_fixture(tests, begin, end);
    suite_add_tcase(suite, tests);
    return tests;
}

void skip(const char *why)
{
    fprintf(stderr, "skipped: %s\n", why);
}

void given(const char *name, const char *text)
{
    given_linked(name, text, "");
}

void given_linked(const char *name, const char *text, const char *flags)
{
    char whole[8192];
    int n = snprintf(whole, sizeof whole,
                     "#include <ngi.h>\n__attribute__((unused))\n"
                     "static int answer(ngi_request *r) { return ngi_text(r, 200, \"fine\"); }\n%s\n",
                     text);
    ck_assert_int_lt(n, (int)sizeof whole);
    char *expanded = replace(flags, "DIR", dir.path);
    scratch_compile(&dir, name, whole, expanded);
    free(expanded);
}

void given_good(const char *name)
{
    char file[64], text[128];
    snprintf(file, sizeof file, "%s.so", name);
    snprintf(text, sizeof text, "NGI_PLUGIN(\"%s\", \"1.0\", NGI_ROUTE(NGI_GET, \"/\", answer))", name);
    given(file, text);
}

void run(struct command_result *result, const char *const *argv)
{
    const char *expanded[ARGUMENTS] = { "postern" };
    size_t count = 1;
    for (; argv[count]; count++) {
        ck_assert_uint_lt(count + 1, ARGUMENTS);
        expanded[count] = replace(argv[count], "DIR", dir.path);
    }
    command_run_in(result, dir.path, expanded);
    for (size_t i = 1; i < count; i++)
        free((char *)expanded[i]);
    char *out = replace(result->out, dir.path, "DIR"), *err = replace(result->err, dir.path, "DIR");
    free(result->out);
    free(result->err);
    result->out = out;
    result->err = err;
}

void says(int status, const char *out, const char *err, const char *const *argv)
{
    struct command_result result;
    run(&result, argv);
    if (err)
        ck_assert_str_eq(result.err, err);
    if (out)
        ck_assert_str_eq(result.out, out);
    ck_assert_msg(result.status == status, "%s exited with %d (signal %d) instead of %d:\n%s%s", argv[1], result.status,
                  result.signal, status, result.out, result.err);
    command_free(&result);
}

void check_refuses(const char *lines, const char *const *arguments)
{
    struct command_result result;
    char *logged = as_logged(lines);
    check_says(&result, arguments);
    ck_assert_str_eq(result.err, logged);
    ck_assert_str_eq(result.out, "");
    ck_assert_int_eq(result.status, 1);
    command_free(&result);
    free(logged);
}

void refused_with(const char *lines, const char *const *arguments)
{
    char *logged = as_logged(lines);
    check_refuses(lines, arguments);
    serve_refuses(logged, arguments);
    free(logged);
}

void refused(const char *lines)
{
    refused_with(lines, NULL);
}

void accepted(void)
{
    struct command_result result;
    check_says(&result, NULL);
    ck_assert_str_eq(result.err, "");
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
}
