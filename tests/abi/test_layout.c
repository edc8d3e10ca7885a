/* Members stay where they are, constants what they are: a plugin of last year has both compiled in. */
#include "tests/abi/layout_1_0.h"
#include "tests/abi/suites.h"

#define EACH(row, table) \
    for (const struct layout_row *row = (table); row < (table) + sizeof(table) / sizeof *(table); row++)

#ifdef __LP64__
START_TEST(no_member_has_moved)
{
    EACH(row, layout_members)
        ck_assert_msg(row->now == row->frozen,
                      "%s lies at offset %d; in NGI 1.0 it lay at %d: new members go to the end, none may move or go",
                      row->name, (int)row->now, (int)row->frozen);
}
END_TEST

START_TEST(structures_have_only_grown)
{
    EACH(row, layout_growing)
        ck_assert_msg(row->now >= row->frozen, "%s has %d bytes; in NGI 1.0 it had %d: it may only grow", row->name,
                      (int)row->now, (int)row->frozen);
}
END_TEST

START_TEST(rows_have_kept_their_size)
{
    EACH(row, layout_fixed)
        ck_assert_msg(row->now == row->frozen,
                      "%s has %d bytes; in NGI 1.0 it had %d: plugins and hosts of other versions count on that size",
                      row->name, (int)row->now, (int)row->frozen);
}
END_TEST
#endif

START_TEST(constants_mean_what_they_meant)
{
    EACH(row, layout_constants)
        ck_assert_msg(row->now == row->frozen,
                      "%s is %lld; in NGI 1.0 it was %lld: plugins have that number compiled in", row->name,
                      (long long)row->now, (long long)row->frozen);
}
END_TEST

START_TEST(the_interface_is_version_1)
{
    ck_assert_int_eq(NGI_MAJOR, 1);
    ck_assert_uint_eq(NGI_ABI, (uint32_t)(1 << 16 | NGI_MINOR));
}
END_TEST

START_TEST(error_codes_are_dense_and_each_has_a_text)
{
    ck_assert_str_eq(ngi_strerror(0), "success");
    for (int code = -1; code >= NGI_ELAST_; code--) {
        ck_assert_str_ne(ngi_strerror(code), "unknown error");
        for (int other = 0; other > code; other--)
            ck_assert_str_ne(ngi_strerror(code), ngi_strerror(other));
    }
    ck_assert_str_eq(ngi_strerror(NGI_ELAST_ - 1), "unknown error");
    ck_assert_str_eq(ngi_strerror(1), "unknown error");
}
END_TEST

static ngi_later *some_later_new(ngi_request *r)
{
    (void)r;
    return NULL;
}

/* How a plugin sees that a host lacks what is younger than the host. */
START_TEST(ngi_has_is_false_beyond_the_end_of_a_hosts_table)
{
    ngi_host host = { .size = offsetof(ngi_host, later_new), .abi = NGI_ABI };
    ngi_request request = { .ngi = &host };
    ck_assert(!NGI_HAS(&request, later_new));
    host.later_new = some_later_new;
    ck_assert(!NGI_HAS(&request, later_new));
    host.size += (uint32_t)sizeof host.later_new - 1;
    ck_assert(!NGI_HAS(&request, later_new));
    host.size++;
    ck_assert(NGI_HAS(&request, later_new));
    ck_assert(!NGI_HAS(&request, later_drop));
}
END_TEST

START_TEST(ngi_has_is_false_for_a_null_member)
{
    ngi_host host = { .size = sizeof host, .abi = NGI_ABI };
    ngi_request request = { .ngi = &host };
    ck_assert(!NGI_HAS(&request, later_new));
}
END_TEST

Suite *layout_suite(void)
{
    Suite *suite = suite_create("layout");
    TCase *tests = tcase_create("layout");
#ifdef __LP64__
    tcase_add_test(tests, no_member_has_moved);
    tcase_add_test(tests, structures_have_only_grown);
    tcase_add_test(tests, rows_have_kept_their_size);
#endif
    tcase_add_test(tests, constants_mean_what_they_meant);
    tcase_add_test(tests, the_interface_is_version_1);
    tcase_add_test(tests, error_codes_are_dense_and_each_has_a_text);
    tcase_add_test(tests, ngi_has_is_false_beyond_the_end_of_a_hosts_table);
    tcase_add_test(tests, ngi_has_is_false_for_a_null_member);
    suite_add_tcase(suite, tests);
    return suite;
}
