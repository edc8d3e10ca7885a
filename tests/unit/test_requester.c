#include "fcgi/requester.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/responder.h"
#include "sdk/ngi.h"
#include "tests/harness/fcgi.h"
#include "tests/unit/suites.h"

static struct requester requester;
static struct wire wire;
static char told[4096]; /* the events: streams as "out[…]" and "err[…]", however many pieces they come in */
static struct buffer sent, pairs;

static void set_up(void)
{
    requester = (struct requester){ 0 };
    *told = '\0';
    buffer_init(&sent, SIZE_MAX);
    buffer_init(&pairs, SIZE_MAX);
}

static void tear_down(void)
{
    wire_free(&wire);
    buffer_free(&sent);
    buffer_free(&pairs);
}

/* --- what comes ---------------------------------------------------------------------------------------------- */

static void tell(const char *what, const void *data, size_t n)
{
    size_t length = strlen(told), known = strlen(what);
    const char *last = strrchr(told, '[');
    ck_assert_uint_lt(length + n + known + 2, sizeof told);
    if (last && (size_t)(last - told) >= known && length > 0 && told[length - 1] == ']' &&
        memcmp(last - known, what, known) == 0)
        snprintf(told + length - 1, sizeof told - length + 1, "%.*s]", (int)n, (const char *)data);
    else
        snprintf(told + length, sizeof told - length, "%s[%.*s]", what, (int)n, (const char *)data);
}

static void tell_event(const struct requester_event *event)
{
    char end[32];
    switch (event->kind) {
    case REQUESTER_NOTHING: break;
    case REQUESTER_STDOUT:
    case REQUESTER_STDERR:
        ck_assert_uint_gt(event->length, 0);
        tell(event->kind == REQUESTER_STDOUT ? "out" : "err", event->data, event->length);
        break;
    case REQUESTER_END:
        snprintf(end, sizeof end, "%u,%u", event->end.app_status, event->end.protocol_status);
        tell("end", end, strlen(end));
        break;
    case REQUESTER_BROKEN: tell("broken", event->why, strlen(event->why)); break;
    }
}

/* Feeds `n` bytes, in memory of their own: a sanitizer sees who reads beyond. False: they were no FastCGI. */
static bool feed_piece(const unsigned char *data, size_t n)
{
    struct requester_event event;
    unsigned char *own = malloc(n ? n : 1);
    size_t used = 0;
    ck_assert_ptr_nonnull(own);
    if (n > 0)
        memcpy(own, data, n);
    do {
        memset(&event, 0xa5, sizeof event); /* whatever is told has been set */
        used += requester_take(&requester, own + used, n - used, &event);
        ck_assert_uint_le(used, n);
        tell_event(&event);
    } while (event.kind != REQUESTER_NOTHING && event.kind != REQUESTER_BROKEN);
    ck_assert(used == n || event.kind == REQUESTER_BROKEN);
    free(own);
    return event.kind != REQUESTER_BROKEN;
}

/* Feeds what is on the wire, `step` bytes at a time. */
static void feed(size_t step)
{
    for (size_t at = 0; at < wire.length; at += step)
        if (!feed_piece(wire.data + at, wire.length - at < step ? wire.length - at : step))
            break;
}

static void put(int type, const char *text, int padding)
{
    wire_record(&wire, type, REQUESTER_ID, text, text ? strlen(text) : 0, padding);
}

static void put_end(int app_status, int protocol_status, int padding)
{
    const unsigned char body[8] = { (unsigned char)(app_status >> 24), (unsigned char)(app_status >> 16),
                                    (unsigned char)(app_status >> 8), (unsigned char)app_status,
                                    (unsigned char)protocol_status };
    wire_record(&wire, R_END, REQUESTER_ID, body, sizeof body, padding);
}

/* All there is in a response, padding of every kind, and records of types that nobody asked for. */
#define ALL_TOLD "out[Status: 200 OK, and]err[oh]out[more]end[66051,1]"
static void put_all(void)
{
    put(R_STDOUT, "Status: 200 OK", 0);
    put(R_STDOUT, ", and", 3);
    put(R_STDERR, "oh", 1);
    put(R_STDERR, NULL, 2);
    put(99, "of no known type", 7);
    wire_record(&wire, 100, 7, "?", 1, 0);
    wire_record(&wire, R_VALUES_RESULT, 0, NULL, 0, 0);
    put(R_STDOUT, "more", 255);
    put(R_STDOUT, NULL, 0);
    put_end(66051, FCGI_CANT_MPX_CONN, 5);
}

START_TEST(a_response_comes_in_pieces_of_any_size)
{
    for (int one = 1; one < 40; one++) {
        tear_down();
        set_up();
        put_all();
        feed((size_t)one);
        ck_assert_str_eq(told, ALL_TOLD);
        ck_assert_uint_eq(requester.head_length, 0);
    }
}
END_TEST

START_TEST(a_response_may_be_split_anywhere)
{
    put_all();
    for (size_t first = 0; first <= wire.length; first++) {
        requester = (struct requester){ 0 };
        *told = '\0';
        ck_assert(feed_piece(wire.data, first));
        ck_assert(feed_piece(wire.data + first, wire.length - first));
        ck_assert_str_eq(told, ALL_TOLD);
    }
}
END_TEST

START_TEST(no_bytes_are_nothing)
{
    ck_assert(feed_piece(NULL, 0));
    ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(a_header_without_more_is_nothing_yet)
{
    put(R_STDOUT, "late", 0);
    ck_assert(feed_piece(wire.data, FCGI_HEADER_SIZE));
    ck_assert_str_eq(told, "");
    put(R_STDOUT, NULL, 0);
    ck_assert(feed_piece(wire.data + FCGI_HEADER_SIZE, wire.length - FCGI_HEADER_SIZE));
    ck_assert_str_eq(told, "out[late]");
}
END_TEST

/* Who is told of the end may find nothing more on the connection. */
START_TEST(the_end_is_told_when_its_padding_has_come)
{
    struct requester_event event;
    put_end(0, FCGI_REQUEST_COMPLETE, 9);
    ck_assert_uint_eq(requester_take(&requester, wire.data, wire.length - 1, &event), wire.length - 1);
    ck_assert_int_eq(event.kind, REQUESTER_NOTHING);
    ck_assert_uint_eq(requester_take(&requester, wire.data + wire.length - 1, 1, &event), 1);
    ck_assert_int_eq(event.kind, REQUESTER_END);
}
END_TEST

START_TEST(what_follows_the_end_is_left)
{
    struct requester_event event;
    put_end(0, FCGI_REQUEST_COMPLETE, 0);
    size_t length = wire.length;
    put(R_STDOUT, "more", 0);
    ck_assert_uint_eq(requester_take(&requester, wire.data, wire.length, &event), length);
    ck_assert_int_eq(event.kind, REQUESTER_END);
}
END_TEST

START_TEST(the_largest_records_come_whole)
{
    static char block[FCGI_CONTENT_MAX];
    static const uint8_t types[] = { R_STDOUT, R_STDERR, 200 };
    struct requester_event event = { .kind = REQUESTER_NOTHING };
    memset(block, 'x', sizeof block);
    wire_record(&wire, types[_i], REQUESTER_ID, block, sizeof block, FCGI_PADDING_MAX);
    wire_record(&wire, types[_i], REQUESTER_ID, block, sizeof block, 0);
    size_t total = 0;
    for (size_t at = 0; at < wire.length;) {
        size_t n = wire.length - at < 10000 ? wire.length - at : 10000;
        at += requester_take(&requester, wire.data + at, n, &event);
        if (event.kind == REQUESTER_NOTHING)
            continue;
        ck_assert_int_eq(event.kind, types[_i] == R_STDOUT ? REQUESTER_STDOUT : REQUESTER_STDERR);
        ck_assert_mem_eq(event.data, block, event.length);
        total += event.length;
    }
    ck_assert_uint_eq(total, types[_i] == 200 ? 0 : 2 * sizeof block);
    ck_assert_uint_eq(requester.head_length, 0);
}
END_TEST

/* --- what is no FastCGI -------------------------------------------------------------------------------------- */

static void expect_broken(const char *expected)
{
    struct wire more = { 0 };
    struct requester_event event;
    feed((size_t)wire.length);
    ck_assert_str_eq(told, expected);
    wire_record(&more, R_STDOUT, REQUESTER_ID, "more", 4, 0);
    ck_assert_uint_eq(requester_take(&requester, more.data, more.length, &event), 0);
    ck_assert_int_eq(event.kind, REQUESTER_BROKEN);
    wire_free(&more);
}

START_TEST(another_version_is_refused)
{
    put(R_STDOUT, "x", 0);
    wire.data[0] = _i ? 2 : 0;
    expect_broken("broken[a record of another version than 1]");
}
END_TEST

START_TEST(another_protocol_is_refused)
{
    put(R_STDOUT, "x", 4);
    wire_add(&wire, "HTTP/1.1 200 OK\r\n", 17);
    expect_broken("out[x]broken[a record of another version than 1]");
}
END_TEST

START_TEST(a_record_for_no_request_is_refused)
{
    static const int types[] = { R_STDOUT, R_STDERR, R_END };
    wire_record(&wire, types[_i], 0, "12345678", 8, 0);
    expect_broken("broken[a record for no request]");
}
END_TEST

START_TEST(an_end_of_another_length_is_refused)
{
    static const size_t lengths[] = { 0, 7, 9, 16, 65535 };
    static char body[65535];
    wire_record(&wire, R_END, REQUESTER_ID, body, lengths[_i], 0);
    expect_broken("broken[an FCGI_END_REQUEST of another length than 8]");
}
END_TEST

START_TEST(any_bytes_leave_it_sane)
{
    for (int one = 1; one < 200; one++) {
        tear_down();
        set_up();
        unsigned seed = (unsigned)one;
        for (int i = 0; i < 400 && !requester.broken; i++) { /* mostly well-formed headers, so that it gets somewhere */
            unsigned char content[300];
            size_t n = (size_t)rand_r(&seed) % sizeof content;
            for (size_t j = 0; j < n; j++)
                content[j] = (unsigned char)('a' + rand_r(&seed) % 26);
            int type = rand_r(&seed) % 12, id = rand_r(&seed) % 32 ? REQUESTER_ID : rand_r(&seed) % 3;
            if (type == R_END)
                n = rand_r(&seed) % 16 ? 8 : n;
            wire_record(&wire, type, id, content, n, rand_r(&seed) % 9);
            if (rand_r(&seed) % 64 == 0)
                wire.data[(unsigned)rand_r(&seed) % wire.length] ^= 1;
            *told = '\0';
            feed((size_t)rand_r(&seed) % 50 + 1);
            wire_free(&wire);
        }
    }
}
END_TEST

/* --- what is sent, to the other end of it -------------------------------------------------------------------- */

static void expect_sent(const void *expected, size_t n)
{
    ck_assert_uint_eq(sent.length, n);
    ck_assert_mem_eq(sent.data, expected, n);
}

START_TEST(records_are_what_the_specification_draws)
{
    static const unsigned char begin[16] = { 1, R_BEGIN, 0, 1, 0, 8, 0, 0, 0, 1, KEEP };
    static const unsigned char rest[] = { 1, R_PARAMS, 0, 1, 0, 0, 0, 0, 1, R_STDIN, 0, 1, 0xff, 0xff, 0, 0,
                                          1, R_STDIN,  0, 1, 0, 0, 0, 0, 1, R_ABORT, 0, 1, 0,    0,    0, 0 };
    ck_assert_int_eq(requester_put_begin(&sent, REQUESTER_ID), NGI_OK);
    expect_sent(begin, sizeof begin);
    sent.length = 0;
    ck_assert_int_eq(requester_put_params(&sent, REQUESTER_ID, &pairs), NGI_OK); /* of none, the end */
    ck_assert_int_eq(requester_put_stdin(&sent, REQUESTER_ID, FCGI_CONTENT_MAX), NGI_OK);
    ck_assert_int_eq(requester_put_stdin(&sent, REQUESTER_ID, 0), NGI_OK);
    ck_assert_int_eq(requester_put_abort(&sent, REQUESTER_ID, 0), NGI_OK);
    expect_sent(rest, sizeof rest);
}
END_TEST

/* A value of so many bytes, between two short parameters. */
static void put_pairs(size_t long_length)
{
    char *value = malloc(long_length + 1);
    ck_assert_ptr_nonnull(value);
    memset(value, 'v', long_length);
    ck_assert_int_eq(requester_put_pair(&pairs, "REQUEST_METHOD", 14, "GET", 3), NGI_OK);
    ck_assert_int_eq(requester_put_pair(&pairs, "LONG", 4, value, long_length), NGI_OK);
    ck_assert_int_eq(requester_put_pair(&pairs, "EMPTY", 5, "", 0), NGI_OK);
    free(value);
}

/* Lengths around the limits of a length of one byte, and of a record: 45 bytes are in the way of the value. */
START_TEST(the_responder_reads_what_was_asked)
{
    static const size_t lengths[] = { 0,
                                      1,
                                      127,
                                      128,
                                      16384,
                                      FCGI_CONTENT_MAX - 45,
                                      FCGI_CONTENT_MAX - 36,
                                      FCGI_CONTENT_MAX - 35,
                                      FCGI_CONTENT_MAX,
                                      2 * FCGI_CONTENT_MAX,
                                      200000 };
    static const char *const names[] = { "REQUEST_METHOD", "LONG", "EMPTY" };
    const size_t values[] = { 3, lengths[_i], 0 };
    struct responder responder;
    struct responder_event event = { .kind = RESPONDER_NOTHING };
    unsigned params = 0, others = 0;
    responder_init(&responder, (struct responder_values){ 1, 1 });
    put_pairs(lengths[_i]);
    ck_assert(requester_put_begin(&sent, REQUESTER_ID) == NGI_OK &&
              requester_put_params(&sent, REQUESTER_ID, &pairs) == NGI_OK &&
              requester_put_stdin(&sent, REQUESTER_ID, 4) == NGI_OK && buffer_append(&sent, "body", 4) == NGI_OK &&
              requester_put_stdin(&sent, REQUESTER_ID, 0) == NGI_OK &&
              requester_put_abort(&sent, REQUESTER_ID, 0) == NGI_OK);
    static const enum responder_event_kind kinds[] = { RESPONDER_BEGIN,     RESPONDER_PARAMS_END, RESPONDER_STDIN,
                                                       RESPONDER_STDIN_END, RESPONDER_ABORT,      RESPONDER_NOTHING };
    size_t at = 0;
    do {
        at += responder_take(&responder, (const uint8_t *)sent.data + at, sent.length - at, &event);
        if (event.kind == RESPONDER_PARAM) {
            ck_assert_uint_lt(params, 3);
            ck_assert_uint_eq(event.pair.name_length, strlen(names[params]));
            ck_assert_mem_eq(event.pair.name, names[params], event.pair.name_length);
            ck_assert_uint_eq(event.pair.value_length, values[params++]);
        } else {
            ck_assert_int_eq(event.kind, kinds[others++]);
        }
        ck_assert(event.kind != RESPONDER_STDIN || (event.length == 4 && memcmp(event.data, "body", 4) == 0));
    } while (event.kind != RESPONDER_NOTHING);
    ck_assert_uint_eq(at, sent.length);
    ck_assert_uint_eq(params, 3);
    ck_assert_uint_eq(others, 6);
    ck_assert(responder.keeps);
    responder_free(&responder);
}
END_TEST

START_TEST(the_responder_is_understood)
{
    for (int one = 1; one < 60; one++) {
        tear_down();
        set_up();
        uint8_t head[FCGI_HEADER_SIZE], end[RESPONDER_END_SIZE];
        struct responder responder;
        struct responder_event event;
        responder_init(&responder, (struct responder_values){ 1, 1 });
        ck_assert(requester_put_begin(&sent, REQUESTER_ID) == NGI_OK);
        responder_take(&responder, (const uint8_t *)sent.data, sent.length, &event);
        ck_assert_int_eq(event.kind, RESPONDER_BEGIN);
        responder_put_header(&responder, FCGI_STDERR, 2, head);
        wire_add(&wire, head, sizeof head);
        wire_add(&wire, "oh", 2);
        responder_put_header(&responder, FCGI_STDOUT, 5, head);
        wire_add(&wire, head, sizeof head);
        wire_add(&wire, "hello", 5);
        responder_put_end(&responder, 3, end);
        wire_add(&wire, end, sizeof end);
        feed((size_t)one);
        ck_assert_str_eq(told, "err[oh]out[hello]end[3,0]");
        responder_free(&responder);
    }
}
END_TEST

START_TEST(a_buffer_that_is_full_is_told)
{
    buffer_free(&pairs);
    buffer_init(&pairs, 10);
    ck_assert_int_eq(requester_put_pair(&pairs, "NAME", 4, "value", 5), NGI_ETOOBIG);
    ck_assert_uint_eq(pairs.length, 0);
    buffer_free(&sent);
    buffer_init(&sent, 7);
    ck_assert_int_eq(requester_put_begin(&sent, REQUESTER_ID), NGI_ETOOBIG);
    ck_assert_int_eq(requester_put_params(&sent, REQUESTER_ID, &pairs), NGI_ETOOBIG);
    ck_assert_int_eq(requester_put_stdin(&sent, REQUESTER_ID, 1), NGI_ETOOBIG);
    ck_assert_int_eq(requester_put_abort(&sent, REQUESTER_ID, 0), NGI_ETOOBIG);
    ck_assert_uint_eq(sent.length, 0);
}
END_TEST

Suite *requester_suite(void)
{
    Suite *suite = suite_create("requester");
    TCase *tcase = tcase_create("requester");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_response_comes_in_pieces_of_any_size);
    tcase_add_test(tcase, a_response_may_be_split_anywhere);
    tcase_add_test(tcase, no_bytes_are_nothing);
    tcase_add_test(tcase, a_header_without_more_is_nothing_yet);
    tcase_add_test(tcase, the_end_is_told_when_its_padding_has_come);
    tcase_add_test(tcase, what_follows_the_end_is_left);
    tcase_add_loop_test(tcase, the_largest_records_come_whole, 0, 3);
    tcase_add_loop_test(tcase, another_version_is_refused, 0, 2);
    tcase_add_test(tcase, another_protocol_is_refused);
    tcase_add_loop_test(tcase, a_record_for_no_request_is_refused, 0, 3);
    tcase_add_loop_test(tcase, an_end_of_another_length_is_refused, 0, 5);
    tcase_add_test(tcase, any_bytes_leave_it_sane);
    tcase_add_test(tcase, records_are_what_the_specification_draws);
    tcase_add_loop_test(tcase, the_responder_reads_what_was_asked, 0, 11);
    tcase_add_test(tcase, the_responder_is_understood);
    tcase_add_test(tcase, a_buffer_that_is_full_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
