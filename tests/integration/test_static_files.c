/* The bundled plugin static. The site lies in site/ of the scratch directory, a secret beside it. */
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void link_to(const char *target, const char *name)
{
    ck_assert_int_eq(symlink(target, scratch_path(&scratch, name)), 0);
}

static void make_site(void)
{
    static const char *const directories[] = { "site", "site/folder", "site/indexed", "site/we ird" };
    prepare();
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        ck_assert_int_eq(mkdir(scratch_path(&scratch, directories[i]), 0755), 0);
    scratch_write(&scratch, "secret.txt", "secret\n");
    scratch_write(&scratch, "site/a.txt", "0123456789");
    scratch_write(&scratch, "site/page.html", "<p>page\n");
    scratch_write(&scratch, "site/UPPER.PNG", "no picture");
    scratch_write(&scratch, "site/data", "data");
    scratch_write(&scratch, "site/.hidden", "hidden\n");
    scratch_write(&scratch, "site/folder/<b>&.txt", "named\n");
    scratch_write(&scratch, "site/indexed/index.html", "<p>index\n");
    scratch_write(&scratch, "site/we ird/x.txt", "x\n");
    link_to("a.txt", "site/link.txt");
    link_to("../secret.txt", "site/escape.txt");
    link_to("..", "site/up");
    link_to("/etc", "site/absolute");
    ck_assert_int_eq(mkfifo(scratch_path(&scratch, "site/fifo"), 0644), 0);
}

static void serve_site_with(const char *listing)
{
    char root[200];
    make_site();
    snprintf(root, sizeof root, "plugin.static.option.root=%s", scratch_path(&scratch, "site"));
    SERVE("plugins/static.so", "--set", root, "--set", listing, "--set", "plugin.static.option.max_age=60");
}

static void serve_site(void)
{
    serve_site_with("plugin.static.option.listing=false");
}

static void serve_listed_site(void)
{
    serve_site_with("plugin.static.option.listing=true");
}

START_TEST(a_file_has_its_type_tag_and_age)
{
    static const struct {
        const char *path, *type;
    } cases[] = {
        { "/static/a.txt", "text/plain; charset=UTF-8" },
        { "/static/page.html", "text/html; charset=UTF-8" },
        { "/static/UPPER.PNG", "image/png" },
        { "/static/data", "application/octet-stream" },
        { "/static/link.txt", "text/plain; charset=UTF-8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct reply *reply = GET(cases[i].path);
        EXPECT_STATUS(reply, 200);
        EXPECT_HEADER(reply, "Content-Type", cases[i].type);
        EXPECT_HEADER(reply, "X-Content-Type-Options", "nosniff");
        EXPECT_HEADER(reply, "Cache-Control", "max-age=60");
        ck_assert_ptr_nonnull(reply_header(reply, "ETag"));
        ck_assert_ptr_nonnull(reply_header(reply, "Last-Modified"));
    }
    EXPECT(GET("/static/link.txt"), 200, "0123456789");
}
END_TEST

START_TEST(a_client_that_has_the_file_gets_304)
{
    char condition[200];
    snprintf(condition, sizeof condition, "If-None-Match: %s", reply_header(GET("/static/a.txt"), "ETag"));
    EXPECT(GET("/static/a.txt", condition), 304, "");
    EXPECT_STATUS(GET("/static/page.html", condition), 200);
    snprintf(condition, sizeof condition, "If-Modified-Since: %s", reply_header(GET("/static/a.txt"), "Last-Modified"));
    EXPECT(GET("/static/a.txt", condition), 304, "");
}
END_TEST

START_TEST(a_file_is_sent_in_parts)
{
    EXPECT(GET("/static/a.txt", "Range: bytes=2-4"), 206, "234");
    EXPECT(GET("/static/a.txt", "Range: bytes=-3"), 206, "789");
    EXPECT_STATUS(GET("/static/a.txt", "Range: bytes=10-"), 416);
    const struct reply *reply = ASK("HEAD", "/static/a.txt");
    EXPECT(reply, 200, "");
    EXPECT_HEADER(reply, "Content-Length", "10");
    EXPECT_HEADER(reply, "Accept-Ranges", "bytes");
}
END_TEST

START_TEST(a_directory_sends_its_index)
{
    const struct reply *reply = GET("/static/indexed/");
    EXPECT(reply, 200, "<p>index\n");
    EXPECT_HEADER(reply, "Content-Type", "text/html; charset=UTF-8");
}
END_TEST

START_TEST(a_directory_without_its_slash_is_redirected)
{
    static const struct {
        const char *path, *location;
    } cases[] = {
        { "/static/folder", "/static/folder/" },
        { "/static/folder?x=1&y=%20", "/static/folder/?x=1&y=%20" },
        { "/static/we%20ird", "/static/we%20ird/" },
        { "/static", "/static/" },
        { "/static//folder", "/static/folder/" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct reply *reply = GET(cases[i].path);
        EXPECT_STATUS(reply, 301);
        EXPECT_HEADER(reply, "Location", cases[i].location);
    }
}
END_TEST

START_TEST(a_directory_without_index_is_404_unless_listing)
{
    EXPECT_STATUS(GET("/static/folder/"), 404);
    EXPECT_STATUS(GET("/static/"), 404);
}
END_TEST

START_TEST(nothing_outside_the_root_is_ever_sent)
{
    static const char *const paths[] = {
        "/static/../secret.txt",          "/static/folder/../../secret.txt", "/static/%2e%2e/secret.txt",
        "/static/%2e%2e%2fsecret.txt",    "/static/escape.txt",              "/static/up/secret.txt",
        "/static/absolute/passwd",        "/static//etc/passwd",             "/static/..%5csecret.txt",
        "/static/folder/..%2f..%2fsecret.txt",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        EXPECT(GET(paths[i]), 404, "404 Not Found\n");
    EXPECT_STATUS(GET("/static/../../../../etc/passwd"), 400); /* above the root of the whole gateway */
}
END_TEST

START_TEST(what_is_no_file_is_404)
{
    static const char *const paths[] = { "/static/missing", "/static/.hidden", "/static/fifo", "/static/a.txt/",
                                         "/static/a.txt/b" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        EXPECT(GET(paths[i]), 404, "404 Not Found\n");
}
END_TEST

START_TEST(other_methods_are_405)
{
    const struct reply *reply = POST("/static/a.txt", "x");
    EXPECT_STATUS(reply, 405);
    EXPECT_HEADER(reply, "Allow", "GET, HEAD, OPTIONS");
}
END_TEST

START_TEST(a_listing_names_what_can_be_had_and_nothing_else)
{
    const struct reply *reply = GET("/static/");
    EXPECT_STATUS(reply, 200);
    EXPECT_HEADER(reply, "Content-Type", "text/html; charset=UTF-8");
    EXPECT_HAS(reply->body, "<a href=\"a.txt\">a.txt</a>");
    EXPECT_HAS(reply->body, "<a href=\"folder/\">folder/</a>");
    EXPECT_HAS(reply->body, "<a href=\"we%20ird/\">we ird/</a>");
    EXPECT_LACKS(reply->body, "hidden");
    EXPECT_LACKS(reply->body, "escape");
    EXPECT_LACKS(reply->body, "fifo");
    EXPECT_LACKS(reply->body, "../");
}
END_TEST

START_TEST(a_listing_escapes_names)
{
    const struct reply *reply = GET("/static/folder/");
    EXPECT_HAS(reply->body, "<a href=\"%3Cb%3E%26.txt\">&lt;b&gt;&amp;.txt</a>");
    EXPECT_HAS(reply->body, "<a href=\"../\">");
    EXPECT(GET("/static/folder/%3Cb%3E%26.txt"), 200, "named\n");
}
END_TEST

START_TEST(an_index_goes_before_the_listing)
{
    EXPECT(GET("/static/indexed/"), 200, "<p>index\n");
}
END_TEST

START_TEST(a_root_that_is_missing_refuses_the_start)
{
    struct command_result result;
    prepare();
    scratch_copy_as(&scratch, "plugins/static.so", "plugins/static.so");
    COMMAND(&result, "postern", "serve", "--plugins", scratch_path(&scratch, "plugins"), "--listen", "127.0.0.1:0",
            "--set", "plugin.static.option.root=/nonexistent");
    ck_assert_int_eq(result.status, 1);
    EXPECT_HAS(result.err, "option root: cannot open directory \"/nonexistent\": No such file or directory");
    command_free(&result);
    scratch_remove(&scratch);
}
END_TEST

Suite *static_files_suite(void)
{
    Suite *suite = suite_create("static_files");
    TCase *shared = test_case(suite, "a site", serve_site);
    tcase_add_test(shared, a_file_has_its_type_tag_and_age);
    tcase_add_test(shared, a_client_that_has_the_file_gets_304);
    tcase_add_test(shared, a_file_is_sent_in_parts);
    tcase_add_test(shared, a_directory_sends_its_index);
    tcase_add_test(shared, a_directory_without_its_slash_is_redirected);
    tcase_add_test(shared, a_directory_without_index_is_404_unless_listing);
    tcase_add_test(shared, nothing_outside_the_root_is_ever_sent);
    tcase_add_test(shared, what_is_no_file_is_404);
    tcase_add_test(shared, other_methods_are_405);
    TCase *listed = test_case(suite, "a site with listings", serve_listed_site);
    tcase_add_test(listed, a_listing_names_what_can_be_had_and_nothing_else);
    tcase_add_test(listed, a_listing_escapes_names);
    tcase_add_test(listed, an_index_goes_before_the_listing);
    tcase_add_test(listed, nothing_outside_the_root_is_ever_sent);
    TCase *own = test_case(suite, "no site", NULL);
    tcase_add_test(own, a_root_that_is_missing_refuses_the_start);
    return suite;
}
