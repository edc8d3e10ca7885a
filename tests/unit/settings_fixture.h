/* What the suites about settings share: a directory of their own for each test, the settings and the report of the last
 * load. */
#ifndef TESTS_UNIT_SETTINGS_FIXTURE_H
#define TESTS_UNIT_SETTINGS_FIXTURE_H

#include <check.h>

#include "conf/settings.h"
#include "sdk/ngi.h"

extern struct settings *settings;
extern struct report report;

/* Checked fixture of every case: messages about a file begin with its bare name. */
void settings_set_up(void);
void settings_tear_down(void);

/* Files that a test may write: a.conf, b.conf, sub/c.conf, sub/d.conf. */
void write_conf(const char *name, const char *text);

/* Writes a.conf and loads it. */
int load(const char *text);
void load_well(const char *text);

/* Loads a.conf, if there is one, with overrides. */
int override(const char *first, ...);
#define OVERRIDE(...) override(__VA_ARGS__, (char *)NULL)

/* The report has exactly these lines; NULL-terminated. */
void assert_report(const char *line, ...);

#define REFUSED(text, ...)                                                                                             \
    do {                                                                                                               \
        ck_assert_int_eq(load(text), NGI_EINVAL);                                                                      \
        ck_assert_ptr_null(settings);                                                                                  \
        assert_report(__VA_ARGS__, (char *)NULL);                                                                      \
    } while (0)

#endif
