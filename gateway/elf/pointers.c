#include "elf/pointers.h"

#include <stdlib.h>

#include "elf/machine.h"

/* Tags that older elf.h lack: relocations packed by ld -z pack-relative-relocs and lld --pack-dyn-relocs=relr. */
enum { TAG_RELR = 36, TAG_RELR_SIZE = 35 };

enum { POINTERS_MAX = 4 << 20 };

/* Targets that are no addresses. The second is read where it is asked for: most pointers of a file never are. */
#define ELSEWHERE UINT64_MAX
#define IN_PLACE (UINT64_MAX - 1)

static int add(struct elf_pointers *pointers, uint64_t at, uint64_t target, ngi_error *err)
{
    if (pointers->count == pointers->capacity) {
        size_t capacity = pointers->capacity ? pointers->capacity * 2 : 256;
        if (capacity > POINTERS_MAX)
            return ngi_error_set(err, NGI_EPARSE, "damaged: more than %d relocations; build or copy it again",
                                 POINTERS_MAX);
        struct elf_pointer *more = realloc(pointers->sorted, capacity * sizeof *more);
        if (!more)
            return ngi_error_set(err, NGI_ENOMEM, "out of memory");
        pointers->sorted = more;
        pointers->capacity = capacity;
    }
    pointers->sorted[pointers->count++] = (struct elf_pointer){ at, target };
    return NGI_OK;
}

static uint64_t symbol_target(const struct elf_symbols *symbols, uint64_t index, uint64_t addend)
{
    struct elf_symbol symbol;
    /* A function chosen at load time, a thread's variable or a plain number is no address in the image. */
    if (!elf_symbols_get(symbols, index, &symbol) || symbol.raw.st_shndx == SHN_UNDEF ||
        symbol.raw.st_shndx == SHN_ABS || GELF_ST_TYPE(symbol.raw.st_info) == STT_GNU_IFUNC ||
        GELF_ST_TYPE(symbol.raw.st_info) == STT_TLS)
        return ELSEWHERE;
    return symbol.raw.st_value + addend;
}

static int add_relocation(struct elf_pointers *pointers, const struct elf_symbols *symbols,
                          const struct elf_machine *machine, const GElf_Rela *relocation, bool in_place, ngi_error *err)
{
    uint64_t type = GELF_R_TYPE(relocation->r_info), at = relocation->r_offset;
    if (type == 0 || (type != machine->relative && type != machine->absolute))
        return NGI_OK;
    if (type == machine->relative)
        return add(pointers, at, in_place ? IN_PLACE : (uint64_t)relocation->r_addend, err);
    uintptr_t addend = (uintptr_t)relocation->r_addend;
    if (in_place && elf_image_read(pointers->image, at, &addend, sizeof addend) != NGI_OK)
        return NGI_OK;
    return add(pointers, at, symbol_target(symbols, GELF_R_SYM(relocation->r_info), addend), err);
}

static Elf_Data *relocation_table(const struct elf_image *image, int64_t tag, int64_t size_tag, Elf_Type type,
                                  bool *ret_damaged)
{
    uint64_t address, size;
    if (!elf_image_dynamic(image, tag, 0, &address) || !elf_image_dynamic(image, size_tag, 0, &size) || size == 0)
        return NULL;
    Elf_Data *data = elf_image_table(image, address, size, type);
    *ret_damaged |= !data;
    return data;
}

/* RELR (gABI, "Relative Relocation Table"): an even word is an address, and the words after it which are odd say by
 * their bits which of the next 63 (31) words are pointers too. */
static int add_packed(struct elf_pointers *pointers, const Elf_Data *data, ngi_error *err)
{
    const uintptr_t *words = data->d_buf;
    uint64_t at = 0;
    int rc = NGI_OK;
    for (size_t i = 0; i < data->d_size / sizeof *words && rc == NGI_OK; i++) {
        if (!(words[i] & 1)) {
            rc = add(pointers, words[i], IN_PLACE, err);
            at = words[i] + sizeof *words;
            continue;
        }
        uint64_t next = at;
        for (uintptr_t bits = words[i] >> 1; bits && rc == NGI_OK; bits >>= 1, next += sizeof *words)
            if (bits & 1)
                rc = add(pointers, next, IN_PLACE, err);
        at += (8 * sizeof *words - 1) * sizeof *words;
    }
    return rc;
}

static int by_address(const void *a, const void *b)
{
    uint64_t x = ((const struct elf_pointer *)a)->at, y = ((const struct elf_pointer *)b)->at;
    return (x > y) - (x < y);
}

/* ---------------------------------------------------------------------------------------------------------- */

int elf_pointers_read(const struct elf_symbols *symbols, struct elf_pointers *pointers, ngi_error *err)
{
    const struct elf_image *image = symbols->image;
    const struct elf_machine *machine = elf_machine_of(__ehdr_start.e_machine);
    GElf_Rela with_addend;
    GElf_Rel without;
    bool damaged = false;
    int rc = NGI_OK;
    *pointers = (struct elf_pointers){ .image = image };
    Elf_Data *rela = relocation_table(image, DT_RELA, DT_RELASZ, ELF_T_RELA, &damaged);
    Elf_Data *rel = relocation_table(image, DT_REL, DT_RELSZ, ELF_T_REL, &damaged);
    Elf_Data *relr = relocation_table(image, TAG_RELR, TAG_RELR_SIZE, ELF_T_ADDR, &damaged);
    if (damaged)
        return ngi_error_set(err, NGI_EPARSE, "damaged: its relocations lie outside the file; build or copy it again");
    if (!machine)
        return NGI_OK;
    for (int i = 0; rela && rc == NGI_OK && gelf_getrela(rela, i, &with_addend); i++)
        rc = add_relocation(pointers, symbols, machine, &with_addend, false, err);
    for (int i = 0; rel && rc == NGI_OK && gelf_getrel(rel, i, &without); i++) {
        with_addend = (GElf_Rela){ without.r_offset, without.r_info, 0 };
        rc = add_relocation(pointers, symbols, machine, &with_addend, true, err);
    }
    if (relr && rc == NGI_OK)
        rc = add_packed(pointers, relr, err);
    if (pointers->count)
        qsort(pointers->sorted, pointers->count, sizeof *pointers->sorted, by_address);
    return rc;
}

void elf_pointers_free(struct elf_pointers *pointers)
{
    free(pointers->sorted);
    *pointers = (struct elf_pointers){ 0 };
}

int elf_pointers_get(const struct elf_pointers *pointers, uint64_t address, uint64_t *ret)
{
    struct elf_pointer key = { .at = address };
    uintptr_t word;
    const struct elf_pointer *found =
        pointers->count == 0 ? NULL : bsearch(&key, pointers->sorted, pointers->count, sizeof key, by_address);
    if (found && found->target == ELSEWHERE)
        return NGI_ENOENT;
    if (found && found->target != IN_PLACE) {
        *ret = found->target;
        return NGI_OK;
    }
    /* Not relocated, only NULL is a pointer: anything else would be the same address wherever the file is loaded. */
    int rc = elf_image_read(pointers->image, address, &word, sizeof word);
    if (rc == NGI_OK && word != 0 && !found)
        rc = NGI_EPARSE;
    if (rc == NGI_OK)
        *ret = word;
    return rc;
}
