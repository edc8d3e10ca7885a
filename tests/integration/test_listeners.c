#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A reply over another listener than the first. */
static struct reply ask_over(const char *url, const char *path)
{
    struct reply reply;
    fetch(&reply, url, path, "GET", NULL, NULL, 0);
    return reply;
}

START_TEST(a_unix_socket_is_served)
{
    char where[200];
    prepare();
    snprintf(where, sizeof where, "unix:%s", scratch_path(&scratch, "http.sock"));
    SERVE("examples/environ.so", "--listen", where);
    ck_assert_uint_eq(gateway.listeners, 2);
    ck_assert_str_eq(gateway.urls[1], where);
    struct reply reply = ask_over(where, "/environ/a");
    EXPECT_STATUS(&reply, 200);
    ck_assert_pstr_eq(variable(&reply, "REMOTE_ADDR"), "unix:");
    ck_assert_pstr_eq(variable(&reply, "REMOTE_PORT"), NULL);
    ck_assert_pstr_eq(variable(&reply, "SERVER_PORT"), "80");
    ck_assert_pstr_eq(variable(&reply, "PATH_INFO"), "/a");
    reply_free(&reply);
    gateway_stop(&gateway);
    ck_assert_msg(access(where + strlen("unix:"), F_OK) < 0, "the socket file is left behind");
    finish();
}
END_TEST

START_TEST(a_socket_file_left_by_a_dead_gateway_is_replaced)
{
    char where[200];
    prepare();
    snprintf(where, sizeof where, "unix:%s", scratch_path(&scratch, "http.sock"));
    SERVE("examples/hello.so", "--listen", where);
    gateway_teardown(); /* SIGKILL: nothing is cleaned up */
    ck_assert_int_eq(access(where + strlen("unix:"), F_OK), 0);
    SERVE("", "--listen", where);
    struct reply reply = ask_over(where, "/hello/");
    EXPECT(&reply, 200, "Hello, world!\n");
    reply_free(&reply);
    finish();
}
END_TEST

START_TEST(ipv6_is_served)
{
    const struct sockaddr_in6 loopback = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int has = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof loopback) == 0;
    close(fd);
    if (!has) {
        fprintf(stderr, "this machine has no ::1: the test of IPv6 is skipped\n");
        return;
    }
    SERVE("examples/environ.so", "--listen", "[::1]:0");
    ck_assert_int_eq(strncmp(gateway.urls[1], "http://[::1]:", 13), 0);
    struct reply reply = ask_over(gateway.urls[1], "/environ/");
    EXPECT_STATUS(&reply, 200);
    ck_assert_pstr_eq(variable(&reply, "REMOTE_ADDR"), "::1");
    ck_assert_pstr_eq(variable(&reply, "SERVER_NAME"), "[::1]");
    ck_assert_pstr_eq(variable(&reply, "SERVER_PORT"), gateway.urls[1] + 13);
    reply_free(&reply);
    finish();
}
END_TEST

START_TEST(several_listeners_serve_the_same)
{
    SERVE("examples/hello.so", "--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0");
    ck_assert_uint_eq(gateway.listeners, 3);
    for (size_t i = 0; i < gateway.listeners; i++) {
        char url[64];
        snprintf(url, sizeof url, "http://127.0.0.1%s", strrchr(gateway.urls[i], ':'));
        struct reply reply = ask_over(url, "/hello/");
        EXPECT(&reply, 200, "Hello, world!\n");
        reply_free(&reply);
    }
    finish();
}
END_TEST

START_TEST(a_port_in_use_is_refused_and_named)
{
    struct command_result result;
    char where[32], wanted[128];
    SERVE("examples/hello.so");
    snprintf(where, sizeof where, "127.0.0.1:%d", gateway.port);
    COMMAND(&result, "postern", "serve", "--plugins", scratch_path(&scratch, "plugins"), "--listen", where);
    ck_assert_int_eq(result.status, 1);
    snprintf(wanted, sizeof wanted, "postern: listen %s: Address already in use: something else listens there", where);
    EXPECT_HAS(result.err, wanted);
    command_free(&result);
    EXPECT_STATUS(GET("/hello/"), 200); /* the first goes on */
    finish();
}
END_TEST

START_TEST(a_unix_socket_in_use_is_refused_and_kept)
{
    struct command_result result;
    char where[200];
    prepare();
    snprintf(where, sizeof where, "unix:%s", scratch_path(&scratch, "http.sock"));
    SERVE("examples/hello.so", "--listen", where);
    COMMAND(&result, "postern", "serve", "--plugins", scratch_path(&scratch, "plugins"), "--listen", where);
    ck_assert_int_eq(result.status, 1);
    EXPECT_HAS(result.err, "Address already in use");
    command_free(&result);
    struct reply reply = ask_over(where, "/hello/");
    EXPECT_STATUS(&reply, 200);
    reply_free(&reply);
    finish();
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_never_removed)
{
    struct command_result result;
    char where[200];
    prepare();
    scratch_write(&scratch, "precious", "data");
    snprintf(where, sizeof where, "unix:%s", scratch_path(&scratch, "precious"));
    COMMAND(&result, "postern", "serve", "--plugins", scratch_path(&scratch, "plugins"), "--listen", where);
    ck_assert_int_eq(result.status, 1);
    command_free(&result);
    ck_assert_int_eq(access(scratch_path(&scratch, "precious"), F_OK), 0);
    scratch_remove(&scratch);
}
END_TEST

Suite *listeners_suite(void)
{
    Suite *suite = suite_create("listeners");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, a_unix_socket_is_served);
    tcase_add_test(own, a_socket_file_left_by_a_dead_gateway_is_replaced);
    tcase_add_test(own, ipv6_is_served);
    tcase_add_test(own, several_listeners_serve_the_same);
    tcase_add_test(own, a_port_in_use_is_refused_and_named);
    tcase_add_test(own, a_unix_socket_in_use_is_refused_and_kept);
    tcase_add_test(own, a_file_that_is_no_socket_is_never_removed);
    return suite;
}
