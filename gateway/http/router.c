#include "http/router.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "http/method.h"
#include "http/pattern.h"

struct route_names {
    const char *names[ROUTE_CAPTURES_MAX]; /* NULL: a group without a name */
    unsigned count;
};

/* One router_add. */
struct entry {
    struct entry *next; /* of the same shape, or the next pattern */
    uint32_t methods;
    void *data;
    char *text; /* the pattern as it was given; segments and names point into the copy behind it */
    char *copy;
    struct pattern *pattern; /* NULL: a template */
    struct route_names names;
};

/* A place in the tree: what has been matched so far. Literal children are in the router's map, under this id. */
struct node {
    uint32_t id;
    struct node *param; /* behind a {name} */
    struct entry *here; /* templates that end here */
    struct entry *rest; /* templates that end in {name...} here */
};

struct router {
    struct map children;
    struct node **nodes; /* by id; [0] is the root */
    uint32_t node_count, node_capacity;
    struct entry *patterns; /* in order */
};

/* --- building ----------------------------------------------------------------------------------------------- */

static struct node *new_node(struct router *router)
{
    if (router->node_count == router->node_capacity) {
        uint32_t capacity = router->node_capacity ? router->node_capacity * 2 : 8;
        struct node **nodes = realloc(router->nodes, capacity * sizeof(struct node *));
        if (!nodes)
            return NULL;
        router->nodes = nodes;
        router->node_capacity = capacity;
    }
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->id = router->node_count;
    router->nodes[router->node_count++] = node;
    return node;
}

static void entry_free(struct entry *entry)
{
    if (!entry)
        return;
    pattern_free(entry->pattern);
    free(entry->text);
    free(entry->copy);
    free(entry);
}

static void entries_free(struct entry *entry)
{
    while (entry) {
        struct entry *next = entry->next;
        entry_free(entry);
        entry = next;
    }
}

static struct entry *entry_new(uint32_t methods, const char *text, void *data)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->methods = methods;
    entry->data = data;
    entry->text = strdup(text);
    entry->copy = strdup(text);
    if (!entry->text || !entry->copy) {
        entry_free(entry);
        return NULL;
    }
    return entry;
}

static bool is_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n > 0 && !s[n] && !(s[0] >= '0' && s[0] <= '9');
}

/* Takes the braces off a {name} or {name...} segment and notes the name. */
static int read_param(struct entry *entry, char *segment, bool *ret_rest, ngi_error *err)
{
    size_t length = strlen(segment);
    segment[length - 1] = '\0';
    char *name = segment + 1;
    *ret_rest = length > 5 && strcmp(segment + length - 4, "...") == 0;
    if (*ret_rest)
        segment[length - 4] = '\0';
    if (!is_name(name))
        return ngi_error_set(err, NGI_EINVAL, "\"{%s}\" is no parameter: write {name} or, at the end, {name...}", name);
    for (unsigned i = 0; i < entry->names.count; i++)
        if (strcmp(entry->names.names[i], name) == 0)
            return ngi_error_set(err, NGI_EINVAL, "the parameter {%s} is there twice", name);
    if (entry->names.count == ROUTE_CAPTURES_MAX)
        return ngi_error_set(err, NGI_EINVAL, "more than %d parameters", ROUTE_CAPTURES_MAX);
    entry->names.names[entry->names.count++] = name;
    return NGI_OK;
}

static int check_literal(const char *segment, bool last, ngi_error *err)
{
    if (strpbrk(segment, "{}"))
        return ngi_error_set(err, NGI_EINVAL, "a parameter is a whole segment, \"%s\" is not: use a ~pattern", segment);
    if (strpbrk(segment, "?#"))
        return ngi_error_set(err, NGI_EINVAL, "a pattern is a path, without '?' or '#'");
    if (!*segment && !last)
        return ngi_error_set(err, NGI_EINVAL, "an empty segment (\"//\"): paths are normalised, it would never match");
    if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
        return ngi_error_set(err, NGI_EINVAL, "a \"%s\" segment: paths are normalised, it would never match", segment);
    return NGI_OK;
}

/* One step down the tree, making the way. *at becomes NULL if out of memory. */
static int step(struct router *router, struct node **at, struct entry *entry, char *segment, bool last, bool *ret_rest,
                ngi_error *err)
{
    size_t length = strlen(segment);
    if (length >= 2 && segment[0] == '{' && segment[length - 1] == '}') {
        int rc = read_param(entry, segment, ret_rest, err);
        if (rc != NGI_OK)
            return rc;
        if (*ret_rest && !last)
            return ngi_error_set(err, NGI_EINVAL, "{name...} takes all that is left: nothing may follow it");
        if (*ret_rest)
            return NGI_OK;
        if (!(*at)->param)
            (*at)->param = new_node(router);
        *at = (*at)->param;
    } else {
        int rc = check_literal(segment, last, err);
        if (rc != NGI_OK)
            return rc;
        struct node *child = map_get(&router->children, (*at)->id, segment, length);
        if (!child && (child = new_node(router)) != NULL &&
            map_put(&router->children, (*at)->id, segment, length, child) != NGI_OK)
            child = NULL;
        *at = child;
    }
    return *at ? NGI_OK : ngi_error_set(err, NGI_ENOMEM, "out of memory");
}

/* Whether two entries of one shape serve the same method. */
static int check_overlap(const struct entry *other, const struct entry *entry, ngi_error *err)
{
    char methods[METHOD_LIST_SIZE];
    if (!(other->methods & entry->methods))
        return NGI_OK;
    method_names(other->methods & entry->methods, methods);
    return ngi_error_set(err, NGI_EBUSY, "duplicate route: \"%s\" already serves %s there", other->text, methods);
}

static int append(struct entry **list, struct entry *entry)
{
    while (*list)
        list = &(*list)->next;
    *list = entry;
    return NGI_OK;
}

static int add_template(struct router *router, struct entry *entry, ngi_error *err)
{
    struct node *at = router->nodes[0];
    bool rest = false, last = false;
    for (char *segment = entry->copy + 1, *end; !last; segment = end + 1) {
        end = strchrnul(segment, '/');
        last = !*end;
        *end = '\0';
        int rc = step(router, &at, entry, segment, last, &rest, err);
        if (rc != NGI_OK)
            return rc;
    }
    struct entry **list = rest ? &at->rest : &at->here;
    for (const struct entry *other = *list; other; other = other->next) {
        int rc = check_overlap(other, entry, err);
        if (rc != NGI_OK)
            return rc;
    }
    return append(list, entry);
}

static int add_pattern(struct router *router, struct entry *entry, ngi_error *err)
{
    int rc = pattern_new(entry->text + 1, &entry->pattern, err);
    if (rc != NGI_OK)
        return rc;
    entry->names.count = pattern_groups(entry->pattern);
    for (unsigned i = 0; i < entry->names.count; i++)
        entry->names.names[i] = pattern_group_name(entry->pattern, i);
    for (const struct entry *other = router->patterns; other; other = other->next)
        if (strcmp(other->text, entry->text) == 0 && (rc = check_overlap(other, entry, err)) != NGI_OK)
            return rc;
    return append(&router->patterns, entry);
}

/* --- finding ------------------------------------------------------------------------------------------------ */

struct search {
    const struct router *router;
    uint32_t method;
    const char *end; /* of the path */
    struct route_match *match;
};

/* Picks the entry of a shape that serves the method: one that names HEAD before one that serves it through GET. */
static bool pick(struct search *search, const struct entry *list)
{
    for (const struct entry *entry = list; entry; entry = entry->next)
        if (entry->methods & search->method) {
            search->match->data = entry->data;
            search->match->names = &entry->names;
            return true;
        }
    if (search->method == NGI_HEAD)
        for (const struct entry *entry = list; entry; entry = entry->next)
            if (entry->methods & NGI_GET) {
                search->match->data = entry->data;
                search->match->names = &entry->names;
                return true;
            }
    for (const struct entry *entry = list; entry; entry = entry->next)
        search->match->allow |= entry->methods;
    return false;
}

/* The tree below `node` against the path from `segment` on, most specific first. Recursion is as deep as the deepest
 * template, whatever the path. */
static bool descend(struct search *search, const struct node *node, const char *segment, unsigned captured)
{
    const char *slash = memchr(segment, '/', (size_t)(search->end - segment));
    const char *end = slash ? slash : search->end;
    struct route_match *match = search->match;

    const struct node *child = map_get(&search->router->children, node->id, segment, (size_t)(end - segment));
    if (child) {
        if (slash ? descend(search, child, slash + 1, captured) : (match->count = captured, pick(search, child->here)))
            return true;
    }
    if (node->param && end > segment) {
        match->captures[captured] = (struct capture){ segment, (size_t)(end - segment) };
        if (slash ? descend(search, node->param, slash + 1, captured + 1)
                  : (match->count = captured + 1, pick(search, node->param->here)))
            return true;
    }
    if (node->rest) {
        match->captures[captured] = (struct capture){ segment, (size_t)(search->end - segment) };
        match->count = captured + 1;
        return pick(search, node->rest);
    }
    return false;
}

/* ---------------------------------------------------------------------------------------------------------- */

struct router *router_new(void)
{
    struct router *router = calloc(1, sizeof *router);
    if (router && !new_node(router)) {
        router_free(router);
        return NULL;
    }
    return router;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    for (uint32_t i = 0; i < router->node_count; i++) {
        entries_free(router->nodes[i]->here);
        entries_free(router->nodes[i]->rest);
        free(router->nodes[i]);
    }
    entries_free(router->patterns);
    map_free(&router->children);
    free(router->nodes);
    free(router);
}

int router_add(struct router *router, uint32_t methods, const char *pattern, void *data, ngi_error *err)
{
    if (methods == 0)
        return ngi_error_set(err, NGI_EINVAL, "a route without methods");
    if (*pattern != '/' && *pattern != '~')
        return ngi_error_set(err, NGI_EINVAL, "a pattern begins with '/' (template) or '~' (PCRE2)");
    struct entry *entry = entry_new(methods, pattern, data);
    if (!entry)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    int rc = *pattern == '~' ? add_pattern(router, entry, err) : add_template(router, entry, err);
    /* Nodes made on a way that failed stay, empty: they match nothing. The map's keys into entry->copy must stay too.
     */
    if (rc != NGI_OK) {
        entry->methods = 0;
        append(&router->patterns, entry);
    }
    return rc;
}

int router_find(const struct router *router, uint32_t method, const char *path, size_t length, struct route_match *ret)
{
    struct search search = { router, method, path + length, ret };
    ret->data = NULL;
    ret->allow = 0;
    ret->count = 0;
    if (length == 0 || *path != '/')
        return NGI_ENOENT;
    if (descend(&search, router->nodes[0], path + 1, 0))
        return NGI_OK;
    for (const struct entry *entry = router->patterns; entry; entry = entry->next) {
        if (!entry->methods)
            continue;
        int rc = pattern_match(entry->pattern, path, length, ret->captures);
        if (rc == NGI_ENOENT)
            continue;
        if (rc != NGI_OK) {
            ret->data = entry->data;
            return rc;
        }
        ret->names = &entry->names;
        ret->count = entry->names.count;
        if (entry->methods & method || (method == NGI_HEAD && entry->methods & NGI_GET)) {
            ret->data = entry->data;
            return NGI_OK;
        }
        ret->allow |= entry->methods;
    }
    return ret->allow ? NGI_EPERM : NGI_ENOENT;
}

const struct capture *route_match_param(const struct route_match *match, const char *name)
{
    uint64_t number = 0;
    (void)text_to_uint64(name, &number); /* stays 0 for a name */
    for (unsigned i = 0; i < match->count; i++) {
        const char *known = match->names->names[i];
        /* Where several groups bear the name, as PCRE2's (?J) allows, it is that of the one that took part. */
        if (match->captures[i].start && (number ? number == i + 1 : known && strcmp(known, name) == 0))
            return &match->captures[i];
    }
    return NULL;
}
