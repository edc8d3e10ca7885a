#include "plugin/module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "plugin/description.h"

static int refuse_undefined(const struct facts *facts, ngi_error *err)
{
    const char *what = "undefined symbol ", *remedy = "link the library that has it (-lNAME)",
               *first = facts->undefined[0];
    if (text_has_prefix(first, "needed library"))
        what = "", remedy = "install it, or link with -Wl,-rpath";
    else if (text_has_prefix(first, "ngi_")) /* those are inline, or the compiler has not seen them */
        remedy = "ngi.h declares no such function: look its name up there, and see what the compiler warns of";
    return ngi_error_set(err, NGI_EABI, "%s%s: %s%s", what, first, remedy,
                         facts->undefined_count > 1 ? "; postern inspect lists more that is missing" : "");
}

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
    return facts->undefined_count > 0 ? refuse_undefined(facts, err) : NGI_OK;
}

/* A path to the private copy that a debugger or a sanitizer in another process can open as well. */
static int link_copy(struct module *module, int copy, ngi_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getpid(), copy);
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

/* A module of which the file has been read. */
static int read_file(const struct plugin_file *file, struct module **ret, ngi_error *err)
{
    if (file->copy < 0) {
        *err = file->why;
        return err->code;
    }
    struct module *module = calloc(1, sizeof *module);
    int rc = NGI_ENOMEM;
    if (!module)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    arena_init(&module->words, 0);
    module->path = strdup(file->path);
    if (!module->path)
        ngi_error_set(err, NGI_ENOMEM, "out of memory");
    else
        rc = facts_read(file->copy, &module->facts, err);
    if (rc != NGI_OK) {
        module_free(module);
        return rc;
    }
    *ret = module;
    return NGI_OK;
}

static int copy_string(struct arena *words, const char *from, const char **ret)
{
    *ret = from ? arena_string(words, from) : NULL;
    return *ret || !from ? NGI_OK : NGI_ENOMEM;
}

static int copy_description(struct module *module, const struct description *from)
{
    struct arena *words = &module->words;
    ngi_route *routes = arena_zalloc(words, (from->route_count + 1) * sizeof *routes);
    int rc = routes ? NGI_OK : NGI_ENOMEM;
    module->self = (ngi_plugin){ .size = sizeof module->self, .abi = NGI_ABI, .flags = from->flags, .routes = routes };
    if (rc == NGI_OK)
        rc = copy_string(words, from->name, &module->self.name);
    if (rc == NGI_OK)
        rc = copy_string(words, from->version, &module->self.version);
    for (size_t i = 0; i < from->route_count && rc == NGI_OK; i++) {
        routes[i] = from->routes[i];
        routes[i].handler = NULL;
        rc = copy_string(words, from->routes[i].pattern, &routes[i].pattern);
    }
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

int module_open(const struct plugin_file *file, struct module **ret, ngi_error *err)
{
    struct module *module = NULL;
    int rc = read_file(file, &module, err);
    if (rc == NGI_OK)
        rc = check_facts(module->facts, err);
    if (rc == NGI_OK)
        rc = link_copy(module, file->copy, err);
    if (rc != NGI_OK) {
        module_free(module);
        return rc;
    }
    *ret = module;
    return NGI_OK;
}

int module_describe(const struct plugin_file *file, const struct description *description, struct module **ret,
                    ngi_error *err)
{
    struct module *module = NULL;
    int rc = read_file(file, &module, err);
    if (rc == NGI_OK && copy_description(module, description) != NGI_OK)
        rc = ngi_error_set(err, NGI_ENOMEM, "out of memory");
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
    facts_free(module->facts);
    arena_free(&module->words);
    free(module->path);
    free(module);
}
