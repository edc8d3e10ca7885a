/* SPDX-License-Identifier: MIT
 *
 * params.h - how a request begins: FCGI_BEGIN_REQUEST and FCGI_PARAMS (FastCGI Specification 1.0, sections 5.1, 5.2).
 */
#ifndef FASTCGI_PARAMS_H
#define FASTCGI_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARAMS_REQUEST_ID = 1 }; /* one request a connection: no application multiplexes */

struct params {
    uint8_t *data; /* records */
    size_t size, room;
    size_t record; /* where the header of the last one is; 0: there is none yet */
    bool failed;   /* out of memory: stays so, so that nobody need ask before the end */
};

/* `keep`: that the application is not to close the connection after the request. */
void params_init(struct params *params, bool keep);
void params_free(struct params *params);
void params_add(struct params *params, const char *name, const char *value);
/* Nothing follows. False: out of memory. */
bool params_end(struct params *params);

#endif
