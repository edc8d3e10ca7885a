#include "elf/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf/header.h"

enum { STRING_MAX = 4096, DYNAMIC_MAX = 4096, TABLE_MAX = 32 << 20 };

struct elf_image {
    Elf *elf;
    int fd;
    uint64_t file_size;
    GElf_Phdr *segments; /* all program headers */
    size_t segment_count;
    Elf_Data *dynamic;
    size_t dynamic_count; /* entries before DT_NULL */
    const char *names;    /* dynamic string table; its last byte is NUL */
    size_t names_size;
};

/* The PT_LOAD segment whose memory holds `address`. */
static const GElf_Phdr *segment_at(const struct elf_image *image, uint64_t address)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const GElf_Phdr *segment = &image->segments[i];
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr && address - segment->p_vaddr < segment->p_memsz)
            return segment;
    }
    return NULL;
}

static int read_file(const struct elf_image *image, uint64_t offset, void *buf, size_t n)
{
    char *to = buf;
    while (n > 0) {
        ssize_t done = pread(image->fd, to, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return NGI_EIO;
        if (done == 0)
            return NGI_EPARSE;
        to += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return NGI_OK;
}

static int check_segment(const struct elf_image *image, const GElf_Phdr *segment, size_t i, ngi_error *err)
{
    if (segment->p_type != PT_LOAD)
        return NGI_OK;
    if (segment->p_filesz > segment->p_memsz || segment->p_vaddr > UINT64_MAX - segment->p_memsz)
        return ngi_error_set(err, NGI_EPARSE, "damaged: segment %zu makes no sense; build or copy it again", i);
    if (segment->p_offset > image->file_size || segment->p_filesz > image->file_size - segment->p_offset)
        return ngi_error_set(err, NGI_EPARSE,
                             "cut short: segment %zu wants bytes %llu to %llu, the file has %llu; "
                             "copy it again",
                             i, (unsigned long long)segment->p_offset,
                             (unsigned long long)(segment->p_offset + segment->p_filesz),
                             (unsigned long long)image->file_size);
    return NGI_OK;
}

static int read_segments(struct elf_image *image, ngi_error *err)
{
    size_t count;
    if (elf_getphdrnum(image->elf, &count) < 0)
        return ngi_error_set(err, NGI_EPARSE, "damaged: %s", elf_errmsg(-1));
    image->segments = calloc(count ? count : 1, sizeof *image->segments);
    if (!image->segments)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getphdr(image->elf, (int)i, &image->segments[i]))
            return ngi_error_set(err, NGI_EPARSE, "damaged: program header %zu: %s", i, elf_errmsg(-1));
        int rc = check_segment(image, &image->segments[i], i, err);
        if (rc != NGI_OK)
            return rc;
        image->segment_count++;
    }
    return NGI_OK;
}

static int read_dynamic(struct elf_image *image, ngi_error *err)
{
    const GElf_Phdr *segment = NULL;
    for (size_t i = 0; i < image->segment_count; i++)
        if (image->segments[i].p_type == PT_DYNAMIC)
            segment = &image->segments[i];
    if (!segment || segment->p_filesz == 0)
        return ngi_error_set(err, NGI_EABI,
                             "no dynamic section in it: not a shared object but perhaps debugging "
                             "information split off from one");
    GElf_Dyn entry;
    size_t entry_size = gelf_fsize(image->elf, ELF_T_DYN, 1, EV_CURRENT);
    image->dynamic = elf_image_table(image, segment->p_vaddr, segment->p_filesz, ELF_T_DYN);
    if (!image->dynamic || segment->p_filesz / entry_size > DYNAMIC_MAX)
        return ngi_error_set(err, NGI_EPARSE,
                             "damaged: its dynamic section is not where its headers say; build or "
                             "copy it again");
    while (gelf_getdyn(image->dynamic, (int)image->dynamic_count, &entry) && entry.d_tag != DT_NULL)
        image->dynamic_count++;
    return NGI_OK;
}

static int read_names(struct elf_image *image, ngi_error *err)
{
    uint64_t address, size;
    if (!elf_image_dynamic(image, DT_STRTAB, 0, &address) || !elf_image_dynamic(image, DT_STRSZ, 0, &size) || size == 0)
        return NGI_OK;
    Elf_Data *data = elf_image_table(image, address, size, ELF_T_BYTE);
    if (!data || ((const char *)data->d_buf)[size - 1] != '\0')
        return ngi_error_set(err, NGI_EPARSE,
                             "damaged: its table of symbol names lies outside the file or has no end; "
                             "build or copy it again");
    image->names = data->d_buf;
    image->names_size = size;
    return NGI_OK;
}

/* The loader refuses position-independent executables by the same flag; linkers before it leave DT_DEBUG, which
 * only executables have. */
static bool is_executable(const struct elf_image *image)
{
    uint64_t flags, unused;
    bool has_interpreter = false;
    for (size_t i = 0; i < image->segment_count; i++)
        has_interpreter |= image->segments[i].p_type == PT_INTERP;
    return (elf_image_dynamic(image, DT_FLAGS_1, 0, &flags) && (flags & DF_1_PIE)) ||
           (has_interpreter && elf_image_dynamic(image, DT_DEBUG, 0, &unused));
}

/* ---------------------------------------------------------------------------------------------------------- */

int elf_image_open(int fd, struct elf_image **ret, ngi_error *err)
{
    uint64_t file_size;
    int rc = elf_header_check(fd, &file_size, err);
    if (rc != NGI_OK)
        return rc;
    struct elf_image *image = calloc(1, sizeof *image);
    if (!image)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    image->fd = fd;
    image->file_size = file_size;
    elf_version(EV_CURRENT);
    /* Read, not mapped: a file cut short under a mapping would be a SIGBUS here. */
    image->elf = elf_begin(fd, ELF_C_READ, NULL);
    if (!image->elf || elf_kind(image->elf) != ELF_K_ELF) {
        rc = ngi_error_set(err, NGI_EPARSE, "damaged: %s", elf_errmsg(-1));
        goto out;
    }
    if ((rc = read_segments(image, err)) != NGI_OK || (rc = read_dynamic(image, err)) != NGI_OK ||
        (rc = read_names(image, err)) != NGI_OK)
        goto out;
    if (is_executable(image)) {
        rc = ngi_error_set(err, NGI_EABI, "an executable, not a shared object: link it with -shared");
        goto out;
    }
    *ret = image;
    image = NULL;
out:
    elf_image_free(image);
    return rc;
}

void elf_image_free(struct elf_image *image)
{
    if (!image)
        return;
    elf_end(image->elf);
    free(image->segments);
    free(image);
}

int elf_image_read(const struct elf_image *image, uint64_t address, void *buf, size_t n)
{
    const GElf_Phdr *segment = segment_at(image, address);
    if (!segment || n > segment->p_memsz - (address - segment->p_vaddr))
        return NGI_EPARSE;
    uint64_t rest = elf_image_rest(image, address);
    size_t from_file = n < rest ? n : (size_t)rest;
    memset((char *)buf + from_file, 0, n - from_file);
    return read_file(image, segment->p_offset + (address - segment->p_vaddr), buf, from_file);
}

int elf_image_string(const struct elf_image *image, uint64_t address, size_t limit, char **ret)
{
    char text[STRING_MAX];
    const GElf_Phdr *segment = segment_at(image, address);
    if (!segment)
        return NGI_EPARSE;
    uint64_t room = segment->p_memsz - (address - segment->p_vaddr);
    size_t n = limit < sizeof text ? limit : sizeof text;
    n = n < room ? n : (size_t)room;
    int rc = elf_image_read(image, address, text, n);
    if (rc != NGI_OK)
        return rc;
    if (!memchr(text, '\0', n))
        return NGI_EPARSE;
    char *copy = strdup(text);
    if (!copy)
        return NGI_ENOMEM;
    *ret = copy;
    return NGI_OK;
}

Elf_Data *elf_image_table(const struct elf_image *image, uint64_t address, uint64_t size, Elf_Type type)
{
    const GElf_Phdr *segment = segment_at(image, address);
    if (!segment || size > elf_image_rest(image, address))
        return NULL;
    return elf_image_chunk(image, segment->p_offset + (address - segment->p_vaddr), size, type);
}

Elf_Data *elf_image_chunk(const struct elf_image *image, uint64_t offset, uint64_t size, Elf_Type type)
{
    if (size == 0 || size > TABLE_MAX || offset > image->file_size || size > image->file_size - offset)
        return NULL;
    return elf_getdata_rawchunk(image->elf, (int64_t)offset, size, type);
}

uint64_t elf_image_rest(const struct elf_image *image, uint64_t address)
{
    const GElf_Phdr *segment = segment_at(image, address);
    if (!segment || address - segment->p_vaddr > segment->p_filesz)
        return 0;
    return segment->p_filesz - (address - segment->p_vaddr);
}

size_t elf_image_segment_count(const struct elf_image *image)
{
    return image->segment_count;
}

const GElf_Phdr *elf_image_segment(const struct elf_image *image, size_t i)
{
    return &image->segments[i];
}

bool elf_image_dynamic(const struct elf_image *image, int64_t tag, size_t nth, uint64_t *ret)
{
    GElf_Dyn entry;
    for (size_t i = 0; i < image->dynamic_count; i++) {
        if (!gelf_getdyn(image->dynamic, (int)i, &entry) || entry.d_tag != tag || nth-- > 0)
            continue;
        *ret = entry.d_un.d_val;
        return true;
    }
    return false;
}

const char *elf_image_name(const struct elf_image *image, uint64_t offset)
{
    return offset < image->names_size ? image->names + offset : NULL;
}

bool elf_image_section(const struct elf_image *image, const char *name, uint32_t type, GElf_Shdr *ret)
{
    GElf_Shdr names, section;
    size_t index;
    Elf_Data *data = NULL;
    size_t length = name ? strlen(name) + 1 : 0;
    if (name && (elf_getshdrstrndx(image->elf, &index) < 0 || !gelf_getshdr(elf_getscn(image->elf, index), &names) ||
                 !(data = elf_image_chunk(image, names.sh_offset, names.sh_size, ELF_T_BYTE))))
        return false;
    for (Elf_Scn *at = NULL; (at = elf_nextscn(image->elf, at));) {
        if (!gelf_getshdr(at, &section) || (type && section.sh_type != type))
            continue;
        if (name && (section.sh_name >= data->d_size || data->d_size - section.sh_name < length ||
                     memcmp((const char *)data->d_buf + section.sh_name, name, length) != 0))
            continue;
        *ret = section;
        return true;
    }
    return false;
}
