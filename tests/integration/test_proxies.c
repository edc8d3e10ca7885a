/* What a proxy in front says of its client, and from whom it counts. */
#include <stdio.h>

#include "tests/integration/generations.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#define TRUST "--set", "trusted=127.0.0.0/8,10.0.0.0/8"
#define DOUBT "warning: trusted names proxies, and forwarded does not say which fields are theirs"
#define EXPECT_VARIABLE(reply, name, value) ck_assert_pstr_eq(variable(reply, name), value)

static void serve_trusting(void)
{
    SERVE("examples/environ.so", TRUST);
}

/* --- who is believed ------------------------------------------------------------------------------------------ */

static void serve_distrusting(void)
{
    SERVE("examples/environ.so", "--set", "trusted=192.0.2.0/24,::/0,unix:");
}

START_TEST(from_anybody_else_the_fields_are_headers_like_any_other)
{
    char host[32];
    snprintf(host, sizeof host, "127.0.0.1:%d", gateway.port);
    const struct reply *reply =
        GET("/environ/", "X-Forwarded-For: 203.0.113.1", "X-Forwarded-Proto: gopher", "X-Forwarded-Host: evil example",
            "Forwarded: for=203.0.113.2;proto=https;host=evil.example");
    EXPECT_STATUS(reply, 200);
    EXPECT_VARIABLE(reply, "REMOTE_ADDR", "127.0.0.1");
    ck_assert_int_gt(atoi(variable(reply, "REMOTE_PORT")), 0);
    EXPECT_VARIABLE(reply, "REQUEST_SCHEME", "http");
    EXPECT_VARIABLE(reply, "HTTPS", NULL);
    EXPECT_VARIABLE(reply, "HTTP_HOST", host);
    EXPECT_VARIABLE(reply, "SERVER_NAME", "127.0.0.1");
    EXPECT_VARIABLE(reply, "SERVER_PORT", strchr(host, ':') + 1);
    EXPECT_VARIABLE(reply, "HTTP_X_FORWARDED_FOR", "203.0.113.1");
    EXPECT_VARIABLE(reply, "HTTP_X_FORWARDED_PROTO", "gopher");
    EXPECT_VARIABLE(reply, "HTTP_X_FORWARDED_HOST", "evil example");
    EXPECT_VARIABLE(reply, "HTTP_FORWARDED", "for=203.0.113.2;proto=https;host=evil.example");
}
END_TEST

START_TEST(without_the_setting_nobody_is_believed)
{
    SERVE("examples/environ.so");
    const struct reply *reply = GET("/environ/", "X-Forwarded-For: 203.0.113.1", "Forwarded: for=203.0.113.2");
    EXPECT_VARIABLE(reply, "REMOTE_ADDR", "127.0.0.1");
    finish();
}
END_TEST

/* --- what is believed ----------------------------------------------------------------------------------------- */

START_TEST(the_client_is_who_the_proxy_says)
{
    const struct reply *reply =
        GET("/environ/", "X-Forwarded-For: 198.51.100.1, 203.0.113.1:4711", "X-Forwarded-For: 10.0.0.1",
            "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example");
    EXPECT_STATUS(reply, 200);
    EXPECT_VARIABLE(reply, "REMOTE_ADDR", "203.0.113.1");
    EXPECT_VARIABLE(reply, "REMOTE_HOST", "203.0.113.1");
    EXPECT_VARIABLE(reply, "REMOTE_PORT", "4711");
    EXPECT_VARIABLE(reply, "REQUEST_SCHEME", "https");
    EXPECT_VARIABLE(reply, "HTTPS", "on");
    EXPECT_VARIABLE(reply, "HTTP_HOST", "shop.example");
    EXPECT_VARIABLE(reply, "SERVER_NAME", "shop.example");
    EXPECT_VARIABLE(reply, "SERVER_PORT", "443");
    EXPECT_VARIABLE(reply, "HTTP_X_FORWARDED_FOR", "198.51.100.1, 203.0.113.1:4711, 10.0.0.1");
}
END_TEST

START_TEST(forwarded_says_the_same_in_one_field)
{
    const struct reply *reply =
        GET("/environ/", "Forwarded: for=198.51.100.1;proto=http, for=\"[2001:db8::7]\";host=\"shop.example:8443\";"
                         "proto=https, for=10.0.0.1;proto=http");
    EXPECT_STATUS(reply, 200);
    EXPECT_VARIABLE(reply, "REMOTE_ADDR", "2001:db8::7");
    EXPECT_VARIABLE(reply, "REMOTE_PORT", NULL);
    EXPECT_VARIABLE(reply, "REQUEST_SCHEME", "https");
    EXPECT_VARIABLE(reply, "HTTP_HOST", "shop.example:8443");
    EXPECT_VARIABLE(reply, "SERVER_PORT", "8443");
}
END_TEST

START_TEST(what_it_does_not_say_is_the_connection)
{
    char port[8];
    snprintf(port, sizeof port, "%d", gateway.port);
    const struct reply *reply = GET("/environ/", "X-Forwarded-For: 203.0.113.1, unknown");
    EXPECT_VARIABLE(reply, "REMOTE_ADDR", "127.0.0.1");
    ck_assert_int_gt(atoi(variable(reply, "REMOTE_PORT")), 0);
    EXPECT_VARIABLE(reply, "SERVER_PORT", port);
    reply = GET("/environ/", "X-Forwarded-Proto: https", "Host: shop.example");
    EXPECT_VARIABLE(reply, "REMOTE_ADDR", "127.0.0.1");
    EXPECT_VARIABLE(reply, "REQUEST_SCHEME", "https");
    EXPECT_VARIABLE(reply, "HTTP_HOST", "shop.example");
    EXPECT_VARIABLE(reply, "SERVER_PORT", "443");
}
END_TEST

/* The authority is that of the target then, unless the proxy says otherwise. */
START_TEST(a_target_with_an_authority)
{
    const char *answer = talk("GET http://first.example/environ/a?b HTTP/1.1\r\nHost: other.example\r\n"
                              "X-Forwarded-Host: shop.example\r\nConnection: close\r\n\r\n");
    EXPECT_HAS(answer, "HTTP_HOST=shop.example\n");
    EXPECT_HAS(answer, "SERVER_NAME=shop.example\n");
    EXPECT_HAS(answer, "REQUEST_URI=/environ/a?b\n");
    answer = talk("GET http://first.example/environ/a HTTP/1.1\r\nHost: other.example\r\n"
                  "X-Forwarded-For: 203.0.113.1\r\nConnection: close\r\n\r\n");
    EXPECT_HAS(answer, "HTTP_HOST=first.example\n");
    EXPECT_HAS(answer, "REMOTE_ADDR=203.0.113.1\n");
}
END_TEST

START_TEST(a_host_that_was_not_there_is)
{
    const char *answer = talk("GET /environ/ HTTP/1.0\r\nX-Forwarded-Host: shop.example:81\r\n\r\n");
    EXPECT_HAS(answer, "HTTP_HOST=shop.example:81\n");
    EXPECT_HAS(answer, "SERVER_PORT=81\n");
}
END_TEST

/* A proxy passes many clients on over one connection. */
START_TEST(each_request_of_a_connection_has_its_own_client)
{
    struct session *session = session_begin(gateway.url);
    struct reply reply = { 0 };
    static const char *const clients[] = { "203.0.113.1", "203.0.113.2", NULL, "203.0.113.3" };
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        char field[64];
        snprintf(field, sizeof field, "X-Forwarded-For: %s", clients[i] ? clients[i] : "");
        fetch_on(session, &reply, "/environ/", "GET", clients[i] ? LIST(field) : NULL, NULL, 0);
        EXPECT_VARIABLE(&reply, "REMOTE_ADDR", clients[i] ? clients[i] : "127.0.0.1");
        reply_free(&reply);
    }
    ck_assert_int_eq(session_connections(session), 1);
    session_end(session);
}
END_TEST

/* --- what is refused ------------------------------------------------------------------------------------------ */

START_TEST(what_must_not_be_guessed_at_is_refused)
{
    static const struct {
        const char *first, *second, *why;
    } rows[] = {
        { "X-Forwarded-For: 203.0.113.1", "Forwarded: for=203.0.113.2",
          "X-Forwarded-For and Forwarded tell of different clients" },
        { "X-Forwarded-Proto: https", "Forwarded: proto=http",
          "X-Forwarded-Proto and Forwarded tell of different schemes" },
        { "X-Forwarded-Host: a.example", "Forwarded: host=b.example",
          "X-Forwarded-Host and Forwarded tell of different hosts" },
        { "X-Forwarded-Proto: wss", "X-A: b", "a proxy forwards a scheme that is neither http nor https" },
        { "X-Forwarded-Host: a b", "X-A: b", "a proxy forwards a host that is no host[:port]" },
        { "Forwarded: for=\"203.0.113.1", "X-A: b", "the Forwarded field does not follow RFC 7239" },
    };
    char body[128];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(body, sizeof body, "400 Bad Request\n%s\n", rows[i].why);
        EXPECT(GET("/environ/", rows[i].first, rows[i].second), 400, body);
        EXPECT(POST("/environ/", "a body", rows[i].first, rows[i].second), 400, body);
    }
    EXPECT_STATUS(GET("/environ/", "X-Forwarded-For: 203.0.113.1", "Forwarded: for=203.0.113.1"), 200);
}
END_TEST

START_TEST(a_bad_host_is_not_mended)
{
    EXPECT_STATUS(GET("/environ/", "Host: a b", "X-Forwarded-Host: shop.example"), 400);
    EXPECT_HAS(talk("GET /environ/ HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Forwarded-Host: shop.example\r\n\r\n"),
               "more than one Host header");
    /* In the words of libmicrohttpd, from 1.0 on. */
    EXPECT_HAS(talk("GET /environ/ HTTP/1.1\r\nX-Forwarded-Host: shop.example\r\n\r\n"), "HTTP/1.1 400 ");
}
END_TEST

START_TEST(a_refusal_is_logged_once_in_a_while)
{
    SERVE("examples/environ.so", TRUST);
    for (int i = 0; i < 3; i++)
        EXPECT_STATUS(GET("/environ/", "X-Forwarded-Proto: wss"), 400);
    finish();
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "a request through the proxy 127.0.0.1 was refused: a proxy "
                                                      "forwards a scheme that is neither http nor https; have the "
                                                      "proxy set or remove each field that forwarded names"),
                      1);
}
END_TEST

/* --- what the operator says ----------------------------------------------------------------------------------- */

START_TEST(only_the_fields_that_are_named_count)
{
    SERVE("examples/environ.so", TRUST, "--set", "forwarded=x-forwarded-for,x-forwarded-proto");
    const struct reply *reply =
        GET("/environ/", "X-Forwarded-For: 203.0.113.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example",
            "Forwarded: for=203.0.113.2;proto=http", "Host: shop.example");
    EXPECT_STATUS(reply, 200);
    EXPECT_VARIABLE(reply, "REMOTE_ADDR", "203.0.113.1");
    EXPECT_VARIABLE(reply, "REQUEST_SCHEME", "https");
    EXPECT_VARIABLE(reply, "HTTP_HOST", "shop.example");
    ck_assert_ptr_null(strstr(gateway_log(&gateway), DOUBT));
    finish();
}
END_TEST

START_TEST(to_name_no_fields_is_warned_of_once)
{
    SERVE("examples/environ.so", TRUST, "--set", "processes=2");
    const char *log = gateway_log(&gateway);
    ck_assert_uint_eq(count_of(log, DOUBT), 1);
    finish();
}
END_TEST

START_TEST(a_local_socket_is_trusted_by_its_name)
{
    char where[200];
    struct reply reply;
    prepare();
    snprintf(where, sizeof where, "unix:%s", scratch_path(&scratch, "http.sock"));
    SERVE("examples/environ.so", "--listen", where, "--set", "trusted=unix:");
    fetch(&reply, where, "/environ/", "GET", LIST("X-Forwarded-For: 203.0.113.1"), NULL, 0);
    EXPECT_VARIABLE(&reply, "REMOTE_ADDR", "203.0.113.1");
    EXPECT_VARIABLE(&reply, "REMOTE_PORT", NULL);
    reply_free(&reply);
    fetch(&reply, where, "/environ/", "GET", LIST("X-Forwarded-Proto: https", "Host: shop.example"), NULL, 0);
    EXPECT_VARIABLE(&reply, "REMOTE_ADDR", "unix:");
    EXPECT_VARIABLE(&reply, "SERVER_PORT", "443");
    reply_free(&reply);
    EXPECT_VARIABLE(GET("/environ/", "X-Forwarded-For: 203.0.113.1"), "REMOTE_ADDR", "127.0.0.1");
    finish();
}
END_TEST

START_TEST(a_local_socket_is_not_trusted_for_addresses)
{
    char where[200];
    struct reply reply;
    prepare();
    snprintf(where, sizeof where, "unix:%s", scratch_path(&scratch, "http.sock"));
    SERVE("examples/environ.so", "--listen", where, "--set", "trusted=0.0.0.0/0,::/0");
    fetch(&reply, where, "/environ/", "GET", LIST("X-Forwarded-For: 203.0.113.1"), NULL, 0);
    EXPECT_VARIABLE(&reply, "REMOTE_ADDR", "unix:");
    reply_free(&reply);
    finish();
}
END_TEST

START_TEST(a_reload_changes_who_is_believed)
{
    char conf[200];
    prepare();
    scratch_write(&scratch, "postern.conf", "trusted = \"192.0.2.1\"\n");
    snprintf(conf, sizeof conf, "%s", scratch_path(&scratch, "postern.conf"));
    SERVE("examples/environ.so", "-c", conf, "--control", control_path());
    EXPECT_VARIABLE(GET("/environ/", "X-Forwarded-For: 203.0.113.1"), "REMOTE_ADDR", "127.0.0.1");
    scratch_write(&scratch, "postern.conf", "trusted = {\"192.0.2.1\", \"127.0.0.1\"}\n");
    reload(0, "generation 2 serves\n");
    await_ended(1);
    EXPECT_VARIABLE(GET("/environ/", "X-Forwarded-For: 203.0.113.1"), "REMOTE_ADDR", "203.0.113.1");
    scratch_write(&scratch, "postern.conf", "trusted = \"127.0.0.1/8\"\n");
    reload(1, "trusted: \"127.0.0.1/8\" has bits set behind its prefix: the network is 127.0.0.0/8");
    EXPECT_VARIABLE(GET("/environ/", "X-Forwarded-For: 203.0.113.1"), "REMOTE_ADDR", "203.0.113.1");
    finish();
}
END_TEST

/* --- who else is told ----------------------------------------------------------------------------------------- */

START_TEST(the_access_log_has_the_client)
{
    char path[200];
    prepare();
    snprintf(path, sizeof path, "access_log=%s", scratch_path(&scratch, "access.log"));
    SERVE("examples/environ.so", TRUST, "--set", path);
    EXPECT_STATUS(GET("/environ/one", "X-Forwarded-For: 203.0.113.1"), 200);
    EXPECT_STATUS(GET("/nowhere", "X-Forwarded-For: 203.0.113.2"), 404);
    EXPECT_STATUS(GET("/%zz", "X-Forwarded-For: 203.0.113.3"), 400);
    EXPECT_STATUS(GET("/refused", "X-Forwarded-For: 203.0.113.4", "X-Forwarded-Proto: wss"), 400);
    /* Each when its own connection is through with it, in any order. */
    (void)wait_for_text("access.log", "/environ/one");
    (void)wait_for_text("access.log", "/nowhere");
    (void)wait_for_text("access.log", "/%zz");
    const char *log = wait_for_text("access.log", "/refused");
    EXPECT_HAS(log, "203.0.113.1 - - [");
    EXPECT_HAS(log, "203.0.113.2 - - [");
    EXPECT_HAS(log, "203.0.113.3 - - [");
    EXPECT_HAS(log, "127.0.0.1 - - ["); /* of whom the proxy was, whoever the client may have been */
    ck_assert_uint_eq(count_of(log, "127.0.0.1 - - ["), 1);
    finish();
}
END_TEST

Suite *proxies_suite(void)
{
    Suite *suite = suite_create("proxies");
    TCase *distrusting = test_case(suite, "not trusted", serve_distrusting);
    tcase_add_test(distrusting, from_anybody_else_the_fields_are_headers_like_any_other);
    TCase *trusting = test_case(suite, "trusted", serve_trusting);
    tcase_add_test(trusting, the_client_is_who_the_proxy_says);
    tcase_add_test(trusting, forwarded_says_the_same_in_one_field);
    tcase_add_test(trusting, what_it_does_not_say_is_the_connection);
    tcase_add_test(trusting, a_target_with_an_authority);
    tcase_add_test(trusting, a_host_that_was_not_there_is);
    tcase_add_test(trusting, each_request_of_a_connection_has_its_own_client);
    tcase_add_test(trusting, what_must_not_be_guessed_at_is_refused);
    tcase_add_test(trusting, a_bad_host_is_not_mended);
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, without_the_setting_nobody_is_believed);
    tcase_add_test(own, a_refusal_is_logged_once_in_a_while);
    tcase_add_test(own, only_the_fields_that_are_named_count);
    tcase_add_test(own, to_name_no_fields_is_warned_of_once);
    tcase_add_test(own, a_local_socket_is_trusted_by_its_name);
    tcase_add_test(own, a_local_socket_is_not_trusted_for_addresses);
    tcase_add_test(own, a_reload_changes_who_is_believed);
    tcase_add_test(own, the_access_log_has_the_client);
    return suite;
}
