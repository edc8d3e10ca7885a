/* The text of a configuration, made ready for libconfuse, and the memory of where each of its lines came from.
 *
 * libconfuse 3.3 takes a comma only inside a list, counts a comment's line more than once, accepts a block that is
 * never closed, drops stray * and + in silence, takes a key with a '|' for a way into another block, and loses its way
 * after a mistake in an included file. So this part reads the files: it puts included ones in place, drops comments,
 * turns a comma between settings into a space, and refuses such keys, and what is left open. */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/report.h"

enum { WHERE_MAX = 4200 }; /* room for "FILE:LINE" */

struct source_part;

struct source {
    struct buffer text; /* NUL-terminated once read */
    size_t lines;       /* complete ones in text */
    struct source_part *parts;
    size_t part_count;
};

/* Reads `file` and what it includes; an included file's path is relative to the directory of the file that names it.
 * NGI_OK if the text can be parsed, perhaps with mistakes in `report`; otherwise NGI_ENOENT (no such file), NGI_EINVAL,
 * both with their reason in `report`, or NGI_ENOMEM. source_free is due in each case. */
int source_read(struct source *source, const char *file, struct report *report);
void source_free(struct source *source);

/* The file that source_read was given. */
const char *source_file(const struct source *source);

/* Writes "FILE:LINE" of a line of `text`, counted from 1. */
void source_where(const struct source *source, size_t line, char out[WHERE_MAX]);

#endif
