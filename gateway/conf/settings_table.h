/* The one table of settings. Parser, defaults, checks, --help, the man page, `postern check -T` and the tests are
 * driven by it: a new setting is a member in settings.h and a row here. */
#ifndef CONF_SETTINGS_TABLE_H
#define CONF_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_section { SECTION_ROOT, SECTION_PLUGIN, SECTION_ROUTE, SECTION_COUNT };

/* Each with its member. A bool is never inherited; a list that may be is so while it is empty. */
enum setting_type {
    SETTING_STRING, /* char * */
    SETTING_LIST,   /* char **, and a size_t count */
    SETTING_INT,    /* int64_t */
    SETTING_FLOAT,  /* double */
    SETTING_BOOL,   /* bool */
    SETTING_SWITCH, /* int, 0 or 1: a bool that may be inherited */
    SETTING_SIZE,   /* int64_t */
    SETTING_ENUM,   /* int */
    SETTING_MOUNT,  /* char *, a path; the root "/" is stored as "" */
};

struct setting {
    const char *key;
    enum setting_section section;
    enum setting_type type;
    size_t offset, count_offset; /* of the member, in the struct of its section; of a list's count */
    const char *standard;        /* the default as one would type it; NULL: inherited (NULL, an empty list, -1 else) */
    const char *inherited;       /* then: what takes its place, for people */
    int64_t min, max;            /* of numbers and sizes; not below 0 of what may be inherited */
    const char *const *names;    /* of an enum, by value; NULL-terminated */
    const char *(*check)(const char *text); /* of strings: NULL, or what is wrong with `text` */
    const char *form;                       /* of strings: what would be right */
    const char *help;                       /* a sentence */
    bool hosts;                             /* obeyed in host processes only: see settings_check_hosts */
};

extern const struct setting settings_table[];
extern const size_t settings_table_count;

/* "the gateway", "a plugin block", "a route block" */
extern const char *const section_titles[SECTION_COUNT];
/* The blocks that a section may hold beside its settings; NULL-terminated. */
extern const char *const *const section_blocks[SECTION_COUNT];

/* NULL if the section has no such key. */
const struct setting *setting_find(enum setting_section section, const char *key);

/* Writes what is to be done about an unknown key: "did you mean listen?", or where it belongs, or what there is. */
void setting_advise(enum setting_section section, const char *key, char *out, size_t room);

/* Writes what a value has to look like: "a whole number from 0 to 256". */
void setting_form(const struct setting *setting, char *out, size_t room);

/* The type in a word: "size". */
const char *setting_type_name(const struct setting *setting);

/* Writes `bytes` in the largest unit that is exact: "10M". */
void setting_format_size(int64_t bytes, char *out, size_t room);

#endif
