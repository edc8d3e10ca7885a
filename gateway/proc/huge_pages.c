#include "proc/huge_pages.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum {
    HUGE_PAGE = 2 * 1024 * 1024,
    LEAST = 8 * 1024 * 1024, /* below, a fork copies some 2,000 entries, which is a matter of microseconds */
    REGIONS_MOST = 256,
};

struct region {
    uintptr_t from, to;
    size_t own, huge; /* bytes of it that are this process's own, and of those in huge pages */
};

/* Whether it is worth the trouble. */
static bool is_wanted(const struct region *region)
{
    return region->own >= LEAST && region->huge < region->own / 2;
}

/* Reads /proc/self/smaps: first all of it, since what is done to memory changes it. */
static size_t find_regions(struct region *regions)
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    char line[512], mode[5];
    struct region region = { 0 };
    unsigned long long from, to, kib;
    size_t count = 0;
    while (smaps && count < REGIONS_MOST && fgets(line, sizeof line, smaps)) {
        if (sscanf(line, "%llx-%llx %4s", &from, &to, mode) == 3) {
            if (is_wanted(&region))
                regions[count++] = region;
            region = (struct region){ .from = from, .to = to };
        } else if (sscanf(line, "Anonymous: %llu kB", &kib) == 1) {
            region.own = (size_t)kib * 1024;
        } else if (sscanf(line, "AnonHugePages: %llu kB", &kib) == 1) {
            region.huge = (size_t)kib * 1024;
        }
    }
    if (is_wanted(&region) && count < REGIONS_MOST)
        regions[count++] = region;
    if (smaps)
        fclose(smaps);
    return count;
}

/* ---------------------------------------------------------------------------------------------------------- */

size_t huge_pages_collapse(void)
{
    static struct region regions[REGIONS_MOST];
    size_t done = 0, count = find_regions(regions);
    for (size_t i = 0; i < count; i++) {
        uintptr_t from = (regions[i].from + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
        uintptr_t to = regions[i].to & ~(uintptr_t)(HUGE_PAGE - 1);
        /* A piece that cannot be (EAGAIN, ENOMEM) leaves the others as they are. */
        if (from < to && madvise((void *)from, to - from, MADV_COLLAPSE) == 0)
            done += to - from;
    }
    return done;
}
