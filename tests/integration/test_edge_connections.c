/* Requests that are too large or cut short, and how answers and connections end: the rest of what doc/ARCHITECTURE.md
 * says under "What is made of a request". */
#include "tests/integration/edge.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET_1 "GET / HTTP/1.1\r\n"
#define GET_0 "GET / HTTP/1.0\r\n"

/* Rows of the tables inside tests. */
enum { NOT_TOO_LARGE = 4, CUT_SHORT = 15, CONNECTIONS = 13, EXPECTATIONS = 4, BODILESS = 10 };

/* --- too much, which no table can hold --------------------------------------------------------------------------- */

static const struct {
    const char *before, *unit; /* `unit` is there so many times */
    int times;
    const char *behind;
    int status;
} large[] = {
    { "GET /", "a", 20000, " HTTP/1.1\r\nHost: a\r\n\r\n", 414 },
    { "GET /", "../", 7000, " HTTP/1.1\r\nHost: a\r\n\r\n", 414 },
    { "GET http://", "a", 20000, "/ HTTP/1.1\r\nHost: a\r\n\r\n", 414 },
    { "GET /?", "a&", 1000, " HTTP/1.1\r\nHost: a\r\n\r\n", 414 },
    { "GET /?", "a=b&", 5000, " HTTP/1.0\r\n\r\n", 414 },
    { "G", "E", 64, "T / HTTP/1.1\r\nHost: a\r\n\r\n", 501 },
    { "G", "E", 20000, "T / HTTP/1.1\r\nHost: a\r\n\r\n", 501 },
    { GET_1 "Host: ", "a", 20000, "\r\n\r\n", 431 },
    { EDGE_FIRST "X: ", "a", 20000, "\r\n\r\n", 431 },
    { EDGE_FIRST "X:", "\t", 20000, "\r\n\r\n", 431 },
    { EDGE_FIRST "X", "x", 20000, ": a\r\n\r\n", 431 },
    { EDGE_FIRST, "X: a\r\n", 100, "\r\n", 431 },
    { EDGE_FIRST, "X: a\r\n", 4000, "\r\n", 431 },
    { "GET / HTTP/1.0\r\n", "X:\r\n", 5000, "\r\n", 431 },
    { EDGE_CHUNKED "5;", "e", 5000, "\r\nhello\r\n0\r\n\r\n", 400 },
    { EDGE_CHUNKED, "1;eeeeeeeeeeeeeeeeeeee\r\nx\r\n", 1000, "0\r\n\r\n", 400 },
    { EDGE_CHUNKED "0\r\n", "X: a\r\n", 1300, "\r\n", 431 },
    { EDGE_CHUNKED "0\r\nX: ", "a", 9000, "\r\n\r\n", 400 },
};

static char *make_large(int row)
{
    size_t unit = strlen(large[row].unit);
    size_t length = strlen(large[row].before) + unit * (size_t)large[row].times + strlen(large[row].behind);
    char *text = malloc(length + 1), *end;
    ck_assert_ptr_nonnull(text);
    end = stpcpy(text, large[row].before);
    for (int i = 0; i < large[row].times; i++)
        end = stpcpy(end, large[row].unit);
    strcpy(end, large[row].behind);
    return text;
}

START_TEST(what_is_too_large_closes_its_connection_and_calls_nobody)
{
    char *text = make_large(_i);
    for (enum way way = ALONE; way < BYTE_BY_BYTE; way++)
        edge_expect_refusal(way, text, large[_i].status);
    free(text);
}
END_TEST

/* libmicrohttpd 0.9.75 takes cookies apart before anybody is asked, and says its 431 twice. */
START_TEST(cookies_without_room_are_refused)
{
    enum { COOKIES = 1000 };
    char text[sizeof EDGE_FIRST EDGE_BEHIND + 16 + 5 * COOKIES], *end = stpcpy(text, EDGE_FIRST "Cookie: a");
    for (int i = 0; i < COOKIES; i++)
        end = stpcpy(end, "; a=b");
    strcpy(end, "\r\n\r\n" EDGE_BEHIND);
    unsigned before = edge_calls();
    const char *answer = talk(text);
    edge_expect_status(answer, 431, "cookies");
    ck_assert_pstr_eq(head_value(answer, "Connection"), "close");
    EXPECT_LACKS(answer, "HTTP/1.1 200");
    ck_assert_uint_eq(edge_calls() - before, 0);
}
END_TEST

START_TEST(what_is_just_not_too_large_is_served)
{
    static const struct {
        const char *before, *unit;
        int times;
        const char *behind;
    } cases[] = {
        { "GET /", "a", 8000, " HTTP/1.1\r\nHost: a\r\n\r\n" },
        { EDGE_FIRST "X: ", "a", 12000, "\r\n\r\n" },
        { EDGE_FIRST, "X-A: a\r\n", 99, "\r\n" },
        { EDGE_CHUNKED "5;", "e", 4000, "\r\nhello\r\n0\r\n\r\n" },
    };
    char text[16384], *end = stpcpy(text, cases[_i].before);
    for (int i = 0; i < cases[_i].times; i++)
        end = stpcpy(end, cases[_i].unit);
    strcpy(end, cases[_i].behind);
    int fd = edge_connect();
    for (int i = 0; i < 3; i++) {
        raw_send(fd, text, strlen(text));
        char *answer = raw_read_response(fd, 0);
        edge_expect_status(answer, 200, cases[_i].before);
        free(answer);
    }
    close(fd);
}
END_TEST

/* --- when a connection ends -------------------------------------------------------------------------------------- */

/* A FIN in the middle of a request, with its last bytes or by itself. */
START_TEST(what_is_cut_short_calls_nobody)
{
    static const char *const texts[] = {
        "G",
        "GET / HTTP/1.1",
        GET_1 "Host: a",
        GET_1 "Host: a\r\n\r",
        EDGE_POST "Content-Length: 6\r\n\r\nhello",
        EDGE_POST "Content-Length: 38\r\n\r\n" EDGE_FIRST,
        "POST / HTTP/1.0\r\nContent-Length: 6\r\n\r\nhello",
        EDGE_CHUNKED,
        EDGE_CHUNKED "5",
        EDGE_CHUNKED "5;a",
        EDGE_CHUNKED "5\r\nhello",
        EDGE_CHUNKED "5\r\nhello\r\n0",
        EDGE_CHUNKED "5\r\nhello\r\n0\r\n",
        EDGE_CHUNKED "5\r\nhello\r\n0\r\nX: y\r\n",
        EDGE_CHUNKED "5\r\nhello\r\n0\r\n\r",
    };
    ck_assert_int_eq(ROWS(texts), CUT_SHORT);
    for (int apart = 0; apart < 2; apart++) {
        unsigned before = edge_calls();
        int fd = raw_connect(gateway.port), on = !apart;
        ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on), 0);
        raw_send(fd, texts[_i], strlen(texts[_i]));
        if (apart)
            ck_assert_uint_eq(edge_calls() - before, 0); /* time for it to arrive, and nobody is called yet */
        shutdown(fd, SHUT_WR);
        size_t length;
        char *answer = raw_read_all(fd, &length);
        ck_assert_msg(length == 0, "%s", answer);
        free(answer);
        close(fd);
        ck_assert_uint_eq(edge_calls() - before, 0);
    }
}
END_TEST

/* Whether the connection goes on, and says so if not. */
START_TEST(a_connection_is_kept_or_closed_as_its_client_says)
{
    static const struct {
        const char *head;
        bool kept;
    } cases[] = {
        { GET_1 "Host: a\r\n", true },
        { GET_1 "Host: a\r\nConnection: keep-alive\r\n", true },
        { GET_1 "Host: a\r\nConnection: closed\r\n", true },
        { GET_1 "Host: a\r\nConnection: x-close, upgrade\r\n", true },
        { GET_1 "Host: a\r\nConnection: close\r\n", false },
        { GET_1 "Host: a\r\nconnection:CLOSE\t\r\n", false },
        { GET_1 "Host: a\r\nConnection:\tkeep-alive,\tClose ,x\r\n", false },
        { GET_1 "Host: a\r\nConnection: keep-alive\r\nConnection: close\r\n", false },
        { GET_0, false },
        { GET_0 "Connection: x\r\n", false },
        { GET_0 "Connection: keep-alive\r\n", true },
        { GET_0 "Connection: x, Keep-Alive\t\r\n", true },
        { GET_0 "Connection: keep-alive, close\r\n", false },
    };
    ck_assert_int_eq(ROWS(cases), CONNECTIONS);
    char text[256];
    int fd = edge_connect();
    snprintf(text, sizeof text, "%s\r\n%s", cases[_i].head, EDGE_BEHIND);
    raw_send(fd, text, strlen(text));
    char *first = raw_read_response(fd, 0), *second = raw_read_response(fd, 0);
    edge_expect_status(first, 200, text);
    ck_assert_msg((second != NULL) == cases[_i].kept, "%s", first);
    const char *told = head_value(first, "Connection");
    ck_assert_msg(cases[_i].kept ? !told || strcasecmp(told, "keep-alive") == 0 : !told || strcmp(told, "close") == 0,
                  "%s", first);
    if (strstr(cases[_i].head, "HTTP/1.1") && !cases[_i].kept)
        ck_assert_pstr_eq(told, "close");
    free(first);
    free(second);
    close(fd);
}
END_TEST

START_TEST(who_expects_100_gets_it_if_it_can_be_meant)
{
    static const struct {
        const char *line;
        const char *head;
        bool continued;
    } cases[] = {
        { "POST / HTTP/1.1\r\nHost: a\r\n", "Expect: 100-continue\r\n", true },
        { "POST / HTTP/1.1\r\nHost: a\r\n", "EXPECT:\t100-Continue\r\n", true },
        { "POST / HTTP/1.1\r\nHost: a\r\n", "", false },
        { "POST / HTTP/1.0\r\nConnection: keep-alive\r\n", "Expect: 100-continue\r\n", false }, /* section 10.1.1 */
    };
    ck_assert_int_eq(ROWS(cases), EXPECTATIONS);
    char text[256], *answer;
    unsigned before = edge_calls();
    int fd = edge_connect();
    snprintf(text, sizeof text, "%s%sContent-Length: 5\r\n\r\n", cases[_i].line, cases[_i].head);
    raw_send(fd, text, strlen(text));
    if (cases[_i].continued) {
        answer = raw_read_response(fd, 0);
        ck_assert_pstr_eq(answer, "HTTP/1.1 100 Continue\r\n\r\n");
        free(answer);
    }
    ck_assert_uint_eq(edge_calls() - before, 0);
    raw_send(fd, "hello", 5);
    answer = raw_read_response(fd, 0);
    edge_expect_status(answer, 200, text);
    EXPECT_HAS(answer, "\nBODY=hello");
    free(answer);
    raw_send(fd, EDGE_BEHIND, strlen(EDGE_BEHIND));
    answer = raw_read_response(fd, 0);
    edge_expect_status(answer, 200, EDGE_BEHIND);
    free(answer);
    close(fd);
}
END_TEST

/* --- what goes out ----------------------------------------------------------------------------------------------- */

/* Bodies that are not sent, whatever the handler has made, leave the connection in step, or closed as told. */
START_TEST(what_has_no_body_ends_with_its_head)
{
    static const char *const targets[] = {
        "HEAD /endings/stream?bytes=10",
        "HEAD /endings/stream?bytes=10&declared=10",
        "HEAD /first",
        "HEAD /answers/file",
        "HEAD /answers/status/404",
        "HEAD /answers/empty/204",
        "GET /answers/empty/204",
        "GET /answers/empty/304",
        "GET /answers/status/204",
        "GET /answers/status/304",
    };
    static const char *const versions[] = { "HTTP/1.1\r\nHost: a\r\n", "HTTP/1.0\r\nConnection: keep-alive\r\n" };
    ck_assert_int_eq(ROWS(targets), BODILESS);
    for (int i = 0; i < ROWS(versions); i++) {
        char text[512];
        int fd = edge_connect();
        snprintf(text, sizeof text, "%s %s\r\n%s", targets[_i], versions[i], EDGE_BEHIND);
        raw_send(fd, text, strlen(text));
        char *head = raw_read_response(fd, 1), *next = raw_read_response(fd, 0);
        ck_assert_ptr_nonnull(head);
        ck_assert_ptr_nonnull(head_value(head, "Date"));
        ck_assert_msg(i == 0 || !head_value(head, "Transfer-Encoding"), "%s", head);
        if (next)
            edge_expect_status(next, 200, text);
        else if (i == 0)
            ck_assert_pstr_eq(head_value(head, "Connection"), "close");
        else
            ck_assert_msg(!head_value(head, "Connection") || strcmp(head_value(head, "Connection"), "close") == 0, "%s",
                          head);
        free(head);
        free(next);
        close(fd);
    }
}
END_TEST

/* A body of unknown length ends in HTTP/1.0 with its connection, even if the client asks for another end. */
START_TEST(http_1_0_gets_no_transfer_coding)
{
    static const char request[] = "GET /endings/stream?bytes=10 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" EDGE_BEHIND;
    const char *answer = talk(request), *body = strstr(answer, "\r\n\r\n");
    edge_expect_status(answer, 200, request);
    ck_assert_ptr_null(head_value(answer, "Transfer-Encoding"));
    ck_assert_ptr_null(head_value(answer, "Content-Length"));
    ck_assert_ptr_nonnull(body);
    ck_assert_uint_eq(strlen(body + 4), 10);
}
END_TEST

START_TEST(there_is_one_date)
{
    static const char date[] = "Sun%2C%2006%20Nov%201994%2008%3A49%3A37%20GMT";
    char path[128];
    snprintf(path, sizeof path, "/answers/header?name=Date&value=%s", date);
    const struct reply *reply = GET(path);
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(count_of(reply->head, "\nDate: "), 1);
}
END_TEST

/* ---------------------------------------------------------------------------------------------------------- */

Suite *edge_connections_suite(void)
{
    Suite *suite = suite_create("edge_connections");
    TCase *tcase = test_case(suite, "one gateway", edge_serve);
    tcase_add_loop_test(tcase, what_is_too_large_closes_its_connection_and_calls_nobody, 0, ROWS(large));
    tcase_add_test(tcase, cookies_without_room_are_refused);
    tcase_add_loop_test(tcase, what_is_just_not_too_large_is_served, 0, NOT_TOO_LARGE);
    tcase_add_loop_test(tcase, what_is_cut_short_calls_nobody, 0, CUT_SHORT);
    tcase_add_loop_test(tcase, a_connection_is_kept_or_closed_as_its_client_says, 0, CONNECTIONS);
    tcase_add_loop_test(tcase, who_expects_100_gets_it_if_it_can_be_meant, 0, EXPECTATIONS);
    tcase_add_loop_test(tcase, what_has_no_body_ends_with_its_head, 0, BODILESS);
    tcase_add_test(tcase, http_1_0_gets_no_transfer_coding);
    tcase_add_test(tcase, there_is_one_date);
    return suite;
}
