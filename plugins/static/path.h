/* SPDX-License-Identifier: MIT
 *
 * path.h - from a request path to an open descriptor, never outside the root.
 */
#ifndef STATIC_PATH_H
#define STATIC_PATH_H

#include <ngi.h>
#include <stdbool.h>

/* Whether a client may ask for `relative` (no leading '/'): no component is "." or "..", and none begins with '.'
 * unless `hidden` allows it. */
bool path_allowed(const char *relative, bool hidden);

/* Opens `relative` below directory `root` with open(2)'s `flags` (O_RDONLY or O_PATH, perhaps with O_DIRECTORY); ""
 * is the root itself. Never waits for a FIFO, never ends outside the root. Returns a descriptor the caller closes, or
 * a negative errno. */
int path_open(int root, const char *relative, int flags);

/* What a handler returns when path_open gave -`error`: 404 for whatever concerns the name, so that a client learns
 * nothing of what lies outside; 503 when the process is out of descriptors or memory; else a failure. */
int path_refuse(ngi_request *r, int error);

/* Writes `s` percent-encoded to `out`, which has room for 3 bytes a character; the unreserved characters and those in
 * `plain` stay. Writes no NUL; returns the end. */
char *path_encode(char *out, const char *s, const char *plain);

#endif
