/* When a client is waited for, and by when it is late: what net/intake makes of what comes. */
#include "net/patience.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/intake.h"
#include "tests/unit/suites.h"

static int client, server;
static struct intake intake;
static struct patience patience;
static unsigned bodies_refused;

static bool refuse_body(struct intake *which)
{
    ck_assert_ptr_eq(which, &intake);
    bodies_refused++;
    return false;
}

static void open_pair(void)
{
    const struct settings settings = { .head_timeout = 100, .body_timeout = 200, .send_timeout = 0 };
    ngi_error err;
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    client = pair[0];
    server = pair[1];
    memset(&patience, 0, sizeof patience);
    bodies_refused = 0;
    patience_start(&settings);
    ck_assert_int_eq(intakes_open(&err), NGI_OK);
    ck_assert(intake_begin(&intake, server, &patience, refuse_body));
}

static void close_pair(void)
{
    intake_end(server);
    close(client);
    close(server);
}

static int64_t due(void)
{
    return atomic_load(&patience.due_us);
}

/* What libmicrohttpd would have read of it; static storage. */
static const char *pass(const char *text)
{
    static char got[64 * 1024];
    ck_assert_int_eq(send(client, text, strlen(text), 0), strlen(text));
    ssize_t n = recv(server, got, sizeof got - 1, 0);
    ck_assert_int_ge(n, 0);
    got[n] = '\0';
    return got;
}

static void pass_bytes(size_t n)
{
    char block[1024];
    memset(block, 'x', sizeof block);
    for (; n > 0; n -= sizeof block) {
        ck_assert_uint_ge(n, sizeof block);
        ck_assert_int_eq(send(client, block, sizeof block, 0), sizeof block);
        ck_assert_int_eq(recv(server, block, sizeof block, 0), sizeof block);
    }
}

static void let_the_clock_go_on(void)
{
    for (int64_t now_us = clock_us(); clock_us() == now_us;)
        continue;
}

START_TEST(a_request_that_comes_at_once_is_not_waited_for)
{
    pass("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_int_eq(due(), 0);
    intake_count(&intake);
    intake_over(&intake);
    ck_assert_int_eq(due(), 0);
    pass("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab");
    ck_assert_int_eq(due(), 0);
}
END_TEST

START_TEST(a_head_is_due_from_its_first_byte_on)
{
    int64_t begun_us = clock_us();
    pass("G");
    int64_t first_us = due();
    ck_assert_int_ge(first_us, begun_us + 100 * 1000000);
    let_the_clock_go_on();
    pass("ET / HTTP/1.1\r\nHost: ");
    intake_count(&intake); /* libmicrohttpd has seen the request line */
    pass("a");
    ck_assert_int_eq(due(), first_us);
    pass("\r\n\r\n");
    ck_assert_int_eq(due(), 0);
}
END_TEST

START_TEST(a_body_is_due_piece_by_piece)
{
    int64_t begun_us = clock_us();
    pass("POST / HTTP/1.1\r\nContent-Le");
    pass("ngth: 40960\r\n\r\n");
    intake_count(&intake);
    int64_t first_us = due();
    ck_assert_int_ge(first_us, begun_us + 200 * 1000000);
    let_the_clock_go_on();
    pass_bytes(15 * 1024);
    ck_assert_int_eq(due(), first_us);
    pass_bytes(1024);
    int64_t second_us = due();
    ck_assert_int_gt(second_us, first_us);
    let_the_clock_go_on();
    pass_bytes(8 * 1024);
    ck_assert_int_eq(due(), second_us);
    pass_bytes(16 * 1024);
    ck_assert_int_eq(due(), 0);
}
END_TEST

START_TEST(chunks_of_a_byte_are_no_progress)
{
    pass("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    intake_count(&intake);
    int64_t first_us = due();
    ck_assert_int_gt(first_us, 0);
    let_the_clock_go_on();
    pass("1\r\nx\r\n");
    pass("1\r\nx");
    ck_assert_int_eq(due(), first_us);
    pass("\r\n0\r\n\r\n");
    ck_assert_int_eq(due(), 0);
}
END_TEST

/* While its turn has not come nobody reads it. */
START_TEST(a_head_behind_another_request_is_due_from_that_ones_end_on)
{
    pass("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\nGET /");
    ck_assert_int_eq(due(), 0);
    intake_count(&intake);
    pass("third");
    ck_assert_int_eq(due(), 0);
    intake_over(&intake);
    ck_assert_int_eq(due(), 0); /* the second comes first */
    intake_count(&intake);
    intake_over(&intake);
    ck_assert_int_gt(due(), 0);
}
END_TEST

START_TEST(what_is_not_read_is_not_waited_for)
{
    pass("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345");
    intake_count(&intake);
    ck_assert_int_gt(due(), 0);
    patience_rest(&patience);
    ck_assert_int_eq(due(), 0);
    char byte;
    ck_assert_int_lt(recv(server, &byte, 1, 0), 0); /* it is read again */
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_gt(due(), 0);
}
END_TEST

START_TEST(a_late_head_ends_there_and_is_408)
{
    pass("GET / HTTP/1.1\r\nHost: a");
    intake_count(&intake);
    atomic_store(&patience.due_us, -1); /* as the watch would */
    patience_rest(&patience);
    ck_assert_str_eq(pass("b\r\n\r\n"), "\r\nHost:\r\n\r\n");
    ck_assert(intake_refuses(&intake));
    ck_assert_int_eq(intake.framing.status, 408);
    char byte;
    ck_assert_int_lt(recv(server, &byte, 1, 0), 0);
    ck_assert_int_eq(errno, ECONNRESET);
    ck_assert_uint_eq(bodies_refused, 0);
}
END_TEST

START_TEST(a_late_body_is_refused)
{
    pass("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345");
    intake_count(&intake);
    atomic_store(&patience.due_us, -1);
    char byte;
    ck_assert_int_lt(recv(server, &byte, 1, 0), 0);
    ck_assert_int_eq(errno, ECONNRESET);
    ck_assert_uint_eq(bodies_refused, 1);
    ck_assert_int_eq(intake.framing.status, 408);
}
END_TEST

Suite *patience_suite(void)
{
    Suite *suite = suite_create("patience");
    TCase *tcase = tcase_create("patience");
    tcase_add_checked_fixture(tcase, open_pair, close_pair);
    tcase_add_test(tcase, a_request_that_comes_at_once_is_not_waited_for);
    tcase_add_test(tcase, a_head_is_due_from_its_first_byte_on);
    tcase_add_test(tcase, a_body_is_due_piece_by_piece);
    tcase_add_test(tcase, chunks_of_a_byte_are_no_progress);
    tcase_add_test(tcase, a_head_behind_another_request_is_due_from_that_ones_end_on);
    tcase_add_test(tcase, what_is_not_read_is_not_waited_for);
    tcase_add_test(tcase, a_late_head_ends_there_and_is_408);
    tcase_add_test(tcase, a_late_body_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
