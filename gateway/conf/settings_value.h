/* A setting's value: from text into its member, checked against its row, and back into text. */
#ifndef CONF_SETTINGS_VALUE_H
#define CONF_SETTINGS_VALUE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/report.h"
#include "conf/settings_table.h"

/* Where a value was written, for messages: "WHERE: BLOCKKEY: …". */
struct place {
    const char *where; /* "postern.conf:12", "--set" */
    const char *block; /* "", "plugin.thumb." */
};

/* Parses and checks `text` and stores it in the member of `base`, the struct of the setting's section; a list grows by
 * it. NGI_OK; NGI_EINVAL with the mistake in `report` and nothing stored; NGI_ENOMEM. */
int setting_set(const struct setting *setting, void *base, const char *text, const struct place *place,
                struct report *report);

/* Before the values of a list that replace those it has. Does nothing to any other. */
void setting_clear_list(const struct setting *setting, void *base);

/* Whether a value counts here: the default of a setting that has one, or what was set of one that is inherited. */
bool setting_is_set(const struct setting *setting, const void *base);

/* Sets every member that the section's rows name, which must be all zero, to its default. NGI_OK, NGI_ENOMEM. */
int section_set_defaults(enum setting_section section, void *base);
/* Frees what those members own. */
void section_free(enum setting_section section, void *base);

/* The value as settings_load reads it; an inherited one as a comment. `indent` spaces stand before the line. */
void setting_print(const struct setting *setting, const void *base, int indent, FILE *out);

/* `text` between double quotes, with what libconfuse takes for special inside them escaped. */
void setting_print_quoted(const char *text, FILE *out);

#endif
