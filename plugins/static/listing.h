/* SPDX-License-Identifier: MIT
 *
 * listing.h - a directory as an HTML page.
 */
#ifndef STATIC_LISTING_H
#define STATIC_LISTING_H

#include <ngi.h>
#include <stdbool.h>

/* Answers with a page for directory `relative` ("" or ending in '/') below `root`: the names that the plugin would
 * serve, sorted, with their sizes. Returns what the handler returns. */
int listing_send(ngi_request *r, int root, const char *relative, bool hidden);

#endif
