#include "http/router.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/text.h"
#include "http/method.h"
#include "http/pattern.h"

struct route_names {
    const char *names[ROUTE_CAPTURES_MAX]; /* NULL: a group without a name */
};

/* One router_add. */
struct entry {
    struct entry *next; /* of the same shape, or the next pattern */
    void *data;
    uint32_t methods;
    unsigned count;            /* of names */
    struct route_names *names; /* NULL: it has none, and captures nothing */
    struct pattern *pattern;   /* NULL: a template */
    const char *text;          /* the pattern as it was given */
};

/* A place in the tree: what has been matched so far. Most have one literal child or none, which needs no search. */
struct node {
    struct node *param;   /* behind a {name} */
    struct node *literal; /* behind the only literal segment that may follow */
    struct entry *here;   /* templates that end here */
    struct entry *rest;   /* templates that end in {name...} here */
    uint32_t id;          /* not 0: literal children are in the router's map, under this id */
    uint32_t label_length;
    char label[]; /* the literal segment that leads here */
};

/* A template without parameters is more specific than all others that fit its path, so such are asked first, and by the
 * whole path. The tree has the others. What a look-up reads lies close together, apart from the texts: with
 * thousands of routes, time goes into cache misses. */
struct router {
    struct map literals; /* path behind the first slash → entries, scope 0 */
    struct map children; /* (id of a node, segment) → node */
    uint32_t last_id;
    struct node *root;
    struct entry *patterns; /* in order */
    struct arena places;    /* entries and nodes */
    struct arena texts;
};

/* --- building ----------------------------------------------------------------------------------------------- */

/* NULL if out of memory. */
static struct entry *new_entry(struct router *router, uint32_t methods, const char *text, void *data)
{
    struct entry *entry = arena_zalloc(&router->places, sizeof *entry);
    if (!entry || !(entry->text = arena_string(&router->texts, text)))
        return NULL;
    entry->methods = methods;
    entry->data = data;
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
    for (unsigned i = 0; i < entry->count; i++)
        if (strcmp(entry->names->names[i], name) == 0)
            return ngi_error_set(err, NGI_EINVAL, "the parameter {%s} is there twice", name);
    if (entry->count == ROUTE_CAPTURES_MAX)
        return ngi_error_set(err, NGI_EINVAL, "more than %d parameters", ROUTE_CAPTURES_MAX);
    entry->names->names[entry->count++] = name;
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

/* NULL if out of memory. */
static struct node *new_node(struct router *router, const char *label, size_t length)
{
    struct node *node = length < UINT32_MAX ? arena_zalloc(&router->places, sizeof *node + length) : NULL;
    if (!node)
        return NULL;
    node->label_length = (uint32_t)length;
    memcpy(node->label, label, length);
    return node;
}

static struct node *literal_child(const struct router *router, const struct node *node, const char *segment,
                                  size_t length)
{
    struct node *child = node->literal;
    if (node->id)
        return map_get(&router->children, node->id, segment, length);
    return child && child->label_length == length && memcmp(child->label, segment, length) == 0 ? child : NULL;
}

static int add_child(struct router *router, struct node *node, struct node *child)
{
    if (!node->literal && !node->id) {
        node->literal = child;
        return NGI_OK;
    }
    if (!node->id) { /* the second one: from now on they are in the map */
        struct node *first = node->literal;
        int rc = map_put(&router->children, router->last_id + 1, first->label, first->label_length, first);
        if (rc != NGI_OK)
            return rc;
        node->id = ++router->last_id;
        node->literal = NULL;
    }
    return map_put(&router->children, node->id, child->label, child->label_length, child);
}

/* The node behind a literal segment, made if need be; NULL if out of memory. */
static struct node *make_child(struct router *router, struct node *node, const char *segment, size_t length)
{
    struct node *child = literal_child(router, node, segment, length);
    if (child || !(child = new_node(router, segment, length)))
        return child;
    return add_child(router, node, child) == NGI_OK ? child : NULL;
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
            (*at)->param = new_node(router, "", 0);
        *at = (*at)->param;
    } else {
        int rc = check_literal(segment, last, err);
        if (rc != NGI_OK)
            return rc;
        *at = make_child(router, *at, segment, length);
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

/* Puts an entry behind those of its shape. */
static int add_to(struct entry **list, struct entry *entry, ngi_error *err)
{
    for (const struct entry *other = *list; other; other = other->next) {
        int rc = check_overlap(other, entry, err);
        if (rc != NGI_OK)
            return rc;
    }
    return append(list, entry);
}

static int add_literal(struct router *router, struct entry *entry, ngi_error *err)
{
    const char *path = entry->text + 1;
    struct entry *first = map_get(&router->literals, 0, path, strlen(path));
    if (first)
        return add_to(&first, entry, err);
    if (map_put(&router->literals, 0, path, strlen(path), entry) != NGI_OK)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    return NGI_OK;
}

static int add_template(struct router *router, struct entry *entry, ngi_error *err)
{
    char *copy = arena_string(&router->texts, entry->text); /* to be cut up; the names stay in it */
    bool literal = !strpbrk(entry->text, "{}"), rest = false, last = false;
    struct node *at = router->root;
    if (!literal)
        entry->names = arena_zalloc(&router->texts, sizeof *entry->names);
    if (!copy || (!literal && !entry->names))
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    for (char *segment = copy + 1, *end; !last; segment = end + 1) {
        end = strchrnul(segment, '/');
        last = !*end;
        *end = '\0';
        int rc = literal ? check_literal(segment, last, err) : step(router, &at, entry, segment, last, &rest, err);
        if (rc != NGI_OK)
            return rc;
    }
    return literal ? add_literal(router, entry, err) : add_to(rest ? &at->rest : &at->here, entry, err);
}

static int add_pattern(struct router *router, struct entry *entry, ngi_error *err)
{
    int rc = pattern_new(entry->text + 1, &entry->pattern, err);
    if (rc != NGI_OK)
        return rc;
    for (const struct entry *other = router->patterns; other && rc == NGI_OK; other = other->next)
        if (strcmp(other->text, entry->text) == 0)
            rc = check_overlap(other, entry, err);
    if (rc == NGI_OK && !(entry->names = arena_zalloc(&router->texts, sizeof *entry->names)))
        rc = ngi_error_set(err, NGI_ENOMEM, "out of memory");
    if (rc != NGI_OK) {
        pattern_free(entry->pattern);
        return rc;
    }
    entry->count = pattern_groups(entry->pattern);
    for (unsigned i = 0; i < entry->count; i++)
        entry->names->names[i] = pattern_group_name(entry->pattern, i);
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
            search->match->names = entry->names;
            return true;
        }
    if (search->method == NGI_HEAD)
        for (const struct entry *entry = list; entry; entry = entry->next)
            if (entry->methods & NGI_GET) {
                search->match->data = entry->data;
                search->match->names = entry->names;
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

    const struct node *child = literal_child(search->router, node, segment, (size_t)(end - segment));
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
    if (router && !(router->root = new_node(router, "", 0))) {
        router_free(router);
        return NULL;
    }
    return router;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    for (struct entry *entry = router->patterns; entry; entry = entry->next)
        pattern_free(entry->pattern);
    map_free(&router->literals);
    map_free(&router->children);
    arena_free(&router->places);
    arena_free(&router->texts);
    free(router);
}

int router_add(struct router *router, uint32_t methods, const char *pattern, void *data, ngi_error *err)
{
    if (methods == 0)
        return ngi_error_set(err, NGI_EINVAL, "a route without methods");
    if (*pattern != '/' && *pattern != '~')
        return ngi_error_set(err, NGI_EINVAL, "a pattern begins with '/' (template) or '~' (PCRE2)");
    struct entry *entry = new_entry(router, methods, pattern, data);
    if (!entry)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    /* Nodes made on a way that failed stay, empty: they match nothing. */
    return *pattern == '~' ? add_pattern(router, entry, err) : add_template(router, entry, err);
}

int router_find(const struct router *router, uint32_t method, const char *path, size_t length, struct route_match *ret)
{
    struct search search = { router, method, path + length, ret };
    ret->data = NULL;
    ret->allow = 0;
    ret->count = 0;
    if (length == 0 || *path != '/')
        return NGI_ENOENT;
    if (pick(&search, map_get(&router->literals, 0, path + 1, length - 1)))
        return NGI_OK;
    if (descend(&search, router->root, path + 1, 0))
        return NGI_OK;
    for (const struct entry *entry = router->patterns; entry; entry = entry->next) {
        int rc = pattern_match(entry->pattern, path, length, ret->captures);
        if (rc == NGI_ENOENT)
            continue;
        if (rc != NGI_OK) {
            ret->data = entry->data;
            return rc;
        }
        ret->names = entry->names;
        ret->count = entry->count;
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
