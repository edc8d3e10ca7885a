/* Huge pages for what a plugin's init has built: a fork copies the table of its pages, and 200 MiB in pages of 4 KiB
 * are 51,200 entries, but 100 in pages of 2 MiB. */
#ifndef PROC_HUGE_PAGES_H
#define PROC_HUGE_PAGES_H

#include <stddef.h>

/* Has every large region of this process's own memory moved into huge pages, where the kernel can (MADV_COLLAPSE, Linux
 * 6.1), whatever /sys/kernel/mm/transparent_hugepage says. Takes about as long as writing that memory anew. Returns how
 * many bytes were; 0 also where it cannot be, which costs nothing but slower forks. One thread. */
size_t huge_pages_collapse(void);

#endif
