#include "tests/unit/facts_fixture.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#ifndef TEST_SRCDIR
#define TEST_SRCDIR "."
#endif

const char small_plugin[] =
    "#include <ngi.h>\n"
    "static int hello(ngi_request *r) { return ngi_text(r, 200, \"hello\"); }\n"
    "NGI_PLUGIN(\"small\", \"1.0\", NGI_ROUTE(NGI_GET, \"/\", hello),\n"
    "    NGI_ROUTE(NGI_POST | NGI_DELETE, \"/items/{id}\", hello, NGI_MAY_BLOCK | NGI_SERIAL))\n";

const char full_plugin[] =
    "#include <ngi.h>\n"
    "static int hello(ngi_request *r) { (void)r; return 200; }\n"
    "static const ngi_route rows[] = { NGI_ROUTE(NGI_ANY, \"/\", hello),\n"
    "    NGI_ROUTE(NGI_PUT, \"/{x}\", hello), { 0 } };\n"
    "static const ngi_option_spec options[] = { { \"quality\", NGI_INT, \"80\", 1, 100, \"JPEG quality\" },\n"
    "    { \"file\", NGI_STRING, NULL, 0, 0, NULL }, { \"share\", NGI_FLOAT, \"0.5\", 0.25, 0.75, NULL }, { 0 } };\n"
    "NGI_PLUGIN_FULL(.name = \"full\", .version = \"2.1\", .summary = \"All of it\", .flags = NGI_ISOLATE,\n"
    "    .routes = rows, .options = options)\n";

const char caller[] =
    "#include <ngi.h>\nint far_away(void);\nstatic int hello(ngi_request *r) { (void)r; return far_away(); }\n"
    "NGI_PLUGIN(\"caller\", \"1\", NGI_ROUTE(NGI_GET, \"/\", hello))\n";

char facts_dir[64];
struct facts *facts;
ngi_error refusal;

static void make_dir(void)
{
    strcpy(facts_dir, "/tmp/postern-facts-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(facts_dir));
}

static void remove_dir(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", facts_dir);
    ck_assert_int_eq(system(command), 0);
}

static void forget(void)
{
    facts_free(facts);
    facts = NULL;
    refusal = (ngi_error){ 0 };
}

bool shell(const char *fmt, ...)
{
    char command[2048];
    va_list ap;
    size_t n = (size_t)snprintf(command, sizeof command, "cd %s && { ", facts_dir);
    va_start(ap, fmt);
    n += (size_t)vsnprintf(command + n, sizeof command - n, fmt, ap);
    va_end(ap);
    ck_assert_uint_lt(n + 20, sizeof command);
    strcpy(command + n, "; } >log 2>&1");
    return system(command) == 0;
}

void write_file(const char *name, const void *data, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", facts_dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(file_write_all(fd, data, n), 0);
    close(fd);
}

bool can_build(const char *compiler, const char *source, const char *flags)
{
    write_file("x.c", source, strlen(source));
    return shell("%s -shared -fPIC -I%s/sdk %s -o x.so", compiler, TEST_SRCDIR, flags);
}

void build(const char *source, const char *flags)
{
    char with_source[512];
    snprintf(with_source, sizeof with_source, "x.c %s", flags);
    ck_assert_msg(can_build("cc", source, with_source), "cc fails: is the SDK in %s/sdk?", TEST_SRCDIR);
}

int inspect(const char *name)
{
    char path[128];
    forget();
    snprintf(path, sizeof path, "%s/%s", facts_dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    int rc = facts_read(fd, &facts, &refusal);
    close(fd);
    ck_assert_int_eq(rc, refusal.code);
    ck_assert((rc == NGI_OK) == (facts != NULL));
    return rc;
}

void inspect_good(void)
{
    ck_assert_msg(inspect("x.so") == NGI_OK, "%s", refusal.text);
}

void ck_assert_refused(const char *name, int code, const char *words)
{
    ck_assert_int_eq(inspect(name), code);
    ck_assert_msg(strstr(refusal.text, words) != NULL, "\"%s\" is not in \"%s\"", words, refusal.text);
}

char *read_back(const char *name, size_t *ret_length)
{
    char path[128], *data;
    snprintf(path, sizeof path, "%s/%s", facts_dir, name);
    ck_assert_int_eq(file_read(path, 1 << 24, &data, ret_length), 0);
    return data;
}

TCase *facts_case(Suite *suite, const char *name, double seconds)
{
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, seconds);
    tcase_add_checked_fixture(tests, make_dir, remove_dir);
    tcase_add_checked_fixture(tests, NULL, forget);
    suite_add_tcase(suite, tests);
    return tests;
}
