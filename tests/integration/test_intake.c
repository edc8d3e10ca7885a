/* Requests that have two readings, as raw bytes: alone, behind a good one, and a byte at a time. None of them reaches a
 * plugin; each is answered, and its connection closed, so that nothing behind it is taken for a request. */
#include "tests/integration/edge.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define GOOD "GET /hello/ HTTP/1.1\r\nHost: a\r\n"
#define BODY "POST /echo/ HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED BODY "Transfer-Encoding: chunked\r\n\r\n"
/* What would be a request of its own to who reads the one before in another way. */
#define SMUGGLED "GET /echo/?smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

static void serve_some(void)
{
    SERVE("examples/hello.so examples/echo.so", "--set", "plugin.echo.max_body=1000");
}

/* --- what is refused ------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    int status;
} refused[] = {
    { BODY "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" SMUGGLED, 400 },
    { BODY "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" SMUGGLED, 400 },
    { BODY "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400 },
    { BODY "Content-Length: 5, 5\r\n\r\nhello", 400 },
    { BODY "Content-Length: +5\r\n\r\nhello", 400 },
    { BODY "Content-Length: 0x5\r\n\r\nhello", 400 },
    { BODY "Content-Length: \r\n\r\n" SMUGGLED, 400 },
    { BODY "Content-Length: 18446744073709551616\r\n\r\n" SMUGGLED, 400 },
    { BODY "Content-Length : 44\r\n\r\n" SMUGGLED, 400 },
    { BODY "Content-Length\t: 44\r\n\r\n" SMUGGLED, 400 },
    { BODY "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400 },
    { BODY "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400 },
    { BODY "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" SMUGGLED, 400 },
    { "POST /echo/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400 },
    { BODY "Transfer-Encoding: gzip\r\n\r\n" SMUGGLED, 501 },
    { BODY "Transfer-Encoding: identity\r\n\r\n" SMUGGLED, 501 },
    { BODY "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 501 },
    { BODY "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" SMUGGLED, 501 },
    { BODY "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED, 501 },
    { BODY "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" SMUGGLED, 400 },
    { BODY "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400 },
    { BODY "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 501 },
    { BODY "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400 },
    { GOOD "A: b\r\n folded\r\n\r\n", 400 },
    { GOOD "A: b\r\n\tfolded\r\n\r\n", 400 },
    { "GET /hello/ HTTP/1.1\r\n Host: a\r\n\r\n", 400 },
    { GOOD "A b: c\r\n\r\n", 400 },
    { GOOD ": c\r\n\r\n", 400 },
    { GOOD "A(: c\r\n\r\n", 400 },
    { GOOD "no colon\r\n\r\n", 400 },
    { GOOD "A: b\rc\r\n\r\n", 400 },
    { GOOD "A: b\x01\r\n\r\n", 400 },
    { GOOD "A: b\x7f\r\n\r\n", 400 },
    { GOOD "A: b\nC: d\r\n\r\n", 400 },
    { "GET /hello/ HTTP/1.1\nHost: a\n\n", 400 },
    { "GET /hello/ a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET  /hello/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET\t/hello/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /hello/ HTTP/1.1 \r\nHost: a\r\n\r\n", 400 },
    { "GET /hello/\r\n\r\n", 400 },
    { "GET /hello/ HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
    { "GET /hello/ http/1.1\r\nHost: a\r\n\r\n", 400 },
    { "G(T /hello/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "\r\n\r\n\r\n" GOOD "\r\n", 400 },
    { "\n", 400 },
    { "\x16\x03\x01\x02", 400 },
    { CHUNKED "5\nhello\r\n0\r\n\r\n", 400 },
    { CHUNKED "5\r\nhello\n0\r\n\r\n", 400 },
    { CHUNKED "5\r\nhello0\r\n\r\n", 400 },
    { CHUNKED "5;a=b\rc\r\nhello\r\n0\r\n\r\n", 400 },
    { CHUNKED "5 a\r\nhello\r\n0\r\n\r\n", 400 },
    { CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", 400 },
    { CHUNKED "-5\r\nhello\r\n0\r\n\r\n", 400 },
    { CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n", 400 },
    { CHUNKED "\r\nhello\r\n0\r\n\r\n", 400 },
    { CHUNKED "0\r\nA : b\r\n\r\n" SMUGGLED, 400 },
};
enum { REFUSED = sizeof refused / sizeof *refused };

/* The connection's last response has this status, says that it closes, and does; nothing has reached /echo/. */
static void expect_refusal(int fd, unsigned good, int status, const char *text)
{
    for (unsigned i = 0; i < good; i++) {
        char *answer = raw_read_response(fd, 0);
        edge_expect_status(answer, 200, text);
        free(answer);
    }
    char *answer = edge_read_end(fd, status, text);
    ck_assert_msg(!strstr(answer, "<html>"), "libmicrohttpd has refused it by itself:\n%s\n%s", text, answer);
    free(answer);
}

START_TEST(what_has_two_readings_is_refused_and_the_connection_closed)
{
    int fd = raw_connect(gateway.port);
    raw_send(fd, refused[_i].text, strlen(refused[_i].text));
    expect_refusal(fd, 0, refused[_i].status, refused[_i].text);
}
END_TEST

START_TEST(what_came_before_it_is_answered)
{
    char text[1024];
    int n = snprintf(text, sizeof text, GOOD "\r\n" BODY "Content-Length: 5\r\n\r\nhello%s", refused[_i].text);
    int fd = raw_connect(gateway.port);
    raw_send(fd, text, (size_t)n);
    expect_refusal(fd, 2, refused[_i].status, refused[_i].text);
}
END_TEST

/* However it is split. The client may meet a reset: what it sends on is not read. */
START_TEST(it_is_refused_byte_by_byte)
{
    const char *text = refused[_i].text;
    int fd = raw_connect(gateway.port);
    raw_send_byte_by_byte(fd, text);
    expect_refusal(fd, 0, refused[_i].status, text);
}
END_TEST

/* The end of the head, and the body with what is wrong, come behind the rest of the head. */
START_TEST(it_is_refused_where_the_head_began_earlier)
{
    const char *text = refused[_i].text, *end = strstr(text, "\r\n\r\n");
    size_t first = end ? (size_t)(end - text) : strlen(text) / 2;
    int fd = raw_connect(gateway.port);
    struct pollfd answer = { fd, POLLIN, 0 };
    raw_send(fd, text, first);
    if (poll(&answer, 1, 2) == 0)
        (void)!send(fd, text + first, strlen(text) - first, MSG_NOSIGNAL); /* it may have been reset since */
    expect_refusal(fd, 0, refused[_i].status, text);
}
END_TEST

/* A NUL, which no string in a table can hold. */
START_TEST(a_nul_is_refused)
{
    static const struct {
        const char *before, *behind;
    } cases[] = {
        { GOOD "A: b", "c\r\n\r\n" },
        { GOOD "A", "b: c\r\n\r\n" },
        { "GET /hello/", " HTTP/1.1\r\nHost: a\r\n\r\n" },
        { "GET", " /hello/ HTTP/1.1\r\nHost: a\r\n\r\n" },
        { CHUNKED "5", "\r\nhello\r\n0\r\n\r\n" },
        { "", GOOD "\r\n" },
    };
    int fd = raw_connect(gateway.port);
    raw_send(fd, cases[_i].before, strlen(cases[_i].before));
    raw_send(fd, "", 1);
    raw_send(fd, cases[_i].behind, strlen(cases[_i].behind));
    expect_refusal(fd, 0, 400, cases[_i].before);
}
END_TEST

/* --- what is accepted ------------------------------------------------------------------------------------------ */

START_TEST(what_has_one_reading_is_served)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        { CHUNKED "5;a=b\r\nhello\r\n4 ;c=\"d\"\r\n you\r\n0;last\r\n\r\n", "hello you" },
        { CHUNKED "5\r\nhello\r\n0\r\nX-Trailer: y\r\n\r\n", "hello" },
        { CHUNKED "00005\r\nhello\r\n000\r\n\r\n", "hello" },
        { BODY "Content-Length:  5 \t\r\n\r\nhello", "hello" },
        { BODY "content-length: 0005\r\n\r\nhello", "hello" },
        { BODY "TRANSFER-ENCODING: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello" },
        { "\r\n" GOOD "\r\n", "Hello, world" },
        { GOOD "A:\r\nB: \xe4\xff\t\r\n\r\n", "Hello, world" },
        { "GET /hello/ HTTP/1.1\r\nHost:\ta \t\r\n\r\n", "Hello, world" },
    };
    int fd = raw_connect(gateway.port);
    for (int turn = 0; turn < 3; turn++) { /* the connection is in step after it */
        raw_send(fd, cases[_i].text, strlen(cases[_i].text));
        char *answer = raw_read_response(fd, 0);
        ck_assert_msg(answer && strncmp(answer, "HTTP/1.1 200 ", 13) == 0, "turn %d: %s", turn, answer);
        EXPECT_HAS(answer, cases[_i].part);
        free(answer);
    }
    close(fd);
}
END_TEST

/* A FIN that comes with the last bytes, and not behind a whole request. The handler is not called, nor the time-out
 * waited for. */
START_TEST(what_is_cut_short_is_no_request)
{
    static const char *const texts[] = {
        GOOD "A: b",
        GOOD "\r",
        BODY "Content-Length: 9\r\n\r\nhello",
        CHUNKED,
        CHUNKED "5\r\nhel",
        CHUNKED "5\r\nhello\r\n",
        CHUNKED "5\r\nhello\r\n0\r\n",
        CHUNKED "5",
    };
    int fd = raw_connect(gateway.port), on = 1;
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on), 0); /* until the end, and with it */
    raw_send(fd, texts[_i], strlen(texts[_i]));
    shutdown(fd, SHUT_WR);
    size_t length;
    char *answer = raw_read_all(fd, &length);
    ck_assert_msg(length == 0, "%s", answer);
    free(answer);
    close(fd);
}
END_TEST

/* More extensions than content, over many reads, of which some are all extension. */
START_TEST(a_body_in_small_chunks_with_large_extensions_is_whole)
{
    enum { CHUNKS = 16, EXTENSION = 200 };
    char extension[EXTENSION + 1];
    int fd = raw_connect(gateway.port);
    memset(extension, 'e', EXTENSION);
    extension[EXTENSION] = '\0';
    raw_send(fd, CHUNKED, strlen(CHUNKED));
    for (int i = 0; i < CHUNKS; i++) {
        raw_send(fd, "1;", 2);
        raw_send(fd, extension, EXTENSION);
        raw_send(fd, "\r\nx\r\n", 5);
    }
    raw_send(fd, "0\r\n\r\n", 5);
    char *answer = raw_read_response(fd, 0);
    EXPECT_HAS(answer, "xxxxxxxxxxxxxxxx");
    free(answer);
    close(fd);
}
END_TEST

/* ---------------------------------------------------------------------------------------------------------- */

Suite *intake_suite(void)
{
    Suite *suite = suite_create("intake");
    TCase *tcase = test_case(suite, "one gateway", serve_some);
    tcase_add_loop_test(tcase, what_has_two_readings_is_refused_and_the_connection_closed, 0, REFUSED);
    tcase_add_loop_test(tcase, what_came_before_it_is_answered, 0, REFUSED);
    tcase_add_loop_test(tcase, it_is_refused_byte_by_byte, 0, REFUSED);
    tcase_add_loop_test(tcase, it_is_refused_where_the_head_began_earlier, 0, REFUSED);
    tcase_add_loop_test(tcase, a_nul_is_refused, 0, 6);
    tcase_add_loop_test(tcase, what_has_one_reading_is_served, 0, 9);
    tcase_add_loop_test(tcase, what_is_cut_short_is_no_request, 0, 8);
    tcase_add_test(tcase, a_body_in_small_chunks_with_large_extensions_is_whole);
    return suite;
}
