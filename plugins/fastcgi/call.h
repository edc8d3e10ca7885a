/* SPDX-License-Identifier: MIT
 *
 * call.h - one request: asking the application, and making its answer ours.
 */
#ifndef FASTCGI_CALL_H
#define FASTCGI_CALL_H

#include "script.h"
#include "site.h"

#include <ngi.h>

/* What a handler returns. `script` and `filename` as environ_add has them. */
int call_answer(ngi_request *r, const struct site *site, const struct script *script, const char *filename);

#endif
