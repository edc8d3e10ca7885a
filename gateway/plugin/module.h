/* A plugin file in memory: linked, shaken hands with; not yet configured. */
#ifndef PLUGIN_MODULE_H
#define PLUGIN_MODULE_H

#include "base/arena.h"
#include "plugin/bundle.h"
#include "plugin/facts.h"
#include "sdk/ngi.h"

struct description;

struct module {
    char *path;
    struct facts *facts;
    void *handle; /* of dlopen; never closed: threads may still hold destructors of its code */
    const ngi_plugin *(*entry)(const ngi_host *host, ngi_error *err);
    ngi_plugin self;    /* the plugin's descriptor, cut or filled with zeroes to the size we know */
    struct arena words; /* of module_describe: what `self` points to */
};

/* Checks and links the private copy of a file. Static constructors run in here. The copy stays the caller's, and open
 * as long as the process runs. The reason for a refusal is in `err`, without the path. NGI_EPERM (see trust.h),
 * NGI_ENOENT, NGI_EABI, NGI_EPARSE, NGI_EIO, NGI_ENOMEM. */
int module_open(const struct plugin_file *file, struct module **ret, ngi_error *err);

/* Calls the entry function and checks what it returns. */
int module_enter(struct module *module, const ngi_host *host, ngi_error *err);

/* The module of a file whose code is entered in another process only: no code of it runs here, and `self` has what the
 * description tells, copied, without any function. Refuses as module_open does, but for what only linking tells. */
int module_describe(const struct plugin_file *file, const struct description *description, struct module **ret,
                    ngi_error *err);

/* Frees what is ours; the code stays mapped until the process ends. */
void module_free(struct module *module);

#endif
