#include "http/request.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

static const struct peer peer = { "192.0.2.7", "198.51.100.1", 50000, 8080, "http" };
static struct request *request;
static const char *why;

static void set_up(void)
{
    request = request_new(1 << 20);
    ck_assert_ptr_nonnull(request);
}

static void tear_down(void)
{
    request_free(request);
    request = NULL;
}

static void begin(const char *method, const char *target)
{
    ck_assert_int_eq(request_begin(request, &peer, method, target, "HTTP/1.1", &why), NGI_OK);
}

static void add(const char *name, const char *value)
{
    request_add_header(request, name, strlen(name), value, strlen(value));
}

START_TEST(a_new_request_has_no_null_field)
{
    static const ngi_request blank = { NULL, "", "/", "", "", "", "" };
    ck_assert_ptr_null(request->ngi.ngi);
    ck_assert_str_eq(request->ngi.method, blank.method);
    ck_assert_str_eq(request->ngi.path, blank.path);
    ck_assert_str_eq(request->ngi.query, blank.query);
    ck_assert_str_eq(request->ngi.host, blank.host);
    ck_assert_str_eq(request->ngi.remote_addr, blank.remote_addr);
    ck_assert_str_eq(request->ngi.scheme, blank.scheme);
    ck_assert_ptr_null(request_header(request, "Host"));
    request_free(NULL);
}
END_TEST

START_TEST(a_request_is_made_from_its_first_line)
{
    begin("PUT", "/a/../b%20c?d=e");
    ck_assert_uint_eq(request->method, NGI_PUT);
    ck_assert_str_eq(request->ngi.method, "PUT");
    ck_assert_str_eq(request->target.path, "/b c");
    ck_assert_str_eq(request->ngi.query, "d=e");
    ck_assert_str_eq(request->ngi.remote_addr, "192.0.2.7");
    ck_assert_str_eq(request->ngi.scheme, "http");
    ck_assert_str_eq(request->raw_target, "/a/../b%20c?d=e");
    ck_assert_str_eq(request->protocol, "HTTP/1.1");
}
END_TEST

START_TEST(headers_are_found_in_any_case_and_joined)
{
    begin("GET", "/");
    add("Accept", "text/html");
    add("X-One", "1");
    add("ACCEPT", "");
    add("accept", "text/plain");
    add("Cookie", "a=1");
    add("cookie", "b=2"); /* RFC 9113 section 8.2.3: with "; " */
    ck_assert_str_eq(request_header(request, "aCCept"), "text/html, , text/plain");
    ck_assert_str_eq(request_header(request, "x-one"), "1");
    ck_assert_str_eq(request_header(request, "Cookie"), "a=1; b=2");
    ck_assert_ptr_null(request_header(request, "Acc"));
    ck_assert_ptr_null(request_header(request, "Accept-"));
    ck_assert_ptr_null(request_header(request, ""));
}
END_TEST

/* RFC 9110 section 5.6.1.2: an empty element means nothing, so it may go, but its neighbours must stay apart. */
START_TEST(an_empty_value_joins_nothing_together)
{
    begin("GET", "/");
    add("X-List", "");
    add("X-List", "b");
    add("X-List", "");
    add("X-List", "c");
    ck_assert_str_eq(request_header(request, "X-List"), "b, , c");
}
END_TEST

/* They would read as others in a CGI environ: httpoxy, and X_Auth_User for X-Auth-User. */
/* RFC 9112 section 5.1; libmicrohttpd 0.9.75 leaves it there. */
START_TEST(white_space_behind_a_value_is_no_part_of_it)
{
    begin("GET", "/");
    add("Host", "a \t");
    add("A", "b \t c\t");
    add("B", " \t");
    ck_assert_ptr_null(request_check_host(request));
    ck_assert_str_eq(request->ngi.host, "a");
    ck_assert_str_eq(request_header(request, "A"), "b \t c");
    ck_assert_str_eq(request_header(request, "B"), "");
    ck_assert_int_eq(request_own(request), NGI_OK);
    ck_assert_str_eq(request_header(request, "A"), "b \t c");
}
END_TEST

START_TEST(headers_that_could_pass_for_others_are_left_out)
{
    static const char *const names[] = { "X_Auth_User", "Content_Length", "_", "a_", "Proxy", "PROXY", "proxy" };
    begin("GET", "/");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        add(names[i], "evil");
        ck_assert_ptr_null(request_header(request, names[i]));
    }
    ck_assert_uint_eq(request->header_count, 0);
    add("Proxy-Authorization", "fine");
    add("Proxys", "fine");
    ck_assert_uint_eq(request->header_count, 2);
}
END_TEST

START_TEST(headers_beyond_the_limit_are_noticed)
{
    begin("GET", "/");
    for (unsigned i = 0; i < REQUEST_HEADERS_MAX; i++)
        add("X-Many", "v");
    ck_assert(!request->headers_overflow);
    add("X_Dropped", "v");
    ck_assert(!request->headers_overflow);
    add("Host", "late");
    ck_assert(request->headers_overflow);
    ck_assert_uint_eq(request->header_count, REQUEST_HEADERS_MAX);
    ck_assert_str_eq(request->ngi.host, "");
    ck_assert_uint_eq(strlen(request_header(request, "X-Many")), REQUEST_HEADERS_MAX * 3 - 2);
}
END_TEST

/* RFC 9112 section 3.2.2: the authority of an absolute-form target replaces Host. */
START_TEST(the_authority_of_the_target_replaces_host)
{
    begin("GET", "/");
    add("Host", "example.com:80");
    ck_assert_str_eq(request->ngi.host, "example.com:80");
    ck_assert_str_eq(request_header(request, "host"), "example.com:80");
    request_reset(request);
    begin("GET", "http://other.example/x");
    add("Host", "example.com");
    ck_assert_str_eq(request->ngi.host, "other.example");
    ck_assert_str_eq(request_header(request, "Host"), "other.example");
}
END_TEST

/* What a trusted proxy tells, of a request for `target` with that Host header (NULL: without). */
static void take(const char *target, const char *host, struct forwarded told)
{
    request_reset(request);
    begin("GET", target);
    add("X-One", "1");
    if (host)
        add("Host", host);
    ck_assert_int_eq(request_take_forwarded(request, &told), NGI_OK);
}

static struct address address(const char *text)
{
    struct address address;
    ck_assert(address_from_text(text, strlen(text), &address));
    return address;
}

START_TEST(what_a_proxy_tells_takes_the_place_of_the_connection)
{
    take("/", "here.example:81", (struct forwarded){ .has_client = true, .client = address("2001:db8::9"), .port = 7 });
    ck_assert_str_eq(request->ngi.remote_addr, "2001:db8::9");
    ck_assert_str_eq(request->peer->remote_addr, "2001:db8::9");
    ck_assert_uint_eq(request->peer->remote_port, 7);
    ck_assert_uint_eq(request->peer->local_port, 8080);
    ck_assert_str_eq(request->peer->local_addr, "198.51.100.1");
    ck_assert_str_eq(request->ngi.scheme, "http");
    ck_assert_str_eq(request->ngi.host, "here.example:81");
    take("/", "here.example:81", (struct forwarded){ .has_client = true, .client = address("203.0.113.1") });
    ck_assert_uint_eq(request->peer->remote_port, 0); /* not the proxy's */
    take("/", "here.example", (struct forwarded){ .host = "there.example:82" });
    ck_assert_str_eq(request->ngi.host, "there.example:82");
    ck_assert_str_eq(request_header(request, "host"), "there.example:82");
    ck_assert_str_eq(request->host_header, "there.example:82");
    ck_assert_uint_eq(request->host_count, 1);
    ck_assert_str_eq(request->ngi.remote_addr, "192.0.2.7");
    ck_assert_uint_eq(request->peer->remote_port, 50000);
    take("/", "here.example", (struct forwarded){ 0 });
    ck_assert_ptr_eq(request->peer, &peer);
}
END_TEST

START_TEST(the_port_of_the_server_follows_scheme_and_host)
{
    static const struct {
        const char *host, *scheme, *told;
        unsigned port;
    } rows[] = {
        { "a", "https", NULL, 443 },       { "a", "http", NULL, 80 },        { "a:81", "https", NULL, 81 },
        { "a:", "https", NULL, 443 },      { NULL, "https", NULL, 443 },     { "a:81", NULL, "b", 80 },
        { "a:81", NULL, "b:82", 82 },      { "a", "https", "[::1]:82", 82 }, { "a", "https", "[::1]", 443 },
        { "", "https", "b:65535", 65535 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        take("/", rows[i].host, (struct forwarded){ .scheme = rows[i].scheme, .host = rows[i].told });
        ck_assert_uint_eq(request->peer->local_port, rows[i].port);
        ck_assert_str_eq(request->ngi.scheme, rows[i].scheme ? rows[i].scheme : "http");
    }
}
END_TEST

START_TEST(a_told_host_is_added_where_there_is_none)
{
    take("/", NULL, (struct forwarded){ .host = "there.example" });
    ck_assert_str_eq(request_header(request, "Host"), "there.example");
    ck_assert_str_eq(request->ngi.host, "there.example");
    request_reset(request);
    begin("GET", "/");
    for (unsigned i = 0; i < REQUEST_HEADERS_MAX; i++)
        add("X-Many", "v");
    ck_assert_int_eq(request_take_forwarded(request, &(struct forwarded){ .host = "there.example" }), NGI_OK);
    ck_assert(request->headers_overflow); /* and so it is refused */
}
END_TEST

/* Otherwise who reads REQUEST_URI, as a host process does, would find the other authority there. */
START_TEST(a_told_host_replaces_the_authority_of_the_target)
{
    static const char *const rows[][2] = {
        { "http://first.example/a//b?c", "/a//b?c" },
        { "HTTPS://first.example:1", "/" },
        { "http://first.example?c=/", "/?c=/" },
        { "/a?b=http://c/d", "/a?b=http://c/d" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        take(rows[i][0], "first.example", (struct forwarded){ .host = "there.example" });
        ck_assert_str_eq(request->ngi.host, "there.example");
        ck_assert_str_eq(request_header(request, "Host"), "there.example");
        ck_assert_str_eq(request->raw_target, rows[i][1]);
    }
    take(rows[0][0], "first.example", (struct forwarded){ .scheme = "https" });
    ck_assert_str_eq(request->raw_target, rows[0][0]);
    ck_assert_str_eq(request->ngi.host, "first.example");
}
END_TEST

START_TEST(a_request_that_owns_itself_keeps_what_was_told)
{
    char host[] = "here.example";
    take("/", host,
         (struct forwarded){
             .has_client = true, .client = address("203.0.113.1"), .scheme = "https", .host = "there.example" });
    ck_assert_int_eq(request_own(request), NGI_OK);
    memset(host, 'x', sizeof host - 1);
    ck_assert_str_eq(request->ngi.host, "there.example");
    ck_assert_ptr_eq(request->ngi.host, request->host_header);
    ck_assert_str_eq(request_header(request, "Host"), "there.example");
    ck_assert_str_eq(request->ngi.remote_addr, "203.0.113.1");
    ck_assert_str_eq(request->ngi.scheme, "https");
    ck_assert_uint_eq(request->peer->local_port, 443);
}
END_TEST

START_TEST(a_bad_target_is_refused_with_the_reason)
{
    ck_assert_int_eq(request_begin(request, &peer, "GET", "/..", "HTTP/1.1", &why), NGI_EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "above the root"));
}
END_TEST

/* Nothing of the last request may show in the next, whatever became of either. */
START_TEST(a_reset_request_remembers_nothing)
{
    begin("POST", "http://first.example/secret?x=1");
    add("Authorization", "secret");
    ck_assert_str_eq(pairs_get(request_query(request), "x"), "1");
    char first[REQUEST_ID_SIZE];
    strcpy(first, request_id(request));
    request_reset(request);
    ck_assert_ptr_null(request_header(request, "Authorization"));
    ck_assert_ptr_null(request_header(request, "Host"));
    ck_assert_ptr_null(request->target.authority);
    ck_assert_int_eq(request_begin(request, &peer, "GET", "no path", "HTTP/1.1", &why), NGI_EINVAL);
    add("Host", "second.example");
    ck_assert_str_eq(request->ngi.host, "second.example");
    ck_assert_str_eq(request_header(request, "Host"), "second.example");
    ck_assert_ptr_null(pairs_get(request_query(request), "x"));
    ck_assert_str_ne(request_id(request), first);
}
END_TEST

START_TEST(queries_and_cookies_are_parsed_once)
{
    begin("GET", "/?a=1&b=%20x&a=2");
    add("Cookie", "c=3; d=\"4\"");
    ck_assert_str_eq(pairs_get(request_query(request), "a"), "1");
    ck_assert_str_eq(pairs_get(request_query(request), "b"), " x");
    ck_assert_str_eq(pairs_get(request_cookies(request), "c"), "3");
    ck_assert_str_eq(pairs_get(request_cookies(request), "d"), "4");
    const char *value = pairs_get(request_query(request), "a");
    ck_assert_ptr_eq(pairs_get(request_query(request), "a"), value);
    ck_assert_uint_eq(request_query(request)->count, 3);
}
END_TEST

START_TEST(a_query_of_too_many_pairs_keeps_the_first)
{
    char *target = malloc(REQUEST_PAIRS_MAX * 8), *at = target;
    at += sprintf(at, "/?");
    for (int i = 0; i < REQUEST_PAIRS_MAX + 10; i++)
        at += sprintf(at, "p%d&", i);
    begin("GET", target);
    ck_assert_uint_eq(request_query(request)->count, REQUEST_PAIRS_MAX);
    ck_assert_str_eq(pairs_get(request_query(request), "p999"), "");
    ck_assert_ptr_null(pairs_get(request_query(request), "p1000"));
    free(target);
}
END_TEST

/* --- finishers ---------------------------------------------------------------------------------------------- */

static char order[16];

static void note(void *arg)
{
    strcat(order, arg);
}

static int finish(const char *letter)
{
    return request_on_finish(request, note, (void *)letter);
}

START_TEST(finishers_run_once_the_latest_first)
{
    order[0] = '\0';
    ck_assert_int_eq(finish("a"), NGI_OK);
    ck_assert_int_eq(finish("b"), NGI_OK);
    ck_assert_int_eq(request_on_finish(request, NULL, NULL), NGI_EINVAL);
    ck_assert_int_eq(finish("c"), NGI_OK);
    request_reset(request);
    ck_assert_str_eq(order, "cba");
    request_reset(request);
    ck_assert_str_eq(order, "cba");
    ck_assert_int_eq(finish("d"), NGI_OK);
    request_free(request);
    request = NULL;
    ck_assert_str_eq(order, "cbad");
}
END_TEST

static int64_t yield_nothing(void *arg, void *buf, size_t n)
{
    (void)arg, (void)buf, (void)n;
    return 0;
}

/* A stream was registered after what it is made of: it has to be closed before that goes. */
START_TEST(a_stream_is_closed_before_the_finishers_run)
{
    order[0] = '\0';
    ck_assert_int_eq(finish("F"), NGI_OK);
    ck_assert_int_eq(response_send_stream(&request->response, yield_nothing, note, (void *)(uintptr_t) "S"), NGI_OK);
    request_reset(request);
    ck_assert_str_eq(order, "SF");
}
END_TEST

/* --- ids ---------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, IDS = 2000 };
static char ids[THREADS * IDS][REQUEST_ID_SIZE];

static void *take_ids(void *arg)
{
    struct request *own = request_new(1000);
    for (int i = 0; i < IDS; i++) {
        strcpy(((char(*)[REQUEST_ID_SIZE])arg)[i], request_id(own));
        request_reset(own);
    }
    request_free(own);
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

START_TEST(ids_are_unique_across_threads)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_ids, ids[i * IDS]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, THREADS * IDS, sizeof ids[0], by_text);
    for (int i = 0; i < THREADS * IDS; i++) {
        ck_assert_uint_eq(strspn(ids[i], "0123456789abcdef"), 16);
        ck_assert(i == 0 || strcmp(ids[i - 1], ids[i]) != 0);
    }
    const char *id = request_id(request);
    ck_assert_ptr_eq(request_id(request), id); /* asked twice, it is the same */
}
END_TEST

/* --- conditional --------------------------------------------------------------------------------------------- */

START_TEST(conditional_sets_the_validators_and_judges)
{
    begin("GET", "/");
    add("If-None-Match", "\"v1\"");
    ck_assert_int_eq(request_conditional(request, "v1", -1), NGI_EINVAL); /* no quotes: RFC 9110 section 8.8.3 */
    ck_assert(!request->response.conditional);
    ck_assert_int_eq(request_conditional(request, "\"v2\"", 784111777), NGI_OK);
    ck_assert_str_eq(response_get_header(&request->response, "ETag"), "\"v2\"");
    ck_assert_str_eq(response_get_header(&request->response, "Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    ck_assert_str_eq(response_get_header(&request->response, "Accept-Ranges"), "bytes");
    ck_assert_int_eq(request_conditional(request, "\"v1\"", -1), 304);
    request->method = NGI_PUT;
    ck_assert_int_eq(request_conditional(request, "\"v1\"", -1), 412);
    request->response.begun = true;
    ck_assert_int_eq(request_conditional(request, "\"v1\"", -1), NGI_ESENT);
}
END_TEST

Suite *request_suite(void)
{
    Suite *suite = suite_create("request");
    TCase *tests = tcase_create("request");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_new_request_has_no_null_field);
    tcase_add_test(tests, a_request_is_made_from_its_first_line);
    tcase_add_test(tests, headers_are_found_in_any_case_and_joined);
    tcase_add_test(tests, an_empty_value_joins_nothing_together);
    tcase_add_test(tests, white_space_behind_a_value_is_no_part_of_it);
    tcase_add_test(tests, headers_that_could_pass_for_others_are_left_out);
    tcase_add_test(tests, headers_beyond_the_limit_are_noticed);
    tcase_add_test(tests, the_authority_of_the_target_replaces_host);
    tcase_add_test(tests, what_a_proxy_tells_takes_the_place_of_the_connection);
    tcase_add_test(tests, the_port_of_the_server_follows_scheme_and_host);
    tcase_add_test(tests, a_told_host_is_added_where_there_is_none);
    tcase_add_test(tests, a_told_host_replaces_the_authority_of_the_target);
    tcase_add_test(tests, a_request_that_owns_itself_keeps_what_was_told);
    tcase_add_test(tests, a_bad_target_is_refused_with_the_reason);
    tcase_add_test(tests, a_reset_request_remembers_nothing);
    tcase_add_test(tests, queries_and_cookies_are_parsed_once);
    tcase_add_test(tests, a_query_of_too_many_pairs_keeps_the_first);
    tcase_add_test(tests, finishers_run_once_the_latest_first);
    tcase_add_test(tests, a_stream_is_closed_before_the_finishers_run);
    tcase_add_test(tests, ids_are_unique_across_threads);
    tcase_add_test(tests, conditional_sets_the_validators_and_judges);
    suite_add_tcase(suite, tests);
    return suite;
}
