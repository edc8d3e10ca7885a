/* Which symbols of a file nothing would define, told without loading it. */
#ifndef PLUGIN_FACTS_UNDEFINED_H
#define PLUGIN_FACTS_UNDEFINED_H

#include "elf/symbols.h"
#include "plugin/facts.h"

/* Fills `undefined` from the file's symbols and `needed`, which is set: strong symbols as "name" or "name@VERSION",
 * after lines "needed library libx.so.1 not found". `fd` is the file's. NGI_OK, or NGI_EPARSE or NGI_ENOMEM with the
 * reason in `err`. */
int facts_find_undefined(const struct elf_image *image, const struct elf_symbols *symbols, int fd, struct facts *facts,
                         ngi_error *err);

#endif
