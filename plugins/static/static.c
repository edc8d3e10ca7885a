/* SPDX-License-Identifier: MIT
 *
 * static - serves the files below a directory.
 *
 *     GET, HEAD /{path...}    the file; for a directory its index file, or a listing where the operator allows it
 *
 *     plugin static { option { root = "/srv/www" } }
 *     curl -i localhost:8080/static/index.html
 *     curl -i -H 'Range: bytes=0-99' localhost:8080/static/film.webm
 *
 * README.md beside this file is the manual. The parts: path.c opens (and is what keeps clients inside the root),
 * mime.c names types, listing.c draws a directory; ranges and conditional requests are the host's.
 */
#define _GNU_SOURCE /* O_PATH */

#include "listing.h"
#include "mime.h"
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What init makes of the options; read-only from then on, so that every thread may use it. */
struct site {
    int root; /* an O_PATH descriptor: good for opening below it and for nothing else */
    const char *index;
    bool listing;
    bool hidden;
    char cache_control[32];
};

/* ----------------------------------------------------------------------------------------------- requests --- */

/* Puts the root-relative `directory` and the index's name together; NULL if out of memory. */
static const char *index_path(ngi_request *r, const char *directory, const char *index)
{
    size_t size = strlen(directory) + strlen(index) + 1;
    char *path = ngi_alloc(r, size);

    if (path)
        (void)snprintf(path, size, "%s%s", directory, index);
    return path;
}

/* Opens `relative` and tells what it is. Returns the descriptor, or a negative errno. */
static int open_and_stat(const struct site *site, const char *relative, struct stat *ret_status)
{
    int fd = path_open(site->root, relative, O_RDONLY);

    if (fd >= 0 && fstat(fd, ret_status)) {
        int error = errno;
        (void)close(fd);
        return -error;
    }
    return fd;
}

static int set_headers(ngi_request *r, const struct site *site, const char *type)
{
    int rc = ngi_header(r, "Content-Type", type);

    if (!rc)
        rc = ngi_header(r, "X-Content-Type-Options", "nosniff");
    if (!rc)
        rc = ngi_header(r, "Cache-Control", site->cache_control);
    return rc;
}

/* Sends regular file `fd`, and takes it over. */
static int send_regular(ngi_request *r, const struct site *site, const char *name, int fd, const struct stat *status)
{
    char etag[80]; /* strong: another file, another size or another nanosecond is another tag */
    char length[24];
    int rc = set_headers(r, site, mime_type(name));

    (void)snprintf(etag, sizeof etag, "\"%llx-%lx-%llx-%llx\"", (unsigned long long)status->st_mtim.tv_sec,
                   (unsigned long)status->st_mtim.tv_nsec, (unsigned long long)status->st_size,
                   (unsigned long long)status->st_ino);
    /* Declared, so that a 304 tells it too. */
    (void)snprintf(length, sizeof length, "%lld", (long long)status->st_size);
    if (!rc)
        rc = ngi_header(r, "Content-Length", length);
    if (!rc)
        rc = ngi_conditional(r, etag, status->st_mtim.tv_sec);
    if (!rc)
        rc = ngi_send_file(r, fd, 0, status->st_size);
    else
        (void)close(fd); /* 304, 412 or an error: nobody wants it */
    return rc < 0 ? ngi_fail(r, rc, "sending %s: %s", name, ngi_strerror(rc)) : rc;
}

/* 301 to the same path with a slash behind it, so that relative links in a page mean the same for everyone. */
static int redirect_to_slash(ngi_request *r, const char *relative)
{
    const char *mount = ngi_env(r, "SCRIPT_NAME");
    if (!mount)
        mount = "";

    char *location = ngi_alloc(r, 3 * (strlen(mount) + strlen(relative) + strlen(r->query)) + sizeof "///?");
    if (!location)
        return ngi_fail(r, NGI_ENOMEM, "no memory for a redirect");

    char *end = location;
    *end++ = '/'; /* exactly one: "//name" would be another host */
    end = path_encode(end, mount + strspn(mount, "/"), "/");
    if (end[-1] != '/')
        *end++ = '/';
    end = path_encode(end, relative, "/");
    if (end[-1] != '/')
        *end++ = '/';
    if (*r->query) {
        *end++ = '?';
        end = path_encode(end, r->query, "!$%&'()*+,/:;=?@"); /* still encoded, so '%' stays */
    }
    *end = '\0';
    return ngi_redirect(r, 301, location);
}

/* Whether the root itself was asked for as "/static": r->path is "/" for that and for "/static/". */
static bool lacks_slash(ngi_request *r)
{
    return !*ngi_env(r, "PATH_INFO") && *ngi_env(r, "SCRIPT_NAME");
}

/* `relative` is "" or ends in a slash. */
static int serve_directory(ngi_request *r, const struct site *site, const char *relative)
{
    struct stat status;
    const char *index = index_path(r, relative, site->index);

    if (!index)
        return ngi_fail(r, NGI_ENOMEM, "no memory for a path");
    if (!*relative && lacks_slash(r))
        return redirect_to_slash(r, "");

    int fd = open_and_stat(site, index, &status);
    if (fd >= 0 && S_ISREG(status.st_mode))
        return send_regular(r, site, index, fd, &status);
    if (fd >= 0)
        (void)close(fd);

    int rc = fd < 0 ? path_refuse(r, -fd) : 404;
    return rc == 404 && site->listing ? listing_send(r, site->root, relative, site->hidden) : rc;
}

static int serve(ngi_request *r)
{
    const struct site *site = ngi_state(r);
    const char *relative = r->path + strspn(r->path, "/");
    size_t length = strlen(relative);
    struct stat status;

    if (site->root < 0 || !path_allowed(relative, site->hidden))
        return 404;
    if (!length || relative[length - 1] == '/')
        return serve_directory(r, site, relative);

    int fd = open_and_stat(site, relative, &status);
    if (fd < 0)
        return path_refuse(r, -fd);
    if (S_ISREG(status.st_mode))
        return send_regular(r, site, relative, fd, &status);
    (void)close(fd);
    return S_ISDIR(status.st_mode) ? redirect_to_slash(r, relative) : 404;
}

/* ----------------------------------------------------------------------------------------------- lifetime --- */

static int start(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err)
{
    const char *root = ngi_option(host, "root");
    const char *index = ngi_option(host, "index");

    if (!index || strchr(index, '/'))
        return ngi_error_set(err, NGI_EINVAL, "option index is \"%s\": it must be a file name without '/'",
                             index ? index : "");
    struct site *site = calloc(1, sizeof *site);
    if (!site)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");

    /* Without a root there is nothing to serve, and no reason to keep the other plugins from it. */
    site->root = *root ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (!*root)
        ngi_host_log(host, NGI_LOG_WARNING, "option root is not set, so every path is a 404: plugin %s { option { root = "
                     "\"/srv/www\" } }", config->name);
    if (*root && site->root < 0) {
        int error = errno;
        free(site);
        return ngi_error_set(err, error == ENOENT ? NGI_ENOENT : NGI_EIO,
                             "option root: cannot open directory \"%s\": %s", root, strerror(error));
    }
    site->index = index;
    site->listing = ngi_option_bool(host, "listing");
    site->hidden = ngi_option_bool(host, "hidden");
    (void)snprintf(site->cache_control, sizeof site->cache_control, "max-age=%.16s", ngi_option(host, "max_age"));
    *ret_state = site;
    return NGI_OK;
}

static void finish(void *state)
{
    struct site *site = state;

    if (site->root >= 0)
        (void)close(site->root);
    free(site);
}

static const ngi_option_spec options[] = {
    { "root", NGI_STRING, "", 0, 4095, "The directory to serve; nothing outside it is ever sent. Unset: every path is 404." },
    { "index", NGI_STRING, "index.html", 0, 255, "The file sent for a directory; empty for none." },
    { "listing", NGI_BOOL, "false", 0, 0, "Whether a directory without an index file is listed." },
    { "max_age", NGI_INT, "0", 0, 31536000, "Seconds a client may reuse a file without asking again." },
    { "hidden", NGI_BOOL, "false", 0, 0, "Whether names that begin with '.' are served." },
    { 0 },
};

/* No flag: a file in the page cache is quick, a cold disk is not, and the host finds out which. */
static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/{path...}", serve),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "static", .version = "1.0", .summary = "Serves the files below a directory.",
                .routes = routes, .options = options, .init = start, .fini = finish)
