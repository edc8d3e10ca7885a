/* What is made of requests on the edge of the protocol, as doc/ARCHITECTURE.md has it ("What is made of a request"):
 * what is refused closes its connection and calls nobody, what is served means one thing to its plugin. Each comes
 * alone, behind others in a pipeline, and byte by byte. More of what says where a request ends: test_intake. */
#include "tests/integration/edge.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define GET_1 "GET / HTTP/1.1\r\n"
#define GET_0 "GET / HTTP/1.0\r\n"
#define TARGET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"
#define TARGET_0(target) "GET " target " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
#define HOST(host) GET_1 "Host:" host "\r\n\r\n"
#define HEADERS(lines) EDGE_FIRST lines "\r\n"

/* --- refused, and the connection closed ------------------------------------------------------------------------ */

static const struct {
    const char *text;
    int status;
} refused[] = {
    /* no Host */
    { GET_1 "\r\n", 400 },
    { GET_1 "Hosts: a\r\nX-Host: b\r\n\r\n", 400 },
    { GET_1 "Host_: a\r\nHTTP_HOST: a\r\n\r\n", 400 },
    { "GET / HTTP/1.2\r\n\r\n", 400 },
    { "GET http://a/ HTTP/1.1\r\n\r\n", 400 },
    { "HEAD / HTTP/1.1\r\n\r\n", 400 },
    { "PURGE / HTTP/1.1\r\n\r\n", 400 },
    { "OPTIONS * HTTP/1.1\r\n\r\n", 400 },
    { "CONNECT a:80 HTTP/1.1\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nContent-Length: 38\r\n\r\n" EDGE_BEHIND, 400 },
    { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 400 },
    { "POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", 400 },
    /* more than one */
    { GET_1 "Host: a\r\nHost: b\r\n\r\n", 400 },
    { GET_1 "Host: a\r\nHost: a\r\n\r\n", 400 },
    { GET_1 "host: a\r\nX: y\r\nHOST:\r\n\r\n", 400 },
    { GET_0 "Host: a\r\nHost: b\r\n\r\n", 400 },
    { "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 38\r\n\r\n" EDGE_BEHIND, 400 },
    /* no host[:port] */
    { HOST(" u@b"), 400 },
    { HOST(" a:xyz"), 400 },
    { HOST(" a:65536"), 400 },
    { HOST(" a:-1"), 400 },
    { HOST(" a:1:2"), 400 },
    { HOST(" a: 80"), 400 },
    { HOST(" a b"), 400 },
    { HOST(" a\tb"), 400 },
    { HOST(" a, b"), 400 },
    { HOST("a/b"), 400 },
    { HOST(" a?b"), 400 },
    { HOST(" a#b"), 400 },
    { HOST(" a\\b"), 400 },
    { HOST(" \"a\""), 400 },
    { HOST(" http://a"), 400 },
    { HOST(" :80"), 400 },
    { HOST(" a%4"), 400 },
    { HOST(" a\xff"), 400 },
    { HOST(" ::1"), 400 },
    { HOST(" [::1"), 400 },
    { HOST(" [::g]"), 400 },
    { HOST(" [1.2.3.4]"), 400 },
    { HOST(" []"), 400 },
    { GET_0 "Host: a b\r\n\r\n", 400 },
    { "GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
    /* where it ends, in other spellings than test_intake's */
    { EDGE_POST "CONTENT-LENGTH:\t5\r\ncontent-length:6\t\r\n\r\nhello" EDGE_BEHIND, 400 },
    { EDGE_POST "Content-Length: 5\r\nX: y\r\nContent-Length: 5\r\n\r\nhello", 400 },
    { "GET / HTTP/1.0\r\nContent-Length: 0\r\nContent-Length: 38\r\n\r\n" EDGE_BEHIND, 400 },
    { EDGE_POST "Content-Length: 5 5\r\n\r\nhello" EDGE_BEHIND, 400 },
    { EDGE_POST "Content-Length: 5\tX\r\n\r\nhello" EDGE_BEHIND, 400 },
    { EDGE_POST "Content-Length: -5\r\n\r\n" EDGE_BEHIND, 400 },
    { EDGE_POST "Content-Length: 5.0\r\n\r\nhello", 400 },
    { EDGE_POST "Content-Length: 9223372036854775808\r\n\r\n" EDGE_BEHIND, 400 },
    { EDGE_POST "content-length : 38\r\n\r\n" EDGE_BEHIND, 400 },
    { EDGE_POST "TRANSFER-ENCODING\t: chunked\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 400 },
    { "POST / HTTP/1.0\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 400 },
    { EDGE_POST "transfer-encoding: CHUNKED\r\ncontent-length: 0\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 400 },
    { EDGE_FIRST "Content-Length: 4\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 400 },
    { "GET / HTTP/1.0\r\nConnection: keep-alive\r\ntransfer-encoding:chunked\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 400 },
    { EDGE_POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 501 },
    { EDGE_POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 501 },
    { EDGE_POST "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 501 },
    { EDGE_POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 501 },
    { EDGE_POST "Transfer-Encoding:\t\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 501 },
    { EDGE_POST "Transfer-Encoding: chunked\r\nTRANSFER-ENCODING:\r\n\r\n0\r\n\r\n" EDGE_BEHIND, 400 },
    { EDGE_FIRST "A: b\r\n\t\r\n\r\n", 400 },
    { "GET / HTTP/1.0\r\nA: b\r\n c: d\r\n\r\n", 400 },
    { GET_1 "\tHost: a\r\n\r\n", 400 },
    { HEADERS("A\tb: c\r\n"), 400 },
    { HEADERS("A@b: c\r\n"), 400 },
    { HEADERS("A\x80: c\r\n"), 400 },
    { HEADERS("=: c\r\n"), 400 },
    { HEADERS("A: b\x0b"
              "c\r\n"),
      400 },
    { HEADERS("A: b\x1b[2J\r\n"), 400 },
    { HEADERS("A: b\r\r\n"), 400 },
    { EDGE_CHUNKED "5;a\nhello\r\n0\r\n\r\n", 400 },
    { EDGE_CHUNKED "5;a=\x01\r\nhello\r\n0\r\n\r\n", 400 },
    { EDGE_CHUNKED "0;a\n\r\n" EDGE_BEHIND, 400 },
    { EDGE_CHUNKED "0\n\n" EDGE_BEHIND, 400 },
    { EDGE_CHUNKED "0\r\nA: b\n\r\n" EDGE_BEHIND, 400 },
    /* no target of ours */
    { "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "POST * HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 400 },
    { "options * HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "OPTIONS *?q HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "connect a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { TARGET("host:80"), 400 },
    { TARGET("foo"), 400 },
    { TARGET("foo/bar"), 400 },
    { TARGET("?q"), 400 },
    { TARGET("\\"), 400 },
    { TARGET("%2f"), 400 },
    { TARGET("http:/a"), 400 },
    { TARGET("http://"), 400 },
    { TARGET("http:///a"), 400 },
    { TARGET("http://?q"), 400 },
    { TARGET("http://u@b/"), 400 },
    { TARGET("http://u:p@b/"), 400 },
    { TARGET("http://a:xyz/"), 400 },
    { TARGET("http://a#/"), 400 },
    { TARGET("ftp://a/"), 400 },
    { TARGET_0("foo"), 400 },
    { TARGET_0("*"), 400 },
    { TARGET_0("http://u@b/"), 400 },
    /* a NUL in the path */
    { TARGET("/%00"), 400 },
    { TARGET("/a.cgi%00.html"), 400 },
    { TARGET("/a/%00/../b"), 400 },
    { TARGET("http://a/b%00"), 400 },
    { TARGET_0("/a%00"), 400 },
    /* an escape that is none */
    { TARGET("/%"), 400 },
    { TARGET("/%4"), 400 },
    { TARGET("/%zz"), 400 },
    { TARGET("/%u0041"), 400 },
    /* above the root */
    { TARGET("/.."), 400 },
    { TARGET("/../etc/passwd"), 400 },
    { TARGET("/a/../../b"), 400 },
    { TARGET("//.."), 400 },
    { TARGET("/./.."), 400 },
    { TARGET("/%2e%2e/a"), 400 },
    { TARGET("/%2E./a"), 400 },
    { TARGET("/..%2fa"), 400 },
    { TARGET("/a%2f..%2F.%2e/b"), 400 },
    { TARGET("/..?q"), 400 },
    { TARGET("http://a/.."), 400 },
    { TARGET_0("/../a"), 400 },
    /* what separates, or may not be there, in the target */
    { TARGET("/a b"), 400 },
    { TARGET("/a  b"), 400 },
    { TARGET(" /a"), 400 },
    { TARGET("/a "), 400 },
    { TARGET("/a?b c"), 400 },
    { TARGET("/a\tb"), 400 },
    { TARGET("/a\x0b"), 400 },
    { TARGET("/a\rb"), 400 },
    { TARGET("/a\x7f"), 400 },
    { TARGET("/a#b"), 400 },
    { TARGET("/a?b#c"), 400 },
    { TARGET_0("/a b"), 400 },
    { "GET /a b\r\nHost: a\r\n\r\n", 400 },
    /* no method */
    { "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "\"GET\" / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET, / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "G\xc9T / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "G\tT / HTTP/1.0\r\n\r\n", 400 },
    /* methods that are nobody's */
    { "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" EDGE_BEHIND, 405 },
    { "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 405 },
    { "CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 405 },
    { "TRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n", 405 },
    { "TRACE * HTTP/1.1\r\nHost: a\r\n\r\n", 405 },
    { "TRACE http://a/ HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 405 },
    { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
};

START_TEST(what_is_refused_closes_its_connection_and_calls_nobody)
{
    for (enum way way = ALONE; way < WAYS; way++)
        edge_expect_refusal(way, refused[_i].text, refused[_i].status);
}
END_TEST

/* --- answered by the gateway, and the connection goes on --------------------------------------------------------- */

static const struct {
    const char *text;
    int status;
} answered[] = {
    { "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204 },
    { "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", 204 },
    { "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 204 },
};

START_TEST(what_the_gateway_answers_calls_nobody)
{
    for (enum way way = ALONE; way < WAYS; way++) {
        unsigned before = edge_calls();
        int fd = edge_connect();
        unsigned good = edge_send(fd, way, answered[_i].text);
        char *answer = raw_read_response(fd, 0);
        edge_expect_status(answer, answered[_i].status, answered[_i].text);
        ck_assert_ptr_nonnull(head_value(answer, "Allow"));
        free(answer);
        raw_send(fd, EDGE_BEHIND, strlen(EDGE_BEHIND));
        answer = raw_read_response(fd, 0);
        edge_expect_status(answer, 200, EDGE_BEHIND);
        free(answer);
        close(fd);
        ck_assert_uint_eq(edge_calls() - before, good + 1);
    }
}
END_TEST

/* --- served ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *text;
    const char *seen[8]; /* lines of what the plugin tells; with a '!', beginnings of lines that must not be there */
} served[] = {
    /* hosts */
    { HOST(" a"), { "HOST=a", "HTTP_HOST=a" } },
    { HOST("\tA-b.example:8080 \t"),
      { "HOST=A-b.example:8080", "SERVER_NAME=A-b.example", "HTTP_HOST=A-b.example:8080" } },
    { HOST(" [::1]:80"), { "HOST=[::1]:80", "SERVER_NAME=[::1]" } },
    { HOST(" a:"), { "HOST=a:", "SERVER_NAME=a" } },
    { HOST(""), { "HOST=", "HTTP_HOST=", "SERVER_NAME=127.0.0.1" } },
    { "GET / HTTP/1.1\r\nhOST: a\r\n\r\n", { "HOST=a" } },
    { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", { "HOST=", "SERVER_PROTOCOL=HTTP/1.0", "!HTTP_HOST" } },
    { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nHost: b\r\n\r\n", { "HOST=b" } },
    /* absolute targets */
    { TARGET("http://b:81/c?d"),
      { "HOST=b:81", "HTTP_HOST=b:81", "SERVER_NAME=b", "PATH=/c", "QUERY_STRING=d", "REQUEST_URI=http://b:81/c?d",
        "!HTTP_HOST=a" } },
    { TARGET("HTTPS://B/c"), { "HOST=B", "REQUEST_SCHEME=http", "PATH=/c", "!HTTPS" } },
    { TARGET("http://b"), { "HOST=b", "PATH=/", "QUERY_STRING=" } },
    { TARGET("http://b?c"), { "HOST=b", "PATH=/", "QUERY_STRING=c" } },
    { TARGET("http://b//c/../d"), { "HOST=b", "PATH=/d" } },
    { TARGET("http://[::1]:80/"), { "HTTP_HOST=[::1]:80" } },
    { TARGET_0("http://b/c"), { "HOST=b", "HTTP_HOST=b", "PATH=/c" } },
    { "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n", { "HOST=b", "PATH=/" } },
    /* paths */
    { TARGET("/a/../b"), { "PATH=/b", "PATH_INFO=/b", "REQUEST_URI=/a/../b" } },
    { TARGET("/a/%2e%2E/b"), { "PATH=/b", "REQUEST_URI=/a/%2e%2E/b" } },
    { TARGET("/a%2f..%2fb"), { "PATH=/b", "REQUEST_URI=/a%2f..%2fb" } },
    { TARGET("//a///b/./c/."), { "PATH=/a/b/c/", "REQUEST_URI=//a///b/./c/." } },
    { TARGET("//evil.example/a"), { "PATH=/evil.example/a", "HOST=a" } },
    { TARGET("/%252e%252e/a"), { "PATH=/%2e%2e/a" } },
    { TARGET("/a%2500"), { "PATH=/a%00" } },
    { TARGET("/..a/...;/b\\.."), { "PATH=/..a/...;/b\\.." } },
    { TARGET("/a?../%2e%2e//b"), { "PATH=/a", "QUERY_STRING=../%2e%2e//b" } },
    { TARGET("/a%3fb%23c"), { "PATH=/a?b#c", "QUERY_STRING=" } },
    { TARGET_0("/a/./b"), { "PATH=/a/b", "REQUEST_URI=/a/./b" } },
    /* white space around values */
    { HEADERS("X-A: b\t\r\n"), { "HTTP_X_A=b" } },
    { HEADERS("X-A:b \t \t\r\n"), { "HTTP_X_A=b" } },
    { HEADERS("X-A:\t \tb c\td \r\n"), { "HTTP_X_A=b c\td" } },
    { HEADERS("X-A:\r\nX-B: \t \r\n"), { "HTTP_X_A=", "HTTP_X_B=" } },
    { HEADERS("X-A: b\t\r\nX-A:\tc \r\n"), { "HTTP_X_A=b, c" } },
    { HEADERS("Content-Type: text/x\t\r\n"), { "CONTENT_TYPE=text/x" } },
    { HEADERS("Cookie: a=1\t\r\n"), { "HTTP_COOKIE=a=1" } },
    /* bodies */
    { EDGE_POST "Content-Length:\t5\t\r\n\r\nhello", { "CONTENT_LENGTH=5", "BODY=hello" } },
    { "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", { "BODY=hello" } },
    { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", { "BODY=hello" } },
    { EDGE_CHUNKED "5;a=\"b\\\"c\"\r\nhello\r\n0;d\r\n\r\n",
      { "CONTENT_LENGTH=5", "BODY=hello", "!HTTP_TRANSFER_ENCODING" } },
    { EDGE_CHUNKED "5 \t;\ta\r\nhello\r\n1;\r\n!\r\n0\r\n\r\n", { "CONTENT_LENGTH=6", "BODY=hello!" } },
    { EDGE_CHUNKED "0\r\nX-A: b\r\nHost: c\r\nContent-Length: 5\r\n\r\n", { "HOST=a", "BODY=", "!HTTP_X_A" } },
    { EDGE_POST "Transfer-Encoding:\tchunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n", { "BODY=hello" } },
    /* what could pass for something else */
    { HEADERS("Proxy: b\r\nPROXY: c\r\nproxy:\r\n"), { "!HTTP_PROXY" } },
    { HEADERS("X_A: b\r\nX-B_c: d\r\n_: e\r\n"), { "!HTTP_X", "!HTTP__" } },
    { HEADERS("X-A: b\r\nX_A: c\r\n"), { "HTTP_X_A=b" } },
    { HEADERS("Content_Length: 5\r\nContent_Type: b\r\nTransfer_Encoding: chunked\r\n"),
      { "BODY=", "!CONTENT_", "!HTTP_CONTENT", "!HTTP_TRANSFER" } },
    { HEADERS("Host_: b\r\nREMOTE_ADDR: b\r\n"), { "HOST=a", "REMOTE_ADDR=127.0.0.1", "!HTTP_HOST_", "!HTTP_REMOTE" } },
    { HEADERS("Remote-Addr: b\r\nHttps: on\r\n"), { "REMOTE_ADDR=127.0.0.1", "HTTP_REMOTE_ADDR=b", "!HTTPS" } },
    /* more than one of a name */
    { HEADERS("X-A: b\r\nX-C: d\r\nx-a: e\r\nX-a:\r\n"), { "HTTP_X_A=b, e, ", "HTTP_X_C=d" } },
    { HEADERS("Cookie: a=1\r\ncookie: b=2\r\nCOOKIE: c=3\r\n"), { "HTTP_COOKIE=a=1; b=2; c=3" } },
    { HEADERS("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"), { "PATH=/first" } },
};

static void expect_seen(const char *answer, const char *const *seen)
{
    char line[160];
    for (; *seen; seen++) {
        bool there = **seen != '!';
        bool whole = there && strncmp(*seen, "BODY=", 5) != 0; /* the last one ends with the answer */
        snprintf(line, sizeof line, "\n%s%s", *seen + !there, whole ? "\n" : "");
        ck_assert_msg((strstr(answer, line) != NULL) == there, "%s: %s", *seen, answer);
    }
}

START_TEST(what_is_served_means_one_thing_to_its_plugin)
{
    for (enum way way = ALONE; way < WAYS; way++) {
        unsigned before = edge_calls();
        int fd = edge_connect();
        unsigned good = edge_send(fd, way, served[_i].text);
        char *answer = raw_read_response(fd, 0);
        edge_expect_status(answer, 200, served[_i].text);
        expect_seen(answer, served[_i].seen);
        free(answer);
        raw_send(fd, EDGE_BEHIND, strlen(EDGE_BEHIND)); /* the connection is in step */
        answer = raw_read_response(fd, 0);
        edge_expect_status(answer, 200, EDGE_BEHIND);
        EXPECT_HAS(answer, "\nPATH=/behind\n");
        free(answer);
        close(fd);
        ck_assert_uint_eq(edge_calls() - before, good + 2);
    }
}
END_TEST

/* ---------------------------------------------------------------------------------------------------------- */

Suite *edge_suite(void)
{
    Suite *suite = suite_create("edge");
    TCase *tcase = test_case(suite, "one gateway", edge_serve);
    tcase_add_loop_test(tcase, what_is_refused_closes_its_connection_and_calls_nobody, 0, ROWS(refused));
    tcase_add_loop_test(tcase, what_the_gateway_answers_calls_nobody, 0, ROWS(answered));
    tcase_add_loop_test(tcase, what_is_served_means_one_thing_to_its_plugin, 0, ROWS(served));
    return suite;
}
