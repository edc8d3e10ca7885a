/* Handlers that run while their body is still arriving. */
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define INTAKES "tests/integration/plugins/intakes.so"

/* The FIFO `a` holds what is named so. */
static void serve_intakes(const char *const *more)
{
    const char *arguments[24] = { "--set", NULL };
    char place[256];
    size_t n = 2;
    prepare();
    ck_assert_int_eq(mkfifo(scratch_path(&scratch, "a"), 0600), 0);
    snprintf(place, sizeof place, "plugin.intakes.option.place=%s", scratch.path);
    arguments[1] = place;
    while (*more)
        arguments[n++] = *more++;
    serve(INTAKES, arguments);
}
#define INTAKES_WITH(...) serve_intakes(LIST(__VA_ARGS__))

static void release(void)
{
    int fd = open(scratch_path(&scratch, "a"), O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void say(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

/* The head of an upload; `length` of `framing` "Content-Length: %zu". */
static int begin(const char *target, const char *header)
{
    char head[512];
    int fd = raw_connect(gateway.port);
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", target, header);
    say(fd, head);
    return fd;
}

static int begin_length(const char *target, size_t length)
{
    char header[64];
    snprintf(header, sizeof header, "Content-Length: %zu", length);
    return begin(target, header);
}

static void expect_answer(int fd, const char *status, const char *body)
{
    char *answer = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, status);
    EXPECT_HAS(answer, body);
    free(answer);
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

static long resident_kb(void)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)gateway.pid);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        (void)sscanf(line, "VmRSS: %ld", &kb);
    fclose(file);
    return kb;
}

START_TEST(the_first_bytes_are_read_before_the_last_are_sent)
{
    INTAKES_WITH();
    int fd = begin_length("/intakes/count?name=b", 10);
    say(fd, "12345");
    gateway_wait_log(&gateway, "b has read 12345");
    say(fd, "67890");
    expect_answer(fd, "200 OK", sum_of("1234567890", 10));
    say(fd, "POST /intakes/count?name=c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect_answer(fd, "200 OK", sum_of("abc", 3));
    close(fd);
    finish();
}
END_TEST

START_TEST(so_they_are_where_the_setting_says_so)
{
    INTAKES_WITH("--set", "plugin.intakes.stream_body=on");
    int fd = begin_length("/intakes/plain?name=b", 10);
    say(fd, "12345");
    gateway_wait_log(&gateway, "b has read 12345");
    say(fd, "67890");
    expect_answer(fd, "200 OK", sum_of("1234567890", 10));
    close(fd);
    finish();
}
END_TEST

START_TEST(and_so_they_are_not_where_it_says_no)
{
    INTAKES_WITH("--set", "plugin.intakes.stream_body=off");
    int fd = begin_length("/intakes/count?name=b", 10);
    say(fd, "12345");
    EXPECT_STATUS(POST("/intakes/count", "x"), 200);
    EXPECT_LACKS(gateway_log(&gateway), "b has read");
    say(fd, "67890");
    expect_answer(fd, "200 OK", sum_of("1234567890", 10));
    close(fd);
    finish();
}
END_TEST

START_TEST(chunks_are_read_as_they_come)
{
    INTAKES_WITH();
    int fd = begin("/intakes/count?name=b", "Transfer-Encoding: chunked");
    say(fd, "5\r\n12345\r\n");
    gateway_wait_log(&gateway, "b has read 12345");
    say(fd, "5\r\n67890\r\n0\r\n\r\n");
    expect_answer(fd, "200 OK", sum_of("1234567890", 10));
    say(fd, "POST /intakes/count HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    expect_answer(fd, "200 OK", "\r\n\r\n0 0\n");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_client_that_expects_100_gets_it)
{
    INTAKES_WITH();
    int fd = begin("/intakes/count?name=b", "Content-Length: 5\r\nExpect: 100-continue");
    char *interim = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(interim);
    EXPECT_HAS(interim, "HTTP/1.1 100 Continue\r\n");
    say(fd, "12345");
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
    int fd = begin_length("/intakes/count?name=b&first=1", SIZE);
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
    int fd = begin_length("/intakes/ignore?name=b", 500000);
    char *data = noise(500000);
    gateway_wait_log(&gateway, "b answers");
    raw_send(fd, data, 500000);
    expect_answer(fd, "200 OK", "not read\n");
    say(fd, "POST /intakes/count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect_answer(fd, "200 OK", sum_of("abc", 3));
    free(data);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_chunked_body_larger_than_max_body_is_413)
{
    INTAKES_WITH("--set", "max_body=10K");
    int fd = begin("/intakes/count?name=b", "Transfer-Encoding: chunked");
    char *data = noise(0x4000);
    say(fd, "5\r\n12345\r\n");
    gateway_wait_log(&gateway, "b has read 12345");
    say(fd, "4000\r\n");
    raw_send(fd, data, 0x4000);
    say(fd, "\r\n0\r\n\r\n");
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
    int fd = begin_length("/intakes/count?name=b", 20000);
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
    int fd = begin_length("/intakes/count?name=b", 10);
    say(fd, "12345");
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
    int fd = begin_length("/intakes/count?name=a", 4000000);
    raw_send(fd, data, 1000000); /* more than the pipe takes */
    gateway_wait_log(&gateway, "a has read");
    close(fd);
    release();
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
    int fd = begin_length("/intakes/count?name=a", sizes[_i]);
    raw_send(fd, data, sizes[_i]);
    shutdown(fd, SHUT_WR);
    gateway_wait_log(&gateway, "a has read");
    usleep(200 * 1000); /* for the gateway to notice, though nothing says so */
    release();
    expect_answer(fd, "200 OK", sum_of(data, sizes[_i]));
    free(data);
    close(fd);
    finish();
}
END_TEST

START_TEST(the_deadline_ends_the_reading)
{
    INTAKES_WITH("--set", "timeout=0.3");
    int fd = begin_length("/intakes/count?name=b", 10);
    say(fd, "12345");
    gateway_wait_log(&gateway, "b ends with -11 after 5");
    say(fd, "67890");
    expect_answer(fd, "HTTP/1.1 504 ", "");
    say(fd, "POST /intakes/count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect_answer(fd, "200 OK", sum_of("abc", 3));
    close(fd);
    finish();
}
END_TEST

START_TEST(the_whole_body_may_be_waited_for)
{
    INTAKES_WITH();
    int fd = begin_length("/intakes/whole?name=b", 10);
    say(fd, "12345");
    gateway_wait_log(&gateway, "b begins");
    say(fd, "67890");
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
    int fd = begin("/intakes/form?name=b", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11");
    say(fd, "a=1&b");
    gateway_wait_log(&gateway, "b begins");
    say(fd, "=two+2");
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
