/* Where the dynamic loader would look for a library, as far as that can be told from outside it: its cache and its
 * directories for processor variants are left out. */
#ifndef ELF_LIBRARY_PATH_H
#define ELF_LIBRARY_PATH_H

#include <stddef.h>

struct library_path;

/* LD_LIBRARY_PATH, /etc/ld.so.conf with its includes, and the system's directories, as they are now.
 * NGI_OK or NGI_ENOMEM. */
int library_path_new(struct library_path **ret);
void library_path_free(struct library_path *path);

/* Opens library `name` for reading: as a file if there is a '/' in it; the one already loaded into this process;
 * otherwise from the directories of `own` (DT_RUNPATH of who needs it, "a:b", NULL: none; $ORIGIN is `origin`), then
 * of `path`. Files for other machines are passed over. Returns the descriptor, the caller's, and *ret_file, malloc'ed;
 * or NGI_ENOENT, NGI_ENOMEM. */
int library_path_open(const struct library_path *path, const char *name, const char *own, const char *origin,
                      char **ret_file);

#endif
