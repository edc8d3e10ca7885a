/* What a plugin file says of itself, read from the ELF file without running any of its code. */
#ifndef PLUGIN_FACTS_H
#define PLUGIN_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sdk/ngi.h"

struct facts_route {
    uint32_t methods, flags;
    char *pattern;
};

struct facts_option {
    char *name;
    int32_t type;
    char *default_value; /* NULL: required */
    double min, max;
    char *help; /* may be NULL */
};

struct facts {
    char *build_id;    /* hexadecimal; NULL: none */
    bool has_entry;    /* exports the function ngi_plugin_v1 */
    char *other_entry; /* "ngi_plugin_v2": an entry of another major version; NULL: none */
    char **needed;     /* DT_NEEDED */
    size_t needed_count;
    char **undefined; /* strong undefined symbols which neither this file, nor the libraries it needs, nor this process
                         define; "name@VERSION" where versioned */
    size_t undefined_count;

    bool has_metadata; /* an ngi_plugin section with a structure in it; the rest is unset without */
    uint32_t size, abi, flags;
    char *name, *version, *summary;
    struct facts_route *routes;
    size_t route_count;
    struct facts_option *options;
    size_t option_count;
};

/* Reads the facts of an open file (position does not matter; it is not closed). Every byte of it may lie. NGI_OK and
 * *ret (free with facts_free), or the reason in `err`: NGI_EABI for what is no ELF file, no shared object, or for
 * another machine (naming both); NGI_EPARSE for a damaged one; NGI_EIO; NGI_ENOMEM. */
int facts_read(int fd, struct facts **ret, ngi_error *err);
void facts_free(struct facts *facts);

/* For people, and as a JSON object. 0, or NGI_EIO / NGI_ENOMEM. */
int facts_print(const struct facts *facts, const char *path, FILE *out);
int facts_print_json(const struct facts *facts, const char *path, FILE *out);

#endif
