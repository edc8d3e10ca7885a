/* What a supervisor knows, as what goes along when it becomes another binary: a JSON object. Whatever the release,
 * "format" tells how to read it, and "descriptors" lists all that come with it; the rest is the format's. */
#ifndef PROC_TAKEOVER_STATE_H
#define PROC_TAKEOVER_STATE_H

#include <jansson.h>
#include <stdbool.h>

#include "proc/succession.h"

enum { TAKEOVER_FORMAT = 3 };

/* NULL if out of memory. */
json_t *takeover_save_state(const struct succession *succession);

/* `checks`: settings that it would need and that cannot be read are a reason to refuse. False, with the reason and
 * perhaps a half of it in `succession`. */
bool takeover_load_state(struct succession *succession, const json_t *state, bool checks, ngi_error *err);

/* Frees what has been loaded, and closes none of its descriptors. */
void takeover_forget_state(struct succession *succession);

#endif
