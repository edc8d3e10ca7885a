/* Bodies: their limit, and who closes a file or a stream, on every path, and once. */
#include "http/response.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sdk/ngi.h"
#include "tests/unit/suites.h"

enum { MOST = 1000 };

static struct arena arena;
static struct response response;
static int closed; /* calls of note_close */

static void set_up(void)
{
    arena_init(&arena, 0);
    response_init(&response, &arena, MOST);
    closed = 0;
}

static void tear_down(void)
{
    response_free(&response);
    arena_free(&arena);
}

static int ten_bytes(void)
{
    int fd = memfd_create("ten", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, "0123456789", 10), 10);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int64_t yield_nothing(void *arg, void *buf, size_t n)
{
    (void)arg, (void)buf, (void)n;
    return 0;
}

static void note_close(void *arg)
{
    ck_assert_ptr_eq(arg, &closed);
    closed++;
}

static int send_stream(void)
{
    return response_send_stream(&response, yield_nothing, note_close, &closed);
}

START_TEST(a_body_over_the_limit_is_a_failure_that_sticks)
{
    char block[MOST];
    memset(block, 'x', sizeof block);
    ck_assert_int_eq(response_write(&response, block, sizeof block), NGI_OK);
    ck_assert_int_eq(response_write(&response, "y", 1), NGI_ETOOBIG);
    ck_assert_int_eq(response.failed, NGI_ETOOBIG);
    ck_assert_int_eq(response_write(&response, "", 0), NGI_OK);
    ck_assert_int_eq(response.failed, NGI_ETOOBIG);
    ck_assert_int_eq(response_length(&response), MOST);
    ck_assert_int_eq(response_start(&response, "200 OK", NULL), NGI_OK); /* begins anew */
    ck_assert_int_eq(response.failed, NGI_OK);
}
END_TEST

START_TEST(after_the_first_byte_the_head_is_gone)
{
    response.begun = true;
    int fd = memfd_create("x", MFD_CLOEXEC);
    ck_assert_int_eq(response_status(&response, 200), NGI_ESENT);
    ck_assert_int_eq(response_set_header(&response, "A", "1"), NGI_ESENT);
    ck_assert_int_eq(response_set_header(&response, "Content-Length", "1"), NGI_ESENT);
    ck_assert_int_eq(response_add_header(&response, "A", "1"), NGI_ESENT);
    ck_assert_int_eq(response_start(&response, "200 OK", NULL), NGI_ESENT);
    ck_assert_int_eq(response_send_file(&response, fd, 0, -1), NGI_ESENT);
    ck_assert_int_eq(close(fd), -1); /* it has been closed all the same */
}
END_TEST

/* --- files --------------------------------------------------------------------------------------------------- */

START_TEST(a_piece_of_a_file_is_sent)
{
    static const struct {
        int64_t offset, length;
        int rc;
        int64_t sent;
    } cases[] = {
        { 0, -1, NGI_OK, 10 },
        { 3, -1, NGI_OK, 7 },
        { 10, -1, NGI_OK, 0 },
        { 0, 10, NGI_OK, 10 },
        { 0, 0, NGI_OK, 0 },
        { 9, 1, NGI_OK, 1 },
        { 10, 0, NGI_OK, 0 },
        { 0, 11, NGI_ELENGTH, 0 },
        { 9, 2, NGI_ELENGTH, 0 },
        { 11, -1, NGI_ELENGTH, 0 },
        { 11, 0, NGI_ELENGTH, 0 },
        { 1, INT64_MAX, NGI_ELENGTH, 0 },
        { INT64_MAX, INT64_MAX, NGI_ELENGTH, 0 },
        { -1, 1, NGI_EINVAL, 0 },
        { INT64_MIN, -1, NGI_EINVAL, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = ten_bytes();
        bool good = cases[i].rc == NGI_OK;
        ck_assert_msg(response_send_file(&response, fd, cases[i].offset, cases[i].length) == cases[i].rc, "%zu", i);
        ck_assert_int_eq(is_open(fd), good); /* the host's from the call on, whatever it returns */
        ck_assert_int_eq(response.kind, good ? RESPONSE_FILE : RESPONSE_TEXT);
        ck_assert_int_eq(response.touched, good);
        ck_assert_int_eq(response_length(&response), cases[i].sent);
        ck_assert_int_eq(response.offset, good ? cases[i].offset : 0);
        response_reset(&response);
        ck_assert(!is_open(fd));
    }
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused_and_closed)
{
    int ends[2], directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), device = open("/dev/zero", O_RDONLY);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(response_send_file(&response, ends[0], 0, 5), NGI_EINVAL);
    ck_assert_int_eq(response_send_file(&response, directory, 0, 0), NGI_EINVAL);
    ck_assert_int_eq(response_send_file(&response, device, 0, 5), NGI_EINVAL);
    ck_assert(!is_open(ends[0]) && !is_open(directory) && !is_open(device));
    ck_assert_int_eq(response_send_file(&response, -1, 0, 5), NGI_EINVAL);
    int gone = ten_bytes();
    close(gone);
    ck_assert_int_eq(response_send_file(&response, gone, 0, 5), NGI_EIO);
    ck_assert(!response.touched);
    close(ends[1]);
}
END_TEST

START_TEST(a_second_body_is_refused_and_closed)
{
    int first = ten_bytes(), second = ten_bytes(), third = ten_bytes();
    ck_assert_int_eq(response_send_file(&response, first, 2, -1), NGI_OK);
    ck_assert_int_eq(response_send_file(&response, second, 0, -1), NGI_EINVAL);
    ck_assert_int_eq(send_stream(), NGI_EINVAL);
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(response_write(&response, "x", 1), NGI_EINVAL);
    ck_assert(is_open(first) && !is_open(second));
    ck_assert_int_eq(response.fd, first);
    ck_assert_int_eq(response_length(&response), 8);
    response_reset(&response);
    ck_assert_int_eq(response_write(&response, "x", 1), NGI_OK);
    ck_assert_int_eq(response_send_file(&response, third, 0, -1), NGI_EINVAL);
    ck_assert(!is_open(first) && !is_open(third));
}
END_TEST

START_TEST(a_file_is_closed_by_whatever_takes_its_place)
{
    int fd = ten_bytes();
    ck_assert_int_eq(response_send_file(&response, fd, 0, -1), NGI_OK);
    ck_assert_int_eq(response_start(&response, "no status", NULL), NGI_EINVAL);
    ck_assert(is_open(fd));
    ck_assert_int_eq(response_start(&response, "200 OK", (const char *const[]){ "A B", "", NULL }), NGI_EINVAL);
    ck_assert(is_open(fd));
    ck_assert_int_eq(response.kind, RESPONSE_FILE);
    ck_assert_int_eq(response_start(&response, "200 OK", NULL), NGI_OK);
    ck_assert(!is_open(fd));
    ck_assert_int_eq(response_write(&response, "x", 1), NGI_OK);
}
END_TEST

/* net/ takes the descriptor by setting it to -1. */
START_TEST(a_file_that_was_taken_is_left_alone)
{
    int fd = ten_bytes();
    ck_assert_int_eq(response_send_file(&response, fd, 0, -1), NGI_OK);
    response.fd = -1;
    response_reset(&response);
    ck_assert(is_open(fd));
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(a_freed_response_has_closed_its_file)
{
    int fd = ten_bytes();
    ck_assert_int_eq(response_send_file(&response, fd, 0, -1), NGI_OK);
    response_free(&response);
    ck_assert(!is_open(fd));
    response_init(&response, &arena, MOST);
}
END_TEST

/* --- streams ------------------------------------------------------------------------------------------------- */

START_TEST(a_stream_has_the_length_that_was_declared)
{
    ck_assert_int_eq(send_stream(), NGI_OK);
    ck_assert_int_eq(response_length(&response), -1);
    ck_assert_int_eq(response_set_header(&response, "Content-Length", "12"), NGI_OK);
    ck_assert_int_eq(response_length(&response), 12);
    ck_assert(response.touched);
    ck_assert_int_eq(closed, 0);
}
END_TEST

START_TEST(a_stream_is_closed_once_when_it_is_over)
{
    ck_assert_int_eq(send_stream(), NGI_OK);
    response_reset(&response);
    ck_assert_int_eq(closed, 1);
    response_reset(&response);
    response_free(&response);
    ck_assert_int_eq(closed, 1);
    response_init(&response, &arena, MOST);
    ck_assert_int_eq(send_stream(), NGI_OK);
    response_free(&response);
    ck_assert_int_eq(closed, 2);
    response_init(&response, &arena, MOST);
}
END_TEST

START_TEST(a_stream_that_was_refused_is_closed_at_once)
{
    ck_assert_int_eq(response_send_stream(&response, NULL, note_close, &closed), NGI_EINVAL);
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(response_write(&response, "x", 1), NGI_OK);
    ck_assert_int_eq(send_stream(), NGI_EINVAL);
    ck_assert_int_eq(closed, 2);
    response_reset(&response);
    response.begun = true;
    ck_assert_int_eq(send_stream(), NGI_ESENT);
    ck_assert_int_eq(closed, 3);
    response_reset(&response);
    ck_assert_int_eq(closed, 3);
}
END_TEST

START_TEST(a_second_stream_is_closed_and_the_first_goes_on)
{
    ck_assert_int_eq(send_stream(), NGI_OK);
    ck_assert_int_eq(send_stream(), NGI_EINVAL);
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(response.kind, RESPONSE_STREAM);
    int fd = ten_bytes();
    ck_assert_int_eq(response_send_file(&response, fd, 0, -1), NGI_EINVAL);
    ck_assert(!is_open(fd));
    ck_assert_int_eq(response_write(&response, "x", 1), NGI_EINVAL);
    response_reset(&response);
    ck_assert_int_eq(closed, 2);
}
END_TEST

START_TEST(a_stream_is_closed_by_what_takes_its_place_and_kept_on_an_error)
{
    ck_assert_int_eq(send_stream(), NGI_OK);
    ck_assert_int_eq(response_start(&response, "200 OK", (const char *const[]){ "A", "\n", NULL }), NGI_EINVAL);
    ck_assert_int_eq(closed, 0);
    ck_assert_int_eq(response.kind, RESPONSE_STREAM);
    ck_assert_int_eq(response_start(&response, "200 OK", NULL), NGI_OK);
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(response.kind, RESPONSE_TEXT);
    response_reset(&response);
    ck_assert_int_eq(closed, 1);
}
END_TEST

START_TEST(a_stream_may_go_without_close)
{
    ck_assert_int_eq(response_send_stream(&response, yield_nothing, NULL, NULL), NGI_OK);
    response_reset(&response);
    ck_assert_int_eq(response_send_stream(&response, NULL, NULL, NULL), NGI_EINVAL);
}
END_TEST

Suite *response_body_suite(void)
{
    Suite *suite = suite_create("response_body");
    TCase *tests = tcase_create("response_body");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_body_over_the_limit_is_a_failure_that_sticks);
    tcase_add_test(tests, after_the_first_byte_the_head_is_gone);
    tcase_add_test(tests, a_piece_of_a_file_is_sent);
    tcase_add_test(tests, what_is_no_regular_file_is_refused_and_closed);
    tcase_add_test(tests, a_second_body_is_refused_and_closed);
    tcase_add_test(tests, a_file_is_closed_by_whatever_takes_its_place);
    tcase_add_test(tests, a_file_that_was_taken_is_left_alone);
    tcase_add_test(tests, a_freed_response_has_closed_its_file);
    tcase_add_test(tests, a_stream_has_the_length_that_was_declared);
    tcase_add_test(tests, a_stream_is_closed_once_when_it_is_over);
    tcase_add_test(tests, a_stream_that_was_refused_is_closed_at_once);
    tcase_add_test(tests, a_second_stream_is_closed_and_the_first_goes_on);
    tcase_add_test(tests, a_stream_is_closed_by_what_takes_its_place_and_kept_on_an_error);
    tcase_add_test(tests, a_stream_may_go_without_close);
    suite_add_tcase(suite, tests);
    return suite;
}
