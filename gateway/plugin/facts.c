#include "plugin/facts.h"

#include <stdlib.h>
#include <string.h>

#include "elf/image.h"
#include "elf/pointers.h"
#include "elf/symbols.h"
#include "plugin/facts_undefined.h"

#define ENTRY "ngi_plugin_v1"
#define ENTRY_PREFIX "ngi_plugin_v"

enum { ROUTES_MAX = 10000, OPTIONS_MAX = 1000, STRING_LIMIT = 4096, NOTES_MAX = 1 << 20, BUILD_ID_MAX = 64 };

/* ngi_plugin, ngi_route and ngi_option_spec are read as they lie in the file. That works because elf_header_check lets
 * only files of this process's own machine, word size and byte order through. */
struct reader {
    const struct elf_image *image;
    struct elf_symbols symbols;
    struct elf_pointers pointers;
    struct facts *facts;
    ngi_error *err;
};

static int out_of_memory(ngi_error *err)
{
    return ngi_error_set(err, NGI_ENOMEM, "out of memory");
}

static int set_build_id(struct facts *facts, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    facts->build_id = malloc(2 * n + 1);
    if (!facts->build_id)
        return NGI_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        facts->build_id[2 * i] = digits[bytes[i] >> 4];
        facts->build_id[2 * i + 1] = digits[bytes[i] & 15];
    }
    facts->build_id[2 * n] = '\0';
    return NGI_OK;
}

static int read_notes(struct reader *reader, uint64_t offset, uint64_t size, uint64_t alignment)
{
    GElf_Nhdr note;
    size_t at = 0, next, name, id;
    Elf_Data *data = size > NOTES_MAX || reader->facts->build_id
                       ? NULL
                       : elf_image_chunk(reader->image, offset, size, alignment == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
    for (; data && (next = gelf_getnote(data, at, &note, &name, &id)) > at; at = next) {
        const unsigned char *bytes = data->d_buf;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof "GNU" &&
            memcmp(bytes + name, "GNU", sizeof "GNU") == 0 && note.n_descsz > 0 && note.n_descsz <= BUILD_ID_MAX)
            return set_build_id(reader->facts, bytes + id, note.n_descsz);
    }
    return NGI_OK;
}

static int find_build_id(struct reader *reader)
{
    GElf_Shdr section;
    int rc = NGI_OK;
    for (size_t i = 0; i < elf_image_segment_count(reader->image) && rc == NGI_OK; i++) {
        const GElf_Phdr *segment = elf_image_segment(reader->image, i);
        if (segment->p_type == PT_NOTE)
            rc = read_notes(reader, segment->p_offset, segment->p_filesz, segment->p_align);
    }
    if (rc == NGI_OK && elf_image_section(reader->image, ".note.gnu.build-id", SHT_NOTE, &section))
        rc = read_notes(reader, section.sh_offset, section.sh_size, section.sh_addralign);
    return rc == NGI_OK ? rc : out_of_memory(reader->err);
}

static int find_entry(struct reader *reader)
{
    struct elf_symbol symbol;
    struct facts *facts = reader->facts;
    for (size_t i = 1; i < reader->symbols.count; i++) {
        if (!elf_symbols_get(&reader->symbols, i, &symbol) || !elf_symbol_is_offered(&symbol) ||
            GELF_ST_TYPE(symbol.raw.st_info) != STT_FUNC)
            continue;
        const char *version = symbol.name + strlen(ENTRY_PREFIX);
        if (strcmp(symbol.name, ENTRY) == 0) {
            facts->has_entry = true;
        } else if (!facts->other_entry && strncmp(symbol.name, ENTRY_PREFIX, strlen(ENTRY_PREFIX)) == 0 && *version &&
                   strlen(version) < 10 && strspn(version, "0123456789") == strlen(version)) {
            facts->other_entry = strdup(symbol.name);
            if (!facts->other_entry)
                return out_of_memory(reader->err);
        }
    }
    return NGI_OK;
}

static int read_needed(struct reader *reader)
{
    struct facts *facts = reader->facts;
    uint64_t offset;
    size_t count = 0;
    while (elf_image_dynamic(reader->image, DT_NEEDED, count, &offset))
        count++;
    facts->needed = calloc(count ? count : 1, sizeof *facts->needed);
    if (!facts->needed)
        return out_of_memory(reader->err);
    for (size_t i = 0; i < count && elf_image_dynamic(reader->image, DT_NEEDED, i, &offset); i++) {
        const char *name = elf_image_name(reader->image, offset);
        if (!name || strnlen(name, STRING_LIMIT) == STRING_LIMIT)
            return ngi_error_set(reader->err, NGI_EPARSE,
                                 "damaged: the name of a library it needs lies outside the "
                                 "file or has no end; build or copy it again");
        facts->needed[i] = strdup(name);
        if (!facts->needed[i])
            return out_of_memory(reader->err);
        facts->needed_count++;
    }
    return NGI_OK;
}

static int bad_metadata(struct reader *reader, const char *what, size_t row)
{
    return ngi_error_set(reader->err, NGI_EPARSE,
                         "its ngi_plugin structure is damaged: %s%.0zu does not lie within the file; does its table "
                         "end with { 0 }?",
                         what, row);
}

/* The pointer at `address`; NGI_ENOENT without words if only the loader can tell. */
static int follow(struct reader *reader, uint64_t address, const char *what, size_t row, uint64_t *ret)
{
    int rc = elf_pointers_get(&reader->pointers, address, ret);
    return rc == NGI_OK || rc == NGI_ENOENT ? rc : bad_metadata(reader, what, row);
}

/* The string that the pointer at `address` points to; NULL for NULL. */
static int read_string(struct reader *reader, uint64_t address, const char *what, size_t row, char **ret)
{
    uint64_t target;
    int rc = follow(reader, address, what, row, &target);
    if (rc != NGI_OK || target == 0)
        return rc;
    rc = elf_image_string(reader->image, target, STRING_LIMIT, ret);
    if (rc == NGI_ENOMEM)
        return out_of_memory(reader->err);
    return rc == NGI_OK ? rc : bad_metadata(reader, what, row);
}

/* Room for row `count` of an array that doubles. */
static int grow(void **rows, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return NGI_OK;
    void *more = realloc(*rows, (count ? count * 2 : 1) * size);
    if (!more)
        return NGI_ENOMEM;
    *rows = more;
    return NGI_OK;
}

static int read_routes(struct reader *reader, uint64_t address)
{
    struct facts *facts = reader->facts;
    ngi_route row;
    for (size_t i = 0; i <= ROUTES_MAX; i++, address += sizeof row) {
        if (elf_image_read(reader->image, address, &row, sizeof row) != NGI_OK)
            return bad_metadata(reader, "route ", i + 1);
        if (row.methods == 0)
            return NGI_OK;
        if (i == ROUTES_MAX)
            break;
        if (grow((void **)&facts->routes, i, sizeof *facts->routes) != NGI_OK)
            return out_of_memory(reader->err);
        facts->routes[i] = (struct facts_route){ .methods = row.methods, .flags = row.flags };
        facts->route_count++;
        int rc = read_string(reader, address + offsetof(ngi_route, pattern), "the pattern of route ", i + 1,
                             &facts->routes[i].pattern);
        if (rc != NGI_OK)
            return rc;
    }
    return ngi_error_set(reader->err, NGI_EPARSE, "its route table does not end within %d rows: end it with { 0 }",
                         ROUTES_MAX);
}

static int read_option(struct reader *reader, uint64_t address, size_t i, struct facts_option *option)
{
    int rc = read_string(reader, address + offsetof(ngi_option_spec, default_value), "the default of option ", i + 1,
                         &option->default_value);
    if (rc == NGI_OK)
        rc =
            read_string(reader, address + offsetof(ngi_option_spec, help), "the help of option ", i + 1, &option->help);
    return rc;
}

static int read_options(struct reader *reader, uint64_t address)
{
    struct facts *facts = reader->facts;
    ngi_option_spec row;
    for (size_t i = 0; i <= OPTIONS_MAX; i++, address += sizeof row) {
        char *name = NULL;
        if (elf_image_read(reader->image, address, &row, sizeof row) != NGI_OK)
            return bad_metadata(reader, "option ", i + 1);
        int rc = read_string(reader, address + offsetof(ngi_option_spec, name), "the name of option ", i + 1, &name);
        if (rc != NGI_OK || !name)
            return rc;
        if (i == OPTIONS_MAX || grow((void **)&facts->options, i, sizeof *facts->options) != NGI_OK) {
            free(name);
            if (i < OPTIONS_MAX)
                return out_of_memory(reader->err);
            break;
        }
        facts->options[i] = (struct facts_option){ .name = name, .type = row.type, .min = row.min, .max = row.max };
        facts->option_count++;
        rc = read_option(reader, address, i, &facts->options[i]);
        if (rc != NGI_OK)
            return rc;
    }
    return ngi_error_set(reader->err, NGI_EPARSE, "its option table does not end within %d rows: end it with { 0 }",
                         OPTIONS_MAX);
}

static void forget_metadata(struct facts *facts)
{
    for (size_t i = 0; i < facts->route_count; i++)
        free(facts->routes[i].pattern);
    for (size_t i = 0; i < facts->option_count; i++) {
        free(facts->options[i].name);
        free(facts->options[i].default_value);
        free(facts->options[i].help);
    }
    free(facts->routes);
    free(facts->options);
    free(facts->name);
    free(facts->version);
    free(facts->summary);
    facts->routes = NULL;
    facts->options = NULL;
    facts->name = facts->version = facts->summary = NULL;
    facts->route_count = facts->option_count = 0;
    facts->size = facts->abi = facts->flags = 0;
    facts->has_metadata = false;
}

/* Members of ngi_plugin that the plugin was compiled without count as zero. */
#define HAS(facts, member) ((facts)->size >= offsetof(ngi_plugin, member) + sizeof(((ngi_plugin *)0)->member))

static int read_members(struct reader *reader, uint64_t at)
{
    struct facts *facts = reader->facts;
    uint64_t routes = 0, options = 0;
    int rc = NGI_OK;
    if (HAS(facts, name))
        rc = read_string(reader, at + offsetof(ngi_plugin, name), "its name", 0, &facts->name);
    if (rc == NGI_OK && HAS(facts, version))
        rc = read_string(reader, at + offsetof(ngi_plugin, version), "its version", 0, &facts->version);
    if (rc == NGI_OK && HAS(facts, summary))
        rc = read_string(reader, at + offsetof(ngi_plugin, summary), "its summary", 0, &facts->summary);
    if (rc == NGI_OK && HAS(facts, flags) &&
        elf_image_read(reader->image, at + offsetof(ngi_plugin, flags), &facts->flags, sizeof facts->flags) != NGI_OK)
        rc = bad_metadata(reader, "it", 0);
    if (rc == NGI_OK && HAS(facts, routes))
        rc = follow(reader, at + offsetof(ngi_plugin, routes), "the route table", 0, &routes);
    if (rc == NGI_OK && routes)
        rc = read_routes(reader, routes);
    if (rc == NGI_OK && HAS(facts, options))
        rc = follow(reader, at + offsetof(ngi_plugin, options), "the option table", 0, &options);
    if (rc == NGI_OK && options)
        rc = read_options(reader, options);
    return rc;
}

static int read_metadata(struct reader *reader)
{
    struct facts *facts = reader->facts;
    GElf_Shdr section;
    uint32_t head[2]; /* size, abi */
    if (!elf_image_section(reader->image, "ngi_plugin", 0, &section) || !(section.sh_flags & SHF_ALLOC))
        return NGI_OK;
    if (section.sh_type == SHT_NOBITS || section.sh_size < sizeof head ||
        elf_image_read(reader->image, section.sh_addr, head, sizeof head) != NGI_OK)
        return bad_metadata(reader, "it", 0);
    facts->size = head[0];
    facts->abi = head[1];
    facts->has_metadata = true;
    /* What another major version means by the bytes behind these two is unknown here. */
    if (facts->abi >> 16 != NGI_MAJOR)
        return NGI_OK;
    if (facts->size < sizeof head || facts->size > section.sh_size)
        return ngi_error_set(reader->err, NGI_EPARSE,
                             "its ngi_plugin structure is damaged: it says it has %u bytes, "
                             "its section has %llu; build or copy it again",
                             facts->size, (unsigned long long)section.sh_size);
    int rc = elf_pointers_read(&reader->symbols, &reader->pointers, reader->err);
    if (rc == NGI_OK)
        rc = read_members(reader, section.sh_addr);
    if (rc != NGI_ENOENT)
        return rc;
    /* A string or table of it lies in another library. */
    forget_metadata(facts);
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

int facts_read(int fd, struct facts **ret, ngi_error *err)
{
    struct elf_image *image = NULL;
    struct reader reader = { .err = err };
    int rc = elf_image_open(fd, &image, err);
    if (rc != NGI_OK)
        return rc;
    reader.image = image;
    reader.facts = calloc(1, sizeof *reader.facts);
    if (!reader.facts) {
        rc = out_of_memory(err);
        goto out;
    }
    if ((rc = elf_symbols_read(image, &reader.symbols, err)) != NGI_OK || (rc = find_build_id(&reader)) != NGI_OK ||
        (rc = find_entry(&reader)) != NGI_OK || (rc = read_needed(&reader)) != NGI_OK ||
        (rc = read_metadata(&reader)) != NGI_OK)
        goto out;
    rc = facts_find_undefined(image, &reader.symbols, fd, reader.facts, err);
    if (rc == NGI_OK) {
        *ret = reader.facts;
        reader.facts = NULL;
    }
out:
    facts_free(reader.facts);
    elf_pointers_free(&reader.pointers);
    elf_symbols_free(&reader.symbols);
    elf_image_free(image);
    return rc;
}

void facts_free(struct facts *facts)
{
    if (!facts)
        return;
    forget_metadata(facts);
    for (size_t i = 0; i < facts->needed_count; i++)
        free(facts->needed[i]);
    for (size_t i = 0; i < facts->undefined_count; i++)
        free(facts->undefined[i]);
    free(facts->needed);
    free(facts->undefined);
    free(facts->build_id);
    free(facts->other_entry);
    free(facts);
}
