/* What a gateway and its own host processes say to each other beyond FastCGI: parameters, and what is in the appStatus
 * of FCGI_END_REQUEST. No web server uses these; `postern host --fastcgi` neither heeds nor sends them.
 *
 * The head of a response may begin with a line on its body, before its status: http/cgi_response.h. */
#ifndef FCGI_INNER_H
#define FCGI_INNER_H

#include <stdbool.h>
#include <stdint.h>

#define INNER_REQUEST_ID "NGI_REQUEST_ID"   /* so that both write the same into their logs */
#define INNER_DEADLINE_US "NGI_DEADLINE_US" /* absolute, by clock_us, which all processes share; without it: none */
#define INNER_BODY_FILE "NGI_BODY_FILE" /* bytes of the body, in a file whose descriptor comes with the first byte */
#define INNER_SLOTS "NGI_SLOTS"         /* "1": run/slots.h, whose descriptor comes with the first byte */
#define INNER_BODY_ARRIVES "NGI_BODY_ARRIVES" /* "1": the handler runs while its body arrives */

/* Ids from here on are of requests that have been sent ahead, while others are under way: the slot with the number of
 * the difference is theirs. The process begins them one after the other, those that it may (slot_begin), and ends all
 * of them, with FCGI_CANT_MPX_CONN where the one before takes longer. */
enum { INNER_AHEAD = 2 };

/* Why a request is aborted, in a byte of FCGI_ABORT_REQUEST: NGI_CANCEL_CLIENT, _DEADLINE, _SHUTDOWN, all of which say
 * that no answer is waited for; or one of these. */
enum inner_abort {
    INNER_MAY_LISTEN = 8, /* the client has closed its end, for sending at least: an answer is still taken */
    INNER_BODY_TOO_BIG,   /* the body has gone beyond max_body: there is no more of it, and no answer is waited for */
};

/* How a call ended: whether its response lacks something, and how long its handler ran, which is a hint. */
static inline uint32_t inner_status(bool cut, int64_t run_us)
{
    const int64_t most_us = INT32_MAX;
    return (uint32_t)(run_us < 0 ? 0 : run_us < most_us ? run_us : most_us) << 1 | cut;
}

static inline bool inner_is_cut(uint32_t status)
{
    return status & 1;
}

static inline int64_t inner_run_us(uint32_t status)
{
    return status >> 1;
}

#endif
