/* SPDX-License-Identifier: MIT
 *
 * mime.h - what a file's name says about its contents.
 */
#ifndef STATIC_MIME_H
#define STATIC_MIME_H

/* The Content-Type for a file of that name (a path or its last part); application/octet-stream if its extension is
 * unknown. A static string. */
const char *mime_type(const char *name);

#endif
