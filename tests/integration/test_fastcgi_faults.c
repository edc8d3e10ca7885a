/* The bundled plugin fastcgi: applications that die, hang, talk nonsense or are not there, and clients that
 * leave. The test plays the application itself. */
#include "tests/integration/application.h"
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/record.h"

#define HELLO "Content-Type: text/plain\n\nhello\n"
#define OPTION(name, value) "--set", "plugin.fastcgi.option." name "=" value

/* A GET that has reached the application: its connection, and the client's. */
static int reach(const char *target, int *ret_client)
{
    struct asked asked;
    *ret_client = begin(target);
    int fd = application_accept();
    application_take(fd, &asked);
    ck_assert_ptr_nonnull(asked.variables);
    free(asked.variables);
    return fd;
}

static void expect_cut(int client)
{
    char *answer = raw_read_response(client, 0);
    ck_assert_ptr_null(answer);
    close(client);
}

/* --- it fails ------------------------------------------------------------------------------------------------ */

START_TEST(one_that_dies_before_it_answers_is_502)
{
    int client;
    APPLICATION();
    close(reach("/fastcgi/x", &client));
    expect_answer(client, "502 Bad Gateway", "");
    gateway_wait_log(&gateway, "app.sock: it has closed the connection");
    close(client);
    int fd = reach("/fastcgi/x", &client);
    application_say(fd, "Content-Type: text/plain\n");
    close(fd);
    expect_answer(client, "502 Bad Gateway", "");
    close(client);
    finish();
}
END_TEST

START_TEST(one_that_dies_in_the_middle_cuts_the_answer)
{
    static const char *const heads[] = { "Content-Type: text/plain\n\nhalf", "Content-Length: 10\n\nhalf" };
    int client;
    APPLICATION();
    for (size_t i = 0; i < 2; i++) {
        int fd = reach("/fastcgi/x", &client);
        application_say(fd, heads[i]);
        free(read_until(client, "half"));
        close(fd);
        char *rest = raw_read_all(client, NULL);
        EXPECT_LACKS(rest, "0\r\n\r\n");
        gateway_wait_log(&gateway, "app.sock, in the middle of its answer: it has closed the connection");
        free(rest);
        close(client);
    }
    finish();
}
END_TEST

START_TEST(one_that_ends_in_the_middle_with_less_than_it_declared_cuts_it)
{
    int client;
    APPLICATION();
    int fd = reach("/fastcgi/x", &client);
    application_say(fd, "Content-Length: 10\n\nhalf");
    free(read_until(client, "half"));
    application_end(fd, FCGI_REQUEST_COMPLETE);
    expect_cut(client);
    gateway_wait_log(&gateway, "it ended before the declared Content-Length");
    close(fd);
    finish();
}
END_TEST

START_TEST(what_it_complains_of_is_in_the_log)
{
    int client;
    APPLICATION();
    int fd = reach("/fastcgi/x", &client);
    application_complain(fd, "first line\nsecond ");
    application_complain(fd, "line\n\n\033[31mthird");
    application_say(fd, "Content-Type: text/plain\n\nbegun");
    free(read_until(client, "begun"));
    application_complain(fd, " line\nfourth");
    application_end(fd, FCGI_REQUEST_COMPLETE);
    gateway_wait_log(&gateway, "]: the application says: first line\n");
    gateway_wait_log(&gateway, "]: the application says: second line\n");
    gateway_wait_log(&gateway, "third line\n");
    gateway_wait_log(&gateway, "]: the application says: fourth\n");
    EXPECT_LACKS(gateway_log(&gateway), "\033[31m");
    close(client);
    close(fd);
    finish();
}
END_TEST

START_TEST(endless_complaints_are_bounded)
{
    int client;
    APPLICATION();
    int fd = reach("/fastcgi/x", &client);
    for (int i = 0; i < 3000; i++)
        application_complain(fd, "again\n");
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "the application says: again"), 200);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "the application says more, which is left out"), 1);
    close(client);
    close(fd);
    finish();
}
END_TEST

/* A good answer with some of its bytes changed, always the same ones. */
START_TEST(no_bytes_harm_the_gateway)
{
    enum { ROUNDS = 300, SIZE = 200 };
    uint32_t state = 1;
    int client;
    APPLICATION();
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t bytes[SIZE] = { 1, FCGI_STDOUT, 0, 1, 0, 100, 4, 0 };
        memset(bytes + FCGI_HEADER_SIZE, 'a', 100);
        memcpy(bytes + FCGI_HEADER_SIZE, "Content-Type: text/plain\n\n", 26);
        bytes[112] = 1;
        bytes[113] = FCGI_STDERR;
        bytes[115] = 1;
        bytes[117] = 50;
        bytes[170] = 1;
        bytes[171] = FCGI_END_REQUEST;
        bytes[173] = 1;
        bytes[175] = FCGI_BODY_SIZE;
        for (int changes = round % 5; changes > 0; changes--) {
            state = state * 1103515245 + 12345;
            bytes[(state >> 8) % SIZE] = (uint8_t)(state >> 16);
        }
        int fd = reach("/fastcgi/x", &client);
        (void)send(fd, bytes, 170 + FCGI_HEADER_SIZE + FCGI_BODY_SIZE, MSG_NOSIGNAL);
        close(fd);
        char *answer = raw_read_response(client, 0); /* or none, where it was cut */
        ck_assert(answer ? strncmp(answer, "HTTP/1.1 ", 9) == 0 : round % 5 > 0);
        free(answer);
        close(client);
    }
    finish();
}
END_TEST

START_TEST(its_own_verdict_is_the_client_s)
{
    static const struct {
        uint8_t status;
        const char *wanted, *why;
    } cases[] = {
        { FCGI_OVERLOADED, "503 Service Unavailable", "it says that it is overloaded" },
        { FCGI_CANT_MPX_CONN, "502 Bad Gateway", "it says that it cannot multiplex" },
        { FCGI_UNKNOWN_ROLE, "502 Bad Gateway", "it says that it does not know the role of a responder" },
        { 77, "502 Bad Gateway", "it ends with the unknown protocol status 77" },
    };
    int client;
    APPLICATION(OPTION("keep", "0"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = reach("/fastcgi/x", &client);
        application_end(fd, cases[i].status);
        char *answer = raw_read_response(client, 0);
        EXPECT_HAS(answer, cases[i].wanted);
        ck_assert_pstr_eq(head_value(answer, "Retry-After"), i == 0 ? "1" : NULL);
        gateway_wait_log(&gateway, cases[i].why);
        free(answer);
        close(client);
        close(fd);
    }
    finish();
}
END_TEST

START_TEST(one_that_is_not_there_is_502)
{
    APPLICATION();
    application_close();
    EXPECT_STATUS(GET("/fastcgi/x"), 502);
    gateway_wait_log(&gateway, "app.sock cannot be reached: Connection refused");
    ck_assert_int_eq(unlink(scratch_path(&scratch, "app.sock")), 0);
    EXPECT_STATUS(GET("/fastcgi/x"), 502);
    gateway_wait_log(&gateway, "app.sock cannot be reached: No such file or directory");
    finish();
}
END_TEST

START_TEST(without_a_socket_it_is_503_and_the_others_serve)
{
    SERVE("plugins/fastcgi.so examples/hello.so");
    EXPECT_STATUS(GET("/fastcgi/x"), 503);
    EXPECT_HAS(gateway_log(&gateway), "warning: fastcgi: option socket is not set, so every request is a 503: plugin "
                                      "fastcgi { option { socket = \"unix:/run/app.sock\" } }");
    EXPECT_STATUS(GET("/hello/"), 200);
    finish();
}
END_TEST

START_TEST(options_without_sense_refuse_the_start)
{
    static const struct {
        const char *options[2], *why;
    } cases[] = {
        { { "socket=localhost:9000" }, "option socket is \"localhost:9000\": it is \"unix:PATH\"" },
        { { "root=www" }, "option root is \"www\": it must begin with '/'" },
        { { "script=index.php" }, "option script is set, and root is not: where is \"index.php\"?" },
        { { "root=/srv", "script=../x.php" }, "options script and index are names below root" },
        { { "extension=/x" }, "option extension is \"/x\": it must have no '/'" },
        { { "params=A" }, "option params is \"A\": it must be NAME=VALUE between blanks" },
        { { "params=A=1 B-C=2" }, "it must be NAME=VALUE between blanks" },
    };
    struct command_result result;
    prepare();
    scratch_copy_as(&scratch, "plugins/fastcgi.so", "plugins/fastcgi.so");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char set[2][100];
        for (size_t k = 0; k < 2; k++)
            snprintf(set[k], sizeof set[k], "plugin.fastcgi.option.%s",
                     cases[i].options[k] ? cases[i].options[k] : cases[i].options[0]);
        COMMAND(&result, "postern", "check", "--plugins", scratch_path(&scratch, "plugins"), "--set", set[0], "--set",
                set[1]);
        ck_assert_int_eq(result.status, 1);
        EXPECT_HAS(result.err, cases[i].why);
        command_free(&result);
    }
    scratch_remove(&scratch);
}
END_TEST

/* --- it takes too long --------------------------------------------------------------------------------------- */

/* An answer that has begun and does not go on is cut. Where the machine stood still until the call was given up, there is
 * a 504 instead, and it is tried again. */
static void expect_half_is_cut(void)
{
    static const char half[] = "Content-Length: 10\n\nhalf";
    uint8_t record[FCGI_HEADER_SIZE + sizeof half - 1];
    struct fcgi_header header = { FCGI_STDOUT, 1, sizeof half - 1, 0 };
    bool whole;
    fcgi_put_header(record, &header);
    memcpy(record + FCGI_HEADER_SIZE, half, sizeof half - 1);
    do {
        int client, fd = reach("/fastcgi/x", &client);
        (void)!send(fd, record, sizeof record, MSG_NOSIGNAL);
        char *answer = raw_read_response(client, 0);
        whole = answer != NULL;
        ck_assert_msg(!whole || strncmp(answer, "HTTP/1.1 504 ", 13) == 0, "neither cut nor 504, but:\n%s", answer);
        free(answer);
        close(client);
        application_expect_abort(fd);
    } while (whole);
}

START_TEST(silence_for_read_timeout_is_504)
{
    int client;
    APPLICATION(OPTION("read_timeout", "0.05"));
    int fd = reach("/fastcgi/x", &client);
    expect_answer(client, "504 Gateway Timeout", "");
    application_expect_abort(fd);
    gateway_wait_log(&gateway, "it has neither taken nor sent anything for 0.05 s (read_timeout)");
    close(client);
    expect_half_is_cut();
    finish();
}
END_TEST

START_TEST(the_deadline_is_504_and_aborts)
{
    int client;
    APPLICATION("--set", "plugin.fastcgi.timeout=2.5");
    int fd = reach("/fastcgi/x", &client);
    expect_answer(client, "504 Gateway Timeout", "");
    application_expect_abort(fd);
    close(client);
    expect_half_is_cut(); /* each piece has it */
    finish();
}
END_TEST

START_TEST(a_client_that_leaves_aborts)
{
    int client;
    APPLICATION();
    int fd = reach("/fastcgi/x", &client);
    close(client);
    application_expect_abort(fd);
    fd = reach("/fastcgi/x", &client);
    application_say(fd, "Content-Type: text/plain\n\nhalf");
    free(read_until(client, "half"));
    close(client);
    application_expect_abort(fd);
    finish();
}
END_TEST

/* It says something all the time, but nothing that leads anywhere. */
START_TEST(chatter_is_no_excuse)
{
    int client;
    ssize_t n = 1;
    APPLICATION("--set", "plugin.fastcgi.timeout=2.5");
    int fd = reach("/fastcgi/x", &client);
    uint8_t record[FCGI_HEADER_SIZE];
    struct fcgi_header header = { FCGI_STDOUT, 1, 0, 0 };
    fcgi_put_header(record, &header);
    while (n > 0) /* until the gateway has had enough of it */
        n = send(fd, record, sizeof record, MSG_NOSIGNAL);
    expect_answer(client, "504 Gateway Timeout", "");
    close(client);
    close(fd);
    finish();
}
END_TEST

/* The same behind the header of an answer to a HEAD, of which nothing more is wanted. */
START_TEST(chatter_behind_the_header_is_none_either)
{
    static const char request[] = "HEAD /fastcgi/x HTTP/1.1\r\nHost: a\r\n\r\n", head[] = "Content-Type: text/plain\n\n";
    struct asked asked;
    uint8_t records[4096];
    struct fcgi_header header = { FCGI_STDOUT, 1, 0, 0 };
    ssize_t n = 1;
    APPLICATION("--set", "plugin.fastcgi.timeout=2.5");
    for (size_t i = 0; i < sizeof records; i += FCGI_HEADER_SIZE)
        fcgi_put_header(records + i, &header);
    int client = raw_connect(gateway.port);
    raw_send(client, request, sizeof request - 1);
    int fd = application_accept();
    application_take(fd, &asked);
    uint8_t first[FCGI_HEADER_SIZE + sizeof head - 1];
    fcgi_put_header(first, &(struct fcgi_header){ FCGI_STDOUT, 1, sizeof head - 1, 0 });
    memcpy(first + FCGI_HEADER_SIZE, head, sizeof head - 1);
    n = send(fd, first, sizeof first, MSG_NOSIGNAL); /* it may have been given up */
    while (n > 0)
        n = send(fd, records, sizeof records, MSG_NOSIGNAL);
    char *answer = raw_read_response(client, 1); /* 200 or 504: who was quicker */
    ck_assert_ptr_nonnull(answer);
    free(answer);
    free(asked.variables);
    close(client);
    close(fd);
    finish();
}
END_TEST

START_TEST(an_upload_that_breaks_off_aborts)
{
    static const char head[] = "POST /fastcgi/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345";
    struct asked asked;
    char data[16];
    size_t length;
    APPLICATION();
    int client = raw_connect(gateway.port);
    raw_send(client, head, sizeof head - 1);
    int fd = application_accept();
    application_read(fd, &asked);
    ck_assert_int_eq(application_record(fd, data, sizeof data, &length), FCGI_STDIN);
    close(client);
    application_expect_abort(fd);
    free(asked.variables);
    finish();
}
END_TEST

Suite *fastcgi_faults_suite(void)
{
    Suite *suite = suite_create("fastcgi_faults");
    TCase *fails = test_case(suite, "it fails", NULL);
    tcase_add_test(fails, one_that_dies_before_it_answers_is_502);
    tcase_add_test(fails, one_that_dies_in_the_middle_cuts_the_answer);
    tcase_add_test(fails, one_that_ends_in_the_middle_with_less_than_it_declared_cuts_it);
    tcase_add_test(fails, what_it_complains_of_is_in_the_log);
    tcase_add_test(fails, endless_complaints_are_bounded);
    tcase_add_test(fails, no_bytes_harm_the_gateway);
    tcase_add_test(fails, its_own_verdict_is_the_client_s);
    tcase_add_test(fails, one_that_is_not_there_is_502);
    tcase_add_test(fails, without_a_socket_it_is_503_and_the_others_serve);
    tcase_add_test(fails, options_without_sense_refuse_the_start);
    TCase *slow = test_case(suite, "it takes too long", NULL);
    tcase_add_test(slow, silence_for_read_timeout_is_504);
    tcase_add_test(slow, the_deadline_is_504_and_aborts);
    tcase_add_test(slow, a_client_that_leaves_aborts);
    tcase_add_test(slow, chatter_is_no_excuse);
    tcase_add_test(slow, chatter_behind_the_header_is_none_either);
    tcase_add_test(slow, an_upload_that_breaks_off_aborts);
    return suite;
}
