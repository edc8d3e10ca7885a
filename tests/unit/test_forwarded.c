#include "http/forwarded.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "conf/settings.h"
#include "sdk/ngi.h"
#include "tests/unit/suites.h"

static const char *const proxies[] = { "10.0.0.0/8", "2001:db8::/32" };
static struct networks trusted;
static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, 0);
    ck_assert_int_eq(networks_new(&trusted, proxies, 2), NGI_OK);
}

static void tear_down(void)
{
    networks_free(&trusted);
    arena_free(&arena);
}

/* What `head`, lines "Name: value", tells: "ADDRESS PORT SCHEME HOST" with - for what it does not; or why it is
 * refused.
 */
static const char *read_head(const char *head, unsigned which)
{
    static char out[256];
    struct field fields[16];
    unsigned count = 0;
    for (const char *line = head; *line; count++) {
        size_t length = strcspn(line, "\n"), name = strcspn(line, ":");
        ck_assert_uint_lt(count, 16);
        fields[count] = (struct field){ .name = arena_copy(&arena, line, name),
                                        .value = arena_copy(&arena, line + name + 2, length - name - 2),
                                        .name_length = (uint32_t)name,
                                        .value_length = (uint32_t)(length - name - 2) };
        line += length + (line[length] == '\n');
    }
    struct forwarded told;
    const char *why = NULL;
    char address[INET6_ADDRSTRLEN] = "-";
    int rc = forwarded_read(&arena, fields, count, which, &trusted, &told, &why);
    if (rc != NGI_OK) {
        ck_assert_int_eq(rc, NGI_EINVAL);
        return why;
    }
    ck_assert_ptr_null(why);
    if (told.has_client)
        address_print(&told.client, address);
    snprintf(out, sizeof out, "%s %u %s %s", address, told.has_client ? told.port : 0, told.scheme ? told.scheme : "-",
             told.host ? told.host : "-");
    return out;
}

struct row {
    const char *head, *told;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *told = read_head(rows[i].head, FORWARDED_ALL);
        ck_assert_msg(strcmp(told, rows[i].told) == 0, "%s\n  tells %s\n  not   %s", rows[i].head, told, rows[i].told);
    }
}

#define ROWS(...)                                                                                                      \
    do {                                                                                                               \
        static const struct row rows[] = { __VA_ARGS__ };                                                              \
        assert_rows(rows, sizeof rows / sizeof *rows);                                                                 \
    } while (0)

#define GRAMMAR "the Forwarded field does not follow RFC 7239"
#define PROTO "a proxy forwards a scheme that is neither http nor https"
#define HOST "a proxy forwards a host that is no host[:port]"
#define CLIENTS "X-Forwarded-For and Forwarded tell of different clients"
#define PROTOS "X-Forwarded-Proto and Forwarded tell of different schemes"
#define HOSTS "X-Forwarded-Host and Forwarded tell of different hosts"

START_TEST(nothing_is_told_by_other_fields)
{
    ROWS({ "", "- 0 - -" },
         { "Host: a\nX-Real-IP: 192.0.2.1\nX-Forwarded-Port: 1\nX-Forwarded-Forx: 192.0.2.1", "- 0 - -" },
         { "X-Forwarded-For: ", "- 0 - -" }, { "X-Forwarded-For:  , ,\t,", "- 0 - -" },
         { "X-Forwarded-Proto: ,\nX-Forwarded-Host: \nForwarded: ", "- 0 - -" }, { "Forwarded: , ,", "- 0 - -" });
}
END_TEST

START_TEST(the_client_is_the_rightmost_that_is_not_trusted)
{
    ROWS({ "X-Forwarded-For: 192.0.2.1", "192.0.2.1 0 - -" }, { "x-forwarded-for: 192.0.2.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 198.51.100.1, 192.0.2.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 198.51.100.1, 192.0.2.1, 10.0.0.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 198.51.100.1,192.0.2.1 ,\t10.0.0.1,2001:db8::1,10.9.9.9", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 10.0.0.5, 192.0.2.1, 10.0.0.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 192.0.2.1, ::ffff:10.0.0.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 192.0.2.1,, 10.0.0.1,", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 2001:db9::1, 10.0.0.1", "2001:db9::1 0 - -" },
         /* one list over several fields */
         { "X-Forwarded-For: 192.0.2.1\nX-Forwarded-For: 10.0.0.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 10.0.0.1\nX-Other: x\nX-Forwarded-For: 192.0.2.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 192.0.2.1\nX-Forwarded-For: \nX-Forwarded-For: 10.0.0.2,10.0.0.1", "192.0.2.1 0 - -" });
}
END_TEST

START_TEST(where_all_are_trusted_the_leftmost_is_the_client)
{
    ROWS({ "X-Forwarded-For: 10.0.0.3, 10.0.0.2, 10.0.0.1", "10.0.0.3 0 - -" },
         { "X-Forwarded-For: 10.0.0.3", "10.0.0.3 0 - -" },
         { "X-Forwarded-For: 2001:db8::3\nX-Forwarded-For: 10.0.0.1", "2001:db8::3 0 - -" });
}
END_TEST

START_TEST(what_is_no_address_ends_the_way)
{
    ROWS({ "X-Forwarded-For: 192.0.2.1, unknown", "- 0 - -" }, { "X-Forwarded-For: unknown", "- 0 - -" },
         { "X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.1", "10.0.0.1 0 - -" },
         { "X-Forwarded-For: 192.0.2.1, _hidden, 10.0.0.2, 10.0.0.1", "10.0.0.2 0 - -" },
         { "X-Forwarded-For: garbage, 192.0.2.1, 10.0.0.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 192.0.2.1, 10.0.0.1; DROP TABLE", "- 0 - -" },
         { "X-Forwarded-For: 10.0.0.3, x, 10.0.0.2, y, 10.0.0.1", "10.0.0.1 0 - -" },
         { "X-Forwarded-For: unix:, 10.0.0.1", "10.0.0.1 0 - -" }, { "X-Forwarded-For: localhost", "- 0 - -" },
         { "X-Forwarded-For: \"192.0.2.1\"", "- 0 - -" }, { "X-Forwarded-For: 192.0.2.1 198.51.100.1", "- 0 - -" });
}
END_TEST

START_TEST(ports_of_addresses)
{
    ROWS({ "X-Forwarded-For: 192.0.2.1:56", "192.0.2.1 56 - -" },
         { "X-Forwarded-For: 192.0.2.1:65535, 10.0.0.1:80", "192.0.2.1 65535 - -" },
         { "X-Forwarded-For: 192.0.2.1, 10.0.0.1:80", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: [2001:db9::1]:56", "2001:db9::1 56 - -" },
         { "X-Forwarded-For: [2001:db9::1]", "2001:db9::1 0 - -" },
         { "X-Forwarded-For: [2001:db9::1], [2001:db8::1]:1", "2001:db9::1 0 - -" },
         { "X-Forwarded-For: 2001:db9::1:56", "2001:db9::1:56 0 - -" },
         { "X-Forwarded-For: [::ffff:192.0.2.1]:56", "192.0.2.1 56 - -" },
         { "X-Forwarded-For: 192.0.2.1:_secret", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 192.0.2.1:0", "192.0.2.1 0 - -" }, { "X-Forwarded-For: 192.0.2.1:", "- 0 - -" },
         { "X-Forwarded-For: 192.0.2.1:65536", "- 0 - -" }, { "X-Forwarded-For: 192.0.2.1:000080", "- 0 - -" },
         { "X-Forwarded-For: 192.0.2.1:x", "- 0 - -" }, { "X-Forwarded-For: 192.0.2.1:_", "- 0 - -" },
         { "X-Forwarded-For: [192.0.2.1]:56", "- 0 - -" }, { "X-Forwarded-For: [2001:db9::1", "- 0 - -" },
         { "X-Forwarded-For: [2001:db9::1]56", "- 0 - -" }, { "X-Forwarded-For: []", "- 0 - -" },
         { "X-Forwarded-For: [", "- 0 - -" }, { "X-Forwarded-For: :56", "- 0 - -" });
}
END_TEST

START_TEST(schemes_and_hosts_are_those_of_the_hop)
{
    ROWS({ "X-Forwarded-Proto: https", "- 0 https -" }, { "X-Forwarded-Proto: HTTP", "- 0 http -" },
         { "X-Forwarded-Host: example.com:8443", "- 0 - example.com:8443" },
         { "X-Forwarded-Host: [::1]:80", "- 0 - [::1]:80" },
         { "X-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: a.example", "192.0.2.1 0 https "
                                                                                                "a.example" },
         /* as many as there are addresses: the one beside the client */
         { "X-Forwarded-For: 192.0.2.1, 10.0.0.1\nX-Forwarded-Proto: https, http", "192.0.2.1 0 https -" },
         { "X-Forwarded-For: 192.0.2.1, 10.0.0.1\nX-Forwarded-Proto: https\nX-Forwarded-Proto: http", "192.0.2.1 0 "
                                                                                                      "https -" },
         { "X-Forwarded-For: 192.0.2.9, 192.0.2.1, 10.0.0.1\nX-Forwarded-Host: evil, a.example, inner", "192.0.2.1 0 - "
                                                                                                        "a.example" },
         { "X-Forwarded-For: 10.0.0.2, 10.0.0.1\nX-Forwarded-Proto: https, http", "10.0.0.2 0 https -" },
         /* what nobody knows was written by a proxy all the same */
         { "X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.1\nX-Forwarded-Proto: ftp, https, http", "10.0.0.1 0 https -" },
         { "X-Forwarded-For: unknown\nX-Forwarded-Proto: https", "- 0 https -" },
         /* more or fewer: the rightmost */
         { "X-Forwarded-For: 192.0.2.1, 10.0.0.1\nX-Forwarded-Proto: https", "192.0.2.1 0 https -" },
         { "X-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: http, https", "192.0.2.1 0 https -" },
         { "X-Forwarded-For: 192.0.2.1\nX-Forwarded-Host: evil.example, a.example", "192.0.2.1 0 - a.example" },
         { "X-Forwarded-Host: evil.example, a.example,", "- 0 - a.example" });
}
END_TEST

START_TEST(schemes_and_hosts_that_are_none_are_refused)
{
    ROWS({ "X-Forwarded-Proto: ftp", PROTO }, { "X-Forwarded-Proto: http:", PROTO },
         { "X-Forwarded-Proto: \"https\"", PROTO }, { "X-Forwarded-Proto: https, wss", PROTO },
         { "X-Forwarded-Proto: httpsx", PROTO }, { "X-Forwarded-Proto: htt", PROTO }, { "Forwarded: proto=wss", PROTO },
         { "Forwarded: proto=\"\"", PROTO }, { "X-Forwarded-Host: a b", HOST },
         { "X-Forwarded-Host: u@a.example", HOST }, { "X-Forwarded-Host: a.example/", HOST },
         { "X-Forwarded-Host: a.example:x", HOST }, { "X-Forwarded-Host: http://a.example", HOST },
         { "X-Forwarded-Host: \"a.example\"", HOST }, { "X-Forwarded-Host: :80", HOST },
         { "X-Forwarded-Host: [::1", HOST }, { "Forwarded: host=\"\"", HOST }, { "Forwarded: host=\"a b\"", HOST },
         { "Forwarded: for=192.0.2.1;host=\"a.example:99999\"", HOST });
}
END_TEST

START_TEST(forwarded_is_read_by_its_grammar)
{
    ROWS({ "Forwarded: for=192.0.2.1", "192.0.2.1 0 - -" },
         { "forwarded: FOR=192.0.2.1;Proto=HTTPS;hOST=a.example;By=10.0.0.9", "192.0.2.1 0 https a.example" },
         { "Forwarded: for=\"192.0.2.1:47011\"", "192.0.2.1 47011 - -" },
         { "Forwarded: for=\"[2001:db9:cafe::17]:4711\"", "2001:db9:cafe::17 4711 - -" },
         { "Forwarded: for=\"[2001:db9:cafe::17]\"", "2001:db9:cafe::17 0 - -" },
         { "Forwarded: for=\"192.0.2.1:_obf.us-cated\"", "192.0.2.1 0 - -" },
         { "Forwarded: for=\"192.0.2.1\";host=\"a.example:8443\";proto=\"https\"", "192.0.2.1 0 https a.example:8443" },
         { "Forwarded: host=\"a.ex\\ample\\:80\"", "- 0 - a.example:80" },
         { "Forwarded: for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=10.0.0.1", "192.0.2.43 0 - -" },
         { "Forwarded: for=192.0.2.43\nForwarded: for=\"[2001:db8:cafe::17]\"", "192.0.2.43 0 - -" },
         { "Forwarded: for=192.0.2.1;proto=https;host=a, for=10.0.0.1;proto=http;host=b", "192.0.2.1 0 https a" },
         { "Forwarded: for=192.0.2.1, for=10.0.0.1;proto=http;host=b", "192.0.2.1 0 - -" },
         { "Forwarded: for=9.9.9.9;proto=ftp;host=\"x y\", for=192.0.2.1;proto=https", "192.0.2.1 0 https -" },
         { "Forwarded: for=unknown;proto=https", "- 0 https -" },
         { "Forwarded: for=_hidden, for=10.0.0.1", "10.0.0.1 0 - -" },
         { "Forwarded: for=192.0.2.1, for=unknown;proto=https;host=h, for=10.0.0.1;proto=http", "10.0.0.1 0 https h" },
         { "Forwarded: proto=https", "- 0 https -" }, { "Forwarded: for=192.0.2.1, proto=https", "- 0 https -" },
         { "Forwarded: for=\"2001:db9::1\"", "- 0 - -" }, /* it has to be in brackets */
         { "Forwarded: for=\"\"", "- 0 - -" }, { "Forwarded: for=\"unix:\"", "- 0 - -" },
         { "Forwarded: for=192.0.2.1;;proto=https;", "192.0.2.1 0 https -" },
         { "Forwarded: ;for=192.0.2.1", "192.0.2.1 0 - -" },
         { "Forwarded: for=192.0.2.1 ; proto=https\t,", "192.0.2.1 0 https -" },
         { "Forwarded: ,, for=192.0.2.1 ,,for=10.0.0.1,", "192.0.2.1 0 - -" },
         { "Forwarded: for=192.0.2.1;x-ext=\"a,b;c=\\\"d\";proto=http", "192.0.2.1 0 http -" },
         { "Forwarded: for=192.0.2.1;secret=_x;secret=_y", "192.0.2.1 0 - -" });
}
END_TEST

START_TEST(forwarded_that_does_not_follow_its_grammar_is_refused)
{
    ROWS({ "Forwarded: for", GRAMMAR }, { "Forwarded: 192.0.2.1", GRAMMAR }, { "Forwarded: for=", GRAMMAR },
         { "Forwarded: =192.0.2.1", GRAMMAR }, { "Forwarded: for =192.0.2.1", GRAMMAR },
         { "Forwarded: for= 192.0.2.1", GRAMMAR }, { "Forwarded: for=192.0.2.1:80", GRAMMAR },
         { "Forwarded: for=[2001:db9::1]", GRAMMAR }, { "Forwarded: for=\"192.0.2.1", GRAMMAR },
         { "Forwarded: for=\"192.0.2.1\\", GRAMMAR }, { "Forwarded: for=\"192.0.2.1\\\"", GRAMMAR },
         { "Forwarded: for=\"", GRAMMAR }, { "Forwarded: for=\"a\"b", GRAMMAR }, { "Forwarded: for=a b", GRAMMAR },
         { "Forwarded: for=192.0.2.1;for=192.0.2.2", GRAMMAR }, { "Forwarded: for=192.0.2.1;FOR=192.0.2.1", GRAMMAR },
         { "Forwarded: proto=http;proto=https", GRAMMAR }, { "Forwarded: by=a;by=b", GRAMMAR },
         { "Forwarded: host=a;for=b;host=a", GRAMMAR }, { "Forwarded: for=192.0.2.1, for=\xc3\xa4", GRAMMAR },
         /* what a client leaves open does not swallow what the proxy says */
         { "Forwarded: for=\"9.9.9.9\nForwarded: for=192.0.2.1", GRAMMAR },
         { "Forwarded: for=9.9.9.9;x=\"\nForwarded: for=\"[2001:db9::1]\"", GRAMMAR },
         { "Forwarded: for=9.9.9.9;x=\", for=192.0.2.1;host=\"a.example\"", GRAMMAR },
         { "Forwarded: for=9.9.9.9;x=\", for=192.0.2.1", GRAMMAR });
}
END_TEST

START_TEST(the_two_have_to_say_the_same)
{
    ROWS({ "X-Forwarded-For: 192.0.2.1\nForwarded: for=192.0.2.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 9.9.9.9, 192.0.2.1, 10.0.0.1\nForwarded: for=192.0.2.1", "192.0.2.1 0 - -" },
         { "X-Forwarded-For: 2001:DB9:0::1\nForwarded: for=\"[2001:db9::1]:7\"", "2001:db9::1 0 - -" },
         { "X-Forwarded-For: 192.0.2.1:7\nForwarded: for=192.0.2.1", "192.0.2.1 7 - -" },
         { "X-Forwarded-Proto: https\nForwarded: for=192.0.2.1;proto=HTTPS", "192.0.2.1 0 https -" },
         { "X-Forwarded-Host: A.example\nForwarded: host=a.example", "- 0 - A.example" },
         { "X-Forwarded-For: 192.0.2.1\nForwarded: proto=https", "192.0.2.1 0 https -" },
         { "X-Forwarded-Host: a.example\nForwarded: for=192.0.2.1;proto=http", "192.0.2.1 0 http a.example" },
         { "X-Forwarded-For: unknown\nForwarded: for=_x", "- 0 - -" },
         { "X-Forwarded-For: 192.0.2.1\nForwarded: for=192.0.2.2", CLIENTS },
         { "X-Forwarded-For: 192.0.2.1:1\nForwarded: for=\"192.0.2.1:2\"", CLIENTS },
         { "X-Forwarded-For: 192.0.2.1\nForwarded: for=unknown", CLIENTS },
         { "X-Forwarded-For: unknown\nForwarded: for=192.0.2.1", CLIENTS },
         { "X-Forwarded-For: 192.0.2.1\nForwarded: for=192.0.2.1, for=_x", CLIENTS },
         { "X-Forwarded-Proto: https\nForwarded: proto=http", PROTOS },
         { "X-Forwarded-Proto: ftp\nForwarded: proto=http", PROTOS },
         { "X-Forwarded-Host: a.example\nForwarded: host=evil.example", HOSTS },
         { "X-Forwarded-Host: a.example:80\nForwarded: host=a.example", HOSTS },
         { "X-Forwarded-For: 192.0.2.1\nForwarded: x", GRAMMAR });
}
END_TEST

START_TEST(only_the_fields_that_count_are_looked_at)
{
    static const char everything[] =
        "X-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: a.example\n"
        "Forwarded: for=192.0.2.2;proto=http;host=b.example";
    static const struct {
        unsigned which;
        const char *told;
    } cases[] = {
        { 0, "- 0 - -" },
        { FORWARDED_X_FOR, "192.0.2.1 0 - -" },
        { FORWARDED_X_PROTO, "- 0 https -" },
        { FORWARDED_X_HOST, "- 0 - a.example" },
        { FORWARDED_STANDARD, "192.0.2.2 0 http b.example" },
        { FORWARDED_X_FOR | FORWARDED_X_PROTO | FORWARDED_X_HOST, "192.0.2.1 0 https a.example" },
        { FORWARDED_ALL, CLIENTS },
        { FORWARDED_STANDARD | FORWARDED_X_PROTO, PROTOS },
        { FORWARDED_STANDARD | FORWARDED_X_HOST, HOSTS },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(read_head(everything, cases[i].which), cases[i].told);
    ck_assert_str_eq(read_head("Forwarded: x\nX-Forwarded-For: 192.0.2.1", FORWARDED_X_FOR), "192.0.2.1 0 - -");
    /* Of a list whose addresses do not count, the rightmost. */
    ck_assert_str_eq(
        read_head("X-Forwarded-For: 192.0.2.1, 10.0.0.1\nX-Forwarded-Proto: http, https", FORWARDED_X_PROTO),
        "- 0 https -");
}
END_TEST

Suite *forwarded_suite(void)
{
    Suite *suite = suite_create("forwarded");
    TCase *tests = tcase_create("forwarded");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, nothing_is_told_by_other_fields);
    tcase_add_test(tests, the_client_is_the_rightmost_that_is_not_trusted);
    tcase_add_test(tests, where_all_are_trusted_the_leftmost_is_the_client);
    tcase_add_test(tests, what_is_no_address_ends_the_way);
    tcase_add_test(tests, ports_of_addresses);
    tcase_add_test(tests, schemes_and_hosts_are_those_of_the_hop);
    tcase_add_test(tests, schemes_and_hosts_that_are_none_are_refused);
    tcase_add_test(tests, forwarded_is_read_by_its_grammar);
    tcase_add_test(tests, forwarded_that_does_not_follow_its_grammar_is_refused);
    tcase_add_test(tests, the_two_have_to_say_the_same);
    tcase_add_test(tests, only_the_fields_that_count_are_looked_at);
    suite_add_tcase(suite, tests);
    return suite;
}
