#include "elf/symbols.h"

#include <stdlib.h>
#include <string.h>

/* A file may give a million symbols one name of megabytes: what all names together may take is bounded too, so that
 * comparing them ends. Real files stay far below; only shared suffixes count twice. */
enum { SYMBOLS_MAX = 1 << 20, NAME_BYTES_MAX = 64 << 20, VERSIONS_MAX = 0x8000, VERSION_BYTES_MAX = 1 << 20 };

enum { VERSION_INDEX_MASK = 0x7fff, VERSION_FIRST_NAMED = 2 };

/* The count by way of the hash table, for files without a section table. The chain of the highest bucket ends with
 * the last symbol. */
static size_t count_by_gnu_hash(const struct elf_image *image, uint64_t address)
{
    enum { BUCKETS, OFFSET, BLOOM, SHIFT, HEADER };
    uint32_t header[HEADER], last = 0, link;
    if (elf_image_read(image, address, header, sizeof header) != NGI_OK)
        return 0;
    uint64_t buckets = address + sizeof header + (uint64_t)header[BLOOM] * sizeof(void *);
    Elf_Data *data = elf_image_table(image, buckets, (uint64_t)header[BUCKETS] * sizeof last, ELF_T_WORD);
    for (size_t i = 0; data && i < header[BUCKETS]; i++)
        if (((const uint32_t *)data->d_buf)[i] > last)
            last = ((const uint32_t *)data->d_buf)[i];
    if (last < header[OFFSET])
        return header[OFFSET];
    uint64_t chains = buckets + (uint64_t)header[BUCKETS] * sizeof last;
    for (; last < SYMBOLS_MAX; last++) {
        uint64_t at = chains + (uint64_t)(last - header[OFFSET]) * sizeof link;
        if (elf_image_read(image, at, &link, sizeof link) != NGI_OK || (link & 1))
            break;
    }
    return last + 1;
}

static size_t count_symbols(const struct elf_image *image, uint64_t table, size_t entry_size)
{
    GElf_Shdr section;
    uint64_t address;
    uint32_t hash[2]; /* buckets, symbols */
    if (elf_image_section(image, NULL, SHT_DYNSYM, &section) && section.sh_addr == table)
        return section.sh_size / entry_size;
    if (elf_image_dynamic(image, DT_HASH, 0, &address) && elf_image_read(image, address, hash, sizeof hash) == NGI_OK)
        return hash[1];
    return elf_image_dynamic(image, DT_GNU_HASH, 0, &address) ? count_by_gnu_hash(image, address) : 0;
}

static void set_version(struct elf_symbols *symbols, size_t index, uint64_t name)
{
    index &= VERSION_INDEX_MASK;
    symbols->names[index] = elf_image_name(symbols->image, name);
    if (index >= symbols->name_count)
        symbols->name_count = index + 1;
}

/* Both walks go forward only, and `steps` bounds lists that overlap. */
static void read_wanted_versions(struct elf_symbols *symbols, Elf_Data *data)
{
    GElf_Verneed need;
    GElf_Vernaux version;
    size_t steps = 0;
    for (size_t at = 0; at < data->d_size && gelf_getverneed(data, (int)at, &need); at += need.vn_next) {
        for (size_t aux = at + need.vn_aux; aux < data->d_size && gelf_getvernaux(data, (int)aux, &version);
             aux += version.vna_next) {
            if (++steps > VERSIONS_MAX)
                return;
            if ((version.vna_other & VERSION_INDEX_MASK) >= VERSION_FIRST_NAMED)
                set_version(symbols, version.vna_other, version.vna_name);
            if (version.vna_next == 0)
                break;
        }
        if (need.vn_next == 0 || ++steps > VERSIONS_MAX)
            return;
    }
}

static void read_offered_versions(struct elf_symbols *symbols, Elf_Data *data)
{
    GElf_Verdef definition;
    GElf_Verdaux version;
    size_t steps = 0;
    for (size_t at = 0; at < data->d_size && gelf_getverdef(data, (int)at, &definition); at += definition.vd_next) {
        /* The first name is the version; others are those it follows. Flag BASE marks the file's own name. */
        if (!(definition.vd_flags & VER_FLG_BASE) && at + definition.vd_aux < data->d_size &&
            gelf_getverdaux(data, (int)(at + definition.vd_aux), &version) &&
            (definition.vd_ndx & VERSION_INDEX_MASK) >= VERSION_FIRST_NAMED)
            set_version(symbols, definition.vd_ndx, version.vda_name);
        if (definition.vd_next == 0 || ++steps > VERSIONS_MAX)
            return;
    }
}

/* Neither table says how long it is in bytes: it is read to the end of its segment, or as far as is sensible. */
static Elf_Data *version_table(const struct elf_image *image, int64_t tag, Elf_Type type)
{
    uint64_t address;
    if (!elf_image_dynamic(image, tag, 0, &address))
        return NULL;
    uint64_t rest = elf_image_rest(image, address);
    return elf_image_table(image, address, rest < VERSION_BYTES_MAX ? rest : VERSION_BYTES_MAX, type);
}

static int read_versions(struct elf_symbols *symbols, ngi_error *err)
{
    uint64_t address;
    Elf_Data *data;
    if (!elf_image_dynamic(symbols->image, DT_VERSYM, 0, &address))
        return NGI_OK;
    symbols->versions = elf_image_table(symbols->image, address, symbols->count * sizeof(GElf_Versym), ELF_T_HALF);
    if (!symbols->versions)
        return ngi_error_set(err, NGI_EPARSE,
                             "damaged: its symbol versions lie outside the file; build or copy it "
                             "again");
    symbols->names = calloc(VERSIONS_MAX, sizeof *symbols->names);
    if (!symbols->names)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    if ((data = version_table(symbols->image, DT_VERNEED, ELF_T_VNEED)))
        read_wanted_versions(symbols, data);
    if ((data = version_table(symbols->image, DT_VERDEF, ELF_T_VDEF)))
        read_offered_versions(symbols, data);
    return NGI_OK;
}

static int check_names(const struct elf_symbols *symbols, ngi_error *err)
{
    struct elf_symbol symbol;
    size_t bytes = 0;
    for (size_t i = 1; i < symbols->count; i++) {
        if (elf_symbols_get(symbols, i, &symbol))
            bytes += strlen(symbol.name) + (symbol.version ? strlen(symbol.version) : 0);
        if (bytes > NAME_BYTES_MAX)
            return ngi_error_set(err, NGI_EPARSE,
                                 "damaged: its symbol names take more than %d MiB; build or copy it "
                                 "again",
                                 NAME_BYTES_MAX >> 20);
    }
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

int elf_symbols_read(const struct elf_image *image, struct elf_symbols *symbols, ngi_error *err)
{
    uint64_t address;
    *symbols = (struct elf_symbols){ .image = image };
    if (!elf_image_dynamic(image, DT_SYMTAB, 0, &address))
        return NGI_OK;
    size_t entry_size = sizeof(void *) == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    symbols->count = count_symbols(image, address, entry_size);
    if (symbols->count == 0)
        return NGI_OK;
    if (symbols->count > SYMBOLS_MAX)
        return ngi_error_set(err, NGI_EPARSE, "damaged: it says it has %zu symbols; build or copy it again",
                             symbols->count);
    symbols->table = elf_image_table(image, address, symbols->count * entry_size, ELF_T_SYM);
    if (!symbols->table)
        return ngi_error_set(err, NGI_EPARSE, "damaged: its symbols lie outside the file; build or copy it again");
    int rc = read_versions(symbols, err);
    return rc == NGI_OK ? check_names(symbols, err) : rc;
}

void elf_symbols_free(struct elf_symbols *symbols)
{
    free(symbols->names);
    *symbols = (struct elf_symbols){ 0 };
}

bool elf_symbols_get(const struct elf_symbols *symbols, size_t i, struct elf_symbol *ret)
{
    GElf_Versym version;
    if (i >= symbols->count || !gelf_getsym(symbols->table, (int)i, &ret->raw))
        return false;
    ret->name = elf_image_name(symbols->image, ret->raw.st_name);
    ret->version = NULL;
    if (symbols->versions && gelf_getversym(symbols->versions, (int)i, &version) &&
        (version & VERSION_INDEX_MASK) < symbols->name_count)
        ret->version = symbols->names[version & VERSION_INDEX_MASK];
    return ret->name && *ret->name;
}

bool elf_symbol_is_offered(const struct elf_symbol *symbol)
{
    int binding = GELF_ST_BIND(symbol->raw.st_info), visibility = GELF_ST_VISIBILITY(symbol->raw.st_other);
    return symbol->raw.st_shndx != SHN_UNDEF && visibility != STV_HIDDEN && visibility != STV_INTERNAL &&
           (binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE);
}

bool elf_symbol_is_wanted(const struct elf_symbol *symbol)
{
    return symbol->raw.st_shndx == SHN_UNDEF && GELF_ST_BIND(symbol->raw.st_info) == STB_GLOBAL;
}
