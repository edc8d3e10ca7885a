#include "http/field.h"

#include <check.h>
#include <string.h>

#include "tests/unit/suites.h"

/* RFC 9110 section 5.6.2: the RFC's own list, against all 256 bytes. */
START_TEST(a_token_has_token_characters_only)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        bool is_allowed = memchr(allowed, byte, sizeof allowed - 1) != NULL;
        ck_assert_msg(field_is_token_char((unsigned char)c) == is_allowed, "byte %d", c);
        ck_assert_msg(field_is_token(&byte, 1) == is_allowed, "byte %d", c);
    }
    ck_assert(field_is_token("Content-Length", 14));
    ck_assert(!field_is_token("Content-Length ", 15));
    ck_assert(!field_is_token("Content\0Length", 14));
    ck_assert(!field_is_token("", 0));
}
END_TEST

/* RFC 9110 section 5.5. */
START_TEST(a_value_has_no_control_characters_but_the_tab)
{
    for (int c = 0; c < 256; c++) {
        char value[] = { 'a', (char)c, 'b' };
        bool is_control = (c < ' ' && c != '\t') || c == 0x7f;
        ck_assert_msg(field_is_value(value, sizeof value) == !is_control, "byte %d", c);
    }
    ck_assert(field_is_value("", 0));
    ck_assert(!field_is_value("a\r\nSet-Cookie: b", 16));
}
END_TEST

/* RFC 9110 section 7.6.1. */
START_TEST(hop_by_hop_names_are_known_in_any_case)
{
    static const char *const hop_by_hop[] = {
        "Connection", "keep-alive", "PROXY-CONNECTION", "te", "Trailer", "Transfer-Encoding", "uPGRADE",
    };
    static const char *const end_to_end[] = { "", "T", "TEE", "Trailers", "Content-Length", "Connection ", "Host" };
    for (size_t i = 0; i < sizeof hop_by_hop / sizeof hop_by_hop[0]; i++)
        ck_assert_msg(field_is_hop_by_hop(hop_by_hop[i]), "%s", hop_by_hop[i]);
    for (size_t i = 0; i < sizeof end_to_end / sizeof end_to_end[0]; i++)
        ck_assert_msg(!field_is_hop_by_hop(end_to_end[i]), "%s", end_to_end[i]);
}
END_TEST

Suite *field_suite(void)
{
    Suite *suite = suite_create("field");
    TCase *tests = tcase_create("field");
    tcase_add_test(tests, a_token_has_token_characters_only);
    tcase_add_test(tests, a_value_has_no_control_characters_but_the_tab);
    tcase_add_test(tests, hop_by_hop_names_are_known_in_any_case);
    suite_add_tcase(suite, tests);
    return suite;
}
