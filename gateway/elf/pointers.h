/* The pointers in an image's data: where each will point once the loader has relocated it. */
#ifndef ELF_POINTERS_H
#define ELF_POINTERS_H

#include <stddef.h>
#include <stdint.h>

#include "elf/symbols.h"

struct elf_pointer {
    uint64_t at, target; /* addresses in the image */
};

struct elf_pointers {
    const struct elf_image *image;
    struct elf_pointer *sorted; /* by `at` */
    size_t count, capacity;
};

/* NGI_OK, NGI_EPARSE or NGI_ENOMEM, with the reason in `err`. The image must outlive `pointers`; end with
 * elf_pointers_free, also after an error. */
int elf_pointers_read(const struct elf_symbols *symbols, struct elf_pointers *pointers, ngi_error *err);
void elf_pointers_free(struct elf_pointers *pointers);

/* Where the pointer at `address` will point; 0 for NULL. NGI_ENOENT if that is in another file; NGI_EPARSE for bytes
 * that are no pointer; NGI_EIO. */
int elf_pointers_get(const struct elf_pointers *pointers, uint64_t address, uint64_t *ret);

#endif
