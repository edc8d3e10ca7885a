/* SPDX-License-Identifier: MIT
 *
 * environ.h - the variables of a request, as the application gets them (RFC 3875 section 4.1).
 */
#ifndef FASTCGI_ENVIRON_H
#define FASTCGI_ENVIRON_H

#include "params.h"
#include "script.h"
#include "site.h"

#include <ngi.h>

/* The file that `script` is, for the application; NULL: out of memory. Lives as long as the request. */
const char *environ_filename(ngi_request *r, const struct site *site, const struct script *script);

/* Whether the option `params` is a list of NAME=VALUE. */
bool environ_params_are_valid(const char *params);

/* Adds all variables. `script`, `filename` NULL: the application finds its way by itself. `length`: of the body; -1:
 * there is none. False: out of memory. */
bool environ_add(struct params *params, ngi_request *r, const struct site *site, const struct script *script,
                 const char *filename, int64_t length);

#endif
