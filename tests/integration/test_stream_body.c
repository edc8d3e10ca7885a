/* Handlers that run while their body is still arriving. */
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define INTAKES "tests/integration/plugins/intakes.so"

/* The FIFO `a` holds what is named so. */
#define INTAKES_WITH(...) serve_gated(INTAKES, "intakes", "a", NULL, LIST(__VA_ARGS__))

static void send_text(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

/* Sends the head of an upload on a new connection; `header`: the framing, and what else there is. */
static int upload(const char *target, const char *header)
{
    char head[512];
    int fd = raw_connect(gateway.port);
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", target, header);
    send_text(fd, head);
    return fd;
}

static int upload_length(const char *target, size_t length)
{
    char header[64];
    snprintf(header, sizeof header, "Content-Length: %zu", length);
    return upload(target, header);
}

/* What /count says of a body. */
static const char *sum_of(const char *data, size_t length)
{
    static char text[64];
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = sum * 31 + (unsigned char)data[i];
    snprintf(text, sizeof text, "\r\n\r\n%zu %u\n", length, sum);
    return text;
}

START_TEST(the_first_bytes_are_read_before_the_last_are_sent)
{
    INTAKES_WITH();
    int fd = upload_length("/intakes/count?name=b", 10);
    send_text(fd, "12345");
    gateway_wait_log(&gateway, "b has read 12345");
    send_text(fd, "67890");
    expect_answer(fd, "200 OK", sum_of("1234567890", 10));
    send_text(fd, "POST /intakes/count?name=c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect_answer(fd, "200 OK", sum_of("abc", 3));
    close(fd);
    finish();
}
END_TEST

START_TEST(so_they_are_where_the_setting_says_so)
{
    INTAKES_WITH("--set", "plugin.intakes.stream_body=on");
    int fd = upload_length("/intakes/plain?name=b", 10);
    send_text(fd, "12345");
    gateway_wait_log(&gateway, "b has read 12345");
    send_text(fd, "67890");
    expect_answer(fd, "200 OK", sum_of("1234567890", 10));
    close(fd);
    finish();
}
END_TEST

START_TEST(and_so_they_are_not_where_it_says_no)
{
    INTAKES_WITH("--set", "plugin.intakes.stream_body=off");
    int fd = upload_length("/intakes/count?name=b", 10);
    send_text(fd, "12345");
    EXPECT_STATUS(POST("/intakes/count", "x"), 200);
    EXPECT_LACKS(gateway_log(&gateway), "b has read");
    send_text(fd, "67890");
    expect_answer(fd, "200 OK", sum_of("1234567890", 10));
    close(fd);
    finish();
}
END_TEST

START_TEST(chunks_are_read_as_they_come)
{
    INTAKES_WITH();
    int fd = upload("/intakes/count?name=b", "Transfer-Encoding: chunked");
    send_text(fd, "5\r\n12345\r\n");
    gateway_wait_log(&gateway, "b has read 12345");
    send_text(fd, "5\r\n67890\r\n0\r\n\r\n");
    expect_answer(fd, "200 OK", sum_of("1234567890", 10));
    send_text(fd, "POST /intakes/count HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    expect_answer(fd, "200 OK", "\r\n\r\n0 0\n");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_client_that_expects_100_gets_it)
{
    INTAKES_WITH();
    int fd = upload("/intakes/count?name=b", "Content-Length: 5\r\nExpect: 100-continue");
    char *interim = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(interim);
    EXPECT_HAS(interim, "HTTP/1.1 100 Continue\r\n");
    send_text(fd, "12345");
    expect_answer(fd, "200 OK", sum_of("12345", 5));
    free(interim);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_large_body_arrives_whole_and_takes_no_memory)
{
    enum { SIZE = 50 * 1000 * 1000, ROOM_KB = 16 * 1024 };
    INTAKES_WITH("--set", "max_body=100M");
    char *data = noise(SIZE);
    EXPECT_STATUS(POST("/intakes/count", "warm"), 200);
    long before = resident_kb();
    int fd = upload_length("/intakes/count?name=b&first=1", SIZE);
    for (size_t done = 0; done < SIZE; done += SIZE / 10) {
        raw_send(fd, data + done, SIZE / 10);
        ck_assert_int_lt(resident_kb() - before, ROOM_KB);
    }
    expect_answer(fd, "200 OK", sum_of(data, SIZE));
    free(data);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_handler_may_answer_without_reading)
{
    INTAKES_WITH();
    int fd = upload_length("/intakes/ignore?name=b", 500000);
    char *data = noise(500000);
    gateway_wait_log(&gateway, "b answers");
    raw_send(fd, data, 500000);
    expect_answer(fd, "200 OK", "not read\n");
    send_text(fd, "POST /intakes/count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect_answer(fd, "200 OK", sum_of("abc", 3));
    free(data);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_chunked_body_larger_than_max_body_is_413)
{
    INTAKES_WITH("--set", "max_body=10K");
    int fd = upload("/intakes/count?name=b", "Transfer-Encoding: chunked");
    char *data = noise(0x4000);
    send_text(fd, "5\r\n12345\r\n");
    gateway_wait_log(&gateway, "b has read 12345");
    char rest[0x4000 + 32], *end = mempcpy(stpcpy(rest, "4000\r\n"), data, 0x4000);
    end = mempcpy(end, "\r\n0\r\n\r\n", 7);
    raw_send(fd, rest, (size_t)(end - rest)); /* at once: what comes behind the answer meets a reset */
    expect_answer(fd, "HTTP/1.1 413 ", "");
    gateway_wait_log(&gateway, "b ends with -7");
    free(data);
    close(fd);
    finish();
}
END_TEST

START_TEST(an_announced_body_larger_than_max_body_is_413_and_nothing_runs)
{
    INTAKES_WITH("--set", "max_body=10K");
    int fd = upload_length("/intakes/count?name=b", 20000);
    expect_answer(fd, "HTTP/1.1 413 ", "");
    close(fd);
    gateway_stop(&gateway);
    EXPECT_LACKS(gateway_log(&gateway), "b has read");
    finish();
}
END_TEST

START_TEST(a_client_that_leaves_in_the_middle_ends_the_reading)
{
    INTAKES_WITH();
    int fd = upload_length("/intakes/count?name=b", 10);
    send_text(fd, "12345");
    gateway_wait_log(&gateway, "b has read 12345");
    close(fd);
    gateway_wait_log(&gateway, "b ends with -10 after 5");
    finish();
}
END_TEST

START_TEST(a_client_that_leaves_while_nobody_reads_is_noticed)
{
    INTAKES_WITH();
    char *data = noise(4000000);
    int fd = upload_length("/intakes/count?name=a", 4000000);
    raw_send(fd, data, 1000000); /* more than the pipe takes */
    gateway_wait_log(&gateway, "a has read");
    close(fd);
    release("a");
    gateway_wait_log(&gateway, "a ends with -10");
    free(data);
    finish();
}
END_TEST

/* Its end comes while what it has sent still waits for the handler. */
START_TEST(a_client_that_has_only_said_all_is_heard_out)
{
    static const size_t sizes[] = { 70000, 1000000 };
    INTAKES_WITH();
    char *data = noise(sizes[_i]);
    int fd = upload_length("/intakes/count?name=a", sizes[_i]);
    raw_send(fd, data, sizes[_i]);
    shutdown(fd, SHUT_WR);
    gateway_wait_log(&gateway, "a has read");
    usleep(200 * 1000); /* for the gateway to notice, though nothing says so */
    release("a");
    expect_answer(fd, "200 OK", sum_of(data, sizes[_i]));
    free(data);
    close(fd);
    finish();
}
END_TEST

START_TEST(the_deadline_ends_the_reading)
{
    INTAKES_WITH("--set", "timeout=2.5");
    int fd = upload_length("/intakes/count?name=b", 10);
    send_text(fd, "12345");
    gateway_wait_log(&gateway, "b ends with -11 after 5");
    send_text(fd, "67890");
    expect_answer(fd, "HTTP/1.1 504 ", "");
    send_text(fd, "POST /intakes/count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect_answer(fd, "200 OK", sum_of("abc", 3));
    close(fd);
    finish();
}
END_TEST

START_TEST(the_whole_body_may_be_waited_for)
{
    INTAKES_WITH();
    int fd = upload_length("/intakes/whole?name=b", 10);
    send_text(fd, "12345");
    gateway_wait_log(&gateway, "b begins");
    send_text(fd, "67890");
    expect_answer(fd, "200 OK", "\r\n\r\n1234567890");
    close(fd);
    char *data = noise(300000);
    const struct reply *reply = ask("POST", "/intakes/whole", LIST(), data, 300000);
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, 300000);
    ck_assert_mem_eq(reply->body, data, 300000);
    free(data);
    finish();
}
END_TEST

START_TEST(a_form_may_be_waited_for)
{
    INTAKES_WITH();
    int fd = upload("/intakes/form?name=b", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11");
    send_text(fd, "a=1&b");
    gateway_wait_log(&gateway, "b begins");
    send_text(fd, "=two+2");
    expect_answer(fd, "200 OK", "\r\n\r\n1 and two 2\n");
    close(fd);
    finish();
}
END_TEST

START_TEST(what_is_flushed_while_it_arrives_is_not_lost)
{
    INTAKES_WITH();
    char *data = noise(300000);
    const struct reply *reply = ask("POST", "/intakes/echo", LIST(), data, 300000);
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, 300000);
    ck_assert_mem_eq(reply->body, data, 300000);
    free(data);
    finish();
}
END_TEST

Suite *stream_body_suite(void)
{
    Suite *suite = suite_create("stream_body");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, the_first_bytes_are_read_before_the_last_are_sent);
    tcase_add_test(own, so_they_are_where_the_setting_says_so);
    tcase_add_test(own, and_so_they_are_not_where_it_says_no);
    tcase_add_test(own, chunks_are_read_as_they_come);
    tcase_add_test(own, a_client_that_expects_100_gets_it);
    tcase_add_test(own, a_large_body_arrives_whole_and_takes_no_memory);
    tcase_add_test(own, a_handler_may_answer_without_reading);
    tcase_add_test(own, a_chunked_body_larger_than_max_body_is_413);
    tcase_add_test(own, an_announced_body_larger_than_max_body_is_413_and_nothing_runs);
    tcase_add_test(own, a_client_that_leaves_in_the_middle_ends_the_reading);
    tcase_add_test(own, a_client_that_leaves_while_nobody_reads_is_noticed);
    tcase_add_loop_test(own, a_client_that_has_only_said_all_is_heard_out, 0, 2);
    tcase_add_test(own, the_deadline_ends_the_reading);
    tcase_add_test(own, the_whole_body_may_be_waited_for);
    tcase_add_test(own, a_form_may_be_waited_for);
    tcase_add_test(own, what_is_flushed_while_it_arrives_is_not_lost);
    return suite;
}
