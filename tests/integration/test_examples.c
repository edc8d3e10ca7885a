/* Each example does what the comment at its top says. */
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXAMPLES "examples/hello.so examples/echo.so examples/environ.so examples/sleep.so examples/spin.so " \
                 "examples/form.so examples/stream.so"
#define JSON "Content-Type: application/json"
#define FORM "Content-Type: application/x-www-form-urlencoded"

static void serve_examples(void)
{
    SERVE(EXAMPLES);
}

START_TEST(hello_greets)
{
    EXPECT(GET("/hello/?name=Ada"), 200, "Hello, Ada!\n");
}
END_TEST

START_TEST(echo_reflects_one_type_only)
{
    EXPECT_HEADER(POST("/echo/", "hi", "Content-Type: text/plain; charset=UTF-8"), "Content-Type",
                  "text/plain; charset=UTF-8");
    EXPECT_HEADER(POST("/echo/", "<script>", "Content-Type: text/html"), "Content-Type", "application/octet-stream");
    EXPECT_HEADER(POST("/echo/", "x", "Content-Type: text/plain, text/html"), "Content-Type",
                  "application/octet-stream");
    EXPECT_HEADER(POST("/echo/", "x"), "X-Content-Type-Options", "nosniff");
}
END_TEST

START_TEST(environ_is_sorted)
{
    const struct reply *reply = GET("/environ/some/path?q=1", "X-Colour: blue");
    char previous[1024] = "";
    EXPECT_STATUS(reply, 200);
    for (const char *line = reply->body; *line; line += strcspn(line, "\n") + 1) {
        char here[1024];
        snprintf(here, sizeof here, "%.*s", (int)strcspn(line, "\n"), line);
        ck_assert_str_lt(previous, here);
        strcpy(previous, here);
    }
    EXPECT_HAS(reply->body, "\nHTTP_X_COLOUR=blue\n");
}
END_TEST

START_TEST(sleep_takes_plain_decimals_only)
{
    static const char *const wrong[] = { "x", "-1", "1e3", "inf", "0x10", ".5", "1.", "3601" };
    EXPECT_HAS(GET("/sleep/0.01")->body, "Slept 0.01");
    EXPECT_STATUS(GET("/sleep/0"), 200);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char path[32];
        snprintf(path, sizeof path, "/sleep/%s", wrong[i]);
        EXPECT(GET(path), 400, "Seconds are a decimal number from 0 to 3600.\n");
    }
}
END_TEST

START_TEST(spin_counts_its_millions)
{
    EXPECT_HAS(GET("/spin/3")->body, "3 million iterations took ");
    EXPECT_HAS(GET("/spin/0")->body, "0 million iterations took ");
    EXPECT_STATUS(GET("/spin/100001"), 400);
    EXPECT_STATUS(GET("/spin/-1"), 400);
}
END_TEST

START_TEST(form_goes_there_and_back)
{
    static const char body[] =
        "--XX\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n<b>bold</b>\r\n"
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\\\"<x>\"\r\n"
        "Content-Type: text/html\r\n\r\n123456789\r\n--XX--\r\n";
    EXPECT_HAS(GET("/form/")->body, "<input name=\"file\" type=\"file\">");
    const struct reply *reply = POST("/form/", body, "Content-Type: multipart/form-data; boundary=XX");
    EXPECT_STATUS(reply, 200);
    EXPECT_HAS(reply->body, "<dt>Text<dd>&lt;b&gt;bold&lt;/b&gt;\n");
    EXPECT_HAS(reply->body, "<dt>File name<dd>&quot;&lt;x&gt;\n");
    EXPECT_HAS(reply->body, "<dt>File size<dd>9 bytes\n<dt>CRC-32<dd>cbf43926\n"); /* the check value of CRC-32 */
    EXPECT_HAS(POST("/form/", "text=a%26b", FORM)->body, "<dt>Text<dd>a&amp;b\n");
    EXPECT_STATUS(POST("/form/", "{}", JSON), 415);
    EXPECT_STATUS(POST("/form/", "--XX", "Content-Type: multipart/form-data; boundary=XX"), 400);
}
END_TEST

START_TEST(stream_can_be_checked_byte_by_byte)
{
    static const char *const paths[] = { "/stream/1000007", "/stream/1000007?chunked=1" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct reply *reply = GET(paths[i]);
        EXPECT_STATUS(reply, 200);
        ck_assert_uint_eq(reply->length, 1000007);
        EXPECT_HEADER(reply, "Content-Length", i == 0 ? "1000007" : NULL);
        for (size_t at = 0; at < reply->length; at += 16) {
            char line[32];
            size_t left = reply->length - at < 16 ? reply->length - at : 16;
            snprintf(line, sizeof line, "%015zu\n", at / 16);
            ck_assert_int_eq(memcmp(reply->body + at, line, left), 0);
        }
    }
    EXPECT_HEADER(ASK("HEAD", "/stream/1024G"), "Content-Length", "1099511627776");
    EXPECT_STATUS(GET("/stream/1025G"), 400);
    EXPECT_STATUS(GET("/stream/0"), 200);
}
END_TEST

/* --- items --------------------------------------------------------------------------------------------------- */

static int have(const char *plugin)
{
    if (access(built(plugin), F_OK) == 0)
        return 1;
    fprintf(stderr, "%s was not built (its library is missing): its test is skipped\n", plugin);
    return 0;
}

START_TEST(items_are_created_read_renamed_and_deleted)
{
    if (!have("examples/items.so"))
        return;
    SERVE("examples/items.so");
    EXPECT(GET("/items/"), 200, "{\"items\":[],\"next\":null}");
    const struct reply *reply = POST("/items/", "{\"name\":\"tea\"}", JSON);
    EXPECT(reply, 201, "{\"id\":1,\"name\":\"tea\"}");
    EXPECT_HEADER(reply, "Location", "/items/1");
    EXPECT_HEADER(reply, "Content-Type", "application/json");
    EXPECT_STATUS(POST("/items/", "name=coffee", FORM), 201);
    EXPECT(GET("/items/2"), 200, "{\"id\":2,\"name\":\"coffee\"}");
    EXPECT(ask("PUT", "/items/2", LIST(FORM), "name=milk", 9), 200, "{\"id\":2,\"name\":\"milk\"}");
    EXPECT(GET("/items/"), 200, "{\"items\":[{\"id\":1,\"name\":\"tea\"},{\"id\":2,\"name\":\"milk\"}],\"next\":null}");
    EXPECT(GET("/items/?limit=1"), 200, "{\"items\":[{\"id\":1,\"name\":\"tea\"}],\"next\":1}");
    EXPECT(GET("/items/?limit=2&after=1"), 200, "{\"items\":[{\"id\":2,\"name\":\"milk\"}],\"next\":null}");
    EXPECT(ASK("DELETE", "/items/1"), 204, "");
    EXPECT_STATUS(GET("/items/1"), 404);
    EXPECT_STATUS(ASK("DELETE", "/items/1"), 404);
    finish();
}
END_TEST

START_TEST(items_refuse_what_is_not_right)
{
    if (!have("examples/items.so"))
        return;
    SERVE("examples/items.so");
    EXPECT_STATUS(POST("/items/", "name=tea", FORM), 201);
    EXPECT(POST("/items/", "name=tea", FORM), 409, "{\"error\":\"that name is taken\"}\n");
    EXPECT_STATUS(POST("/items/", "{\"name\":", JSON), 400);
    EXPECT_STATUS(POST("/items/", "{\"name\":5}", JSON), 400);
    EXPECT_STATUS(POST("/items/", "name=%ff", FORM), 400);
    EXPECT_STATUS(POST("/items/", "name=", FORM), 400);
    EXPECT_STATUS(POST("/items/", "tea", "Content-Type: text/plain"), 415);
    EXPECT_STATUS(GET("/items/?limit=0"), 400);
    EXPECT_STATUS(GET("/items/x"), 404);
    EXPECT(POST("/items/", "name='); DROP TABLE items; --", FORM), 201,
           "{\"id\":2,\"name\":\"'); DROP TABLE items; --\"}");
    finish();
}
END_TEST

START_TEST(items_outlive_the_gateway)
{
    struct stat file;
    if (!have("examples/items.so"))
        return;
    SERVE("examples/items.so");
    EXPECT_STATUS(POST("/items/", "name=tea", FORM), 201);
    gateway_stop(&gateway);
    ck_assert_int_eq(stat(scratch_path(&scratch, "state/postern/items.db"), &file), 0);
    ck_assert_uint_eq(file.st_mode & 0777, 0600);
    SERVE("");
    EXPECT(GET("/items/1"), 200, "{\"id\":1,\"name\":\"tea\"}");
    finish();
}
END_TEST

/* --- mandelbrot ---------------------------------------------------------------------------------------------- */

START_TEST(mandelbrot_is_a_picture)
{
    static const char begin[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x20\0\0\0\x18";
    if (!have("examples/mandelbrot.so"))
        return;
    SERVE("examples/mandelbrot.so");
    const struct reply *reply = GET("/mandelbrot/?w=32&h=24&iterations=50");
    EXPECT_STATUS(reply, 200);
    EXPECT_HEADER(reply, "Content-Type", "image/png");
    ck_assert_uint_gt(reply->length, sizeof begin);
    ck_assert_int_eq(memcmp(reply->body, begin, sizeof begin - 1), 0);
    ck_assert_int_eq(memcmp(reply->body + reply->length - 8, "IEND\xae\x42\x60\x82", 8), 0);
    EXPECT_HAS(GET("/mandelbrot/page?zoom=2")->body, "zoom=2&amp;");
    EXPECT(GET("/mandelbrot/?w=5000"), 400, "w is a number from 16 to 2048.\n");
    EXPECT_STATUS(GET("/mandelbrot/?zoom=nan"), 400);
    finish();
}
END_TEST

Suite *examples_suite(void)
{
    Suite *suite = suite_create("examples");
    TCase *shared = test_case(suite, "one gateway", serve_examples);
    tcase_add_test(shared, hello_greets);
    tcase_add_test(shared, echo_reflects_one_type_only);
    tcase_add_test(shared, environ_is_sorted);
    tcase_add_test(shared, sleep_takes_plain_decimals_only);
    tcase_add_test(shared, spin_counts_its_millions);
    tcase_add_test(shared, form_goes_there_and_back);
    tcase_add_test(shared, stream_can_be_checked_byte_by_byte);
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, items_are_created_read_renamed_and_deleted);
    tcase_add_test(own, items_refuse_what_is_not_right);
    tcase_add_test(own, items_outlive_the_gateway);
    tcase_add_test(own, mandelbrot_is_a_picture);
    return suite;
}
