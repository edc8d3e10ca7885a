/* The bundled plugin fastcgi: requests and answers, where all goes well enough to be one. The test plays the
 * application itself. */
#include "tests/integration/application.h"
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/record.h"

#define HELLO "Content-Type: text/plain\n\nhello\n"
#define OPTION(name, value) "--set", "plugin.fastcgi.option." name "=" value

/* --- the request --------------------------------------------------------------------------------------------- */

START_TEST(a_request_arrives_with_its_variables)
{
    struct asked asked;
    APPLICATION(OPTION("root", "/srv/www/"), OPTION("check", "off"),
                OPTION("params", "APP_ENV=test  SERVER_NAME=other"));
    int client = raw_connect(gateway.port);
    static const char request[] = "GET /fastcgi/shop.php/list/a%20b?x=1&y HTTP/1.1\r\nHost: a.example:81\r\n"
                                  "X-Own: 7\r\nProxy: evil\r\n\r\n";
    raw_send(client, request, sizeof request - 1);
    int fd = application_accept();
    application_take(fd, &asked);
    static const char *const wanted[][2] = {
        { "GATEWAY_INTERFACE", "CGI/1.1" },
        { "REQUEST_METHOD", "GET" },
        { "REQUEST_URI", "/fastcgi/shop.php/list/a%20b?x=1&y" },
        { "QUERY_STRING", "x=1&y" },
        { "SCRIPT_NAME", "/fastcgi/shop.php" },
        { "SCRIPT_FILENAME", "/srv/www/shop.php" },
        { "DOCUMENT_ROOT", "/srv/www" },
        { "PATH_INFO", "/list/a b" },
        { "PATH_TRANSLATED", "/srv/www/list/a b" },
        { "REDIRECT_STATUS", "200" },
        { "HTTP_HOST", "a.example:81" },
        { "HTTP_X_OWN", "7" },
        { "HTTP_PROXY", NULL },
        { "CONTENT_LENGTH", NULL },
        { "REMOTE_ADDR", "127.0.0.1" },
        { "APP_ENV", "test" },
        { "SERVER_NAME", "other" },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_pstr_eq(asked_for(&asked, wanted[i][0]), wanted[i][1]);
    ck_assert_uint_eq(count_of(asked.variables, "SERVER_NAME="), 1);
    ck_assert_uint_eq(count_of(asked.variables, "SCRIPT_NAME="), 1);
    ck_assert_uint_eq(asked.flags, FCGI_KEEP_CONN);
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    free(asked.variables);
    close(client);
    finish();
}
END_TEST

START_TEST(an_application_without_scripts_gets_every_path)
{
    struct asked asked;
    APPLICATION(OPTION("keep", "0"));
    int client = begin("/fastcgi/a/b.php/c");
    int fd = application_accept();
    application_take(fd, &asked);
    ck_assert_pstr_eq(asked_for(&asked, "SCRIPT_NAME"), "/fastcgi");
    ck_assert_pstr_eq(asked_for(&asked, "PATH_INFO"), "/a/b.php/c");
    ck_assert_pstr_eq(asked_for(&asked, "SCRIPT_FILENAME"), NULL);
    ck_assert_uint_eq(asked.flags, 0);
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    application_expect_end(fd);
    free(asked.variables);
    close(client);
    finish();
}
END_TEST

START_TEST(a_front_controller_gets_every_path)
{
    struct asked asked;
    APPLICATION(OPTION("root", "/srv"), OPTION("script", "public/index.php"));
    int client = begin("/fastcgi/blog/7?x");
    int fd = application_accept();
    application_take(fd, &asked);
    ck_assert_pstr_eq(asked_for(&asked, "SCRIPT_NAME"), "/fastcgi/public/index.php");
    ck_assert_pstr_eq(asked_for(&asked, "SCRIPT_FILENAME"), "/srv/public/index.php");
    ck_assert_pstr_eq(asked_for(&asked, "PATH_INFO"), "/blog/7");
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    free(asked.variables);
    close(client);
    finish();
}
END_TEST

START_TEST(what_names_no_script_does_not_reach_the_application)
{
    static const char *const paths[] = { "/fastcgi/",           "/fastcgi/none.php",
                                         "/fastcgi/secret.txt", "/fastcgi/picture.jpg/x.php",
                                         "/fastcgi/d.php",      "/fastcgi/%2e%2e/x.php",
                                         "/other.php" };
    char root[200];
    prepare();
    ck_assert_int_eq(mkdir(scratch_path(&scratch, "www"), 0755), 0);
    ck_assert_int_eq(mkdir(scratch_path(&scratch, "www/d.php"), 0755), 0);
    scratch_write(&scratch, "www/secret.txt", "secret\n");
    scratch_write(&scratch, "www/picture.jpg", "no picture\n");
    snprintf(root, sizeof root, "plugin.fastcgi.option.root=%s", scratch_path(&scratch, "www"));
    APPLICATION("--set", root);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        EXPECT(GET(paths[i]), 404, "404 Not Found\n");
    ck_assert(!application_is_wanted());
    finish();
}
END_TEST

static int upload(const char *target, const char *header)
{
    char head[512];
    int fd = raw_connect(gateway.port);
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", target, header);
    raw_send(fd, head, strlen(head));
    return fd;
}

START_TEST(a_body_is_passed_on_as_it_comes)
{
    struct asked asked;
    char data[64];
    size_t length;
    APPLICATION();
    int client = upload("/fastcgi/", "Content-Length: 10\r\nContent-Type: a/b");
    int fd = application_accept();
    application_read(fd, &asked);
    ck_assert_pstr_eq(asked_for(&asked, "CONTENT_LENGTH"), "10");
    ck_assert_pstr_eq(asked_for(&asked, "CONTENT_TYPE"), "a/b");
    raw_send(client, "12345", 5);
    ck_assert_int_eq(application_record(fd, data, sizeof data, &length), FCGI_STDIN);
    ck_assert(length == 5 && memcmp(data, "12345", 5) == 0);
    raw_send(client, "67890", 5);
    char *rest = application_body(fd, &length);
    ck_assert_str_eq(rest, "67890");
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    free(rest);
    free(asked.variables);
    close(client);
    finish();
}
END_TEST

START_TEST(a_body_in_chunks_is_told_with_its_length)
{
    struct asked asked;
    size_t length;
    APPLICATION();
    int client = upload("/fastcgi/", "Transfer-Encoding: chunked");
    raw_send(client, "5\r\n12345\r\n", 10);
    raw_send(client, "5\r\n67890\r\n0\r\n\r\n", 15);
    int fd = application_accept();
    application_read(fd, &asked);
    ck_assert_pstr_eq(asked_for(&asked, "CONTENT_LENGTH"), "10");
    char *body = application_body(fd, &length);
    ck_assert_str_eq(body, "1234567890");
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    free(body);
    free(asked.variables);
    close(client);
    finish();
}
END_TEST

/* A process that sends `length` bytes on `fd`, so that the test can be the other side as well. */
static pid_t send_in_background(int fd, const void *data, size_t length)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t done = 0; done < length;) {
        ssize_t n = send(fd, (const char *)data + done, length - done, MSG_NOSIGNAL);
        if (n <= 0)
            _exit(1);
        done += (size_t)n;
    }
    _exit(0);
}

static void expect_done(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

/* Neither side's buffers hold what is said before the other listens. */
START_TEST(an_answer_before_the_body_is_read_is_no_deadlock)
{
    enum { SIZE = 8 * 1000 * 1000 };
    struct asked asked;
    size_t length;
    char header[64], *data = noise(SIZE);
    APPLICATION();
    snprintf(header, sizeof header, "Content-Length: %d", SIZE);
    int client = upload("/fastcgi/", header);
    pid_t sender = send_in_background(client, data, SIZE);
    int fd = application_accept();
    application_read(fd, &asked);
    application_say(fd, "Content-Type: text/plain\n\n");
    pid_t reader = fork();
    ck_assert_int_ge(reader, 0);
    if (reader == 0) { /* while the application has not read a byte, and the client has not either */
        char *answer = raw_read_response(client, 0);
        const char *body = answer ? strstr(answer, "\r\n\r\n") : NULL;
        _exit(body && memcmp(body + 4, data, SIZE) == 0 ? 0 : 1);
    }
    application_write(fd, data, SIZE);
    char *body = application_body(fd, &length);
    ck_assert_uint_eq(length, SIZE);
    ck_assert(memcmp(body, data, SIZE) == 0);
    application_end(fd, FCGI_REQUEST_COMPLETE);
    expect_done(sender);
    expect_done(reader);
    free(body);
    free(data);
    free(asked.variables);
    close(client);
    finish();
}
END_TEST

START_TEST(an_application_need_not_read_the_body)
{
    struct asked asked;
    APPLICATION();
    char *data = noise(1000000);
    int client = upload("/fastcgi/", "Content-Length: 1000000");
    int fd = application_accept();
    application_read(fd, &asked);
    application_answer(fd, "Status: 403\n" HELLO);
    raw_send(client, data, 1000000);
    expect_answer(client, "403 Forbidden", "hello\n");
    free(data);
    free(asked.variables);
    close(client);
    close(fd);
    finish();
}
END_TEST

/* --- the answer ---------------------------------------------------------------------------------------------- */

/* Asks with `method`, and answers with `text`: what came, until the next. */
static const char *exchange(const char *method, const char *text)
{
    static char *answer;
    struct asked asked;
    char request[256];
    int client = raw_connect(gateway.port);
    snprintf(request, sizeof request, "%s /fastcgi/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", method);
    raw_send(client, request, strlen(request));
    int fd = application_accept();
    application_take(fd, &asked);
    application_answer(fd, text);
    free(asked.variables);
    free(answer);
    answer = raw_read_all(client, NULL);
    close(client);
    application_drain(fd);
    return answer;
}

START_TEST(the_head_of_an_answer_is_kept)
{
    APPLICATION(OPTION("keep", "0"));
    const char *answer = exchange("GET", "Status: 404 Gone Fishing\r\nSet-Cookie: a=1\nSet-Cookie: b=2\nConnection: x\n"
                                         "Keep-Alive: 5\nContent-Type: text/x\nX-Sendfile: /etc/passwd\n\nbody");
    EXPECT_HAS(answer, "HTTP/1.1 404 Not Found\r\n");
    EXPECT_HAS(answer, "\r\nSet-Cookie: a=1\r\n");
    EXPECT_HAS(answer, "\r\nSet-Cookie: b=2\r\n");
    EXPECT_HAS(answer, "\r\nContent-Type: text/x\r\n");
    EXPECT_HAS(answer, "\r\nContent-Length: 4\r\n");
    EXPECT_HAS(answer, "\r\nX-Sendfile: /etc/passwd\r\n");
    EXPECT_HAS(answer, "\r\n\r\nbody");
    EXPECT_LACKS(answer, "Keep-Alive");
    EXPECT_LACKS(answer, "Status:");

    answer = exchange("GET", "Location: http://a.example/b\n\n");
    EXPECT_HAS(answer, "HTTP/1.1 302 Found\r\n");
    EXPECT_HAS(answer, "\r\nLocation: http://a.example/b\r\n");
    answer = exchange("GET", "Status: 303\nLocation: /b\n\n");
    EXPECT_HAS(answer, "HTTP/1.1 303 See Other\r\n");
    EXPECT_HAS(answer, "\r\nLocation: /b\r\n");
    finish();
}
END_TEST

START_TEST(answers_without_a_body_have_none)
{
    APPLICATION(OPTION("keep", "0"));
    const char *answer = exchange("HEAD", "Content-Type: text/x\nContent-Length: 1000\n\n");
    EXPECT_HAS(answer, "HTTP/1.1 200 OK\r\n");
    EXPECT_HAS(answer, "\r\nContent-Length: 1000\r\n");
    ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    answer = exchange("HEAD", "Content-Type: text/x\n\nbody");
    EXPECT_LACKS(answer, "Content-Length");
    EXPECT_LACKS(answer, "body");
    answer = exchange("GET", "Status: 204\n\nbody");
    EXPECT_HAS(answer, "HTTP/1.1 204 No Content\r\n");
    EXPECT_LACKS(answer, "body");
    answer = exchange("GET", "Status: 304\nETag: \"a\"\nContent-Length: 4\n\n");
    EXPECT_HAS(answer, "HTTP/1.1 304 Not Modified\r\n");
    EXPECT_HAS(answer, "\r\nETag: \"a\"\r\n");
    answer = exchange("GET", "Content-Length: 3\n\nbody");
    EXPECT_HAS(answer, "\r\nContent-Length: 3\r\n");
    EXPECT_HAS(answer, "\r\n\r\nbod");
    EXPECT_LACKS(answer, "body");
    gateway_wait_log(&gateway, "]: the application sends more than the 3 bytes it declares\n");
    finish();
}
END_TEST

START_TEST(a_bad_answer_is_502_with_the_reason_in_the_log)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "", "it has ended, with status 0, before its header did" },
        { "Content-Type: text/plain\n", "it has ended, with status 0, before its header did" },
        { "\nbody", "its header is empty" },
        { "<html>\n\n", "a line of its header is no field: \"<html>\"" },
        { "Location: /b\n\n", "it asks for a local redirect to /b" },
        { "Content-Length: 5\n\nbody", "it declares 5 bytes, and ends after 4" },
    };
    APPLICATION(OPTION("keep", "0"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT_HAS(exchange("GET", cases[i].text), "HTTP/1.1 502 Bad Gateway\r\n");
        gateway_wait_log(&gateway, cases[i].why);
    }
    finish();
}
END_TEST

START_TEST(a_header_without_end_is_502)
{
    enum { LENGTH = 60000 };
    static uint8_t record[FCGI_HEADER_SIZE + LENGTH];
    struct fcgi_header header = { FCGI_STDOUT, 1, LENGTH, 0 };
    struct asked asked;
    APPLICATION();
    int client = begin("/fastcgi/x"), fd = application_accept();
    application_take(fd, &asked);
    memset(record, 'a', sizeof record);
    fcgi_put_header(record, &header);
    (void)send(fd, record, sizeof record, MSG_NOSIGNAL); /* it is cut off somewhere on its way */
    expect_answer(client, "502 Bad Gateway", "");
    gateway_wait_log(&gateway, "its header is longer than 32768 bytes");
    free(asked.variables);
    close(client);
    close(fd);
    finish();
}
END_TEST

START_TEST(what_is_no_fastcgi_is_502)
{
    static const struct {
        uint8_t version, type;
        uint16_t request, length;
        const char *why;
    } cases[] = {
        { 2, FCGI_STDOUT, 1, 4, "what it sends is no FastCGI: a record of another version than 1" },
        { 1, FCGI_STDOUT, 2, 4, "what it sends is no FastCGI: a record of a request that was not made" },
        { 1, FCGI_STDIN, 1, 4, "what it sends is no FastCGI: a record of a type that no application sends" },
        { 1, 99, 1, 0, "what it sends is no FastCGI: a record of a type that no application sends" },
        { 1, FCGI_END_REQUEST, 1, 4, "what it sends is no FastCGI: an FCGI_END_REQUEST that is too short" },
        { 'H', 'T', 1, 4, "what it sends is no FastCGI: a record of another version than 1" },
    };
    struct asked asked;
    APPLICATION();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int client = begin("/fastcgi/x"), fd = application_accept();
        application_take(fd, &asked);
        application_send(fd, cases[i].version, cases[i].type, cases[i].request, "abcd", cases[i].length, 0);
        expect_answer(client, "502 Bad Gateway", "");
        gateway_wait_log(&gateway, cases[i].why);
        free(asked.variables);
        close(client);
        close(fd);
    }
    finish();
}
END_TEST

START_TEST(records_may_be_cut_and_padded_anywhere)
{
    static const char text[] = "Content-Type: text/plain\n\nhello\n";
    struct asked asked;
    APPLICATION();
    int client = begin("/fastcgi/x"), fd = application_accept();
    application_take(fd, &asked);
    application_send(fd, 1, FCGI_GET_VALUES_RESULT, 0, "ignored", 7, 1);
    application_send(fd, 1, FCGI_STDERR, 1, "", 0, 0);
    for (size_t i = 0; i < sizeof text - 1; i++)
        application_send(fd, 1, FCGI_STDOUT, 1, text + i, 1, (uint8_t)(i * 8));
    application_end(fd, FCGI_REQUEST_COMPLETE);
    expect_answer(client, "200 OK", "hello\n");
    say(client, "/fastcgi/y"); /* the connection is as good as before */
    free(asked.variables);
    application_take(fd, &asked);
    ck_assert_pstr_eq(asked_for(&asked, "PATH_INFO"), "/y");
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    free(asked.variables);
    close(client);
    finish();
}
END_TEST

START_TEST(the_first_bytes_leave_before_the_last_are_made)
{
    struct asked asked;
    APPLICATION();
    int client = begin("/fastcgi/x"), fd = application_accept();
    application_take(fd, &asked);
    application_say(fd, "Content-Type: text/event-stream\n\nfirst\n");
    free(read_until(client, "first\n"));
    application_say(fd, "second\n");
    free(read_until(client, "second\n"));
    application_end(fd, FCGI_REQUEST_COMPLETE);
    free(read_until(client, "0\r\n\r\n"));
    free(asked.variables);
    close(client);
    finish();
}
END_TEST

/* Of a HEAD nobody waits for the body: it may be one without end. */
START_TEST(a_head_is_answered_with_the_head)
{
    static const char request[] = "HEAD /fastcgi/x HTTP/1.1\r\nHost: a\r\n\r\n";
    struct asked asked;
    APPLICATION();
    int client = raw_connect(gateway.port);
    raw_send(client, request, sizeof request - 1);
    int fd = application_accept();
    application_take(fd, &asked);
    application_say(fd, "Content-Type: text/event-stream\n\nfirst\n");
    char *answer = raw_read_response(client, 1);
    EXPECT_HAS(answer, "Content-Type: text/event-stream\r\n");
    application_expect_abort(fd);
    free(answer);
    free(asked.variables);
    close(client);
    finish();
}
END_TEST

START_TEST(a_large_answer_takes_no_memory)
{
    enum { SIZE = 128 * 1024 * 1024, PIECE = 1024 * 1024, ROOM_KB = 16 * 1024 };
    struct asked asked;
    char head[64], *piece = noise(PIECE), *got = malloc(PIECE);
    APPLICATION();
    int client = begin("/fastcgi/x"), fd = application_accept();
    application_take(fd, &asked);
    long before = resident_kb();
    pid_t sender = fork();
    ck_assert_int_ge(sender, 0);
    if (sender == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(head, sizeof head, "Content-Length: %d\n\n", SIZE);
        application_say(fd, head);
        for (size_t done = 0; done < SIZE; done += PIECE)
            application_write(fd, piece, PIECE);
        application_end(fd, FCGI_REQUEST_COMPLETE);
        _exit(0);
    }
    free(read_until(client, "\r\n\r\n"));
    for (size_t done = 0; done < SIZE; done += PIECE) {
        ck_assert_int_eq(recv(client, got, PIECE, MSG_WAITALL), PIECE);
        ck_assert(memcmp(got, piece, PIECE) == 0);
        ck_assert_int_lt(resident_kb() - before, ROOM_KB);
    }
    expect_done(sender);
    free(piece);
    free(got);
    free(asked.variables);
    close(client);
    close(fd);
    finish();
}
END_TEST

Suite *fastcgi_plugin_suite(void)
{
    Suite *suite = suite_create("fastcgi_plugin");
    TCase *request = test_case(suite, "the request", NULL);
    tcase_add_test(request, a_request_arrives_with_its_variables);
    tcase_add_test(request, an_application_without_scripts_gets_every_path);
    tcase_add_test(request, a_front_controller_gets_every_path);
    tcase_add_test(request, what_names_no_script_does_not_reach_the_application);
    tcase_add_test(request, a_body_is_passed_on_as_it_comes);
    tcase_add_test(request, a_body_in_chunks_is_told_with_its_length);
    tcase_add_test(request, an_answer_before_the_body_is_read_is_no_deadlock);
    tcase_add_test(request, an_application_need_not_read_the_body);
    TCase *answer = test_case(suite, "the answer", NULL);
    tcase_add_test(answer, the_head_of_an_answer_is_kept);
    tcase_add_test(answer, answers_without_a_body_have_none);
    tcase_add_test(answer, a_bad_answer_is_502_with_the_reason_in_the_log);
    tcase_add_test(answer, a_header_without_end_is_502);
    tcase_add_test(answer, what_is_no_fastcgi_is_502);
    tcase_add_test(answer, records_may_be_cut_and_padded_anywhere);
    tcase_add_test(answer, the_first_bytes_leave_before_the_last_are_made);
    tcase_add_test(answer, a_head_is_answered_with_the_head);
    tcase_add_test(answer, a_large_answer_takes_no_memory);
    return suite;
}
