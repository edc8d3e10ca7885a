#include "plugin/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plugin/trust.h"

/* Refuses, before any of its code runs, what is known not to load. */
static int check_facts(const struct facts *facts, ngi_error *err)
{
    if (!facts->has_entry && facts->other_entry)
        return ngi_error_set(err, NGI_EABI,
                             "it exports %s; this gateway speaks NGI %d.%d: build it with this gateway's ngi.h",
                             facts->other_entry, NGI_MAJOR, NGI_MINOR);
    if (!facts->has_entry)
        return ngi_error_set(err, NGI_EABI,
                             "no entry symbol ngi_plugin_v1: write NGI_PLUGIN(…) in the source, or export "
                             "that function");
    if (facts->undefined_count > 0) {
        bool library = text_has_prefix(facts->undefined[0], "needed library");
        return ngi_error_set(err, NGI_EABI, "%s%s: %s%s", library ? "" : "undefined symbol ", facts->undefined[0],
                             library ? "install it, or link with -Wl,-rpath" : "link the library that has it (-lNAME)",
                             facts->undefined_count > 1 ? "; postern inspect lists more that is missing" : "");
    }
    return NGI_OK;
}

static int describe_open(const char *path, int error, ngi_error *err)
{
    struct stat link;
    if (error == ENOENT && lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
        return ngi_error_set(err, NGI_ENOENT, "a symbolic link to a file that does not exist");
    return ngi_error_set(err, error == ENOENT ? NGI_ENOENT : NGI_EIO, "cannot be opened: %s", strerror(error));
}

/* A path to the private copy that a debugger or a sanitizer in another process can open as well. */
static int link_copy(struct module *module, ngi_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getpid(), module->copy);
    module->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module->handle) {
        const char *why = dlerror();
        size_t n = strlen(path);
        if (why && strncmp(why, path, n) == 0 && strncmp(why + n, ": ", 2) == 0)
            why += n + 2;
        return ngi_error_set(err, NGI_EABI, "cannot be linked: %s", why ? why : "dlopen failed");
    }
    *(void **)&module->entry = dlsym(module->handle, "ngi_plugin_v1");
    if (!module->entry)
        return ngi_error_set(err, NGI_EABI, "no entry symbol ngi_plugin_v1");
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

int module_open(const char *path, struct module **ret, ngi_error *err)
{
    int rc = NGI_ENOMEM, fd = -1;
    struct module *module = calloc(1, sizeof *module);
    if (!module)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    module->copy = -1;
    module->path = strdup(path);
    if (!module->path) {
        ngi_error_set(err, NGI_ENOMEM, "out of memory");
        goto out;
    }
    /* One descriptor for every look, so that what was checked is what is loaded. O_NONBLOCK: a FIFO must not hang us.
     */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        rc = describe_open(path, errno, err);
        goto out;
    }
    struct stat file;
    if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode)) {
        rc = ngi_error_set(err, NGI_EABI, "%s, not a regular file",
                           S_ISDIR(file.st_mode) ? "a directory" : "a pipe, socket or device");
        goto out;
    }
    rc = trust_check(fd, path, err);
    if (rc != NGI_OK)
        goto out;
    const char *slash = strrchr(path, '/');
    module->copy = file_copy_to_memory(fd, slash ? slash + 1 : path);
    if (module->copy < 0) {
        rc = ngi_error_set(err, NGI_EIO, "cannot be copied: %s", strerror(-module->copy));
        goto out;
    }
    rc = facts_read(module->copy, &module->facts, err);
    if (rc == NGI_OK)
        rc = check_facts(module->facts, err);
    if (rc == NGI_OK)
        rc = link_copy(module, err);
out:
    if (fd >= 0)
        close(fd);
    if (rc != NGI_OK) {
        module_free(module);
        return rc;
    }
    *ret = module;
    return NGI_OK;
}

int module_enter(struct module *module, const ngi_host *host, ngi_error *err)
{
    enum { LEAST = offsetof(ngi_plugin, routes) + sizeof(void *) };
    *err = (ngi_error){ 0 };
    const ngi_plugin *self = module->entry(host, err);
    if (!self) {
        const ngi_error theirs = *err;
        if (!theirs.text[0])
            return ngi_error_set(err, NGI_EABI, "its entry function returned NULL and did not say why");
        return ngi_error_set(err, theirs.code ? theirs.code : NGI_EFAIL, "its entry function refused: %.450s",
                             theirs.text);
    }
    /* These two before anything else: the rest means what they say. */
    uint32_t size = self->size, abi = self->abi;
    if (abi >> 16 != NGI_MAJOR)
        return ngi_error_set(err, NGI_EABI,
                             "it was built for NGI %u.%u, this gateway speaks %d.%d: build it with this "
                             "gateway's ngi.h",
                             abi >> 16, abi & 0xffff, NGI_MAJOR, NGI_MINOR);
    if (size < LEAST)
        return ngi_error_set(err, NGI_EABI,
                             "its descriptor has %u bytes, name and routes need %u: set size to "
                             "sizeof(ngi_plugin)",
                             size, (unsigned)LEAST);
    memcpy(&module->self, self, size < sizeof module->self ? size : sizeof module->self);
    return NGI_OK;
}

void module_free(struct module *module)
{
    if (!module)
        return;
    if (module->copy >= 0 && !module->handle)
        close(module->copy);
    facts_free(module->facts);
    free(module->path);
    free(module);
}
