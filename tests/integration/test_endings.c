/* Clean-ups and closings: once each, on every path. Each test has a gateway of its own and counts after its end. */
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdio.h>
#include <unistd.h>

static void serve_endings(void)
{
    SERVE("tests/integration/plugins/endings.so");
}

/* The latest registered runs first; each once. */
static void expect_finished(const char *tag)
{
    char first[64], second[64];
    const char *log = gateway_log(&gateway);
    snprintf(first, sizeof first, "finish %s 2\n", tag);
    snprintf(second, sizeof second, "finish %s 1\n", tag);
    ck_assert_uint_eq(count_of(log, first), 1);
    ck_assert_uint_eq(count_of(log, second), 1);
    ck_assert(strstr(log, first) < strstr(log, second));
}

static void expect_closed(const char *tag)
{
    char line[64];
    snprintf(line, sizeof line, "close %s\n", tag);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), line), 1);
}

START_TEST(clean_ups_run_in_reverse_order_whatever_the_handler_returned)
{
    static const char *const tags[] = { "ok", "status", "fails", "nothing" };
    char path[64];
    serve_endings();
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        snprintf(path, sizeof path, "/endings/%s?tag=%s", tags[i], tags[i]);
        ck_assert_int_eq(GET(path)->error, 0);
    }
    gateway_stop(&gateway);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        expect_finished(tags[i]);
    finish();
}
END_TEST

START_TEST(a_stream_is_closed_once_however_it_ends)
{
    static const char *const queries[] = {
        "bytes=100000&tag=chunked",      "bytes=100000&declared=100000&tag=length", "bytes=0&tag=empty",
        "bytes=0&declared=0&tag=zero",   "bytes=100000&result=-6&tag=failing",      "bytes=10&declared=20&tag=short",
        "bytes=20&declared=10&tag=long",
    };
    char path[128];
    serve_endings();
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        snprintf(path, sizeof path, "/endings/stream?%s", queries[i]);
        (void)GET(path);
        (void)ASK("HEAD", strcat(path, "-head"));
    }
    gateway_stop(&gateway);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char tag[32];
        snprintf(tag, sizeof tag, "%s", strrchr(queries[i], '=') + 1);
        expect_closed(tag);
        expect_finished(tag);
        expect_closed(strcat(tag, "-head"));
    }
    finish();
}
END_TEST

START_TEST(a_stream_that_is_not_sent_is_closed_too)
{
    serve_endings();
    EXPECT(GET("/endings/replaced?tag=replaced"), 200, "text instead\n");
    EXPECT_STATUS(GET("/endings/then-fails?tag=then-fails"), 500);
    EXPECT(GET("/endings/twice?tag=twice"), 200, "ssssssssss");
    EXPECT(GET("/endings/without-body?tag=without-body"), 204, "");
    gateway_stop(&gateway);
    expect_closed("replaced");
    expect_closed("then-fails");
    expect_closed("twice first");
    expect_closed("twice second");
    expect_closed("without-body");
    finish();
}
END_TEST

/* Starts an endless response and waits for its beginning. */
static int begin_endless(const char *tag)
{
    char request[128], first;
    snprintf(request, sizeof request, "GET /endings/stream?bytes=-1&tag=%s HTTP/1.1\r\nHost: a\r\n\r\n", tag);
    int fd = raw_connect(gateway.port);
    raw_send(fd, request, strlen(request));
    ck_assert_int_eq(read(fd, &first, 1), 1);
    return fd;
}

START_TEST(a_client_that_hangs_up_ends_its_request)
{
    serve_endings();
    close(begin_endless("gone"));
    gateway_wait_log(&gateway, "finish gone 1\n");
    gateway_stop(&gateway);
    expect_closed("gone");
    expect_finished("gone");
    finish();
}
END_TEST

START_TEST(a_client_that_hangs_up_within_its_body_is_no_request)
{
    static const char part[] = "POST /endings/ok?tag=partial HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345";
    SERVE("tests/integration/plugins/endings.so", "--set", "grace=1");
    int fd = raw_connect(gateway.port);
    raw_send(fd, part, strlen(part));
    close(fd);
    EXPECT_STATUS(GET("/endings/ok?tag=after"), 200);
    gateway_stop(&gateway);
    expect_finished("after");
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "finish "), 2);
    finish();
}
END_TEST

START_TEST(an_endless_response_is_ended_by_the_grace_period)
{
    SERVE("tests/integration/plugins/endings.so", "--set", "grace=0.2");
    int fd = begin_endless("endless");
    gateway_stop(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "the grace period of 0.2 s is over: 1 request(s) are cut");
    expect_closed("endless");
    expect_finished("endless");
    close(fd);
    finish();
}
END_TEST

Suite *endings_suite(void)
{
    Suite *suite = suite_create("endings");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, clean_ups_run_in_reverse_order_whatever_the_handler_returned);
    tcase_add_test(own, a_stream_is_closed_once_however_it_ends);
    tcase_add_test(own, a_stream_that_is_not_sent_is_closed_too);
    tcase_add_test(own, a_client_that_hangs_up_ends_its_request);
    tcase_add_test(own, a_client_that_hangs_up_within_its_body_is_no_request);
    tcase_add_test(own, an_endless_response_is_ended_by_the_grace_period);
    return suite;
}
