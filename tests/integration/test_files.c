/* ngi_send_file, and what the gateway does by itself after ngi_conditional. The file is "0123456789" ten times, its tag
 * "v1", its time 1000000000, which is Sun, 09 Sep 2001 01:46:40 GMT. */
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#define THEN "Sun, 09 Sep 2001 01:46:40 GMT"
#define EARLIER "Sun, 09 Sep 2001 01:46:39 GMT"

static void serve_answers(void)
{
    SERVE("tests/integration/plugins/answers.so");
}

START_TEST(a_file_is_sent_whole_or_from_an_offset)
{
    const struct reply *reply = GET("/answers/file");
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, 100);
    EXPECT_HEADER(reply, "Content-Length", "100");
    EXPECT(GET("/answers/file?offset=95"), 200, "56789");
    EXPECT(GET("/answers/file?offset=13&length=4"), 200, "3456");
    EXPECT(GET("/answers/file?offset=100"), 200, "");
    EXPECT(GET("/answers/file?length=0"), 200, "");
}
END_TEST

START_TEST(head_of_a_file_has_its_length)
{
    const struct reply *reply = ASK("HEAD", "/answers/file?offset=90");
    EXPECT(reply, 200, "");
    EXPECT_HEADER(reply, "Content-Length", "10");
}
END_TEST

START_TEST(a_file_without_conditional_knows_no_ranges)
{
    const struct reply *reply = GET("/answers/file", "Range: bytes=0-0");
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, 100);
    EXPECT_HEADER(reply, "Accept-Ranges", NULL);
}
END_TEST

START_TEST(conditional_sets_the_validators)
{
    const struct reply *reply = GET("/answers/conditional");
    EXPECT_STATUS(reply, 200);
    EXPECT_HEADER(reply, "ETag", "\"v1\"");
    EXPECT_HEADER(reply, "Last-Modified", THEN);
    EXPECT_HEADER(reply, "Accept-Ranges", "bytes");
}
END_TEST

START_TEST(ranges_are_cut_out)
{
    static const struct {
        const char *range, *content_range, *body;
    } cases[] = {
        { "Range: bytes=0-0", "bytes 0-0/100", "0" },
        { "Range: bytes=13-16", "bytes 13-16/100", "3456" },
        { "Range: bytes=97-", "bytes 97-99/100", "789" },
        { "Range: bytes=97-5000", "bytes 97-99/100", "789" },
        { "Range: bytes=-4", "bytes 96-99/100", "6789" },
        { "Range: bytes=10-12,13-14", "bytes 10-14/100", "01234" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct reply *reply = GET("/answers/conditional", cases[i].range);
        EXPECT(reply, 206, cases[i].body);
        EXPECT_HEADER(reply, "Content-Range", cases[i].content_range);
        EXPECT_HEADER(reply, "ETag", "\"v1\"");
    }
}
END_TEST

START_TEST(a_range_beyond_the_end_is_416)
{
    static const char *const ranges[] = { "Range: bytes=100-", "Range: bytes=500-600", "Range: bytes=-0" };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const struct reply *reply = GET("/answers/conditional", ranges[i]);
        EXPECT(reply, 416, "416 Range Not Satisfiable\n");
        EXPECT_HEADER(reply, "Content-Range", "bytes */100");
    }
}
END_TEST

START_TEST(ranges_that_are_none_are_ignored)
{
    static const char *const ranges[] = { "Range: bytes=5-1", "Range: lines=1-2", "Range: bytes=", "Range: bytes=a-b",
                                          "Range: bytes=0-1,50-51" };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const struct reply *reply = GET("/answers/conditional", ranges[i]);
        EXPECT_STATUS(reply, 200);
        ck_assert_uint_eq(reply->length, 100);
    }
}
END_TEST

START_TEST(if_range_decides_between_part_and_whole)
{
    EXPECT_STATUS(GET("/answers/conditional", "Range: bytes=0-3", "If-Range: \"v1\""), 206);
    EXPECT_STATUS(GET("/answers/conditional", "Range: bytes=0-3", "If-Range: \"v0\""), 200);
    EXPECT_STATUS(GET("/answers/conditional", "Range: bytes=0-3", "If-Range: " THEN), 206);
    EXPECT_STATUS(GET("/answers/conditional", "Range: bytes=0-3", "If-Range: " EARLIER), 200);
}
END_TEST

START_TEST(what_the_client_has_already_is_304)
{
    static const char *const conditions[] = { "If-None-Match: \"v1\"", "If-None-Match: \"v0\", W/\"v1\"",
                                              "If-None-Match: *", "If-Modified-Since: " THEN };
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        const struct reply *reply = GET("/answers/conditional", conditions[i]);
        EXPECT(reply, 304, "");
        EXPECT_HEADER(reply, "ETag", "\"v1\"");
        EXPECT_HEADER(reply, "Content-Type", NULL);
    }
    EXPECT(GET("/answers/conditional-text", "If-None-Match: \"v1\""), 304, "");
}
END_TEST

START_TEST(what_has_changed_is_sent)
{
    EXPECT_STATUS(GET("/answers/conditional", "If-None-Match: \"v0\""), 200);
    EXPECT_STATUS(GET("/answers/conditional", "If-Modified-Since: " EARLIER), 200);
    EXPECT_STATUS(GET("/answers/conditional", "If-Modified-Since: yesterday"), 200);
    /* If-None-Match outweighs If-Modified-Since (RFC 9110 section 13.2.2). */
    EXPECT_STATUS(GET("/answers/conditional", "If-None-Match: \"v0\"", "If-Modified-Since: " THEN), 200);
    EXPECT(GET("/answers/conditional-text", "If-None-Match: \"v0\""), 200, "conditional\n");
}
END_TEST

START_TEST(a_condition_that_does_not_hold_is_412)
{
    EXPECT_STATUS(GET("/answers/conditional", "If-Match: \"v0\""), 412);
    EXPECT_STATUS(GET("/answers/conditional", "If-Unmodified-Since: " EARLIER), 412);
    EXPECT_STATUS(ask("PUT", "/answers/conditional", LIST("If-None-Match: \"v1\""), "", 0), 412);
    EXPECT_STATUS(GET("/answers/conditional", "If-Match: \"v1\""), 200);
    EXPECT_STATUS(GET("/answers/conditional", "If-Match: *"), 200);
}
END_TEST

START_TEST(a_connection_stays_in_step_after_a_part)
{
    struct session *session = session_begin(gateway.url);
    for (int i = 0; i < 5; i++) {
        struct reply reply;
        fetch_on(session, &reply, "/answers/conditional", "GET", LIST("Range: bytes=90-"), NULL, 0);
        EXPECT(&reply, 206, "0123456789");
        reply_free(&reply);
        fetch_on(session, &reply, "/answers/conditional", "GET", LIST("If-None-Match: \"v1\""), NULL, 0);
        EXPECT(&reply, 304, "");
        reply_free(&reply);
    }
    ck_assert_int_eq(session_connections(session), 1);
    session_end(session);
}
END_TEST

Suite *files_suite(void)
{
    Suite *suite = suite_create("files");
    TCase *shared = test_case(suite, "one gateway", serve_answers);
    tcase_add_test(shared, a_file_is_sent_whole_or_from_an_offset);
    tcase_add_test(shared, head_of_a_file_has_its_length);
    tcase_add_test(shared, a_file_without_conditional_knows_no_ranges);
    tcase_add_test(shared, conditional_sets_the_validators);
    tcase_add_test(shared, ranges_are_cut_out);
    tcase_add_test(shared, a_range_beyond_the_end_is_416);
    tcase_add_test(shared, ranges_that_are_none_are_ignored);
    tcase_add_test(shared, if_range_decides_between_part_and_whole);
    tcase_add_test(shared, what_the_client_has_already_is_304);
    tcase_add_test(shared, what_has_changed_is_sent);
    tcase_add_test(shared, a_condition_that_does_not_hold_is_412);
    tcase_add_test(shared, a_connection_stays_in_step_after_a_part);
    return suite;
}
