#include "http/transcript.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "http/request.h"
#include "tests/unit/suites.h"

static const struct peer peer = { "192.0.2.7", "198.51.100.1", 50000, 8080, "http" };
static const struct transcript_facts facts = { .when = "20261121T103052Z", .plugin = "thumb", .mount = "" };
static struct request *request;
static struct transcript *transcript;
static char *text;
static size_t length;
static ngi_error err;

static void set_up(void)
{
    const char *why;
    request = request_new(1 << 20);
    ck_assert_ptr_nonnull(request);
    ck_assert_int_eq(request_begin(request, &peer, "POST", "/a?b=c", "HTTP/1.1", &why), NGI_OK);
}

static void tear_down(void)
{
    request_free(request);
    transcript_free(transcript);
    free(text);
    request = NULL;
    transcript = NULL;
    text = NULL;
}

static void add(const char *name, const char *value)
{
    request_add_header(request, name, strlen(name), value, strlen(value));
}

static void add_body(const void *data, size_t n, size_t memory)
{
    const struct body_limits limits = { SIZE_MAX / 2, memory, "/tmp" };
    ck_assert_int_eq(body_append(&request->body, &limits, data, n), NGI_OK);
}

/* Writes the request to a file, and reads the file to `text`. */
static void write_it(const struct transcript_facts *told, uint64_t body_most)
{
    int fd = memfd_create("transcript", MFD_CLOEXEC);
    ck_assert_int_eq(transcript_write(fd, told, request, body_most), 0);
    length = (size_t)lseek(fd, 0, SEEK_END);
    text = calloc(1, length + 1);
    ck_assert_int_eq(pread(fd, text, length, 0), (ssize_t)length);
    close(fd);
}

static void read_it(void)
{
    int rc = transcript_read(text, length, &transcript, &err);
    ck_assert_msg(rc == NGI_OK, "%s\nin:\n%s", err.text, text);
}

static void refused(const char *file, const char *words)
{
    struct transcript *none = NULL;
    memset(&err, 0, sizeof err);
    ck_assert_msg(transcript_read(file, strlen(file), &none, &err) == NGI_EPARSE, "this passes:\n%s", file);
    ck_assert_ptr_null(none);
    ck_assert_str_eq(err.text, words);
}

START_TEST(what_is_written_is_read)
{
    static const struct transcript_facts all = {
        "20261121T103052Z", "thumb",   "1.0",  "abc",       "/x/thumb.so", "/t",   "/{id}",
        "handler",          "SIGSEGV", "0x10", "0123456789", "192.0.2.7",  "http",
    };
    add("Host", "localhost");
    add("X-Empty", "");
    add("X-Tab", "a\tb \xc3\xa4");
    add_body("one\0two\n\n", 9, 100);
    write_it(&all, 1000);
    read_it();
    for (size_t i = 0; i < transcript_key_count; i++) {
        size_t at = transcript_keys[i].offset;
        ck_assert_str_eq(*(const char *const *)((const char *)&transcript->facts + at),
                         *(const char *const *)((const char *)&all + at));
    }
    ck_assert_str_eq(transcript->method, "POST");
    ck_assert_str_eq(transcript->target, "/a?b=c");
    ck_assert_str_eq(transcript->protocol, "HTTP/1.1");
    ck_assert_uint_eq(transcript->header_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_str_eq(transcript->headers[i].name, request->headers[i].name);
        ck_assert_str_eq(transcript->headers[i].value, request->headers[i].value);
        ck_assert(!transcript->headers[i].masked);
    }
    ck_assert_uint_eq(transcript->body_length, 9);
    ck_assert_uint_eq(transcript->body_total, 9);
    ck_assert_mem_eq(transcript->body, "one\0two\n\n", 9);
}
END_TEST

START_TEST(the_form_is_as_documented)
{
    add("Cookie", "id=1");
    add_body("xy", 2, 100);
    write_it(&facts, 1);
    ck_assert_str_eq(text, "# postern request 1\n# when: 20261121T103052Z\n# plugin: thumb\n# mount: /\n"
                           "# body: 1 of 2\nPOST /a?b=c HTTP/1.1\nCookie: (masked)\n\nx");
    read_it();
    ck_assert_str_eq(transcript->facts.mount, "");
    ck_assert_ptr_null(transcript->facts.version);
}
END_TEST

START_TEST(what_lets_people_in_is_masked)
{
    static const char *const secret[] = {
        "Authorization", "proxy-authorization", "COOKIE", "Cookie2", "DPoP", "Sec-Token-Binding", "x-api-key",
    };
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        add(secret[i], "Basic c2VzYW1l");
    add("X-Cookie", "shown");
    write_it(&facts, 0);
    ck_assert_ptr_null(strstr(text, "c2VzYW1l"));
    read_it();
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) {
        ck_assert(transcript->headers[i].masked);
        ck_assert_str_eq(transcript->headers[i].name, secret[i]);
        ck_assert_str_eq(transcript->headers[i].value, transcript_masked);
    }
    ck_assert_str_eq(transcript->headers[transcript->header_count - 1].value, "shown");
}
END_TEST

START_TEST(a_body_is_cut_at_the_limit_wherever_it_lies)
{
    enum { SIZE = 10000, KEPT = 9000 };
    static char data[SIZE];
    for (int spilled = 0; spilled < 2; spilled++) {
        tear_down();
        set_up();
        memset(data, 'd', sizeof data);
        add_body(data, SIZE, spilled ? 10 : SIZE);
        ck_assert_int_eq(request->body.fd >= 0, spilled);
        write_it(&facts, KEPT);
        read_it();
        ck_assert_uint_eq(transcript->body_length, KEPT);
        ck_assert_uint_eq(transcript->body_total, SIZE);
        ck_assert_mem_eq(transcript->body, data, KEPT);
    }
}
END_TEST

START_TEST(a_body_that_was_read_as_it_arrived_is_told)
{
    request->arrives = true;
    write_it(&facts, 100);
    ck_assert_ptr_nonnull(strstr(text, "# body: 0 of unknown\n"));
    read_it();
    ck_assert_uint_eq(transcript->body_total, UINT64_MAX);
}
END_TEST

START_TEST(line_ends_cannot_be_smuggled_in)
{
    struct transcript_facts told = facts;
    told.file = "/tmp/a\n# plugin: other";
    add("X-A", "b\r\nX-C: d");
    write_it(&told, 0);
    read_it();
    ck_assert_str_eq(transcript->facts.file, "/tmp/a?# plugin: other");
    ck_assert_uint_eq(transcript->header_count, 1);
    ck_assert_str_eq(transcript->headers[0].value, "b??X-C: d");
}
END_TEST

/* Pages that nobody may read, in the middle of what is to be written. */
START_TEST(a_spoilt_request_is_written_as_far_as_it_can_be_read)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
    memset(pages, 'x', page);
    struct transcript_facts told = facts;
    told.version = pages + page - 3; /* no NUL before the end of the page */
    told.route = pages + page;
    add("X-Half", "value");
    add("X-None", "value");
    request->headers[0].value = pages + page - 2;
    request->headers[1].value = pages + page;
    char *own = request->body.memory.data;
    request->body.memory.data = pages + page - 10;
    request->body.memory.length = request->body.length = 100;
    write_it(&told, 1000);
    read_it();
    ck_assert_str_eq(transcript->facts.version, "xxx");
    ck_assert_str_eq(transcript->facts.route, "");
    ck_assert_str_eq(transcript->headers[0].value, "xx");
    ck_assert_str_eq(transcript->headers[1].value, "");
    ck_assert_uint_eq(transcript->body_length, 10);
    ck_assert_uint_eq(transcript->body_total, 100);
    request->body.memory.data = own;
    request->body.memory.length = request->body.length = 0;
    munmap(pages, 2 * page);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    add("Host", "localhost");
    add_body("body", 4, 100);
    write_it(&facts, 100);
    for (size_t n = 0; n < length; n++) {
        struct transcript *none = NULL;
        memset(&err, 0, sizeof err);
        ck_assert_msg(transcript_read(text, n, &none, &err) == NGI_EPARSE, "%zu bytes of %zu pass", n, length);
        ck_assert_msg(strncmp(err.text, "line ", 5) == 0, "%zu bytes: %s", n, err.text);
    }
    read_it();
}
END_TEST

START_TEST(every_changed_byte_is_refused_or_read)
{
    add("Host", "localhost");
    write_it(&facts, 100);
    for (size_t i = 0; i < length; i++)
        for (int byte = 0; byte < 256; byte += 5) {
            char before = text[i];
            text[i] = (char)byte;
            transcript_free(transcript);
            transcript = NULL;
            memset(&err, 0, sizeof err);
            if (transcript_read(text, length, &transcript, &err) != NGI_OK)
                ck_assert_int_eq(strncmp(err.text, "line ", 5), 0);
            text[i] = before;
        }
}
END_TEST

#define BEGIN "# postern request 1\n"
#define FORM "it is not \"METHOD TARGET HTTP/1.1\""

START_TEST(mistakes_are_named_with_their_line)
{
    refused("", "line 1: it is missing: the file was cut");
    refused("GET / HTTP/1.1\n",
            "line 1: it is not \"# postern request 1\": the file holds no request that postern kept");
    refused("# postern request 2\n", "line 1: the form is version 2, this postern reads version 1");
    refused(BEGIN "# body: 0", "line 2: it has no end: the file was cut");
    refused(BEGIN "#body: 0 of 0\n", "line 2: it is not \"# NAME: VALUE\"");
    refused(BEGIN "# shoe: 43\n", "line 2: \"shoe\" is nothing that version 1 tells");
    refused(BEGIN "# plugin: a\n# plugin: b\n", "line 3: plugin is told twice");
    refused(BEGIN "# body: 0 of 0\n# body: 0 of 0\n", "line 3: body is told twice");
    refused(BEGIN "# body: 1\n", "line 2: body has to be \"BYTES of BYTES\" or \"BYTES of unknown\"");
    refused(BEGIN "# body: 2 of 1\n", "line 2: body has more bytes than there were");
    refused(BEGIN "GET / HTTP/1.1\n", "line 2: no \"# body: …\" before it");
    refused(BEGIN "# body: 0 of 0\nGET /\n", "line 3: " FORM);
    refused(BEGIN "# body: 0 of 0\nG:T / HTTP/1.1\n", "line 3: the method is no token");
    refused(BEGIN "# body: 0 of 0\nGET /a b HTTP/1.1\n", "line 3: the target is empty or holds a space");
    refused(BEGIN "# body: 0 of 0\nGET / HTTP/2\n", "line 3: the protocol is neither HTTP/1.1 nor HTTP/1.0");
    refused(BEGIN "# body: 0 of 0\nGET / HTTP/1.1\nHost\n", "line 4: it is not \"Name: value\"");
    refused(BEGIN "# body: 0 of 0\nGET / HTTP/1.1\nA b: c\n", "line 4: it is not \"Name: value\"");
    refused(BEGIN "# body: 0 of 0\nGET / HTTP/1.1\nA: b\r\n", "line 4: it is not \"Name: value\"");
    refused(BEGIN "# body: 0 of 0\nGET / HTTP/1.1\n", "line 4: it is missing: the file was cut");
    refused(BEGIN "# body: 2 of 2\nGET / HTTP/1.1\n\na",
            "line 5: the body has 1 bytes, not the 2 that are announced: the file was cut");
    refused(BEGIN "# body: 0 of 0\nGET / HTTP/1.1\n\na", "line 5: the body has 1 bytes, not the 0 that are announced");
    ck_assert_int_eq(transcript_read(BEGIN "# b\0dy\n", sizeof BEGIN - 1 + 7, &transcript, &err), NGI_EPARSE);
    ck_assert_str_eq(err.text, "line 2: it holds a NUL byte");
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_an_error)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_lt(transcript_write(ends[0], &facts, request, 0), 0);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

Suite *transcript_suite(void)
{
    Suite *suite = suite_create("transcript");
    TCase *tests = tcase_create("transcript");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_written_is_read);
    tcase_add_test(tests, the_form_is_as_documented);
    tcase_add_test(tests, what_lets_people_in_is_masked);
    tcase_add_test(tests, a_body_is_cut_at_the_limit_wherever_it_lies);
    tcase_add_test(tests, a_body_that_was_read_as_it_arrived_is_told);
    tcase_add_test(tests, line_ends_cannot_be_smuggled_in);
    tcase_add_test(tests, a_spoilt_request_is_written_as_far_as_it_can_be_read);
    tcase_add_test(tests, every_truncation_is_refused);
    tcase_add_test(tests, every_changed_byte_is_refused_or_read);
    tcase_add_test(tests, mistakes_are_named_with_their_line);
    tcase_add_test(tests, a_file_that_cannot_be_written_is_an_error);
    suite_add_tcase(suite, tests);
    return suite;
}
