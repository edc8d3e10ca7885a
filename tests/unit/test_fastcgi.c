/* Of plugins/fastcgi: what it makes of paths, of response heads, of addresses and of variables. */
#include "plugins/fastcgi/address.h"
#include "plugins/fastcgi/cgi_head.h"
#include "plugins/fastcgi/params.h"
#include "plugins/fastcgi/script.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "fcgi/record.h"
#include "tests/unit/suites.h"

/* --- scripts ------------------------------------------------------------------------------------------------ */

static const struct script_rules php = { "", "index.php", ".php" };
static const struct script_rules front = { "app/index.php", "index.php", ".php" };
static const struct script_rules any_name = { "", "", "" };

/* "SCRIPT|PATH_INFO", or "none". */
static const char *found(const struct script_rules *rules, const char *path)
{
    static char text[512];
    struct script script;
    if (!script_find(rules, path, &script))
        return "none";
    snprintf(text, sizeof text, "%.*s%s|%s", (int)script.directory_length, script.directory, script.file,
             script.path_info);
    return text;
}

START_TEST(a_path_is_split_behind_its_script)
{
    static const struct {
        const struct script_rules *rules;
        const char *path, *wanted;
    } cases[] = {
        { &php, "/a.php", "/a.php|" },
        { &php, "/a.php/", "/a.php|/" },
        { &php, "/a.php/b/c", "/a.php|/b/c" },
        { &php, "/d/e/a.php/b", "/d/e/a.php|/b" },
        { &php, "/a.php/b.php", "/a.php|/b.php" }, /* the first, not the last */
        { &php, "/", "/index.php|" },
        { &php, "/d/", "/d/index.php|" },
        { &php, "/d", "none" },
        { &php, "/a.PHP", "none" },
        { &php, "/a.php5", "none" },
        { &php, "/a.php.txt", "none" },
        { &php, "/.php", "none" },
        { &php, "/picture.jpg/x", "none" },
        { &php, "/d/.php/a.php", "/d/.php/a.php|" },
        { &php, "/../a.php", "none" },
        { &php, "/d/..", "none" },
        { &php, "/a.php/../b", "none" },
        { &php, "/./a.php", "none" },
        { &php, "/..a.php", "/..a.php|" },
        { &php, "a.php", "none" },
        { &php, "", "none" },
        { &front, "/", "/app/index.php|/" },
        { &front, "/blog/7", "/app/index.php|/blog/7" },
        { &front, "/x.php", "/app/index.php|/x.php" },
        { &front, "/app/index.php", "/app/index.php|" },
        { &front, "/app/index.php/blog", "/app/index.php|/blog" },
        { &front, "/app/index.phpx", "/app/index.php|/app/index.phpx" },
        { &front, "/../x", "none" },
        { &any_name, "/cgi/hello", "/cgi/hello|" },
        { &any_name, "/cgi/hello.sh", "/cgi/hello.sh|" },
        { &any_name, "/cgi/", "none" },
        { &any_name, "/", "none" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(strcmp(found(cases[i].rules, cases[i].path), cases[i].wanted) == 0, "%s: %s, not %s",
                      cases[i].path, found(cases[i].rules, cases[i].path), cases[i].wanted);
}
END_TEST

START_TEST(a_script_below_the_root_is_named_relative_to_it)
{
    ck_assert(script_is_relative("index.php"));
    ck_assert(script_is_relative("public/index.php"));
    ck_assert(script_is_relative(""));
    ck_assert(!script_is_relative("/index.php"));
    ck_assert(!script_is_relative("../index.php"));
    ck_assert(!script_is_relative("public/../../x.php"));
    ck_assert(!script_is_relative("public/"));
}
END_TEST

/* --- heads -------------------------------------------------------------------------------------------------- */

static struct cgi_head head;

/* Reads `text` in pieces of `size` bytes. */
static enum cgi_head_state read_in(const char *text, size_t length, size_t size, size_t *ret_used)
{
    enum cgi_head_state state = CGI_HEAD_MORE;
    size_t at = 0;
    cgi_head_init(&head);
    while (state == CGI_HEAD_MORE && at < length) {
        size_t used, n = length - at < size ? length - at : size;
        state = cgi_head_add(&head, text + at, n, &used);
        at += used;
    }
    *ret_used = at;
    return state;
}

static enum cgi_head_state read_head(const char *text)
{
    size_t used;
    return read_in(text, strlen(text), strlen(text), &used);
}

static const char *field(const char *name, unsigned nth)
{
    for (size_t i = 0; i < head.count; i++)
        if (strcmp(head.fields[i].name, name) == 0 && nth-- == 0)
            return head.fields[i].value;
    return NULL;
}

START_TEST(a_head_ends_with_its_empty_line)
{
    static const char text[] =
        "Status: 404 Not Found\r\nContent-Type:\t text/plain \nSet-Cookie: a=1\nSet-Cookie: b=2\n"
        "X-Empty:\nContent-Length: 4\n\nbody";
    for (size_t size = 1; size <= sizeof text; size++) {
        size_t used;
        ck_assert_int_eq(read_in(text, sizeof text - 1, size, &used), CGI_HEAD_DONE);
        ck_assert_str_eq(text + used, "body");
        ck_assert_int_eq(head.status, 404);
        ck_assert_int_eq(head.length, 4);
        ck_assert_uint_eq(head.count, 5);
        ck_assert_str_eq(field("Content-Type", 0), "text/plain");
        ck_assert_str_eq(field("Set-Cookie", 0), "a=1");
        ck_assert_str_eq(field("Set-Cookie", 1), "b=2");
        ck_assert_str_eq(field("X-Empty", 0), "");
        ck_assert_ptr_null(field("Status", 0));
    }
}
END_TEST

/* RFC 3875 section 6.2. */
START_TEST(the_status_follows_from_the_kind_of_response)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        { "Content-Type: text/plain\n\n", 200 },
        { "X-Other: 1\n\n", 200 },
        { "Location: http://a/b\n\n", 302 },
        { "Location: http://a/b\nStatus: 301 Moved\n\n", 301 },
        { "Status: 302\nLocation: /b\n\n", 302 },
        { "status: 204\n\n", 204 },
        { "Status: 599 \n\n", 599 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(read_head(cases[i].text) == CGI_HEAD_DONE, "%s: %s", cases[i].text, head.why);
        ck_assert_int_eq(head.status, cases[i].status);
    }
}
END_TEST

START_TEST(what_is_between_neighbours_is_left_out)
{
    ck_assert_int_eq(read_head("Connection: close\nkeep-alive: 5\nTransfer-Encoding: chunked\nTE: x\nTrailer: x\n"
                               "Upgrade: h2c\nProxy-Connection: x\nContent-Type: a/b\n\n"),
                     CGI_HEAD_DONE);
    ck_assert_uint_eq(head.count, 1);
}
END_TEST

START_TEST(a_bad_head_is_refused_with_the_reason)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "\nbody", "its header is empty" },
        { "\r\nbody", "its header is empty" },
        { "HTTP/1.1 200 OK\nContent-Type: a/b\n\n", "a line of its header is no field: \"HTTP/1.1 200 OK\"" },
        { "<html>\n\n", "a line of its header is no field: \"<html>\"" },
        { "Content-Type : a/b\n\n", "a line of its header is no field: \"Content-Type : a/b\"" },
        { ": a\n\n", "a line of its header is no field: \": a\"" },
        { "A: 1\n folded\n\n", "a line of its header is no field: \" folded\"" },
        { "A: 1\n fol: ded\n\n", "a line of its header is no field: \" fol: ded\"" },
        { "A: 1\rB: 2\n\n", "its header has a control character in the value of A" },
        { "A: 1\033[0m\n\n", "its header has a control character in the value of A" },
        { "Status: 99\n\n", "its header says Status: 99, which is none of a response" },
        { "Status: 100\n\n", "its header says Status: 100, which is none of a response" },
        { "Status: 600\n\n", "its header says Status: 600, which is none of a response" },
        { "Status: 2000\n\n", "its header says Status: 2000, which is none of a response" },
        { "Status: OK\n\n", "its header says Status: OK, which is none of a response" },
        { "Status:\n\n", "its header says Status: , which is none of a response" },
        { "Status: 200\nStatus: 200\n\n", "its header has Status twice" },
        { "Content-Type: a/b\ncontent-type: a/b\n\n", "its header has content-type twice" },
        { "Content-Length: 1\nContent-Length: 1\n\n", "its header has Content-Length twice" },
        { "Content-Length: -1\n\n", "its header says Content-Length: -1, which is no length" },
        { "Content-Length: 1, 1\n\n", "its header says Content-Length: 1, 1, which is no length" },
        { "Content-Length:\n\n", "its header says Content-Length: , which is no length" },
        { "Content-Length: 99999999999999999999\n\n", "its header says Content-Length: 99999999999999999999, which is "
                                                      "no length" },
        { "Location: /b\n\n", "it asks for a local redirect to /b (RFC 3875 section 6.2.2), which is not offered: have "
                              "it say Status: 302 as well" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(read_head(cases[i].text) == CGI_HEAD_BAD, "%s", cases[i].text);
        ck_assert_str_eq(head.why, cases[i].why);
    }
    size_t used;
    ck_assert_int_eq(read_in("A: 1\0002\n\n", 9, 9, &used), CGI_HEAD_BAD);
    ck_assert_str_eq(head.why, "its header has a control character in the value of A");
}
END_TEST

START_TEST(a_head_has_a_limit)
{
    static char text[CGI_HEAD_MOST + 16];
    size_t used;
    memset(text, 'a', sizeof text);
    ck_assert_int_eq(read_in(text, sizeof text, 1000, &used), CGI_HEAD_BAD);
    ck_assert_str_eq(head.why, "its header is longer than 32768 bytes");
    memcpy(text, "A: ", 3);
    memcpy(text + CGI_HEAD_MOST - 2, "\n\n", 2);
    ck_assert_int_eq(read_in(text, sizeof text, 1000, &used), CGI_HEAD_DONE);
    ck_assert_uint_eq(used, CGI_HEAD_MOST);
    for (size_t i = 0; i < CGI_FIELDS_MOST + 1; i++)
        memcpy(text + 4 * i, "A:1\n", 4);
    memcpy(text + 4 * (CGI_FIELDS_MOST + 1), "\n", 1);
    ck_assert_int_eq(read_in(text, sizeof text, 1000, &used), CGI_HEAD_BAD);
    ck_assert_str_eq(head.why, "its header has more than 256 fields");
}
END_TEST

/* Bytes of the sort that heads are made of, at random: none may be read beyond, or accepted with a control character.
 */
START_TEST(no_bytes_break_the_reading)
{
    static const char alphabet[] = "A:1 \r\n\t\0Status: 200\nContent-Length: Location: /";
    unsigned state = 1;
    char text[200];
    for (int round = 0; round < 20000; round++) {
        size_t length = 0, used;
        while (length < sizeof text) {
            state = state * 1103515245 + 12345;
            text[length++] = alphabet[(state >> 16) % (sizeof alphabet - 1)];
        }
        if (read_in(text, sizeof text, 1 + state % 50, &used) != CGI_HEAD_DONE)
            continue;
        ck_assert(used <= sizeof text && head.status >= 200 && head.status <= 599);
        for (size_t i = 0; i < head.count; i++)
            ck_assert(*head.fields[i].name && !strpbrk(head.fields[i].value, "\r\n"));
    }
}
END_TEST

/* --- addresses ---------------------------------------------------------------------------------------------- */

START_TEST(an_address_is_a_path_or_numbers)
{
    static const char *const refused[] = {
        "",        "unix:",           "/run/app.sock",   "localhost:9000", "127.0.0.1",
        "[::1",    "[::1]",           "::1:9000",        "127.0.0.1:0",    "127.0.0.1:",
        "[]:9000", "127.0.0.1:9000x", "127.0.0.1:65536", "[::1]9000",      ":9000"
    };
    struct address address;
    const struct sockaddr_un *local = (const struct sockaddr_un *)&address.socket;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.socket;
    char path[200] = "unix:";

    ck_assert_ptr_null(address_parse("unix:/run/app.sock", &address));
    ck_assert_int_eq(local->sun_family, AF_UNIX);
    ck_assert_str_eq(local->sun_path, "/run/app.sock");
    ck_assert_ptr_null(address_parse("127.0.0.1:9000", &address));
    ck_assert(v4->sin_family == AF_INET && v4->sin_port == htons(9000) &&
              v4->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    ck_assert_ptr_null(address_parse("[::1]:65535", &address));
    ck_assert(v6->sin6_family == AF_INET6 && v6->sin6_port == htons(65535) && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        ck_assert_msg(address_parse(refused[i], &address) != NULL, "%s", refused[i]);
    memset(path + 5, 'a', 107);
    ck_assert_ptr_null(address_parse(path, &address));
    path[5 + 107] = 'a';
    ck_assert_ptr_nonnull(address_parse(path, &address));
}
END_TEST

/* --- variables ---------------------------------------------------------------------------------------------- */

/* FCGI_PARAMS' content of all records, put together: malloc'ed. */
static uint8_t *content_of(const struct params *params, size_t *ret_length)
{
    uint8_t *content = malloc(params->size);
    size_t length = 0, at = FCGI_HEADER_SIZE + FCGI_BODY_SIZE;
    struct fcgi_header header = { .length = 1 };
    while (header.length) {
        ck_assert_uint_le(at + FCGI_HEADER_SIZE, params->size);
        ck_assert(fcgi_get_header(params->data + at, &header));
        ck_assert(header.type == FCGI_PARAMS && header.request == PARAMS_REQUEST_ID);
        at += FCGI_HEADER_SIZE;
        memcpy(content + length, params->data + at, header.length);
        length += header.length;
        at += header.length + header.padding;
    }
    ck_assert_uint_eq(at, params->size);
    *ret_length = length;
    return content;
}

START_TEST(variables_of_any_length_are_cut_into_records)
{
    static const size_t lengths[] = { 0, 1, 127, 128, 4096, FCGI_CONTENT_MAX - 20, FCGI_CONTENT_MAX, 200000 };
    static char value[200001];
    struct params params;
    size_t length, at = 0;
    struct fcgi_begin begin;

    params_init(&params, true);
    memset(value, 'v', sizeof value - 1);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        value[lengths[i]] = '\0';
        params_add(&params, "NAME", value);
        value[lengths[i]] = 'v';
    }
    ck_assert(params_end(&params));
    fcgi_get_begin(params.data + FCGI_HEADER_SIZE, &begin);
    ck_assert(begin.role == FCGI_RESPONDER && begin.flags == FCGI_KEEP_CONN);

    uint8_t *content = content_of(&params, &length);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct fcgi_pair pair;
        size_t took = fcgi_get_pair(content + at, length - at, &pair);
        ck_assert_uint_gt(took, 0);
        ck_assert(pair.name_length == 4 && memcmp(pair.name, "NAME", 4) == 0);
        ck_assert_uint_eq(pair.value_length, lengths[i]);
        at += took;
    }
    ck_assert_uint_eq(at, length);
    free(content);
    params_free(&params);
}
END_TEST

Suite *fastcgi_suite(void)
{
    Suite *suite = suite_create("fastcgi");
    TCase *scripts = tcase_create("scripts");
    tcase_add_test(scripts, a_path_is_split_behind_its_script);
    tcase_add_test(scripts, a_script_below_the_root_is_named_relative_to_it);
    suite_add_tcase(suite, scripts);
    TCase *heads = tcase_create("heads");
    tcase_add_test(heads, a_head_ends_with_its_empty_line);
    tcase_add_test(heads, the_status_follows_from_the_kind_of_response);
    tcase_add_test(heads, what_is_between_neighbours_is_left_out);
    tcase_add_test(heads, a_bad_head_is_refused_with_the_reason);
    tcase_add_test(heads, a_head_has_a_limit);
    tcase_add_test(heads, no_bytes_break_the_reading);
    suite_add_tcase(suite, heads);
    TCase *others = tcase_create("addresses and variables");
    tcase_add_test(others, an_address_is_a_path_or_numbers);
    tcase_add_test(others, variables_of_any_length_are_cut_into_records);
    suite_add_tcase(suite, others);
    return suite;
}
