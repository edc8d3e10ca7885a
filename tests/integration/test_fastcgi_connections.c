/* The bundled plugin fastcgi: its connections to the application, which the test plays itself. */
#include "tests/integration/application.h"
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdio.h>
#include <unistd.h>

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

/* The next request on a connection that was kept. */
static void reach_again(int fd)
{
    struct asked asked;
    application_take(fd, &asked);
    ck_assert_ptr_nonnull(asked.variables);
    free(asked.variables);
}

START_TEST(a_connection_is_used_again)
{
    int client;
    APPLICATION();
    int fd = reach("/fastcgi/1", &client);
    for (int i = 0; i < 5; i++) {
        application_answer(fd, HELLO);
        expect_answer(client, "200 OK", "hello\n");
        say(client, "/fastcgi/again");
        reach_again(fd);
    }
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    ck_assert(!application_is_wanted());
    close(client);
    finish();
}
END_TEST

START_TEST(one_that_was_closed_meanwhile_is_not)
{
    int client;
    APPLICATION();
    int fd = reach("/fastcgi/1", &client);
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    close(fd);
    say(client, "/fastcgi/2");
    fd = application_accept();
    reach_again(fd);
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    close(client);
    finish();
}
END_TEST

/* It reads the request, and closes: it may have been about to close before. */
START_TEST(one_that_is_closed_over_a_request_is_tried_once_more)
{
    int client;
    APPLICATION();
    int fd = reach("/fastcgi/1", &client);
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    say(client, "/fastcgi/2");
    reach_again(fd);
    close(fd);
    fd = application_accept();
    reach_again(fd);
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");

    say(client, "/fastcgi/3");
    reach_again(fd);
    close(fd);
    fd = application_accept();
    reach_again(fd);
    close(fd); /* and once is enough */
    expect_answer(client, "502 Bad Gateway", "");
    close(client);
    finish();
}
END_TEST

START_TEST(what_may_have_had_an_effect_is_not_tried_again)
{
    static const char post[] = "POST /fastcgi/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    int client;
    APPLICATION();
    int fd = reach("/fastcgi/1", &client);
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    raw_send(client, post, sizeof post - 1);
    reach_again(fd);
    close(fd);
    expect_answer(client, "502 Bad Gateway", "");

    say(client, "/fastcgi/3");
    fd = application_accept();
    reach_again(fd);
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    say(client, "/fastcgi/4");
    reach_again(fd);
    application_say(fd, "Content"); /* it has begun */
    close(fd);
    expect_answer(client, "502 Bad Gateway", "");
    ck_assert(!application_is_wanted());
    close(client);
    finish();
}
END_TEST

START_TEST(one_that_is_not_at_its_end_is_not_used_again)
{
    static const char post[] = "POST /fastcgi/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n";
    struct asked asked;
    APPLICATION();
    char *data = noise(300000);
    int client = raw_connect(gateway.port);
    raw_send(client, post, sizeof post - 1);
    int fd = application_accept();
    application_read(fd, &asked);
    application_answer(fd, HELLO); /* the body has not been read */
    raw_send(client, data, 300000);
    expect_answer(client, "200 OK", "hello\n");
    say(client, "/fastcgi/2");
    int other = application_accept();
    reach_again(other);
    application_answer(other, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    free(data);
    free(asked.variables);
    close(client);
    close(fd);
    finish();
}
END_TEST

START_TEST(beyond_connections_a_request_waits_and_then_is_503)
{
    int first;
    APPLICATION(OPTION("connections", "1"), OPTION("connect_timeout", "0.05"));
    int fd = reach("/fastcgi/1", &first);
    const struct reply *reply = GET("/fastcgi/2");
    EXPECT_STATUS(reply, 503);
    EXPECT_HEADER(reply, "Retry-After", "1");
    gateway_wait_log(&gateway, "all its connections are in use (option connections)");
    application_answer(fd, HELLO);
    expect_answer(first, "200 OK", "hello\n");
    say(first, "/fastcgi/3");
    reach_again(fd);
    application_answer(fd, HELLO);
    expect_answer(first, "200 OK", "hello\n");
    close(first);
    finish();
}
END_TEST

START_TEST(an_application_that_does_not_accept_is_503)
{
    APPLICATION(OPTION("connect_timeout", "0.05"));
    application_shrink();
    int client = begin("/fastcgi/1"); /* stands in the backlog */
    application_await();
    const struct reply *reply = GET("/fastcgi/2");
    EXPECT_STATUS(reply, 503);
    EXPECT_HEADER(reply, "Retry-After", "1");
    gateway_wait_log(&gateway, "it accepts no connection, its backlog is full");
    int fd = application_accept();
    reach_again(fd);
    application_answer(fd, HELLO);
    expect_answer(client, "200 OK", "hello\n");
    close(client);
    close(fd);
    finish();
}
END_TEST

START_TEST(who_waits_for_a_connection_gets_it)
{
    enum { CLIENTS = 4 };
    int client[CLIENTS], first;
    APPLICATION(OPTION("connections", "1"), OPTION("connect_timeout", "60"));
    int fd = reach("/fastcgi/1", &first);
    for (int i = 0; i < CLIENTS; i++)
        client[i] = begin("/fastcgi/more");
    application_answer(fd, HELLO);
    expect_answer(first, "200 OK", "hello\n");
    for (int i = 0; i < CLIENTS; i++) {
        reach_again(fd);
        application_answer(fd, HELLO);
    }
    for (int i = 0; i < CLIENTS; i++) {
        expect_answer(client[i], "200 OK", "hello\n");
        close(client[i]);
    }
    ck_assert(!application_is_wanted());
    close(first);
    finish();
}
END_TEST

/* An application of one process, say, is done with the first connection only when that is closed. */
START_TEST(none_is_kept_while_another_may_wait_for_its_process)
{
    int first;
    APPLICATION();
    int fd = reach("/fastcgi/1", &first);
    int second = begin("/fastcgi/2");
    int other = application_accept(); /* it is there; but the gateway cannot know that it has been accepted */
    application_answer(fd, HELLO);
    expect_answer(first, "200 OK", "hello\n");
    application_expect_end(fd);
    reach_again(other);
    application_answer(other, HELLO);
    expect_answer(second, "200 OK", "hello\n");
    say(first, "/fastcgi/3"); /* that one was kept */
    reach_again(other);
    application_answer(other, HELLO);
    expect_answer(first, "200 OK", "hello\n");
    close(first);
    close(second);
    finish();
}
END_TEST

START_TEST(it_may_be_over_tcp)
{
    static const char *const hosts[] = { "127.0.0.1", "::1" };
    int client;
    for (size_t i = 0; i < 2; i++) {
        if (!application_serve_tcp(hosts[i])) {
            fprintf(stderr, "skipped: this machine has no %s\n", hosts[i]);
            continue;
        }
        int fd = reach("/fastcgi/1", &client);
        application_answer(fd, HELLO);
        expect_answer(client, "200 OK", "hello\n");
        say(client, "/fastcgi/2");
        reach_again(fd);
        application_answer(fd, HELLO);
        expect_answer(client, "200 OK", "hello\n");
        close(fd);
        application_close();
        EXPECT_STATUS(GET("/fastcgi/3"), 502);
        gateway_wait_log(&gateway, "cannot be reached: Connection refused");
        close(client);
        finish();
    }
}
END_TEST

Suite *fastcgi_connections_suite(void)
{
    Suite *suite = suite_create("fastcgi_connections");
    TCase *connections = test_case(suite, "connections", NULL);
    tcase_add_test(connections, a_connection_is_used_again);
    tcase_add_test(connections, one_that_was_closed_meanwhile_is_not);
    tcase_add_test(connections, one_that_is_closed_over_a_request_is_tried_once_more);
    tcase_add_test(connections, what_may_have_had_an_effect_is_not_tried_again);
    tcase_add_test(connections, one_that_is_not_at_its_end_is_not_used_again);
    tcase_add_test(connections, beyond_connections_a_request_waits_and_then_is_503);
    tcase_add_test(connections, an_application_that_does_not_accept_is_503);
    tcase_add_test(connections, who_waits_for_a_connection_gets_it);
    tcase_add_test(connections, none_is_kept_while_another_may_wait_for_its_process);
    tcase_add_test(connections, it_may_be_over_tcp);
    return suite;
}
