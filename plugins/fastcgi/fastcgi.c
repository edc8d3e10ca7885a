/* SPDX-License-Identifier: MIT
 *
 * fastcgi - hands requests to a FastCGI application: php-fpm, fcgiwrap, whatever spawn-fcgi starts.
 *
 *     any method  /{path...}    what the application answers
 *
 *     plugin fastcgi { option { socket = "unix:/run/php/php-fpm.sock" root = "/srv/www" } }
 *     curl -i localhost:8080/fastcgi/index.php
 *
 * README.md beside this file is the manual. The parts: script.c finds the script that is meant, environ.c the
 * variables; call.c asks and answers, with exchange.c, which speaks FastCGI (gateway/fcgi/record.c has the layout of
 * its records) over a connection of link.c; cgi_head.c reads the head of the answer.
 */
#include "call.h"
#include "environ.h"
#include "script.h"
#include "site.h"

#include <errno.h>
#include <sys/stat.h>

/* ----------------------------------------------------------------------------------------------- requests --- */

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static int serve(ngi_request *r)
{
    const struct site *site = ngi_state(r);
    struct script script;

    if (!site->links)
        return ngi_fail(r, 503, "option socket is not set: plugin NAME { option { socket = \"unix:/run/app.sock\" } }");
    if (!*site->root)
        return call_answer(r, site, NULL, NULL);
    if (!script_find(&site->rules, r->path, &script))
        return 404;

    const char *filename = environ_filename(r, site, &script);
    if (!filename)
        return ngi_fail(r, NGI_ENOMEM, "no memory for a path");
    /* Of a script that is not there PHP may look for one further up the path (its cgi.fix_pathinfo). */
    if (site->check && !*site->rules.fixed && !is_file(filename))
        return 404;
    return call_answer(r, site, &script, filename);
}

/* ----------------------------------------------------------------------------------------------- lifetime --- */

static void finish(void *state)
{
    struct site *site = state;

    links_free(site->links);
    free(site->root);
    free(site);
}

/* The options that need a look. NGI_OK, or the reason in `err`. */
static int check_options(const ngi_host *host, struct site *site, ngi_error *err)
{
    const char *socket = ngi_option(host, "socket");
    const char *root = ngi_option(host, "root");
    const char *wrong = *socket ? address_parse(socket, &site->address) : NULL;

    if (wrong)
        return ngi_error_set(err, NGI_EINVAL, "option socket is \"%s\": %s", socket, wrong);
    if (*root && *root != '/')
        return ngi_error_set(err, NGI_EINVAL,
                             "option root is \"%s\": it must begin with '/', because the application "
                             "has another working directory",
                             root);
    if (!script_is_relative(site->rules.fixed) || !script_is_relative(site->rules.index))
        return ngi_error_set(err, NGI_EINVAL,
                             "options script and index are names below root: no '/' at the begin or "
                             "end, and no \"..\"");
    if (strchr(site->rules.extension, '/'))
        return ngi_error_set(err, NGI_EINVAL, "option extension is \"%s\": it must have no '/'", site->rules.extension);
    if (*site->rules.fixed && !*root)
        return ngi_error_set(err, NGI_EINVAL, "option script is set, and root is not: where is \"%s\"?",
                             site->rules.fixed);
    if (!environ_params_are_valid(site->params))
        return ngi_error_set(err, NGI_EINVAL, "option params is \"%s\": it must be NAME=VALUE between blanks",
                             site->params);
    return NGI_OK;
}

static int start(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err)
{
    struct site *site = calloc(1, sizeof *site);
    struct links_limits limits = {
        .most = (unsigned)ngi_option_int(host, "connections"),
        .keep = (unsigned)ngi_option_int(host, "keep"),
        .connect_ms = (int64_t)(ngi_option_float(host, "connect_timeout") * 1000),
    };
    int rc;

    if (!site || !(site->root = strdup(ngi_option(host, "root")))) {
        free(site);
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    }
    site->rules =
        (struct script_rules){ ngi_option(host, "script"), ngi_option(host, "index"), ngi_option(host, "extension") };
    site->check = ngi_option_bool(host, "check");
    site->keep = limits.keep > 0;
    site->params = ngi_option(host, "params");
    site->read_ms = (int64_t)(ngi_option_float(host, "read_timeout") * 1000);
    rc = check_options(host, site, err);
    for (size_t end = strlen(site->root); end > 1 && site->root[end - 1] == '/'; end--)
        site->root[end - 1] = '\0';

    if (!rc && !*ngi_option(host, "socket")) {
        /* No reason to keep the other plugins from serving. */
        ngi_host_log(host, NGI_LOG_WARNING,
                     "option socket is not set, so every request is a 503: plugin %s { option { "
                     "socket = \"unix:/run/app.sock\" } }",
                     config->name);
    } else if (!rc) {
        site->links = links_new(&site->address, &limits);
        if (!site->links)
            rc = ngi_error_set(err, NGI_EIO, "the connections: %s", strerror(errno));
    }
    if (rc) {
        finish(site);
        return rc;
    }
    *ret_state = site;
    return NGI_OK;
}

static const ngi_option_spec options[] = {
    { "socket", NGI_STRING, "", 0, 255,
      "Where the application listens: \"unix:PATH\", \"ADDRESS:PORT\" or "
      "\"[ADDRESS]:PORT\". Unset: every request is a 503." },
    { "root", NGI_STRING, "", 0, 4095,
      "The directory of the scripts, as the application sees it. Unset: the application "
      "has no scripts, and gets every path." },
    { "script", NGI_STRING, "", 0, 1023,
      "The one script, below root, that gets every path. Unset: the path names it." },
    { "index", NGI_STRING, "index.php", 0, 255, "The script of a path that ends with '/'; empty for none." },
    { "extension", NGI_STRING, ".php", 0, 63,
      "What the name of a script ends with; what follows it in the path is "
      "PATH_INFO. Empty: the whole path is the script." },
    { "check", NGI_BOOL, "true", 0, 0,
      "Whether a script has to be a file here as well; off where the application sees "
      "other files." },
    { "params", NGI_STRING, "", 0, 4095,
      "Variables beside those of CGI, or in their place: NAME=VALUE, between blanks." },
    { "connections", NGI_INT, "32", 1, 10000,
      "The most connections to the application at a time; beyond, a request "
      "waits for connect_timeout and is then a 503." },
    { "keep", NGI_INT, "4", 0, 10000,
      "The most of them that are kept while idle; each may occupy a process of the "
      "application. 0: a connection for each request." },
    { "connect_timeout", NGI_FLOAT, "5", 0.001, 3600, "Seconds to wait for a connection." },
    { "read_timeout", NGI_FLOAT, "60", 0.001, 86400,
      "Seconds in which the application neither takes nor sends anything; "
      "then 504." },
    { 0 },
};

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_ANY, "/{path...}", serve),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "fastcgi", .version = "1.0", .summary = "Hands requests to a FastCGI application.",
                .flags = NGI_MAY_BLOCK | NGI_STREAM_BODY, .routes = routes, .options = options, .init = start,
                .fini = finish)
