/* Files that are damaged in every way that comes to mind. */
#include "plugin/facts.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/facts_fixture.h"
#include "tests/unit/suites.h"

/* Reads the facts of bytes that were damaged, and prints them: whatever comes out, it does come back. */
static int survive(int fd, const char *data, size_t n, FILE *nowhere)
{
    struct facts *found = NULL;
    ngi_error why = { 0 };
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    ck_assert_int_eq(pwrite(fd, data, n, 0), (ssize_t)n);
    int rc = facts_read(fd, &found, &why);
    ck_assert_int_eq(rc, why.code);
    if (rc == NGI_OK) {
        ck_assert_int_eq(facts_print(found, "x", nowhere), NGI_OK);
        ck_assert_int_eq(facts_print_json(found, "x", nowhere), NGI_OK);
    } else {
        ck_assert_str_ne(why.text, "");
    }
    facts_free(found);
    return rc;
}

/* Each byte in turn: all bits, one bit, and the two values that lengths and counts fear most. */
START_TEST(no_single_byte_brings_the_reader_down)
{
    size_t n, accepted = 0;
    build(_i ? full_plugin : caller, _i ? TINY " -Wl,-z,pack-relative-relocs" : TINY);
    char *data = read_back("x.so", &n);
    int fd = memfd_create("facts", MFD_CLOEXEC);
    FILE *nowhere = fopen("/dev/null", "w");
    for (size_t i = 0; i < n; i++) {
        const char good = data[i];
        const char values[] = { (char)~good, (char)(good ^ 1 << i % 8), 0, (char)0xff };
        for (size_t k = 0; k < sizeof values; k++) {
            data[i] = values[k];
            accepted += survive(fd, data, n, nowhere) == NGI_OK;
        }
        data[i] = good;
    }
    ck_assert_int_eq(survive(fd, data, n, nowhere), NGI_OK);
    ck_assert_uint_gt(accepted, 0);
    fclose(nowhere);
    close(fd);
    free(data);
}
END_TEST

START_TEST(no_length_brings_the_reader_down)
{
    size_t n;
    build(full_plugin, TINY);
    char *data = read_back("x.so", &n);
    int fd = memfd_create("facts", MFD_CLOEXEC);
    FILE *nowhere = fopen("/dev/null", "w");
    for (size_t i = 0; i < n; i++)
        ck_assert_int_ne(survive(fd, data, i, nowhere), NGI_OK);
    fclose(nowhere);
    close(fd);
    free(data);
}
END_TEST

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Words that are pointers, offsets or sizes in an ELF file become small, huge, unaligned, or one another. */
static void corrupt_words(char *data, size_t n, uint64_t *state)
{
    static const uint64_t values[] = {
        0,          1,          7,          8,         0x3f,       0x1000,         0x7fffffff,
        0xffffffff, 1ull << 32, 1ull << 62, INT64_MAX, 1ull << 63, UINT64_MAX - 7, UINT64_MAX
    };
    for (uint64_t k = random_next(state) % 4 + 1; k > 0; k--) {
        uint64_t word = values[random_next(state) % (sizeof values / sizeof *values)];
        size_t at = random_next(state) % (n / 8) * 8, width = random_next(state) % 2 ? 8 : 4;
        if (random_next(state) % 3 == 0)
            word = random_next(state) % (2 * n);
        if (random_next(state) % 4 == 0)
            memcpy(&word, data + random_next(state) % (n - 8), 8);
        memcpy(data + at, &word, width);
    }
}

START_TEST(corrupt_pointers_do_not_bring_the_reader_down)
{
    enum { ROUNDS = 4000 };
    size_t n;
    uint64_t state = 1;
    build(_i ? full_plugin : caller, _i ? TINY " -Wl,-z,pack-relative-relocs" : TINY);
    char *data = read_back("x.so", &n), *copy = malloc(n);
    int fd = memfd_create("facts", MFD_CLOEXEC);
    FILE *nowhere = fopen("/dev/null", "w");
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, data, n);
        corrupt_words(copy, n, &state);
        survive(fd, copy, n, nowhere);
    }
    fclose(nowhere);
    close(fd);
    free(copy);
    free(data);
}
END_TEST

START_TEST(words_beside_a_huge_sparse_file_do_not_exhaust_memory)
{
    enum { ROUNDS = 300 };
    size_t n;
    uint64_t state = 7;
    build(full_plugin, TINY);
    char *data = read_back("x.so", &n), *copy = malloc(n);
    int fd = memfd_create("facts", MFD_CLOEXEC);
    for (int round = 0; round < ROUNDS; round++) {
        struct facts *found = NULL;
        memcpy(copy, data, n);
        corrupt_words(copy, n, &state);
        ck_assert_int_eq(ftruncate(fd, 0), 0);
        ck_assert_int_eq(pwrite(fd, copy, n, 0), (ssize_t)n);
        ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
        facts_read(fd, &found, NULL);
        facts_free(found);
    }
    close(fd);
    free(copy);
    free(data);
}
END_TEST

Suite *facts_hostile_suite(void)
{
    Suite *suite = suite_create("facts_hostile");
    TCase *tests = facts_case(suite, "hostile", 300);
    tcase_add_loop_test(tests, no_single_byte_brings_the_reader_down, 0, 2);
    tcase_add_test(tests, no_length_brings_the_reader_down);
    tcase_add_loop_test(tests, corrupt_pointers_do_not_bring_the_reader_down, 0, 2);
    tcase_add_test(tests, words_beside_a_huge_sparse_file_do_not_exhaust_memory);
    return suite;
}
