#include "fcgi/record.h"

#include <check.h>
#include <string.h>

#include "tests/unit/suites.h"

START_TEST(a_header_is_eight_bytes)
{
    static const uint8_t expected[FCGI_HEADER_SIZE] = { 1, FCGI_STDOUT, 0x12, 0x34, 0xab, 0xcd, 7, 0 };
    const struct fcgi_header header = { FCGI_STDOUT, 0x1234, 0xabcd, 7 };
    uint8_t out[FCGI_HEADER_SIZE];
    fcgi_put_header(out, &header);
    ck_assert_mem_eq(out, expected, sizeof out);
}
END_TEST

START_TEST(a_header_that_was_written_is_read)
{
    const struct fcgi_header header = { FCGI_PARAMS, 0xffff, FCGI_CONTENT_MAX, FCGI_PADDING_MAX };
    struct fcgi_header got;
    uint8_t out[FCGI_HEADER_SIZE];
    fcgi_put_header(out, &header);
    ck_assert(fcgi_get_header(out, &got));
    ck_assert_uint_eq(got.type, header.type);
    ck_assert_uint_eq(got.request, header.request);
    ck_assert_uint_eq(got.length, header.length);
    ck_assert_uint_eq(got.padding, header.padding);
}
END_TEST

START_TEST(another_version_is_refused)
{
    uint8_t in[FCGI_HEADER_SIZE] = { 2, FCGI_STDIN };
    struct fcgi_header got;
    ck_assert(!fcgi_get_header(in, &got));
}
END_TEST

START_TEST(begin_and_end_are_read_as_written)
{
    const struct fcgi_begin begin = { 3, FCGI_KEEP_CONN };
    const struct fcgi_end end = { 0x80000001, FCGI_OVERLOADED };
    struct fcgi_begin got_begin;
    struct fcgi_end got_end;
    uint8_t body[FCGI_BODY_SIZE];
    fcgi_put_begin(body, &begin);
    fcgi_get_begin(body, &got_begin);
    ck_assert_uint_eq(got_begin.role, 3);
    ck_assert_uint_eq(got_begin.flags, FCGI_KEEP_CONN);
    fcgi_put_end(body, &end);
    fcgi_get_end(body, &got_end);
    ck_assert_uint_eq(got_end.app_status, 0x80000001);
    ck_assert_uint_eq(got_end.protocol_status, FCGI_OVERLOADED);
}
END_TEST

/* Section 3.4: up to 127 in one byte, from 128 on in four. */
START_TEST(lengths_take_one_byte_or_four)
{
    static const uint8_t expected[] = { 127, 0x80, 0, 0, 128 };
    uint8_t out[FCGI_PAIR_HEAD_MAX];
    ck_assert_uint_eq(fcgi_put_pair_head(out, 127, 128), sizeof expected);
    ck_assert_mem_eq(out, expected, sizeof expected);
}
END_TEST

START_TEST(a_pair_is_taken_off_the_front)
{
    static const uint8_t in[] = "\x03\x05" "onefirst\x01";
    struct fcgi_pair pair;
    ck_assert_uint_eq(fcgi_get_pair(in, sizeof in - 1, &pair), 10);
    ck_assert_uint_eq(pair.name_length, 3);
    ck_assert_mem_eq(pair.name, "one", 3);
    ck_assert_uint_eq(pair.value_length, 5);
    ck_assert_mem_eq(pair.value, "first", 5);
}
END_TEST

START_TEST(a_pair_that_is_not_whole_is_none)
{
    static const uint8_t in[] = "\x03\x80\x00\x00\x05" "onefirst";
    struct fcgi_pair pair;
    for (size_t n = 0; n < sizeof in - 1; n++)
        ck_assert_uint_eq(fcgi_get_pair(in, n, &pair), 0);
    ck_assert_uint_eq(fcgi_get_pair(in, sizeof in - 1, &pair), sizeof in - 1);
}
END_TEST

START_TEST(lengths_that_lie_are_no_pair)
{
    static const uint8_t in[] = "\xff\xff\xff\xff\xff\xff\xff\xffonefirst";
    struct fcgi_pair pair;
    ck_assert_uint_eq(fcgi_get_pair(in, sizeof in - 1, &pair), 0);
}
END_TEST

Suite *record_suite(void)
{
    Suite *suite = suite_create("record");
    TCase *tcase = tcase_create("record");
    tcase_add_test(tcase, a_header_is_eight_bytes);
    tcase_add_test(tcase, a_header_that_was_written_is_read);
    tcase_add_test(tcase, another_version_is_refused);
    tcase_add_test(tcase, begin_and_end_are_read_as_written);
    tcase_add_test(tcase, lengths_take_one_byte_or_four);
    tcase_add_test(tcase, a_pair_is_taken_off_the_front);
    tcase_add_test(tcase, a_pair_that_is_not_whole_is_none);
    tcase_add_test(tcase, lengths_that_lie_are_no_pair);
    suite_add_tcase(suite, tcase);
    return suite;
}
