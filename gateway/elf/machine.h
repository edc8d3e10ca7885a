/* Machines by the number in the ELF header: their names for people, and the two relocations that make a pointer. */
#ifndef ELF_MACHINE_H
#define ELF_MACHINE_H

#include <link.h>
#include <stdint.h>

struct elf_machine {
    uint16_t number; /* EM_… */
    const char *name;
    uint32_t relative; /* relocation type "load address + addend"; 0: this gateway cannot follow pointers there */
    uint32_t absolute; /* relocation type "symbol + addend", as wide as a pointer; 0 likewise */
};

/* The linker's name for this program's own ELF header: what "this machine" is, without a list of preprocessor tests. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* NULL if the table has no such machine. */
const struct elf_machine *elf_machine_of(uint16_t number);

#endif
