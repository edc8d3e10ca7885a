/* File and descriptor helpers. Every descriptor made here is close-on-exec. Errors are negative errno values. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes all `n` bytes, whatever the interruptions. 0 or -errno. */
int file_write_all(int fd, const void *data, size_t n);

/* A file without a name in directory `dir`, for reading and writing; it ends with its last descriptor. fd or -errno. */
int file_unlinked(const char *dir);

/* The whole of a file as NUL-terminated bytes, malloc'ed, the caller's; `limit` bytes at most (-EFBIG). 0 or -errno. */
int file_read(const char *path, size_t limit, char **ret_data, size_t *ret_length);

/* The same for a file that can be read again. -ESPIPE for a pipe, which is neither waited for nor read. */
int file_read_again(const char *path, size_t limit, char **ret_data, size_t *ret_length);

/* Copies the first `most` bytes of `from`, or as many as it has, to where `to` is. 0 or -errno. */
int file_copy(int from, int to, off_t most);

/* Copies all of `from` (from its start) into a new memfd named `name`, sealed against change. fd or -errno. */
int file_copy_to_memory(int from, const char *name);

/* Whether it is a socket; asks no file system. */
bool file_is_socket(int fd);

/* Whether two files, open for reading, have the same bytes. 1, 0 or -errno. */
int file_same(int one, int other);

#endif
