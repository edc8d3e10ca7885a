#include "net/listener.h"

#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/suites.h"

static char dir[] = "/tmp/postern-listener-XXXXXX";
static char path[64], where[80];
static struct listener listener;
static ngi_error err;

static void set_up(void)
{
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(where, sizeof where, "unix:%s", path);
    err = (ngi_error){ 0 };
}

static void tear_down(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(dir), 0);
}

static void open_good(const char *at)
{
    ck_assert_msg(listener_open(&listener, at, 16, &err) == NGI_OK, "%s", err.text);
}

static void assert_refused(const char *at, int code, const char *words)
{
    ck_assert_msg(listener_open(&listener, at, 16, &err) == code, "%s", at);
    ck_assert_int_eq(err.code, code);
    ck_assert_msg(strstr(err.text, words) != NULL, "%s: %s", at, err.text);
    ck_assert_int_eq(listener.fd, -1);
}

/* Whether a client gets through to `listener`. */
static bool is_reached(void)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    ck_assert_int_eq(getsockname(listener.fd, (struct sockaddr *)&address, &length), 0);
    int client = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = connect(client, (struct sockaddr *)&address, length) == 0;
    close(client);
    return good;
}

START_TEST(port_0_becomes_a_real_one)
{
    unsigned port = 0;
    open_good("127.0.0.1:0");
    ck_assert_int_eq(sscanf(listener.url, "http://127.0.0.1:%u", &port), 1);
    ck_assert_uint_gt(port, 0);
    ck_assert(is_reached());
    ck_assert_int_eq(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(listener.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    ck_assert_int_eq(accept(listener.fd, NULL, NULL) >= 0, 1); /* the one that came */
    ck_assert_int_eq(accept(listener.fd, NULL, NULL), -1);
    listener_close(&listener);
    listener_close(&listener);
    ck_assert_int_eq(listener.fd, -1);
}
END_TEST

START_TEST(an_ipv6_address_stands_in_brackets)
{
    unsigned port = 0;
    if (listener_open(&listener, "[::1]:0", 16, &err) != NGI_OK)
        return; /* no IPv6 here */
    ck_assert_int_eq(sscanf(listener.url, "http://[::1]:%u", &port), 1);
    ck_assert(is_reached());
    listener_close(&listener);
}
END_TEST

/* "[::]:N" is IPv6 only. */
START_TEST(both_families_listen_on_one_port)
{
    struct listener other;
    char at[32];
    unsigned port = 0;
    if (listener_open(&listener, "[::]:0", 16, &err) != NGI_OK)
        return; /* no IPv6 here */
    ck_assert_int_eq(sscanf(listener.url, "http://[::]:%u", &port), 1);
    snprintf(at, sizeof at, "0.0.0.0:%u", port);
    ck_assert_msg(listener_open(&other, at, 16, &err) == NGI_OK, "%s", err.text);
    listener_close(&other);
    listener_close(&listener);
}
END_TEST

START_TEST(a_form_it_does_not_know_is_refused)
{
    static const char *const forms[] = {
        "",
        "8080",
        "127.0.0.1",
        ":8080",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:-1",
        "127.0.0.1:65536",
        "127.0.0.1: 80",
        "127.0.0.1:18446744073709551696",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[]:80",
        "[::1:80",
        "1:2:3",
        "http://a:80",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        assert_refused(forms[i], NGI_EINVAL, "write ADDR:PORT, [ADDR6]:PORT or unix:PATH");
    char text[400];
    memset(text, 'a', sizeof text);
    strcpy(text + 300, ":80");
    assert_refused(text, NGI_EINVAL, "write ADDR:PORT");
}
END_TEST

/* An address is written in numbers: a name could mean another machine tomorrow, and asks a server that may not answer.
 */
START_TEST(names_are_not_looked_up)
{
    assert_refused("localhost:0", NGI_EINVAL, "localhost:0");
    assert_refused("[localhost]:0", NGI_EINVAL, "localhost");
    assert_refused("999.1.1.1:0", NGI_EINVAL, "999.1.1.1:0");
}
END_TEST

START_TEST(a_port_in_use_says_so)
{
    struct listener first;
    open_good("127.0.0.1:0");
    first = listener;
    assert_refused(first.url + strlen("http://"), NGI_EIO,
                   "Address already in use: something else listens there (see ss -ltnp), or choose another port");
    listener_close(&first);
}
END_TEST

START_TEST(an_address_of_another_machine_says_so)
{
    assert_refused("192.0.2.1:0", NGI_EIO, ": this machine does not have that address"); /* RFC 5737 */
}
END_TEST

START_TEST(a_local_socket_is_removed_at_the_end)
{
    struct stat file;
    open_good(where);
    ck_assert_str_eq(listener.url, where);
    ck_assert(is_reached());
    ck_assert_int_eq(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(listener.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    ck_assert_int_eq(lstat(path, &file), 0);
    listener_close(&listener);
    ck_assert_int_eq(lstat(path, &file), -1);
}
END_TEST

START_TEST(a_socket_left_over_is_taken_over)
{
    open_good(where);
    close(listener.fd); /* as if the process had died */
    open_good(where);
    ck_assert(is_reached());
    listener_close(&listener);
}
END_TEST

START_TEST(a_socket_in_use_is_left_alone)
{
    struct listener first;
    open_good(where);
    first = listener;
    assert_refused(where, NGI_EIO, "Address already in use");
    listener_close(&listener); /* of the one that failed: takes nothing away */
    listener = first;
    ck_assert(is_reached());
    listener_close(&first);
}
END_TEST

/* One who listens but does not answer must not hold up the start. */
START_TEST(a_socket_whose_queue_is_full_is_left_alone)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(address.sun_path, path);
    int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client[2];
    ck_assert_int_eq(bind(other, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(other, 0), 0);
    for (int i = 0; i < 2; i++) {
        client[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(client[i], (struct sockaddr *)&address, sizeof address);
    }
    alarm(5);
    assert_refused(where, NGI_EIO, "Address already in use");
    alarm(0);
    ck_assert_int_eq(access(path, F_OK), 0);
    close(client[0]);
    close(client[1]);
    close(other);
}
END_TEST

START_TEST(any_other_file_is_left_alone)
{
    struct stat file;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    assert_refused(where, NGI_EIO, where);
    listener_close(&listener);
    ck_assert_int_eq(lstat(path, &file), 0);
    ck_assert(S_ISREG(file.st_mode));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/nowhere", path), 0);
    assert_refused(where, NGI_EIO, where);
    ck_assert_int_eq(lstat(path, &file), 0);
}
END_TEST

START_TEST(the_path_of_a_local_socket_has_a_length)
{
    char at[200] = "unix:/tmp/";
    assert_refused("unix:", NGI_EINVAL, "a socket's path has 1 to 107 bytes");
    memset(at + 10, 'x', 103); /* one byte too long */
    assert_refused(at, NGI_EINVAL, "a socket's path has 1 to 107 bytes");
    at[5 + 107] = '\0';
    open_good(at);
    ck_assert_str_eq(listener.url, at);
    listener_close(&listener);
    assert_refused("unix:/nowhere/at/all", NGI_EIO, "No such file or directory");
}
END_TEST

static int unsent_most(int fd)
{
    int most = -1;
    socklen_t length = sizeof most;
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, &length), 0);
    return most;
}

/* One that an older binary has opened has none. */
START_TEST(a_socket_that_listens_again_bounds_what_the_kernel_keeps)
{
    int none = 0;
    open_good("127.0.0.1:0");
    int most = unsent_most(listener.fd);
    ck_assert_int_gt(most, 0);
    ck_assert_int_le(most, 1024 * 1024);
    ck_assert_int_eq(setsockopt(listener.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &none, sizeof none), 0);
    ck_assert_int_eq(listener_listen(&listener, 16), 0);
    ck_assert_int_eq(unsent_most(listener.fd), most);
    ck_assert(is_reached());
    listener_close(&listener);
}
END_TEST

Suite *listener_suite(void)
{
    Suite *suite = suite_create("listener");
    TCase *tests = tcase_create("listener");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, port_0_becomes_a_real_one);
    tcase_add_test(tests, an_ipv6_address_stands_in_brackets);
    tcase_add_test(tests, both_families_listen_on_one_port);
    tcase_add_test(tests, a_form_it_does_not_know_is_refused);
    tcase_add_test(tests, names_are_not_looked_up);
    tcase_add_test(tests, a_port_in_use_says_so);
    tcase_add_test(tests, an_address_of_another_machine_says_so);
    tcase_add_test(tests, a_local_socket_is_removed_at_the_end);
    tcase_add_test(tests, a_socket_left_over_is_taken_over);
    tcase_add_test(tests, a_socket_in_use_is_left_alone);
    tcase_add_test(tests, a_socket_whose_queue_is_full_is_left_alone);
    tcase_add_test(tests, any_other_file_is_left_alone);
    tcase_add_test(tests, a_socket_that_listens_again_bounds_what_the_kernel_keeps);
    tcase_add_test(tests, the_path_of_a_local_socket_has_a_length);
    suite_add_tcase(suite, tests);
    return suite;
}
