#include "http/body.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sdk/ngi.h"
#include "tests/unit/suites.h"

static char spool[] = "/tmp/postern-body-XXXXXX";
static struct body body;
static struct body_limits limits;

static void set_up(void)
{
    strcpy(spool + sizeof spool - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(spool));
    body_init(&body);
    limits = (struct body_limits){ .most = 100000, .memory = 1000, .spool = spool };
}

static void tear_down(void)
{
    body_free(&body);
    ck_assert_int_eq(rmdir(spool), 0); /* fails if a file has kept its name */
}

/* Byte `i` of what is sent. */
static char byte_at(size_t i)
{
    return (char)(i * 7 + i / 256);
}

static int append(size_t from, size_t n)
{
    char *data = calloc(1, n + 1);
    for (size_t i = 0; i < n; i++)
        data[i] = byte_at(from + i);
    int rc = body_append(&body, &limits, data, n);
    free(data);
    return rc;
}

/* How many of these are what stands at `from`. */
static size_t right_from(size_t from, const char *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && bytes[i] == byte_at(from + i))
        i++;
    return i;
}

/* Both ways of reading give all of it, independently of each other. */
static void assert_whole(size_t n)
{
    char piece[333];
    size_t at = 0;
    const char *block = body_block(&body);
    ck_assert_uint_eq(body.length, n);
    ck_assert_ptr_nonnull(block);
    for (int64_t got; (got = body_read(&body, piece, sizeof piece)) != 0; at += (size_t)got) {
        ck_assert_int_gt(got, 0);
        ck_assert_uint_eq(right_from(at, piece, (size_t)got), got);
    }
    ck_assert_uint_eq(at, n);
    ck_assert_uint_eq(right_from(0, block, n), n);
    ck_assert_int_eq(body_read(&body, piece, sizeof piece), 0);
    ck_assert_ptr_eq(body_block(&body), block);
}

START_TEST(a_body_of_no_bytes_is_not_null)
{
    char c;
    ck_assert_int_eq(body_append(&body, &limits, "", 0), NGI_OK);
    ck_assert_int_eq(body_read(&body, &c, 1), 0);
    ck_assert_ptr_nonnull(body_block(&body));
    ck_assert_int_eq(body.fd, -1);
}
END_TEST

/* Up to limits.memory it is in memory; the next byte moves it to a file. */
START_TEST(a_body_is_spilled_at_the_limit_and_not_before)
{
    static const struct {
        size_t first, second;
        bool spilled;
    } cases[] = {
        { 999, 1, false }, { 1000, 0, false }, { 0, 1000, false },    { 1000, 1, true },
        { 1001, 0, true }, { 1, 1000, true },  { 5000, 95000, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(append(0, cases[i].first), NGI_OK);
        ck_assert_int_eq(append(cases[i].first, cases[i].second), NGI_OK);
        ck_assert_int_eq(body.fd >= 0, cases[i].spilled);
        assert_whole(cases[i].first + cases[i].second);
        body_reset(&body);
    }
}
END_TEST

START_TEST(without_memory_every_byte_is_spilled)
{
    limits.memory = 0;
    ck_assert_int_eq(append(0, 0), NGI_OK);
    ck_assert_int_eq(body.fd, -1);
    ck_assert_int_eq(append(0, 1), NGI_OK);
    ck_assert_int_ge(body.fd, 0);
    assert_whole(1);
}
END_TEST

START_TEST(a_spilled_body_has_no_name_and_is_private)
{
    struct stat file;
    ck_assert_int_eq(append(0, 2000), NGI_OK);
    ck_assert_int_eq(fstat(body.fd, &file), 0);
    ck_assert_uint_eq(file.st_nlink, 0);
    ck_assert_uint_eq(file.st_mode & 0777, 0600);
    ck_assert_int_eq(file.st_size, 2000);
}
END_TEST

START_TEST(too_much_is_refused_and_what_was_there_stays)
{
    ck_assert_int_eq(append(0, 100000), NGI_OK);
    ck_assert_int_eq(append(100000, 1), NGI_ETOOBIG);
    assert_whole(100000);
    body_reset(&body);
    ck_assert_int_eq(append(0, 100001), NGI_ETOOBIG);
    ck_assert_uint_eq(body.length, 0);
    ck_assert_int_eq(append(0, 10), NGI_OK);
    ck_assert_int_eq(body_append(&body, &limits, "", SIZE_MAX), NGI_ETOOBIG); /* 10 + this wraps */
    assert_whole(10);
    body_reset(&body);
    limits.most = 0;
    ck_assert_int_eq(append(0, 0), NGI_OK);
    ck_assert_int_eq(append(0, 1), NGI_ETOOBIG);
}
END_TEST

START_TEST(a_missing_spool_directory_is_an_error_that_says_so)
{
    limits.spool = "/nowhere/at/all";
    ck_assert_int_eq(append(0, 1000), NGI_OK); /* nobody misses it yet */
    errno = 0;
    ck_assert_int_eq(append(1000, 1), NGI_EIO);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_uint_eq(body.length, 1000);
    ck_assert_int_eq(body.fd, -1);
    assert_whole(1000);
}
END_TEST

/* As a full disk: the file may have 4096 bytes. The piece that fails leaves nothing behind. */
START_TEST(a_file_that_cannot_grow_is_an_error_that_says_so)
{
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){ 4096, old.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(append(0, 4000), NGI_OK);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    errno = 0;
    int rc = append(4000, 1000);
    int why = errno;
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_int_eq(rc, NGI_EIO);
    ck_assert_int_eq(why, EFBIG);
    ck_assert_uint_eq(body.length, 4000);
    ck_assert_int_eq(append(4000, 1000), NGI_OK);
    assert_whole(5000);
}
END_TEST

START_TEST(a_file_that_cannot_be_started_is_an_error)
{
    struct rlimit old, none;
    getrlimit(RLIMIT_FSIZE, &old);
    none = (struct rlimit){ 0, old.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(append(0, 900), NGI_OK);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    int rc = append(900, 900);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_int_eq(rc, NGI_EIO);
    ck_assert_int_eq(body.fd, -1);
    assert_whole(900);
}
END_TEST

START_TEST(a_file_that_ends_early_is_an_error)
{
    char piece[100];
    ck_assert_int_eq(append(0, 2000), NGI_OK);
    ck_assert_int_eq(ftruncate(body.fd, 50), 0);
    ck_assert_int_eq(body_read(&body, piece, sizeof piece), 50);
    ck_assert_int_eq(body_read(&body, piece, sizeof piece), NGI_EIO);
}
END_TEST

START_TEST(a_body_that_was_reset_is_empty_and_holds_no_file)
{
    char c;
    ck_assert_int_eq(append(0, 2000), NGI_OK);
    ck_assert_ptr_nonnull(body_block(&body));
    int fd = body.fd;
    ck_assert_int_eq(body_read(&body, &c, 1), 1);
    body_reset(&body);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), -1);
    ck_assert_uint_eq(body.length, 0);
    ck_assert_int_eq(body_read(&body, &c, 1), 0);
    ck_assert_int_eq(append(0, 500), NGI_OK);
    assert_whole(500);
}
END_TEST

Suite *body_suite(void)
{
    Suite *suite = suite_create("body");
    TCase *tests = tcase_create("body");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_body_of_no_bytes_is_not_null);
    tcase_add_test(tests, a_body_is_spilled_at_the_limit_and_not_before);
    tcase_add_test(tests, without_memory_every_byte_is_spilled);
    tcase_add_test(tests, a_spilled_body_has_no_name_and_is_private);
    tcase_add_test(tests, too_much_is_refused_and_what_was_there_stays);
    tcase_add_test(tests, a_missing_spool_directory_is_an_error_that_says_so);
    tcase_add_test(tests, a_file_that_cannot_grow_is_an_error_that_says_so);
    tcase_add_test(tests, a_file_that_cannot_be_started_is_an_error);
    tcase_add_test(tests, a_file_that_ends_early_is_an_error);
    tcase_add_test(tests, a_body_that_was_reset_is_empty_and_holds_no_file);
    suite_add_tcase(suite, tests);
    return suite;
}
