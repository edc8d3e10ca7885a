/* SPDX-License-Identifier: MIT
 *
 * cgi_head.h - the head of a CGI response (RFC 3875 section 6), read as it arrives.
 */
#ifndef FASTCGI_CGI_HEAD_H
#define FASTCGI_CGI_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CGI_HEAD_MOST = 32 * 1024, /* bytes; the gateway sends less than that (connection_memory) */
    CGI_FIELDS_MOST = 256,
};

struct cgi_field {
    const char *name, *value; /* in the head's text, terminated */
};

struct cgi_head {
    int status;        /* of Status; 302 with a Location alone; else 200 */
    int64_t length;    /* of Content-Length; -1: not said */
    size_t count;      /* fields for the client, in their order: without Status and the hop-by-hop ones */
    char why[200];     /* what is wrong with it */
    size_t used, line; /* bytes of text; where its last line begins */
    struct cgi_field fields[CGI_FIELDS_MOST];
    char text[CGI_HEAD_MOST];
};

enum cgi_head_state { CGI_HEAD_MORE, CGI_HEAD_DONE, CGI_HEAD_BAD };

void cgi_head_init(struct cgi_head *head);

/* Takes bytes of the head, up to its empty line. *ret_used: how many of them; what follows is the body. DONE: fields,
 * status and length are there. BAD: `why` has the reason. Neither is to be called again. */
enum cgi_head_state cgi_head_add(struct cgi_head *head, const void *data, size_t n, size_t *ret_used);

#endif
