#include "http/method.h"

#include <check.h>

#include "http/status.h"
#include "sdk/ngi.h"
#include "tests/unit/suites.h"

/* RFC 9110 section 9.1: case-sensitive; section 9.3.6 and 9.3.8: CONNECT and TRACE. */
START_TEST(every_method_has_its_bit)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } cases[] = {
        { "GET", NGI_GET },
        { "HEAD", NGI_HEAD },
        { "POST", NGI_POST },
        { "PUT", NGI_PUT },
        { "PATCH", NGI_PATCH },
        { "DELETE", NGI_DELETE },
        { "OPTIONS", NGI_OPTIONS },
        { "PROPFIND", METHOD_EXTENSION },
        { "get", METHOD_EXTENSION },
        { "GETS", METHOD_EXTENSION },
        { "M-SEARCH", METHOD_EXTENSION },
        { "TRACE", 0 },
        { "CONNECT", 0 },
        { "", 0 },
        { "GE T", 0 },
        { "GET\t", 0 },
        { "G\xc3\x89T", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(method_bit(cases[i].name) == cases[i].bit, "%s", cases[i].name);
        ck_assert_int_eq((NGI_ANY & method_bit(cases[i].name)) != 0, cases[i].bit != 0);
    }
}
END_TEST

/* RFC 9110 section 10.2.1. */
START_TEST(allow_names_the_methods_with_head_and_options)
{
    static const struct {
        uint32_t bits;
        const char *list;
    } cases[] = {
        { NGI_GET, "GET, HEAD, OPTIONS" },
        { NGI_HEAD, "HEAD, OPTIONS" },
        { NGI_POST, "POST, OPTIONS" },
        { NGI_OPTIONS, "OPTIONS" },
        { 0, "OPTIONS" },
        { METHOD_EXTENSION, "OPTIONS" },
        { NGI_DELETE | NGI_PUT | NGI_GET, "GET, HEAD, PUT, DELETE, OPTIONS" },
        { NGI_ANY, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" },
    };
    char list[METHOD_LIST_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        method_list(cases[i].bits, list);
        ck_assert_str_eq(list, cases[i].list);
    }
}
END_TEST

/* RFC 9110 section 15; 103: RFC 8297; 429, 431, 511: RFC 6585; 451: RFC 7725. */
START_TEST(registered_statuses_have_their_phrase)
{
    static const struct {
        int status;
        const char *phrase;
    } cases[] = {
        { 100, "Continue" },
        { 103, "Early Hints" },
        { 200, "OK" },
        { 304, "Not Modified" },
        { 404, "Not Found" },
        { 413, "Content Too Large" },
        { 416, "Range Not Satisfiable" },
        { 421, "Misdirected Request" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 451, "Unavailable For Legal Reasons" },
        { 511, "Network Authentication Required" },
        { 306, "Unknown" },
        { 418, "Unknown" },
        { 430, "Unknown" },
        { 512, "Unknown" },
        { 599, "Unknown" },
        { 0, "Unknown" },
        { -404, "Unknown" },
        { 1 << 30, "Unknown" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_str_eq(status_phrase(cases[i].status), cases[i].phrase);
}
END_TEST

/* RFC 9110 section 6.4.1. */
START_TEST(some_statuses_never_have_content)
{
    ck_assert(status_has_no_content(100));
    ck_assert(status_has_no_content(204));
    ck_assert(status_has_no_content(304));
    ck_assert(!status_has_no_content(200));
    ck_assert(!status_has_no_content(205));
    ck_assert(!status_has_no_content(404));
}
END_TEST

Suite *method_suite(void)
{
    Suite *suite = suite_create("method and status");
    TCase *tests = tcase_create("method and status");
    tcase_add_test(tests, every_method_has_its_bit);
    tcase_add_test(tests, allow_names_the_methods_with_head_and_options);
    tcase_add_test(tests, registered_statuses_have_their_phrase);
    tcase_add_test(tests, some_statuses_never_have_content);
    suite_add_tcase(suite, tests);
    return suite;
}
