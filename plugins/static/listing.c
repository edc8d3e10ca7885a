/* SPDX-License-Identifier: MIT
 *
 * listing.c - see listing.h.
 */
#define _GNU_SOURCE /* O_PATH, scandirat */

#include "listing.h"
#include "path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int no_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Not alphasort: that one asks the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Fills in *ret_status if a request for `name` in directory `relative` could be answered, symlinks included. */
static bool servable(int root, const char *relative, const char *name, struct stat *ret_status)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s%s", relative, name);

    if (length < 0 || (size_t)length >= sizeof path)
        return false;
    int fd = path_open(root, path, O_PATH);
    if (fd < 0)
        return false;
    bool known = !fstat(fd, ret_status) && (S_ISREG(ret_status->st_mode) || S_ISDIR(ret_status->st_mode));
    (void)close(fd);
    return known;
}

static int write_row(ngi_request *r, const char *name, const struct stat *status)
{
    /* Nothing but [A-Za-z0-9%._~-], so no HTML to escape and no "scheme:" either. Names may be longer than NAME_MAX: on
     * NTFS, exFAT or CIFS that counts something else than bytes, and FUSE has its own limit. */
    char *link = ngi_alloc(r, 3 * strlen(name) + 1);
    const char *text = ngi_escape_html(r, name);

    if (!link || !text)
        return NGI_ENOMEM;
    *path_encode(link, name, "") = '\0';
    if (S_ISDIR(status->st_mode))
        return ngi_printf(r, "<tr><td><a href=\"%s/\">%s/</a></td><td></td></tr>\n", link, text);
    return ngi_printf(r, "<tr><td><a href=\"%s\">%s</a></td><td align=\"right\">%lld</td></tr>\n", link, text,
                      (long long)status->st_size);
}

static int write_head(ngi_request *r, const char *relative)
{
    const char *title = ngi_escape_html(r, r->path);
    int rc = title ? NGI_OK : NGI_ENOMEM;

    if (!rc)
        rc = ngi_header(r, "Content-Type", "text/html; charset=UTF-8");
    if (!rc)
        rc = ngi_header(r, "X-Content-Type-Options", "nosniff");
    if (!rc)
        rc = ngi_header(r, "Content-Security-Policy", "default-src 'none'");
    if (!rc)
        rc = ngi_header(r, "Cache-Control", "no-cache"); /* a name may come or go at any time */
    if (!rc)
        rc = ngi_printf(r, "<!DOCTYPE html>\n<meta charset=\"UTF-8\">\n<title>Index of %s</title>\n"
                           "<h1>Index of %s</h1>\n<table>\n<tr><th>Name</th><th>Bytes</th></tr>\n", title, title);
    if (!rc && *relative)
        rc = ngi_puts(r, "<tr><td><a href=\"../\">../</a></td><td></td></tr>\n");
    return rc;
}

static int write_page(ngi_request *r, int root, const char *relative, struct dirent **entries, int count)
{
    int rc = write_head(r, relative);

    for (int i = 0; i < count && !rc; i++) {
        struct stat status;
        if (servable(root, relative, entries[i]->d_name, &status))
            rc = write_row(r, entries[i]->d_name, &status);
    }
    return rc ? rc : ngi_puts(r, "</table>\n");
}

int listing_send(ngi_request *r, int root, const char *relative, bool hidden)
{
    struct dirent **entries = NULL;
    int fd = path_open(root, relative, O_RDONLY | O_DIRECTORY);

    if (fd < 0)
        return path_refuse(r, -fd);
    int count = scandirat(fd, ".", &entries, hidden ? no_dots : not_hidden, by_name);
    int error = errno;
    (void)close(fd);
    if (count < 0)
        return path_refuse(r, error);

    int rc = write_page(r, root, relative, entries, count);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return rc ? ngi_fail(r, rc, "listing %s: %s", r->path, ngi_strerror(rc)) : NGI_OK;
}
