#include "base/passing.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/closer.h"
#include "tests/unit/suites.h"

enum { MOST = 253 }; /* SCM_MAX_FD */

static int line[2], ends[2]; /* of a pipe: it ends when all copies of ends[1] have been closed */
static char byte;
static const struct iovec one_byte = { &byte, 1 };

static void open_line(int type)
{
    ck_assert_int_eq(socketpair(AF_UNIX, type, 0, line), 0);
    ck_assert_int_eq(pipe(ends), 0);
}

static void close_line(void)
{
    close(line[0]);
    close(line[1]);
    close(ends[0]);
}

/* ends[1], so many times, along with so many bytes. */
static void send_ends(int to, size_t count, size_t bytes)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(MOST * sizeof(int))];
    } control = { .room = { 0 } };
    struct msghdr message = { .msg_iov = (struct iovec *)&one_byte,
                              .msg_iovlen = bytes,
                              .msg_control = &control,
                              .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
    control.header = (struct cmsghdr){ CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
    for (size_t i = 0; i < count; i++)
        memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &ends[1], sizeof(int));
    ck_assert_int_eq(sendmsg(to, &message, 0), (int)bytes);
}

/* Waits until no copy of ends[1] is left. */
static void await_end(void)
{
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);
}

START_TEST(one_descriptor_comes_along)
{
    int fd, none;
    open_line(SOCK_STREAM);
    ck_assert_int_eq(passing_send(line[0], &one_byte, 1, ends[1]), 1);
    ck_assert_int_eq(passing_receive(line[1], &one_byte, 1, &fd), 1);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(passing_send(line[0], &one_byte, 1, -1), 1);
    ck_assert_int_eq(passing_receive(line[1], &one_byte, 1, &none), 1);
    ck_assert_int_eq(none, -1);
    ck_assert_int_eq(passing_receive(line[1], &one_byte, 1, &none), -1);
    ck_assert_int_eq(errno, EAGAIN);
    close(ends[1]);
    close(fd);
    await_end();
    close_line();
}
END_TEST

static const struct {
    int type;
    size_t count, bytes;
} passed[] = { { SOCK_STREAM, 2, 1 },    { SOCK_SEQPACKET, 2, 1 },    { SOCK_SEQPACKET, 2, 0 },
               { SOCK_STREAM, MOST, 1 }, { SOCK_SEQPACKET, MOST, 1 }, { SOCK_SEQPACKET, MOST, 0 } };

/* A line with what passed[i] says on its way, and nobody else has the end of the pipe. */
static void open_with(int i)
{
    open_line(passed[i].type);
    send_ends(line[0], passed[i].count, passed[i].bytes);
    close(ends[1]);
}

START_TEST(of_many_descriptors_none_is_left)
{
    int fd;
    open_with(_i);
    ck_assert_int_eq(passing_receive(line[1], &one_byte, 1, &fd), (int)passed[_i].bytes);
    ck_assert_int_eq(fd, PASSING_MANY);
    await_end();
    close_line();
}
END_TEST

START_TEST(who_takes_none_leaves_none_open)
{
    open_with(_i);
    ck_assert_int_eq(passing_receive(line[1], &one_byte, 1, NULL), (int)passed[_i].bytes);
    await_end();
    close_line();
}
END_TEST

START_TEST(what_has_not_been_received_ends_with_the_line)
{
    open_line(passed[_i].type);
    for (int i = 0; i < 3; i++) {
        send_ends(line[0], passed[_i].count, passed[_i].bytes);
        if (passed[_i].type == SOCK_SEQPACKET)
            ck_assert_int_eq(send(line[0], "", 0, 0), 0); /* which is not the end */
    }
    close(ends[1]);
    passing_close(line[1]);
    line[1] = -1;
    ck_assert_int_eq(passing_send(line[0], &one_byte, 1, -1), -1);
    ck_assert(errno == EPIPE || errno == ECONNRESET); /* which of them, is whether something had not been received */
    await_end();
    close_line();
}
END_TEST

/* The other side has gone, and has not read what it was sent: that is an error here, which comes before the messages.
 */
START_TEST(what_has_not_been_received_ends_after_an_error_too)
{
    open_with(_i);
    ck_assert_int_eq(passing_send(line[1], &one_byte, 1, -1), 1);
    close(line[0]);
    line[0] = -1;
    passing_close(line[1]);
    line[1] = -1;
    await_end();
    close_line();
}
END_TEST

/* A connection that closing waits a minute for, or until its peer has ended. */
static int lingering(int *ret_listener)
{
    static const char block[65536];
    const struct linger minute = { .l_onoff = 1, .l_linger = 60 };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0), listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, length), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &length), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    while (send(fd, block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &minute, sizeof minute), 0);
    *ret_listener = listener;
    return fd;
}

START_TEST(dropping_waits_for_nothing)
{
    int listeners[20];
    open_line(SOCK_STREAM);
    time_t before = time(NULL);
    for (int i = 0; i < 20; i++) /* more than may wait at a time */
        closer_drop(lingering(&listeners[i]));
    ck_assert_int_lt(time(NULL) - before, 30);
    for (int i = 0; i < 20; i++)
        close(listeners[i]); /* which resets it */
    closer_drop(ends[1]);
    await_end();
    closer_drop(-1);
    close_line();
}
END_TEST

START_TEST(a_file_in_memory_is_closed_at_once)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    closer_drop(fd);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

Suite *passing_suite(void)
{
    Suite *suite = suite_create("passing");
    TCase *tests = tcase_create("passing");
    const int count = sizeof passed / sizeof *passed;
    tcase_add_test(tests, one_descriptor_comes_along);
    tcase_add_loop_test(tests, of_many_descriptors_none_is_left, 0, count);
    tcase_add_loop_test(tests, who_takes_none_leaves_none_open, 0, count);
    tcase_add_loop_test(tests, what_has_not_been_received_ends_with_the_line, 0, count);
    tcase_add_loop_test(tests, what_has_not_been_received_ends_after_an_error_too, 0, count);
    tcase_add_test(tests, dropping_waits_for_nothing);
    tcase_add_test(tests, a_file_in_memory_is_closed_at_once);
    suite_add_tcase(suite, tests);
    return suite;
}
