#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

enum { BODY_MEMORY = 64 * 1024, MIB = 1024 * 1024 };

static void serve_inputs(void)
{
    SERVE("examples/echo.so tests/integration/plugins/inputs.so", "--set", "max_body=8M", "--set",
          "plugin.inputs.max_body=1000");
}

static unsigned files_in_spool(void)
{
    unsigned count = 0;
    DIR *dir = opendir(scratch_path(&scratch, "spool"));
    const struct dirent *entry;
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

START_TEST(query_parameters_are_decoded_and_kept_in_order)
{
    EXPECT(GET("/inputs/query?a=1+2&b=%26&a=3&c&=x"), 200, "first a: 1 2\na=1 2\nb=&\na=3\nc=\n=x\n");
    EXPECT(GET("/inputs/query"), 200, "first a: (none)\n");
    EXPECT(GET("/inputs/query?a="), 200, "first a: \na=\n");
}
END_TEST

START_TEST(cookies_are_read_by_name)
{
    EXPECT(GET("/inputs/cookie?name=b", "Cookie: a=1; b=\"two\"; c=3"), 200, "two\n");
    EXPECT(GET("/inputs/cookie?name=B", "Cookie: a=1; b=2"), 200, "(none)\n");
    EXPECT(GET("/inputs/cookie?name=a"), 200, "(none)\n");
}
END_TEST

START_TEST(urlencoded_forms_are_read)
{
    EXPECT(POST("/inputs/form", "a=1+2&b=%C3%A9&empty=", "Content-Type: application/x-www-form-urlencoded"), 200,
           "a=1 2\nb=\xC3\xA9\nempty=\n");
    EXPECT(POST("/inputs/form", "a=1", "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"), 200, "a=1\n");
}
END_TEST

START_TEST(multipart_forms_are_read_files_and_all)
{
    static const char body[] = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n"
                               "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\dir\\f.txt\"\r\n"
                               "Content-Type: text/x-thing\r\n\r\nthe\r\n--X file\r\n--XX--\r\n";
    EXPECT(POST("/inputs/form", body, "Content-Type: multipart/form-data; boundary=XX"), 200,
           "a=one\r\ntwo\nfile \"f.txt\" text/x-thing 13\nthe\r\n--X file");
}
END_TEST

START_TEST(what_is_no_form_or_a_broken_one_is_told)
{
    EXPECT(POST("/inputs/form", "{}", "Content-Type: application/json"), 400, "not found\n");
    EXPECT(POST("/inputs/form", "--XX\r\nbroken", "Content-Type: multipart/form-data; boundary=XX"), 400,
           "malformed request\n");
}
END_TEST

/* Length, whether in memory or spilled, makes no difference to what arrives. */
static const size_t lengths[] = { 0, 1, BODY_MEMORY - 1, BODY_MEMORY, BODY_MEMORY + 1, 5 * MIB + 7 };

START_TEST(bodies_of_any_length_come_back_byte_by_byte)
{
    char *data = noise(lengths[_i]);
    const struct reply *reply = ask("POST", "/echo/", NULL, data, lengths[_i]);
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, lengths[_i]);
    ck_assert_int_eq(memcmp(reply->body, data, lengths[_i]), 0);
    ck_assert_uint_eq(files_in_spool(), 0);
    free(data);
}
END_TEST

START_TEST(chunked_bodies_of_any_length_come_back_too)
{
    char *data = noise(lengths[_i]);
    const struct reply *reply = ask("PUT", "/echo/", LIST("Transfer-Encoding: chunked"), data, lengths[_i]);
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, lengths[_i]);
    ck_assert_int_eq(memcmp(reply->body, data, lengths[_i]), 0);
    free(data);
}
END_TEST

START_TEST(a_body_can_be_read_in_pieces_of_any_size)
{
    static const unsigned pieces[] = { 1, 7, 999, 1000, 1001, 100000 };
    char *data = noise(1000), path[64];
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        snprintf(path, sizeof path, "/inputs/read/%u", pieces[i]);
        const struct reply *reply = ask("POST", path, NULL, data, 1000);
        EXPECT_STATUS(reply, 200);
        ck_assert_uint_eq(reply->length, 1000);
        ck_assert_int_eq(memcmp(reply->body, data, 1000), 0);
    }
    free(data);
}
END_TEST

START_TEST(a_spilled_body_can_be_read_in_pieces)
{
    SERVE("tests/integration/plugins/inputs.so", "--set", "body_memory=1K");
    char *data = noise(200001);
    const struct reply *reply = ask("POST", "/inputs/read/777", NULL, data, 200001);
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, 200001);
    ck_assert_int_eq(memcmp(reply->body, data, 200001), 0);
    EXPECT(ask("POST", "/inputs/both", NULL, data, 200001), 200, "read 200001, block 200001\n");
    ck_assert_uint_eq(files_in_spool(), 0);
    free(data);
    finish();
}
END_TEST

START_TEST(an_upload_that_was_spilled_is_whole)
{
    enum { SIZE = 300000 };
    SERVE("tests/integration/plugins/inputs.so", "--set", "body_memory=1K");
    static const char head[] = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
    char *data = noise(SIZE), *body = malloc(SIZE + 200);
    memcpy(body, head, sizeof head - 1);
    memcpy(body + sizeof head - 1, data, SIZE);
    memcpy(body + sizeof head - 1 + SIZE, "\r\n--XX--\r\n", 10);
    const struct reply *reply = ask("POST", "/inputs/form", LIST("Content-Type: multipart/form-data; boundary=XX"),
                                    body, sizeof head - 1 + SIZE + 10);
    static const char told[] = "file \"f\" application/octet-stream 300000\n";
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, sizeof told - 1 + SIZE);
    ck_assert_int_eq(memcmp(reply->body, told, sizeof told - 1), 0);
    ck_assert_int_eq(memcmp(reply->body + sizeof told - 1, data, SIZE), 0);
    free(data);
    free(body);
    finish();
}
END_TEST

START_TEST(a_body_of_exactly_max_body_is_taken)
{
    char *data = noise(1001);
    EXPECT_STATUS(ask("POST", "/inputs/read/100", NULL, data, 1000), 200);
    EXPECT_STATUS(ask("POST", "/inputs/read/100", NULL, data, 1001), 413);
    EXPECT_STATUS(ask("POST", "/echo/", NULL, data, 1001), 200); /* the limit is the plugin's, not the gateway's */
    free(data);
}
END_TEST

/* Nothing of the body is sent here: the answer cannot have waited for it. */
START_TEST(a_content_length_over_the_limit_is_413_before_the_body)
{
    const char *answer = talk("POST /inputs/read/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
    ck_assert_msg(strncmp(answer, "HTTP/1.1 413 ", 13) == 0, "%s", answer);
    ck_assert_pstr_eq(head_value(answer, "Connection"), "close");
    EXPECT_HAS(answer, "\r\n\r\n413 Content Too Large\n");
}
END_TEST

START_TEST(chunks_over_the_limit_are_413)
{
    char *data = noise(3 * MIB);
    const struct reply *reply = ask("POST", "/inputs/read/1", LIST("Transfer-Encoding: chunked"), data, 3 * MIB);
    EXPECT(reply, 413, "413 Content Too Large\n");
    EXPECT_STATUS(ask("POST", "/inputs/read/1", LIST("Transfer-Encoding: chunked"), data, 1001), 413);
    EXPECT_STATUS(ask("POST", "/inputs/read/1", LIST("Transfer-Encoding: chunked"), data, 1000), 200);
    ck_assert_uint_eq(files_in_spool(), 0);
    free(data);
}
END_TEST

START_TEST(a_spool_that_does_not_work_is_503_and_told_in_the_log)
{
    SERVE("examples/echo.so", "--set", "body_memory=0", "--set", "spool=/nonexistent/spool", "--set", "processes=2");
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "warning: spool = /nonexistent/spool: no file can be made"), 1);
    const struct reply *reply = POST("/echo/", "something");
    EXPECT(reply, 503, "503 Service Unavailable\n");
    gateway_wait_log(&gateway, "could not be kept in /nonexistent/spool: No such file or directory");
    finish();
}
END_TEST

/* Bodies and answers of that size go by descriptor between a gateway and its host processes; these can make none. */
START_TEST(a_host_that_may_write_no_file_takes_and_gives_large_bodies)
{
    static const size_t sizes[] = { 1, 64 * 1024, 64 * 1024 + 1, 16 * MIB };
    SERVE("examples/echo.so", "--set", "plugin.echo.run=process", "--set", "max_body=20M", "--set",
          "plugin.echo.file_size_limit=4K", "--set", "plugin.echo.syscalls=restricted");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *data = noise(sizes[i]);
        const struct reply *reply = ask("POST", "/echo/", NULL, data, sizes[i]);
        EXPECT_STATUS(reply, 200);
        ck_assert_uint_eq(reply->length, sizes[i]);
        ck_assert_int_eq(memcmp(reply->body, data, sizes[i]), 0);
        free(data);
    }
    finish();
}
END_TEST

Suite *input_suite(void)
{
    Suite *suite = suite_create("input");
    TCase *shared = test_case(suite, "one gateway", serve_inputs);
    tcase_add_test(shared, query_parameters_are_decoded_and_kept_in_order);
    tcase_add_test(shared, cookies_are_read_by_name);
    tcase_add_test(shared, urlencoded_forms_are_read);
    tcase_add_test(shared, multipart_forms_are_read_files_and_all);
    tcase_add_test(shared, what_is_no_form_or_a_broken_one_is_told);
    tcase_add_loop_test(shared, bodies_of_any_length_come_back_byte_by_byte, 0, sizeof lengths / sizeof *lengths);
    tcase_add_loop_test(shared, chunked_bodies_of_any_length_come_back_too, 0, sizeof lengths / sizeof *lengths);
    tcase_add_test(shared, a_body_can_be_read_in_pieces_of_any_size);
    tcase_add_test(shared, a_body_of_exactly_max_body_is_taken);
    tcase_add_test(shared, a_content_length_over_the_limit_is_413_before_the_body);
    tcase_add_test(shared, chunks_over_the_limit_are_413);
    TCase *own = test_case(suite, "spilling", NULL);
    tcase_add_test(own, a_spilled_body_can_be_read_in_pieces);
    tcase_add_test(own, an_upload_that_was_spilled_is_whole);
    tcase_add_test(own, a_host_that_may_write_no_file_takes_and_gives_large_bodies);
    tcase_add_test(own, a_spool_that_does_not_work_is_503_and_told_in_the_log);
    return suite;
}
