/* The files that the requests of crashes are kept in, for `postern call --replay`: a directory of ours, at most so
 * many. */
#ifndef PLUGIN_CRASH_FILE_H
#define PLUGIN_CRASH_FILE_H

#include <stdint.h>

#include "plugin/crash_facts.h"

enum { CRASH_FILE_OFF = INT32_MIN }; /* no errno */

/* From now on requests are kept in `directory`: `body_most` bytes of the body of each. Removes the oldest but `keep` -
 * 1, so that there is room for one. Before threads start. NGI_OK; with the reason in `err`, and then nothing is kept,
 * NGI_ENOENT without a directory, NGI_EPERM for one that others may write or that is not ours (requests are private),
 * NGI_EIO, NGI_ETOOBIG for its name. */
int crash_file_start(const char *directory, int64_t keep, int64_t body_most, ngi_error *err);

/* For the signal handler: a new file for the request of a crash. Its descriptor and, in *ret_path, its name;
 * CRASH_FILE_OFF if none is to be kept, or there is no request; -errno. */
int crash_file_open(const struct crash_facts *known, const char **ret_path);

/* Likewise: writes and closes it. 0; -errno, and the file is gone. */
int crash_file_fill(int fd, const struct crash_facts *known);

#endif
