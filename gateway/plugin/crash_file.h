/* The files that the requests of crashes are kept in, for `postern call --replay`: a directory of ours, at most so
 * many. */
#ifndef PLUGIN_CRASH_FILE_H
#define PLUGIN_CRASH_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/crash_facts.h"

enum { CRASH_FILE_OFF = INT32_MIN }; /* no errno */

/* From now on requests are kept in `directory`: `body_most` bytes of the body of each. Removes the oldest but `keep` -
 * 1, so that there is room for one. Before threads start. NGI_OK; with the reason in `err`, and then nothing is kept,
 * NGI_ENOENT without a directory, NGI_EPERM for one that others may write or that is not ours (requests are private),
 * NGI_EIO, NGI_ETOOBIG for its name. */
int crash_file_start(const char *directory, int64_t keep, int64_t body_most, ngi_error *err);

/* Gets, in the signal handler, a file in memory with what belongs into the new file `name`; it stays the caller's. 0;
 * -errno. */
typedef int crash_file_keeper(const char *name, int fd);

/* Instead of crash_file_start, where a sandbox is to keep the directory from this process: `keeper` passes requests on
 * to a process that may write there, which has them kept by crash_file_adopt. Before that sandbox is entered. */
void crash_file_entrust(const char *directory, int64_t body_most, crash_file_keeper *keeper);

/* Whether crash_file_start has been called, and found it all good. */
bool crash_file_keeps(void);

/* Keeps what a process of `plugin` has passed on; then removes the oldest, so that `keep` files are left. Of name and
 * file every byte may be a lie: any other name than that of a file of a crash of this plugin and of now is refused, and
 * what is no file in memory, has holes, or is larger than such a file can be, or than 16 MiB. Blocks for nothing but
 * the directory's disk; *ret_size: the bytes that have been written there. NGI_OK; NGI_EINVAL, NGI_ETOOBIG, NGI_EIO
 * with the reason in `err`. `fd` stays the caller's. Any thread, once crash_file_start has returned. */
int crash_file_adopt(const char *plugin, const char *name, int fd, int64_t *ret_size, ngi_error *err);

/* For the signal handler: a new file for the request of a crash. Its descriptor and, in *ret_path, its name;
 * CRASH_FILE_OFF if none is to be kept, or there is no request; -errno. */
int crash_file_open(const struct crash_facts *known, const char **ret_path);

/* Likewise: writes and closes it. 0; -errno, and the file is gone. */
int crash_file_fill(int fd, const struct crash_facts *known);

#endif
