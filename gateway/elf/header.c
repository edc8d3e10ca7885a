#include "elf/header.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "elf/machine.h"

/* More of either than any linker writes for a plugin; what lies behind the extended numbering of huge object files
 * (PN_XNUM, e_shnum 0) is left to tools that link them. */
enum { PROGRAM_HEADERS_MAX = 256, SECTIONS_MAX = 0xff00 };

#define REMEDY "(a plugin is a shared object: cc -shared -fPIC)"

/* The first line of something that is no ELF file, in quotes, as a person would recognise it. */
static void quote_beginning(const unsigned char *head, size_t n, char *out, size_t size)
{
    enum { BYTES_SHOWN = 24 };
    size_t used = 0;
    bool cut = false;
    for (size_t i = 0; i < n && i < BYTES_SHOWN && head[i] != '\n' && size - used > 5; i++) {
        char c = (char)head[i];
        if (head[i] >= 0x80)
            used += (size_t)snprintf(out + used, size - used, "\\x%02x", head[i]);
        else
            used += text_escape_controls(out + used, size - used - 1, &c, 1, &cut);
    }
    out[used] = '\0';
}

static unsigned half_at(const unsigned char *head, size_t offset)
{
    unsigned a = head[offset], b = head[offset + 1];
    return head[EI_DATA] == ELFDATA2MSB ? a << 8 | b : b << 8 | a;
}

/* "aarch64", with word size and byte order where it is by them that it differs from this machine. */
static void describe_machine(unsigned number, unsigned char class, unsigned char data, char *out, size_t size)
{
    const struct elf_machine *machine = elf_machine_of((uint16_t)number);
    char unknown[32];
    snprintf(unknown, sizeof unknown, "machine %u", number);
    bool same = number == __ehdr_start.e_machine;
    snprintf(out, size, "%s%s%s", machine ? machine->name : unknown,
             !same || class == __ehdr_start.e_ident[EI_CLASS] ? ""
             : class == ELFCLASS32                            ? " (32-bit)"
                                                              : " (64-bit)",
             !same || data == __ehdr_start.e_ident[EI_DATA] ? ""
             : data == ELFDATA2MSB                          ? " (big-endian)"
                                                            : " (little-endian)");
}

static int check_machine(const unsigned char *head, ngi_error *err)
{
    const unsigned char *own = __ehdr_start.e_ident;
    char theirs[64], ours[64];
    unsigned number = half_at(head, offsetof(ElfW(Ehdr), e_machine));
    if (head[EI_CLASS] == own[EI_CLASS] && head[EI_DATA] == own[EI_DATA] && number == __ehdr_start.e_machine)
        return NGI_OK;
    describe_machine(number, head[EI_CLASS], head[EI_DATA], theirs, sizeof theirs);
    describe_machine(__ehdr_start.e_machine, own[EI_CLASS], own[EI_DATA], ours, sizeof ours);
    return ngi_error_set(err, NGI_EABI, "built for %s, this gateway is %s: build it on or for this machine", theirs,
                         ours);
}

static int check_type(unsigned type, ngi_error *err)
{
    switch (type) {
    case ET_DYN: return NGI_OK;
    case ET_REL: return ngi_error_set(err, NGI_EABI, "a relocatable object file (.o): link it with cc -shared");
    case ET_EXEC: return ngi_error_set(err, NGI_EABI, "an executable, not a shared object: link it with -shared");
    case ET_CORE: return ngi_error_set(err, NGI_EABI, "a core dump, not a shared object");
    default: return ngi_error_set(err, NGI_EPARSE, "damaged: no file has ELF type %u; build or copy it again", type);
    }
}

static int check_table(const char *what, uint64_t offset, uint64_t count, uint64_t entry_size, uint64_t right_size,
                       uint64_t most, uint64_t file_size, ngi_error *err)
{
    if (count == 0)
        return NGI_OK;
    if (entry_size != right_size || count > most)
        return ngi_error_set(err, NGI_EPARSE,
                             "damaged: its %s table cannot be as the header says "
                             "(%llu entries of %llu bytes); build or copy it again",
                             what, (unsigned long long)count, (unsigned long long)entry_size);
    if (offset > file_size || count * entry_size > file_size - offset)
        return ngi_error_set(err, NGI_EPARSE,
                             "cut short: its %s table ends at byte %llu, the file has %llu; "
                             "copy it again",
                             what, (unsigned long long)(offset + count * entry_size), (unsigned long long)file_size);
    return NGI_OK;
}

static int check_tables(const ElfW(Ehdr) * header, uint64_t file_size, ngi_error *err)
{
    int rc = check_table("program header", header->e_phoff, header->e_phnum, header->e_phentsize, sizeof(ElfW(Phdr)),
                         PROGRAM_HEADERS_MAX, file_size, err);
    if (rc != NGI_OK)
        return rc;
    /* A stripped file may have no section table: then the offset is 0 too. */
    if (header->e_shnum == 0 && header->e_shoff != 0)
        return ngi_error_set(err, NGI_EPARSE, "damaged: it has a section table without sections");
    return check_table("section", header->e_shoff, header->e_shnum, header->e_shentsize, sizeof(ElfW(Shdr)),
                       SECTIONS_MAX, file_size, err);
}

static int check_bytes(const unsigned char *head, size_t n, uint64_t file_size, ngi_error *err)
{
    ElfW(Ehdr) header;
    char beginning[64];
    if (n == 0)
        return ngi_error_set(err, NGI_EABI, "an empty file " REMEDY);
    if (n < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0) {
        quote_beginning(head, n, beginning, sizeof beginning);
        return ngi_error_set(err, NGI_EABI, "not an ELF file: it begins with \"%s\" " REMEDY, beginning);
    }
    /* The headers of 32-bit files are shorter; nothing that short is a plugin of any machine. */
    if (n < sizeof header)
        return ngi_error_set(err, NGI_EPARSE, "cut short: %zu bytes hold no ELF header; copy it again", n);
    if ((head[EI_CLASS] != ELFCLASS32 && head[EI_CLASS] != ELFCLASS64) ||
        (head[EI_DATA] != ELFDATA2LSB && head[EI_DATA] != ELFDATA2MSB) || head[EI_VERSION] != EV_CURRENT)
        return ngi_error_set(err, NGI_EPARSE, "damaged: its ELF header makes no sense; build or copy it again");
    int rc = check_machine(head, err);
    if (rc != NGI_OK)
        return rc;
    memcpy(&header, head, sizeof header);
    rc = check_type(header.e_type, err);
    return rc == NGI_OK ? check_tables(&header, file_size, err) : rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

int elf_header_check(int fd, uint64_t *ret_size, ngi_error *err)
{
    unsigned char head[sizeof(ElfW(Ehdr))];
    struct stat status;
    ssize_t n;
    if (fstat(fd, &status) < 0)
        return ngi_error_set(err, NGI_EIO, "cannot read it: %s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return ngi_error_set(err, NGI_EABI, "%s, not a file " REMEDY,
                             S_ISDIR(status.st_mode) ? "a directory" : "a device, pipe or socket");
    do
        n = pread(fd, head, sizeof head, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return ngi_error_set(err, NGI_EIO, "cannot read it: %s", strerror(errno));
    int rc = check_bytes(head, (size_t)n, (uint64_t)status.st_size, err);
    if (rc == NGI_OK)
        *ret_size = (uint64_t)status.st_size;
    return rc;
}
