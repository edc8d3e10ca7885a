/* What the suites about facts share: plugins that are built while the tests run, with the compilers that are there, in
 * a directory of their own. */
#ifndef TESTS_UNIT_FACTS_FIXTURE_H
#define TESTS_UNIT_FACTS_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

#include "plugin/facts.h"
#include "sdk/ngi.h"

/* Sources. */
extern const char small_plugin[]; /* NGI_PLUGIN */
extern const char full_plugin[];  /* NGI_PLUGIN_FULL, every member */
extern const char caller[];       /* calls far_away(), which it does not have */

/* -nostdlib and one page size: a file small enough to be damaged byte by byte. */
#define TINY "-O2 -nostdlib -s -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--build-id"

/* Of the last inspect: what was found, or why it was refused. */
extern char facts_dir[64];
extern struct facts *facts;
extern ngi_error refusal;

/* A case whose tests each have facts_dir. */
TCase *facts_case(Suite *suite, const char *name, double seconds);

/* Runs a command in facts_dir; whether it succeeded. */
bool shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void write_file(const char *name, const void *data, size_t n);
/* The whole of a file; the caller's. */
char *read_back(const char *name, size_t *ret_length);

/* x.so from C; false if that compiler or linker will not have these flags. */
bool can_build(const char *compiler, const char *source, const char *flags);
void build(const char *source, const char *flags);

int inspect(const char *name);
void inspect_good(void);
void ck_assert_refused(const char *name, int code, const char *words);

#endif
