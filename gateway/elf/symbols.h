/* The dynamic symbols of an image, with their versions: what it offers to others and what it wants from them. */
#ifndef ELF_SYMBOLS_H
#define ELF_SYMBOLS_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>

#include "elf/image.h"

struct elf_symbols {
    const struct elf_image *image;
    Elf_Data *table;    /* NULL: no symbols */
    Elf_Data *versions; /* DT_VERSYM; NULL: no symbol has a version */
    const char **names; /* of versions, by index; NULL where there is none */
    size_t count;       /* the null symbol at 0 included */
    size_t name_count;
};

struct elf_symbol {
    const char *name;    /* the image's */
    const char *version; /* "GLIBC_2.34", the image's; NULL: none */
    GElf_Sym raw;
};

/* NGI_OK, NGI_EPARSE or NGI_ENOMEM, with the reason in `err`. `image` must outlive `symbols`; end with
 * elf_symbols_free, also after an error. */
int elf_symbols_read(const struct elf_image *image, struct elf_symbols *symbols, ngi_error *err);
void elf_symbols_free(struct elf_symbols *symbols);

/* False if the symbol has no name or lies. */
bool elf_symbols_get(const struct elf_symbols *symbols, size_t i, struct elf_symbol *ret);

/* Whether others can link to it, and whether it must come from others. */
bool elf_symbol_is_offered(const struct elf_symbol *symbol);
bool elf_symbol_is_wanted(const struct elf_symbol *symbol);

#endif
