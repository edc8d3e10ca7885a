#include "base/network.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "sdk/ngi.h"
#include "tests/unit/suites.h"

START_TEST(addresses_have_one_spelling)
{
    static const struct {
        const char *text, *printed;
    } cases[] = {
        { "192.0.2.7", "192.0.2.7" },
        { "0.0.0.0", "0.0.0.0" },
        { "2001:DB8:0:0::7", "2001:db8::7" },
        { "::", "::" },
        { "::ffff:192.0.2.7", "192.0.2.7" },
        { "::FFFF:c000:0207", "192.0.2.7" },
        { "::192.0.2.7", "::192.0.2.7" }, /* IPv4-compatible, which is something else */
        { "2001:db8:1111:2222:3333:4444:255.255.255.255", "2001:db8:1111:2222:3333:4444:ffff:ffff" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address;
        char text[INET6_ADDRSTRLEN];
        ck_assert_msg(address_from_text(cases[i].text, strlen(cases[i].text), &address), "%s", cases[i].text);
        address_print(&address, text);
        ck_assert_str_eq(text, cases[i].printed);
    }
}
END_TEST

START_TEST(what_is_no_address)
{
    static const char *const cases[] = {
        "",
        " 192.0.2.7",
        "192.0.2.7 ",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.07",
        "0xc0.0.2.7",
        "192.0.2.7.1",
        "192.0.2.7:80",
        "[::1]",
        "::1%lo",
        "2001:db8",
        ":::",
        "::ffff:1.2.3",
        "localhost",
        "unix:",
        "unknown",
        "_hidden",
        "2001:db8:0:0:0:0:0:0:7777777777777777777777777777777777777777777777777777777777",
    };
    struct address address;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(!address_from_text(cases[i], strlen(cases[i]), &address), "%s", cases[i]);
    ck_assert(!address_from_text("::1\0::", 6, &address));
    ck_assert(address_from_text("192.0.2.77", 9, &address)); /* as many bytes as are said */
    char text[INET6_ADDRSTRLEN];
    address_print(&address, text);
    ck_assert_str_eq(text, "192.0.2.7");
}
END_TEST

/* The network of `text` as it reads, or what is wrong with it. */
static const char *parse(const char *text)
{
    static char out[2 * NETWORK_MISTAKE];
    char wrong[NETWORK_MISTAKE], address[INET6_ADDRSTRLEN];
    struct network network;
    if (!network_parse(text, &network, wrong))
        return strcpy(out, wrong);
    address_print(&network.address, address);
    snprintf(out, sizeof out, "%s/%u", address, network.prefix);
    return out;
}

START_TEST(networks_are_read)
{
    static const struct {
        const char *text, *network;
    } cases[] = {
        { "10.0.0.0/8", "10.0.0.0/8" },          { "192.0.2.7", "192.0.2.7/32" },
        { "192.0.2.7/32", "192.0.2.7/32" },      { "0.0.0.0/0", "0.0.0.0/0" },
        { "192.0.2.4/31", "192.0.2.4/31" },      { "2001:db8::/32", "2001:db8::/32" },
        { "2001:db8::7", "2001:db8::7/128" },    { "::/0", "::/0" },
        { "::ffff:10.0.0.0/104", "10.0.0.0/8" }, { "::ffff:10.0.0.1", "10.0.0.1/32" },
        { "::ffff:0.0.0.0/96", "0.0.0.0/0" },    { "unix:", "unix:/0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(parse(cases[i].text), cases[i].network);
}
END_TEST

START_TEST(what_is_no_network_is_told_why)
{
    static const struct {
        const char *text, *wrong;
    } cases[] = {
        { "", "is empty" },
        { "proxy", "is no address" },
        { "10.0.0", "is no address" },
        { "fe80::1%eth0", "is no address" },
        { "unix:/run/x.sock", "has more behind unix:" },
        { "/8", "has no address before its /" },
        { "proxy/8", "has no address before its /" },
        { "unix:/8", "has more behind unix:" },
        { "10.0.0.0/", "has no prefix length behind its /" },
        { "10.0.0.0/x", "has no prefix length behind its /" },
        { "10.0.0.0/+8", "has no prefix length behind its /" },
        { "10.0.0.0/-1", "has no prefix length behind its /" },
        { "10.0.0.0/8/8", "has no prefix length behind its /" },
        { "10.0.0.0/255.0.0.0", "has no prefix length behind its /" },
        { "10.0.0.0/33", "has a prefix length of more than 32" },
        { "2001:db8::/129", "has a prefix length of more than 128" },
        { "::ffff:10.0.0.0/129", "has a prefix length of more than 128" },
        { "::ffff:10.0.0.0/95", "has an IPv4-mapped address, and a prefix length below 96" },
        { "10.0.0.1/8", "has bits set behind its prefix: the network is 10.0.0.0/8" },
        { "192.0.2.7/31", "has bits set behind its prefix: the network is 192.0.2.6/31" },
        { "192.0.2.7/0", "has bits set behind its prefix: the network is 0.0.0.0/0" },
        { "2001:db8:ffff::/33", "has bits set behind its prefix: the network is 2001:db8:8000::/33" },
        { "::ffff:10.1.0.0/104", "has bits set behind its prefix: the network is 10.0.0.0/8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(strcmp(parse(cases[i].text), cases[i].wrong) == 0, "%s: %s", cases[i].text, parse(cases[i].text));
}
END_TEST

START_TEST(an_address_is_in_a_network_or_not)
{
    static const struct {
        const char *network, *address;
        bool has;
    } cases[] = {
        { "10.0.0.0/8", "10.255.255.255", true },
        { "10.0.0.0/8", "11.0.0.0", false },
        { "10.0.0.0/8", "9.255.255.255", false },
        { "10.0.0.0/8", "::ffff:10.1.2.3", true },
        { "10.0.0.0/8", "::10.1.2.3", false },
        { "10.0.0.0/8", "a00::", false }, /* the same bits */
        { "192.0.2.4/31", "192.0.2.5", true },
        { "192.0.2.4/31", "192.0.2.6", false },
        { "192.0.2.7", "192.0.2.7", true },
        { "192.0.2.7", "192.0.2.6", false },
        { "172.16.0.0/12", "172.31.255.255", true },
        { "172.16.0.0/12", "172.32.0.0", false },
        { "0.0.0.0/0", "255.255.255.255", true },
        { "0.0.0.0/0", "::1", false },
        { "::/0", "2001:db8::7", true },
        { "::/0", "192.0.2.7", false },
        { "::/0", "::ffff:192.0.2.7", false },
        { "::ffff:10.0.0.0/104", "10.9.9.9", true },
        { "2001:db8::/33", "2001:db8:7fff::1", true },
        { "2001:db8::/33", "2001:db8:8000::1", false },
        { "2001:db8::7", "2001:db8::7", true },
        { "2001:db8::7", "2001:db8::8", false },
        { "unix:", "0.0.0.0", false },
    };
    char wrong[NETWORK_MISTAKE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network network;
        struct address address;
        ck_assert(network_parse(cases[i].network, &network, wrong));
        ck_assert(address_from_text(cases[i].address, strlen(cases[i].address), &address));
        ck_assert_msg(network_has(&network, &address) == cases[i].has, "%s in %s", cases[i].address, cases[i].network);
    }
}
END_TEST

/* A socket's address of either family. */
static const struct sockaddr *socket_of(const char *text)
{
    static union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        struct sockaddr_un local;
    } address;
    memset(&address, 0, sizeof address);
    if (inet_pton(AF_INET, text, &address.four.sin_addr) == 1)
        address.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &address.six.sin6_addr) == 1)
        address.any.sa_family = AF_INET6;
    else
        address.any.sa_family = strcmp(text, "unix:") == 0 ? AF_UNIX : AF_PACKET;
    return &address.any;
}

START_TEST(a_list_knows_sockets)
{
    static const char *const texts[] = { "10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "unix:" };
    static const struct {
        const char *socket;
        bool have;
    } cases[] = {
        { "10.0.0.1", true },
        { "::ffff:10.0.0.1", true },
        { "2001:db8::9", true },
        { "192.0.2.7", true },
        { "unix:", true },
        { "192.0.2.8", false },
        { "::ffff:192.0.2.8", false },
        { "2001:db9::", false },
        { "0.0.0.0", false },
        { "::", false },
        { "of another family", false },
    };
    struct networks networks, none = { 0 };
    ck_assert_int_eq(networks_new(&networks, texts, 4), NGI_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(networks_have_socket(&networks, socket_of(cases[i].socket)) == cases[i].have, "%s",
                      cases[i].socket);
        ck_assert(!networks_have_socket(&none, socket_of(cases[i].socket)));
    }
    networks_free(&networks);
    ck_assert(!networks_have_socket(&networks, socket_of("10.0.0.1")));
    networks_free(&networks); /* again, and of none */
}
END_TEST

START_TEST(a_list_without_unix_knows_no_local_socket)
{
    static const char *const texts[] = { "0.0.0.0/0", "::/0" };
    struct networks networks;
    ck_assert_int_eq(networks_new(&networks, texts, 2), NGI_OK);
    ck_assert(!networks_have_socket(&networks, socket_of("unix:")));
    ck_assert(networks_have_socket(&networks, socket_of("::1")));
    networks_free(&networks);
    static const char *const bad[] = { "0.0.0.0/0", "x" };
    ck_assert_int_eq(networks_new(&networks, bad, 2), NGI_EINVAL);
}
END_TEST

Suite *network_suite(void)
{
    Suite *suite = suite_create("network");
    TCase *tests = tcase_create("network");
    tcase_add_test(tests, addresses_have_one_spelling);
    tcase_add_test(tests, what_is_no_address);
    tcase_add_test(tests, networks_are_read);
    tcase_add_test(tests, what_is_no_network_is_told_why);
    tcase_add_test(tests, an_address_is_in_a_network_or_not);
    tcase_add_test(tests, a_list_knows_sockets);
    tcase_add_test(tests, a_list_without_unix_knows_no_local_socket);
    suite_add_tcase(suite, tests);
    return suite;
}
