#include "fcgi/responder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/fcgi.h"
#include "tests/unit/suites.h"

enum { RESPONDER = 1, AUTHORIZER = 2 };

static struct responder responder;
static struct wire wire;
static char told[4096]; /* the events, a line each */
static struct wire replies;

static void set_up(void)
{
    responder_init(&responder, (struct responder_values){ .connections = 64, .requests = 3 });
    *told = '\0';
}

static void tear_down(void)
{
    responder_free(&responder);
    wire_free(&wire);
    wire_free(&replies);
}

static void tell(const char *what, const void *data, size_t n)
{
    size_t length = strlen(told);
    ck_assert_uint_lt(length + n + strlen(what), sizeof told);
    snprintf(told + length, sizeof told - length, "%s%.*s\n", what, (int)n, (const char *)data);
}

/* Bytes of a body are told as one, however they come. */
static void tell_stdin(const struct responder_event *event)
{
    static const char mark[] = "stdin ";
    char *last = strrchr(told, '\n');
    while (last && last > told && last[-1] != '\n')
        last--;
    if (last && strncmp(last, mark, strlen(mark)) == 0) {
        told[strlen(told) - 1] = '\0';
        tell("", event->data, event->length);
    } else {
        tell(mark, event->data, event->length);
    }
}

static void tell_event(const struct responder_event *event)
{
    char pair[512];
    switch (event->kind) {
    case RESPONDER_NOTHING: break;
    case RESPONDER_BEGIN: tell("begin", "", 0); break;
    case RESPONDER_PARAM:
        snprintf(pair, sizeof pair, "%.*s=%.*s", (int)event->pair.name_length, (const char *)event->pair.name,
                 (int)event->pair.value_length, (const char *)event->pair.value);
        tell("", pair, strlen(pair));
        break;
    case RESPONDER_PARAMS_END: tell(event->overflow ? "params overflow" : "params end", "", 0); break;
    case RESPONDER_STDIN: tell_stdin(event); break;
    case RESPONDER_STDIN_END: tell("stdin end", "", 0); break;
    case RESPONDER_ABORT: tell("abort", "", 0); break;
    case RESPONDER_HANG_UP: tell("hang up", "", 0); /* fall through */
    case RESPONDER_REPLY: wire_add(&replies, event->data, event->length); break;
    case RESPONDER_BROKEN: tell("broken: ", event->why, strlen(event->why)); break;
    }
}

/* Feeds what is on the wire, `step` bytes at a time. */
static void feed(size_t step)
{
    struct responder_event event;
    for (size_t at = 0; at < wire.length;) {
        size_t n = wire.length - at < step ? wire.length - at : step, used = 0;
        do {
            used += responder_take(&responder, wire.data + at + used, n - used, &event);
            ck_assert_uint_le(used, n);
            tell_event(&event);
            if (event.kind == RESPONDER_BROKEN)
                return;
        } while (event.kind != RESPONDER_NOTHING);
        ck_assert_uint_eq(used, n);
        at += n;
    }
    wire_free(&wire);
}

static void feed_all(void)
{
    if (wire.length)
        feed(wire.length);
}

static void expect_reply(int type, int id, const void *content, size_t n)
{
    struct wire expected = { 0 };
    wire_record(&expected, type, id, content, n, 0);
    ck_assert_uint_eq(replies.length, expected.length);
    ck_assert_mem_eq(replies.data, expected.data, expected.length);
    wire_free(&expected);
    wire_free(&replies);
}

static void a_head(int id, int flags)
{
    struct wire pairs = { 0 };
    wire_begin(&wire, id, RESPONDER, flags);
    wire_pair(&pairs, "A", "1");
    wire_record(&wire, R_PARAMS, id, pairs.data, pairs.length, 0);
    wire_record(&wire, R_PARAMS, id, NULL, 0, 0);
    wire_free(&pairs);
}

#define HEAD_TOLD "begin\nA=1\nparams end\n"

static void end_request(void)
{
    uint8_t end[RESPONDER_END_SIZE];
    responder_put_end(&responder, 0, end);
}

/* --- requests ------------------------------------------------------------------------------------------------ */

START_TEST(a_request_comes_in_pieces_of_any_size)
{
    struct wire pairs = { 0 };
    char longer[201] = "";
    memset(longer, 'x', 200);
    wire_begin(&wire, 258, RESPONDER, KEEP);
    wire_pair(&pairs, "REQUEST_METHOD", "GET");
    wire_pair(&pairs, "LONG", longer);
    wire_pair(&pairs, "EMPTY", "");
    wire_record(&wire, R_PARAMS, 258, pairs.data, pairs.length, 5);
    wire_record(&wire, R_PARAMS, 258, NULL, 0, 3);
    wire_record(&wire, R_STDIN, 258, "hello, ", 7, 1);
    wire_record(&wire, R_STDIN, 258, "world", 5, 255);
    wire_record(&wire, R_STDIN, 258, NULL, 0, 0);
    wire_free(&pairs);
    feed((size_t)_i);
    ck_assert_msg(strstr(told, "begin\nREQUEST_METHOD=GET\nLONG=xxx") == told, "%s", told);
    ck_assert_msg(strstr(told, "x\nEMPTY=\nparams end\nstdin hello, world\nstdin end\n") != NULL, "%s", told);
    ck_assert(responder.keeps);
    ck_assert(responder_is_busy(&responder));
    ck_assert_uint_eq(replies.length, 0);
}
END_TEST

START_TEST(a_pair_may_be_split_between_records)
{
    struct wire pairs = { 0 };
    wire_begin(&wire, 1, RESPONDER, CLOSE);
    wire_pair(&pairs, "NAME", "value");
    for (size_t i = 0; i < pairs.length; i++)
        wire_record(&wire, R_PARAMS, 1, pairs.data + i, 1, 0);
    wire_record(&wire, R_PARAMS, 1, NULL, 0, 0);
    wire_free(&pairs);
    feed_all();
    ck_assert_str_eq(told, "begin\nNAME=value\nparams end\n");
    ck_assert(!responder.keeps);
}
END_TEST

START_TEST(a_request_without_parameters_has_an_end_of_them)
{
    wire_begin(&wire, 1, RESPONDER, CLOSE);
    wire_record(&wire, R_PARAMS, 1, NULL, 0, 0);
    feed_all();
    ck_assert_str_eq(told, "begin\nparams end\n");
}
END_TEST

START_TEST(a_second_request_follows_on_a_connection)
{
    for (int id = 1; id <= 2; id++) {
        a_head(id, KEEP);
        wire_record(&wire, R_STDIN, id, NULL, 0, 0);
        feed_all();
        end_request();
        ck_assert(!responder_is_busy(&responder));
    }
    ck_assert_str_eq(told, HEAD_TOLD "stdin end\n" HEAD_TOLD "stdin end\n");
}
END_TEST

START_TEST(what_still_comes_for_a_request_that_has_ended_is_ignored)
{
    a_head(1, KEEP);
    feed_all();
    end_request();
    wire_record(&wire, R_STDIN, 1, "late", 4, 4);
    wire_record(&wire, R_STDIN, 1, NULL, 0, 0);
    wire_record(&wire, R_ABORT, 1, NULL, 0, 0);
    a_head(1, KEEP);
    feed_all();
    ck_assert_str_eq(told, HEAD_TOLD HEAD_TOLD);
}
END_TEST

START_TEST(too_many_parameters_are_dropped_and_told)
{
    static char block[60000];
    wire_begin(&wire, 1, RESPONDER, KEEP);
    for (int i = 0; i < 10; i++)
        wire_record(&wire, R_PARAMS, 1, block, sizeof block, 0);
    wire_record(&wire, R_PARAMS, 1, NULL, 0, 0);
    feed(4096);
    ck_assert_str_eq(told, "begin\nparams overflow\n");
    ck_assert_uint_le(responder.params.capacity, RESPONDER_PARAMS_MOST + 1);
    end_request();
    a_head(2, KEEP);
    feed_all();
    ck_assert_str_eq(told, "begin\nparams overflow\n" HEAD_TOLD);
}
END_TEST

START_TEST(abort_is_told_at_any_time)
{
    wire_begin(&wire, 1, RESPONDER, KEEP);
    wire_record(&wire, R_ABORT, 1, NULL, 0, 0);
    wire_record(&wire, R_ABORT, 1, "?", 1, 0);
    wire_record(&wire, R_ABORT, 2, NULL, 0, 0);
    feed(1);
    ck_assert_str_eq(told, "begin\nabort\nabort\n");
}
END_TEST

START_TEST(data_of_a_filter_is_ignored)
{
    a_head(1, KEEP);
    wire_record(&wire, R_DATA, 1, "data", 4, 0);
    wire_record(&wire, 200, 1, "?", 1, 0);
    wire_record(&wire, R_STDIN, 1, NULL, 0, 0);
    feed_all();
    ck_assert_str_eq(told, HEAD_TOLD "stdin end\n");
}
END_TEST

/* --- management, and refusals -------------------------------------------------------------------------------- */

START_TEST(get_values_tells_what_it_knows)
{
    struct wire asked = { 0 }, expected = { 0 };
    wire_pair(&asked, "FCGI_MPXS_CONNS", "");
    wire_pair(&asked, "FCGI_WHATEVER", "");
    wire_pair(&asked, "FCGI_MAX_REQS", "");
    wire_pair(&asked, "FCGI_MAX_CONNS", "");
    wire_record(&wire, R_VALUES, 0, asked.data, asked.length, 0);
    feed(3);
    wire_pair(&expected, "FCGI_MAX_CONNS", "64");
    wire_pair(&expected, "FCGI_MAX_REQS", "3");
    wire_pair(&expected, "FCGI_MPXS_CONNS", "0");
    expect_reply(R_VALUES_RESULT, 0, expected.data, expected.length);
    ck_assert_str_eq(told, "");
    wire_free(&asked);
    wire_free(&expected);
}
END_TEST

START_TEST(get_values_of_any_bytes_is_answered)
{
    static char block[65535];
    wire_record(&wire, R_VALUES, 0, NULL, 0, 0);
    feed_all();
    expect_reply(R_VALUES_RESULT, 0, NULL, 0);
    memset(block, 0xff, sizeof block);
    wire_record(&wire, R_VALUES, 0, block, sizeof block, 0);
    feed(1000);
    expect_reply(R_VALUES_RESULT, 0, NULL, 0);
}
END_TEST

START_TEST(get_values_may_come_in_the_middle_of_a_request)
{
    wire_begin(&wire, 1, RESPONDER, KEEP);
    wire_record(&wire, R_PARAMS, 1, "\1", 1, 0);
    wire_record(&wire, R_VALUES, 0, NULL, 0, 0);
    wire_record(&wire, R_PARAMS, 1, "\1A1", 3, 0);
    wire_record(&wire, R_PARAMS, 1, NULL, 0, 0);
    feed_all();
    expect_reply(R_VALUES_RESULT, 0, NULL, 0);
    ck_assert_str_eq(told, HEAD_TOLD);
}
END_TEST

START_TEST(an_unknown_management_record_is_answered)
{
    static const unsigned char expected[8] = { 77 };
    wire_record(&wire, 77, 0, "whatever", 8, 2);
    feed(1);
    expect_reply(R_UNKNOWN, 0, expected, sizeof expected);
    ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(a_second_request_on_a_busy_connection_is_refused)
{
    static const unsigned char expected[8] = { 0, 0, 0, 0, FCGI_CANT_MPX_CONN };
    a_head(1, KEEP);
    a_head(2, KEEP);
    wire_record(&wire, R_STDIN, 2, "ignored", 7, 0);
    wire_record(&wire, R_STDIN, 1, "mine", 4, 0);
    feed(7);
    expect_reply(R_END, 2, expected, sizeof expected);
    ck_assert_str_eq(told, HEAD_TOLD "stdin mine\n");
}
END_TEST

START_TEST(another_role_is_refused)
{
    static const unsigned char expected[8] = { 0, 0, 0, 0, FCGI_UNKNOWN_ROLE };
    wire_begin(&wire, 1, AUTHORIZER, KEEP);
    feed_all();
    expect_reply(R_END, 1, expected, sizeof expected);
    ck_assert_str_eq(told, "");
    wire_begin(&wire, 1, AUTHORIZER, CLOSE);
    feed_all();
    expect_reply(R_END, 1, expected, sizeof expected);
    ck_assert_str_eq(told, "hang up\n");
}
END_TEST

/* --- what is no FastCGI -------------------------------------------------------------------------------------- */

static void expect_broken(const char *expected)
{
    struct responder_event event;
    feed_all();
    ck_assert_str_eq(told, expected);
    ck_assert_uint_eq(responder_take(&responder, (const uint8_t *)"more", 4, &event), 0);
    ck_assert_int_eq(event.kind, RESPONDER_BROKEN);
}

START_TEST(another_protocol_is_refused)
{
    wire_add(&wire, "GET / HTTP/1.1\r\n", 16);
    expect_broken("broken: a record of another version than 1\n");
}
END_TEST

START_TEST(a_begin_of_another_size_is_refused)
{
    wire_record(&wire, R_BEGIN, 1, "\0\1\0\0\0\0\0\0\0", 9, 0);
    expect_broken("broken: an FCGI_BEGIN_REQUEST of another length than 8\n");
}
END_TEST

START_TEST(a_request_cannot_begin_twice)
{
    wire_begin(&wire, 1, RESPONDER, KEEP);
    wire_begin(&wire, 1, RESPONDER, KEEP);
    expect_broken("begin\nbroken: an FCGI_BEGIN_REQUEST for the request under way\n");
}
END_TEST

START_TEST(parameters_after_their_end_are_refused)
{
    a_head(1, KEEP);
    wire_record(&wire, R_PARAMS, 1, NULL, 0, 0);
    expect_broken(HEAD_TOLD "broken: FCGI_PARAMS after their end\n");
}
END_TEST

START_TEST(a_body_before_the_parameters_is_refused)
{
    wire_begin(&wire, 1, RESPONDER, KEEP);
    wire_record(&wire, R_STDIN, 1, "x", 1, 0);
    expect_broken("begin\nbroken: FCGI_STDIN before the end of FCGI_PARAMS\n");
}
END_TEST

START_TEST(a_body_after_its_end_is_refused)
{
    a_head(1, KEEP);
    wire_record(&wire, R_STDIN, 1, NULL, 0, 0);
    wire_record(&wire, R_STDIN, 1, "x", 1, 0);
    expect_broken(HEAD_TOLD "stdin end\nbroken: FCGI_STDIN after its end\n");
}
END_TEST

START_TEST(a_pair_that_lies_about_its_length_is_refused)
{
    wire_begin(&wire, 1, RESPONDER, KEEP);
    wire_record(&wire, R_PARAMS, 1, "\x7f\x7fshort", 7, 0);
    wire_record(&wire, R_PARAMS, 1, NULL, 0, 0);
    expect_broken("begin\nbroken: a parameter that is longer than all of them\n");
}
END_TEST

/* --- what is sent -------------------------------------------------------------------------------------------- */

START_TEST(output_bears_the_id_of_the_request)
{
    static const unsigned char header[8] = { 1, R_STDERR, 0x12, 0x34, 0xff, 0xff, 0, 0 };
    static const unsigned char end[24] = { 1, R_STDOUT, 0x12, 0x34, 0, 0, 0, 0, 1, R_END, 0x12, 0x34, 0, 8, 0, 0,
                                           0, 0, 0, 9 };
    uint8_t out[RESPONDER_END_SIZE];
    a_head(0x1234, KEEP);
    feed_all();
    responder_put_header(&responder, FCGI_STDERR, FCGI_CONTENT_MAX, out);
    ck_assert_mem_eq(out, header, sizeof header);
    responder_put_end(&responder, 9, out);
    ck_assert_mem_eq(out, end, sizeof end);
}
END_TEST

START_TEST(any_bytes_leave_it_sane)
{
    unsigned seed = (unsigned)_i;
    for (int i = 0; i < 400; i++) { /* mostly well-formed headers, so that it gets somewhere */
        unsigned char content[300];
        size_t n = (size_t)rand_r(&seed) % sizeof content;
        for (size_t j = 0; j < n; j++)
            content[j] = (unsigned char)rand_r(&seed);
        if (rand_r(&seed) % 4 == 0)
            wire_begin(&wire, rand_r(&seed) % 3, 1, rand_r(&seed) % 2);
        wire_record(&wire, rand_r(&seed) % 12, rand_r(&seed) % 3, content, rand_r(&seed) % 3 ? n : 0, rand_r(&seed) % 9);
        *told = '\0';
        feed((size_t)rand_r(&seed) % 50 + 1);
        wire_free(&wire);
        wire_free(&replies);
        if (responder.broken)
            break;
    }
}
END_TEST

Suite *responder_suite(void)
{
    Suite *suite = suite_create("responder");
    TCase *tcase = tcase_create("responder");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_request_comes_in_pieces_of_any_size, 1, 40);
    tcase_add_test(tcase, a_pair_may_be_split_between_records);
    tcase_add_test(tcase, a_request_without_parameters_has_an_end_of_them);
    tcase_add_test(tcase, a_second_request_follows_on_a_connection);
    tcase_add_test(tcase, what_still_comes_for_a_request_that_has_ended_is_ignored);
    tcase_add_test(tcase, too_many_parameters_are_dropped_and_told);
    tcase_add_test(tcase, abort_is_told_at_any_time);
    tcase_add_test(tcase, data_of_a_filter_is_ignored);
    tcase_add_test(tcase, get_values_tells_what_it_knows);
    tcase_add_test(tcase, get_values_of_any_bytes_is_answered);
    tcase_add_test(tcase, get_values_may_come_in_the_middle_of_a_request);
    tcase_add_test(tcase, an_unknown_management_record_is_answered);
    tcase_add_test(tcase, a_second_request_on_a_busy_connection_is_refused);
    tcase_add_test(tcase, another_role_is_refused);
    tcase_add_test(tcase, another_protocol_is_refused);
    tcase_add_test(tcase, a_begin_of_another_size_is_refused);
    tcase_add_test(tcase, a_request_cannot_begin_twice);
    tcase_add_test(tcase, parameters_after_their_end_are_refused);
    tcase_add_test(tcase, a_body_before_the_parameters_is_refused);
    tcase_add_test(tcase, a_body_after_its_end_is_refused);
    tcase_add_test(tcase, a_pair_that_lies_about_its_length_is_refused);
    tcase_add_test(tcase, output_bears_the_id_of_the_request);
    tcase_add_loop_test(tcase, any_bytes_leave_it_sane, 1, 200);
    suite_add_tcase(suite, tcase);
    return suite;
}
