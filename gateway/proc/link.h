/* A connection from a web server that speaks FastCGI, with the request on it: received, called, answered. Several links
 * receive side by side; a call has the thread to itself until it is answered. One thread. */
#ifndef PROC_LINK_H
#define PROC_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "http/cgi.h"
#include "proc/front.h"
#include "run/slots.h"
#include "run/solo.h"

enum { LINK_BLOCK = 32 * 1024 }; /* bytes of content in a record of a response */

/* What all links of a process share. */
struct link_host {
    const struct settings *settings;
    struct dispatch dispatch;
    struct responder_values values;
    bool mounted; /* the operator has said where the plugin is mounted: SCRIPT_NAME does not count */
    /* The other side is our gateway, which knows what no web server does: it sends parameters of its own,
     * understands what http/cgi_response.h says of a body, tells why it aborts a request, wants no FCGI_STDERR, and
     * takes the end of a request for the end of its handler: fcgi/inner.h. */
    bool inner;
    struct slots *slots; /* shared with it, of requests that it sends ahead; NULL: they have not come along yet */
    struct solo solo;
    int signals; /* readable when a signal waits for `heed` */
    /* Takes note of signals, if there are any, and gives up what is under way when its time is over. */
    void (*heed)(struct link_host *host, bool signalled);
    /* Milliseconds until `heed` has something to do without a signal; -1: nothing. */
    int (*patience)(const struct link_host *host);
    bool ended;   /* the gateway has closed the connection; only where it is the other side */
    bool hurried; /* nothing is waited for any more */
    /* The record being filled: there is one answer at a time. Behind it the end of the request has room. */
    uint8_t out[FCGI_HEADER_SIZE + LINK_BLOCK + RESPONDER_END_SIZE];
};

enum link_stage {
    LINK_IDLE,   /* between requests */
    LINK_HEAD,   /* parameters come */
    LINK_BODY,   /* the head has been looked at */
    LINK_CALL,   /* a handler has it */
    LINK_ANSWER, /* the response is being sent */
    LINK_LINGER, /* answered and half closed: what still comes is read, so that the answer is not lost to a reset */
};

struct link {
    struct link_host *host;
    struct front front;
    enum link_stage stage;
    bool used;        /* there has been a request */
    bool due;         /* link_serve has something to do */
    bool over;        /* to be closed */
    bool hung_up;     /* the peer has left, and the handler has been told */
    bool sending;     /* bytes are on their way that nothing may come between */
    bool ending;      /* the last of them are: for us the request is over, for the other side it is not yet */
    int64_t since_ms; /* that something has come, or has been sent */

    struct task *task;  /* the request; NULL: none */
    struct task *given; /* to a handler whose answer is not waited for any longer; NULL: none */
    struct cgi cgi;
    char id[REQUEST_ID_SIZE]; /* what the gateway calls it; "": it has not said */
    int64_t deadline_us;      /* likewise; INT64_MAX: none */
    bool arrives;             /* likewise: the body does, and its handler begins before any of it has come */
    struct slot *slot;        /* likewise: it may be taken back until it begins; NULL: it has come alone */
    bool brings_slots;        /* likewise: the file that comes along is link_host.slots */
    int64_t in_file;          /* likewise: bytes of body in the file that comes along; -1: none does */
    int refusal;              /* status of the response that takes the handler's place; 0: none */
    bool streams;             /* the handler runs while the body arrives */
    bool all_read;            /* the end of the body has come */
    bool aborted;             /* FCGI_ABORT_REQUEST has come */
    uint64_t announced;       /* bytes of body; UINT64_MAX: the head does not say */
    uint64_t received;
    uint64_t excess;      /* bytes that nobody wants, read and dropped */
    const uint8_t *piece; /* of a body that arrives, for which there was no room yet; in front.in */
    size_t piece_left;
};

/* Takes the connected socket. NULL, the socket closed, if out of memory. */
struct link *link_new(struct link_host *host, int fd);
/* Closes it, and gives up a request that is left. */
void link_free(struct link *link);

/* Whether more input is to be waited for. */
bool link_wants(const struct link *link);
/* There is input. Sets `due` where that makes a request complete, `over` where the connection has ended. */
void link_receive(struct link *link);
/* The peer has closed both ways, and nothing that it may have sent before matters any more. */
void link_lost(struct link *link);
/* Goes through what has come already: after link_serve. */
void link_feed(struct link *link);
/* Calls the handler of a request that is due, and answers. Returns when that is over. */
void link_serve(struct link *link);

#endif
