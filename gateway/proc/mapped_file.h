/* The files behind another process's memory. Plugins are linked from a sealed copy in memory (plugin/module), which has
 * no path: it is found among the process's descriptors. */
#ifndef PROC_MAPPED_FILE_H
#define PROC_MAPPED_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether a name from /proc/PID/maps is that of such a copy. */
bool mapped_file_is_copy(const char *name);

/* Opens the file that is mapped at address `start` for reading. fd, or -1. */
int mapped_file_open(pid_t pid, uint64_t start);

/* Copies the name for people: "/memfd:thumb.so (deleted)" and "/usr/lib/x/thumb.so" are "thumb.so". */
void mapped_file_name(const char *name, char *out, size_t room);

#endif
