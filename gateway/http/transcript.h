/* A request kept in a file, to be run again (`postern call --replay`). Version 1 of the form:
 *
 *     # postern request 1
 *     # plugin: thumb                     what is known of it; keys as in transcript_facts, each once or not at all
 *     # body: 65536 of 100000             bytes that follow, bytes that there were ("unknown": read as they arrived)
 *     POST /thumb/scale?w=80 HTTP/1.1
 *     Host: localhost
 *     Cookie: (masked)                    what lets people in is not kept
 *                                         an empty line, then the body
 *
 * Lines end with \n. */
#ifndef HTTP_TRANSCRIPT_H
#define HTTP_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sdk/ngi.h"

struct request;

enum { TRANSCRIPT_HEADERS_MAX = 100 };

/* What is told of a request beside itself; NULL: not known. */
struct transcript_facts {
    const char *when; /* "20261121T103052Z" */
    const char *plugin, *version, *build_id, *file;
    const char *mount; /* "" is the root, written as "/" */
    const char *route, *phase;
    const char *signal, *address; /* what became of it: "SIGSEGV", "0x0" */
    const char *incident;
    const char *remote, *scheme; /* who asked */
};

/* The facts by their names in the file. */
struct transcript_key {
    const char *name;
    size_t offset; /* of the string in struct transcript_facts */
};
extern const struct transcript_key transcript_keys[];
extern const size_t transcript_key_count;

/* Whether the values of this header let people in, or are given for that; by RFC 9110, 6265, 2965, 9449, 8473, and
 * by custom. */
bool transcript_is_secret(const char *name);
extern const char transcript_masked[]; /* what stands there instead */

/* Writes it. For a signal handler: nothing is allocated, and what cannot be read of the strings or the request is left
 * out. `body_most`: bytes of the body to keep. 0 or -errno. */
int transcript_write(int fd, const struct transcript_facts *facts, const struct request *request, uint64_t body_most);

struct transcript_header {
    const char *name, *value;
    bool masked;
};

struct transcript {
    char *text; /* what all strings here point into */
    struct transcript_facts facts;
    const char *method, *target, *protocol;
    struct transcript_header headers[TRANSCRIPT_HEADERS_MAX];
    size_t header_count;
    const char *body;
    size_t body_length;
    uint64_t body_total; /* bytes that there were; UINT64_MAX: nobody knows */
};

/* Reads what transcript_write writes, and nothing else. Copies `text`. NGI_OK and *ret (free with transcript_free);
 * NGI_EPARSE with the line and what is wrong with it in `err`; NGI_ENOMEM. */
int transcript_read(const char *text, size_t length, struct transcript **ret, ngi_error *err);
void transcript_free(struct transcript *transcript);

#endif
