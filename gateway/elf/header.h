/* The first look at a file: is it a shared object for this machine? If not, the words to say so. */
#ifndef ELF_HEADER_H
#define ELF_HEADER_H

#include <stdint.h>

#include "sdk/ngi.h"

/* NGI_OK and the file's size in bytes: `fd` is a regular file with the ELF header of a shared object of this process's
 * machine, word size and byte order, and the tables that the header announces lie within the file. NGI_EABI for any
 * other kind of file; NGI_EPARSE for a damaged one; NGI_EIO. A position-independent executable passes: only its
 * dynamic section tells. */
int elf_header_check(int fd, uint64_t *ret_size, ngi_error *err);

#endif
