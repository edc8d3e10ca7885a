/* A web server as people have it in front of postern host: what clients see has to be what a gateway shows them. */
#include <ftw.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/fcgi.h"
#include "tests/servers/front.h"

enum { SKIPPED = 77 /* Automake's */, OPEN_DIRECTORIES = 16 };

#define ALL \
    "examples/hello.so examples/echo.so examples/environ.so examples/form.so examples/stream.so plugins/static.so"
#define HOSTED "tests/integration/plugins/hosted.so"

static struct reply direct, behind;

static void ask_both(const char *method, const char *path, const char *const *headers, const void *data, size_t n)
{
    reply_free(&direct);
    reply_free(&behind);
    fetch(&direct, gateway.url, path, method, headers, data, n);
    fetch(&behind, front_url(), path, method, headers, data, n);
}

static void expect_same(const char *path)
{
    static const char *const headers[] = { "Content-Type",  "Content-Length", "Content-Range", "Accept-Ranges", "ETag",
                                           "Last-Modified", "Location",       "Allow",         "Set-Cookie" };
    ck_assert_msg(direct.error == 0 && behind.error == 0, "%s: curl says %d and %d", path, direct.error, behind.error);
    ck_assert_msg(direct.status == behind.status, "%s: %ld, but %ld behind " SERVER ":\n%s%s", path, direct.status,
                  behind.status, behind.head, behind.body);
    ck_assert_msg(direct.length == behind.length && memcmp(direct.body, behind.body, direct.length) == 0,
                  "%s: the bodies differ:\n%.2000s\n---\n%.2000s", path, direct.body, behind.body);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const char *one = reply_header(&direct, headers[i]), *other = reply_header(&behind, headers[i]);
        if (strcmp(headers[i], "Content-Length") == 0 && (!one || !other))
            continue; /* of a 304, or where the server sends chunks */
        if (strcmp(headers[i], "Accept-Ranges") == 0 && !one)
            continue; /* lighttpd cuts ranges itself */
        ck_assert_msg((!one && !other) || (one && other && strcmp(one, other) == 0), "%s: %s: %s, but %s behind " SERVER,
                      path, headers[i], one ? one : "-", other ? other : "-");
    }
}

START_TEST(responses_are_those_of_the_gateway)
{
    static const struct {
        const char *method, *path, *header, *data;
    } rows[] = {
        { "GET", "/hello/?name=Ada+L%C3%B6velace", NULL, NULL },
        { "HEAD", "/hello/", NULL, NULL },
        { "POST", "/hello/", "Content-Type: text/plain", "x" }, /* 405 */
        { "OPTIONS", "/hello/", NULL, NULL },
        { "GET", "/hello/nowhere", NULL, NULL },
        { "POST", "/echo/", "Content-Type: text/plain", "body" },
        { "PUT", "/echo/", "Content-Type: application/json", "{}" },
        { "POST", "/echo/", "Transfer-Encoding: chunked", "in chunks" },
        { "GET", "/stream/100000", NULL, NULL },
        { "GET", "/stream/0", NULL, NULL },
        { "GET", "/static/", NULL, NULL },
        { "GET", "/static/index.html", "Range: bytes=0-9", NULL },
        { "GET", "/static/index.html", "Range: bytes=9-", NULL },
        { "GET", "/static/index.html", "Range: bytes=-7", NULL },
        { "GET", "/static/index.html", "Range: bytes=999999-", NULL },
        { "GET", "/static/index.html", "If-None-Match: *", NULL },
        { "HEAD", "/static/index.html", NULL, NULL },
        { "GET", "/static/no%20such", NULL, NULL },
        { "POST", "/form/", "Content-Type: application/x-www-form-urlencoded", "name=Ada&comment=a%26b" },
    };
    front_start(ALL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask_both(rows[i].method, rows[i].path, LIST(rows[i].header), rows[i].data,
                 rows[i].data ? strlen(rows[i].data) : 0);
        expect_same(rows[i].path);
    }
    front_stop();
}
END_TEST

START_TEST(the_environ_is_that_of_the_gateway)
{
    static const char *const names[] = { "REQUEST_METHOD",  "SCRIPT_NAME",      "PATH_INFO",    "QUERY_STRING",
                                         "REQUEST_URI",     "REMOTE_ADDR",      "CONTENT_TYPE", "CONTENT_LENGTH",
                                         "REQUEST_SCHEME",  "SERVER_NAME",      "HTTPS",        "HTTP_X_TEST",
                                         "SERVER_PROTOCOL", "HTTP_X_REPEATED",  "HTTP_COOKIE",  "HTTP_PROXY",
                                         "SERVER_SOFTWARE", "GATEWAY_INTERFACE" };
    static const char *const paths[] = { "/environ/a%20b//c/./d?x=1&y=%20", "/environ/", "/environ/%C3%A4?",
                                         "/environ/?a=b" };
    front_start(ALL, NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ask_both("POST", paths[i],
                 LIST("X-Test: a, b", "Cookie: a=b; c=d", "Proxy: evil", "Content-Type: text/plain"), "body", 4);
        ck_assert_int_eq(behind.status, 200);
        for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
            const char *one = variable(&direct, names[j]), *other = variable(&behind, names[j]);
            ck_assert_msg((!one && !other) || (one && other && strcmp(one, other) == 0),
                          "%s: %s is \"%s\", but \"%s\" behind " SERVER, paths[i], names[j], one ? one : "-",
                          other ? other : "-");
        }
    }
    front_stop();
}
END_TEST

START_TEST(files_are_uploaded)
{
    enum { SIZE = 5 << 20 };
    static const char head[] = "--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n"
                               "Content-Type: application/octet-stream\r\n\r\n";
    static const char tail[] = "\r\n--limit--\r\n";
    char *file = noise(SIZE), *body = malloc(sizeof head + SIZE + sizeof tail);
    memcpy(body, head, sizeof head - 1);
    memcpy(body + sizeof head - 1, file, SIZE);
    memcpy(body + sizeof head - 1 + SIZE, tail, sizeof tail);
    front_start(ALL, NULL);
    ask_both("POST", "/form/", LIST("Content-Type: multipart/form-data; boundary=limit"), body,
             sizeof head - 1 + SIZE + sizeof tail - 1);
    expect_same("/form/");
    ask_both("POST", "/echo/", LIST("Content-Type: application/octet-stream"), file, SIZE);
    expect_same("/echo/");
    free(file);
    free(body);
    front_stop();
}
END_TEST

START_TEST(a_failing_handler_is_500)
{
    front_start(HOSTED, NULL);
    ask_both("GET", "/hosted/fails?name=Ada", NULL, NULL, 0);
    ck_assert_int_eq(behind.status, 500);
    EXPECT_HAS(behind.body, "500 Internal Server Error\nIncident ");
    EXPECT_LACKS(behind.body, "the disk");
    EXPECT_HAS(wait_for_text("front.log", "the disk of Ada"), "500: the disk of Ada"); /* in its own log */
    front_stop();
}
END_TEST

/* A client must be able to tell half a response from a whole one. */
START_TEST(half_a_response_is_no_response)
{
    front_start(HOSTED, IS("lighttpd") ? "server.stream-response-body = 1\n" : NULL);
    ask_both("GET", "/hosted/most", NULL, NULL, 0);
    ck_assert_int_ne(direct.error, 0);
    ck_assert_msg(behind.error != 0 || behind.status >= 500, "behind " SERVER " it is %ld:\n%s", behind.status,
                  behind.head);
    ask_both("GET", "/hosted/large", NULL, NULL, 0);
    expect_same("/hosted/large");
    front_stop();
}
END_TEST

START_TEST(a_crash_is_a_bad_gateway_and_over_at_once)
{
    front_start(HOSTED, NULL);
    fetch(&behind, front_url(), "/hosted/crash", "GET", NULL, NULL, 0);
    ck_assert_int_ge(behind.status, 500);
    gateway_wait_log(front_host("hosted"), "another takes its place");
    reply_free(&behind);
    fetch(&behind, front_url(), "/hosted/pid", "GET", NULL, NULL, 0);
    ck_assert_int_eq(behind.status, 200);
    front_stop();
}
END_TEST

START_TEST(several_requests_share_a_connection)
{
    front_start(ALL, NULL);
    struct session *session = session_begin(front_url());
    for (int i = 0; i < 50; i++) {
        reply_free(&behind);
        fetch_on(session, &behind, i % 2 ? "/hello/" : "/environ/", "GET", NULL, NULL, 0);
        ck_assert_int_eq(behind.status, 200);
    }
    session_end(session);
    front_stop();
}
END_TEST

/* Whatever a client says of itself, the gateway hears who it is from the proxy. */
START_TEST(a_gateway_behind_it_knows_the_client)
{
    static const char *const rows[] = { "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https",
                                        "X-Forwarded-Host: evil.example", "X-Forwarded-Host: a b",
                                        "Forwarded: for=203.0.113.9;proto=https;host=evil.example",
                                        "Forwarded: for=\"", "X-Forwarded-For: 127.0.0.2" };
    char host[64];
    front_start_proxy("examples/environ.so");
    snprintf(host, sizeof host, "%s", front_url() + strlen("http://"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask_both("GET", "/environ/", LIST(rows[i]), NULL, 0);
        ck_assert_msg(behind.status == 200, "%s: %ld:\n%s", rows[i], behind.status, behind.body);
        ck_assert_pstr_eq(variable(&behind, "REMOTE_ADDR"), "127.0.0.1");
        ck_assert_pstr_eq(variable(&behind, "REQUEST_SCHEME"), "http");
        ck_assert_pstr_eq(variable(&behind, "HTTP_HOST"), host);
        ck_assert_pstr_eq(variable(&behind, "SERVER_PORT"), strchr(host, ':') + 1);
        ck_assert_pstr_eq(variable(&direct, "REMOTE_ADDR"), "127.0.0.1");
        ck_assert_pstr_eq(variable(&direct, "REQUEST_SCHEME"), "http");
        ck_assert_pstr_eq(variable(&direct, "HTTP_HOST"), gateway.url + strlen("http://"));
    }
    ck_assert_pstr_eq(variable(&behind, "REMOTE_PORT"), NULL); /* it has told none; with the proxy's it would not be */
    front_stop();
}
END_TEST

/* ---------------------------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *at)
{
    (void)file, (void)kind, (void)at;
    return remove(path);
}

int main(void)
{
    char place[] = "/tmp/postern-servers-XXXXXX";
    if (!front_program()) {
        printf(SERVER ": skipped: it is not installed (./dev check installs it)\n");
        return SKIPPED;
    }
    if (!mkdtemp(place) || setenv("TMPDIR", place, 1) < 0) {
        perror(place);
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create(SERVER);
    TCase *tcase = tcase_create(SERVER);
    tcase_set_timeout(tcase, 180);
    tcase_add_checked_fixture(tcase, NULL, front_clean_up);
    tcase_add_test(tcase, responses_are_those_of_the_gateway);
    tcase_add_test(tcase, the_environ_is_that_of_the_gateway);
    tcase_add_test(tcase, files_are_uploaded);
    tcase_add_test(tcase, a_failing_handler_is_500);
    tcase_add_test(tcase, half_a_response_is_no_response);
    tcase_add_test(tcase, a_crash_is_a_bad_gateway_and_over_at_once);
    tcase_add_test(tcase, several_requests_share_a_connection);
    if (!IS("lighttpd"))
        tcase_add_test(tcase, a_gateway_behind_it_knows_the_client);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    gateway_show_lost();
    nftw(place, remove_one, OPEN_DIRECTORIES, FTW_PHYS | FTW_DEPTH);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
