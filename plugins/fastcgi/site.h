/* SPDX-License-Identifier: MIT
 *
 * site.h - what init makes of the options; read-only from then on, so that every thread may use it.
 */
#ifndef FASTCGI_SITE_H
#define FASTCGI_SITE_H

#include "address.h"
#include "link.h"
#include "script.h"

#include <stdbool.h>
#include <stdint.h>

struct site {
    struct address address;
    struct links *links; /* NULL: no socket was set */
    struct script_rules rules;
    char *root; /* without a slash at its end; "": the application finds its way by itself */
    bool check;
    bool keep;
    const char *params; /* NAME=VALUE between blanks */
    int64_t read_ms;
};

#endif
