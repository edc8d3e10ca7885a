#include "plugin/facts_undefined.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "elf/library_path.h"

/* Far above any plugin; they keep a file that is made to be slow from being it. */
enum {
    WANTED_MAX = 100000,
    VERSIONS_OF_A_NAME_MAX = 64,
    LIBRARIES_MAX = 512,
    LINES_MAX = 10000,
    NAME_SHOWN_MAX = 4096,
};

struct wanted {
    const char *name, *version; /* the plugin image's; version "" for none */
    bool found;
};

/* A library's name and who needs it; `by` lives in facts->needed or in an earlier `library`. */
struct need {
    char *library;
    const char *by; /* NULL: the plugin itself */
    char *search;   /* its DT_RUNPATH; NULL: none */
    char *origin;   /* its directory; NULL: unknown */
};

struct walk {
    struct facts *facts;
    struct library_path *path;
    struct wanted *wanted; /* sorted by name, then version */
    size_t wanted_count, open_count;
    struct need needs[LIBRARIES_MAX]; /* a queue that is never emptied: what is in it has been seen */
    size_t need_count;
    struct {
        dev_t device;
        ino_t inode;
    } seen[LIBRARIES_MAX]; /* files, which may go by several names */
    size_t seen_count;
};

static int add_line(struct facts *facts, const char *name, const char *separator, const char *rest)
{
    char **lines = facts->undefined;
    if (facts->undefined_count == LINES_MAX)
        return NGI_OK;
    if ((facts->undefined_count & (facts->undefined_count - 1)) == 0) {
        lines = realloc(lines, (facts->undefined_count ? facts->undefined_count * 2 : 1) * sizeof *lines);
        if (!lines)
            return NGI_ENOMEM;
        facts->undefined = lines;
    }
    if (asprintf(&lines[facts->undefined_count], "%.*s%s%.*s", NAME_SHOWN_MAX, name, separator, NAME_SHOWN_MAX, rest) <
        0)
        return NGI_ENOMEM;
    facts->undefined_count++;
    return NGI_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->version, y->version);
}

/* Duplicates go, and so does what is beyond any sensible number of versions of one name. */
static void sort_wanted(struct walk *walk)
{
    size_t kept = 0, same = 0;
    if (walk->wanted_count)
        qsort(walk->wanted, walk->wanted_count, sizeof *walk->wanted, by_name);
    for (size_t i = 0; i < walk->wanted_count; i++) {
        const struct wanted *last = kept ? &walk->wanted[kept - 1] : NULL;
        same = last && strcmp(last->name, walk->wanted[i].name) == 0 ? same + 1 : 0;
        if (same < VERSIONS_OF_A_NAME_MAX && !(last && by_name(last, &walk->wanted[i]) == 0))
            walk->wanted[kept++] = walk->wanted[i];
    }
    walk->wanted_count = walk->open_count = kept;
}

static int collect_wanted(struct walk *walk, const struct elf_symbols *symbols, ngi_error *err)
{
    struct elf_symbol symbol;
    size_t room = 0;
    for (size_t i = 1; i < symbols->count; i++)
        room += elf_symbols_get(symbols, i, &symbol) && elf_symbol_is_wanted(&symbol);
    if (room > WANTED_MAX)
        return ngi_error_set(err, NGI_EPARSE, "damaged: it says it needs %zu symbols; build or copy it again", room);
    walk->wanted = calloc(room ? room : 1, sizeof *walk->wanted);
    if (!walk->wanted)
        return NGI_ENOMEM;
    for (size_t i = 1; i < symbols->count; i++)
        if (elf_symbols_get(symbols, i, &symbol) && elf_symbol_is_wanted(&symbol))
            walk->wanted[walk->wanted_count++] =
                (struct wanted){ symbol.name, symbol.version ? symbol.version : "", false };
    sort_wanted(walk);
    return NGI_OK;
}

static void found(struct walk *walk, struct wanted *wanted)
{
    if (!wanted->found)
        walk->open_count--;
    wanted->found = true;
}

/* What this process offers to all it loads: looking that up runs nothing of the plugin. */
static void match_process(struct walk *walk)
{
    for (size_t i = 0; i < walk->wanted_count; i++) {
        struct wanted *wanted = &walk->wanted[i];
        if (*wanted->version ? dlvsym(RTLD_DEFAULT, wanted->name, wanted->version) : dlsym(RTLD_DEFAULT, wanted->name))
            found(walk, wanted);
    }
    dlerror();
}

static int name_only(const void *a, const void *b)
{
    return strcmp(((const struct wanted *)a)->name, ((const struct wanted *)b)->name);
}

/* The loader takes a definition if the versions are the same or one side has none. */
static void match_symbol(struct walk *walk, const struct elf_symbol *symbol)
{
    struct wanted key = { .name = symbol->name };
    struct wanted *end = walk->wanted + walk->wanted_count;
    struct wanted *at = bsearch(&key, walk->wanted, walk->wanted_count, sizeof key, name_only);
    if (!at)
        return;
    while (at > walk->wanted && name_only(at - 1, &key) == 0)
        at--;
    for (; at < end && name_only(at, &key) == 0; at++)
        if (!*at->version || !symbol->version || strcmp(at->version, symbol->version) == 0)
            found(walk, at);
}

static int match_library(struct walk *walk, const struct elf_image *image)
{
    struct elf_symbols symbols;
    struct elf_symbol symbol;
    if (walk->open_count == 0)
        return NGI_OK;
    int rc = elf_symbols_read(image, &symbols, NULL);
    for (size_t i = 1; rc == NGI_OK && i < symbols.count && walk->open_count; i++)
        if (elf_symbols_get(&symbols, i, &symbol) && elf_symbol_is_offered(&symbol))
            match_symbol(walk, &symbol);
    elf_symbols_free(&symbols);
    return rc == NGI_ENOMEM ? rc : NGI_OK;
}

static char *directory_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? strndup(file, slash > file ? (size_t)(slash - file) : 1) : strdup(".");
}

static bool is_queued(const struct walk *walk, const char *library)
{
    for (size_t i = 0; i < walk->need_count; i++)
        if (strcmp(walk->needs[i].library, library) == 0)
            return true;
    return false;
}

/* Queues what `image` needs; `by` is its name, `file` where it lies. */
static int queue_needs(struct walk *walk, const struct elf_image *image, const char *by, const char *file)
{
    uint64_t offset;
    const char *search = NULL, *library;
    if (elf_image_dynamic(image, DT_RUNPATH, 0, &offset) || elf_image_dynamic(image, DT_RPATH, 0, &offset))
        search = elf_image_name(image, offset);
    for (size_t i = 0; elf_image_dynamic(image, DT_NEEDED, i, &offset) && walk->need_count < LIBRARIES_MAX; i++) {
        library = elf_image_name(image, offset);
        if (!library || strlen(library) >= NAME_SHOWN_MAX || is_queued(walk, library))
            continue;
        struct need *need = &walk->needs[walk->need_count++];
        need->by = by;
        need->library = strdup(library);
        need->search = search ? strndup(search, NAME_SHOWN_MAX) : NULL;
        need->origin = file ? directory_of(file) : NULL;
        if (!need->library || (search && !need->search) || (file && !need->origin))
            return NGI_ENOMEM;
    }
    return NGI_OK;
}

static bool is_seen(struct walk *walk, int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return true;
    for (size_t i = 0; i < walk->seen_count; i++)
        if (walk->seen[i].device == status.st_dev && walk->seen[i].inode == status.st_ino)
            return true;
    walk->seen[walk->seen_count].device = status.st_dev;
    walk->seen[walk->seen_count++].inode = status.st_ino;
    return false;
}

static int note_missing(struct walk *walk, const struct need *need)
{
    char *line;
    if (asprintf(&line, "needed library %s not found%s%s%s", need->library, need->by ? " (" : "",
                 need->by ? need->by : "", need->by ? " needs it)" : "") < 0)
        return NGI_ENOMEM;
    int rc = add_line(walk->facts, line, "", "");
    free(line);
    return rc;
}

static int visit(struct walk *walk, const struct need *need)
{
    struct elf_image *image = NULL;
    char *file = NULL;
    int fd = library_path_open(walk->path, need->library, need->search, need->origin, &file);
    if (fd == NGI_ENOENT)
        return note_missing(walk, need);
    if (fd < 0)
        return fd;
    int rc = NGI_OK;
    /* A library that is there but damaged is for the loader to name. */
    if (is_seen(walk, fd) || (rc = elf_image_open(fd, &image, NULL)) != NGI_OK)
        goto out;
    rc = match_library(walk, image);
    if (rc == NGI_OK)
        rc = queue_needs(walk, image, need->library, file);
out:
    elf_image_free(image);
    close(fd);
    free(file);
    return rc == NGI_ENOMEM ? rc : NGI_OK;
}

static int visit_all(struct walk *walk, const struct elf_image *image, int fd)
{
    char link[64], file[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, file, sizeof file - 1);
    file[n > 0 ? n : 0] = '\0';
    /* A copy in memory lies in no directory, so that its $ORIGIN leads nowhere. */
    bool has_place = *file == '/' && !text_has_suffix(file, " (deleted)");
    int rc = queue_needs(walk, image, NULL, has_place ? file : NULL);
    if (rc == NGI_OK && walk->need_count)
        rc = library_path_new(&walk->path);
    for (size_t i = 0; rc == NGI_OK && i < walk->need_count; i++)
        rc = visit(walk, &walk->needs[i]);
    for (size_t i = 0; rc == NGI_OK && i < walk->wanted_count; i++)
        if (!walk->wanted[i].found)
            rc = add_line(walk->facts, walk->wanted[i].name, *walk->wanted[i].version ? "@" : "",
                          walk->wanted[i].version);
    return rc;
}

static void walk_free(struct walk *walk)
{
    for (size_t i = 0; i < walk->need_count; i++) {
        free(walk->needs[i].library);
        free(walk->needs[i].search);
        free(walk->needs[i].origin);
    }
    library_path_free(walk->path);
    free(walk->wanted);
    free(walk);
}

/* ---------------------------------------------------------------------------------------------------------- */

int facts_find_undefined(const struct elf_image *image, const struct elf_symbols *symbols, int fd, struct facts *facts,
                         ngi_error *err)
{
    struct walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    walk->facts = facts;
    int rc = collect_wanted(walk, symbols, err);
    if (rc == NGI_OK) {
        match_process(walk);
        rc = visit_all(walk, image, fd);
    }
    walk_free(walk);
    return rc == NGI_ENOMEM ? ngi_error_set(err, rc, "out of memory") : rc;
}
