/* A shared object as the dynamic loader would lay it out: bytes at an address, read from the file without mapping or
 * running it. Any byte of the file may lie, and the file may change meanwhile: a call then fails or yields other bytes,
 * it never reads elsewhere, and all it allocates has a fixed bound. One thread at a time. */
#ifndef ELF_IMAGE_H
#define ELF_IMAGE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sdk/ngi.h"

struct elf_image;

/* NGI_OK, or an error as of elf_header_check: NGI_EABI, NGI_EPARSE, NGI_EIO, NGI_ENOMEM. `fd` stays the caller's and is
 * open as long as the image; its position does not matter. */
int elf_image_open(int fd, struct elf_image **ret, ngi_error *err);
void elf_image_free(struct elf_image *image);

/* `n` bytes at `address` before any relocation, the zeros behind a segment's file part included. NGI_EPARSE if they do
 * not lie in one segment; NGI_EIO. */
int elf_image_read(const struct elf_image *image, uint64_t address, void *buf, size_t n);
/* The string at `address`, malloc'ed; it and its NUL within `limit` bytes (4096 at most), or NGI_EPARSE. NGI_ENOMEM. */
int elf_image_string(const struct elf_image *image, uint64_t address, size_t limit, char **ret);

/* A table of the file at `address`, for the gelf_get… calls; it lives as long as the image. NULL if it is empty, over
 * 32 MiB, not all of it in the file part of one segment, or unreadable. */
Elf_Data *elf_image_table(const struct elf_image *image, uint64_t address, uint64_t size, Elf_Type type);
/* The same by position in the file, for what no segment holds. */
Elf_Data *elf_image_chunk(const struct elf_image *image, uint64_t offset, uint64_t size, Elf_Type type);
/* Bytes from `address` to the end of the file part of its segment; 0 if it is in none. */
uint64_t elf_image_rest(const struct elf_image *image, uint64_t address);

size_t elf_image_segment_count(const struct elf_image *image);
const GElf_Phdr *elf_image_segment(const struct elf_image *image, size_t i);

/* The value of the nth entry (from 0) with that tag in the dynamic section. False, *ret untouched, without one. */
bool elf_image_dynamic(const struct elf_image *image, int64_t tag, size_t nth, uint64_t *ret);
/* A name in the dynamic string table: the image's; NULL if there is none at `offset`. */
const char *elf_image_name(const struct elf_image *image, uint64_t offset);

/* The first section of that name (NULL: any) and type (0: any). False without one. */
bool elf_image_section(const struct elf_image *image, const char *name, uint32_t type, GElf_Shdr *ret);

#endif
