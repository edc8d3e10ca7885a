#include "http/forwarded.h"

#include <string.h>

#include "base/text.h"
#include "conf/settings.h"
#include "http/target.h"
#include "sdk/ngi.h"

static const char why_grammar[] = "the Forwarded field does not follow RFC 7239";
static const char why_proto[] = "a proxy forwards a scheme that is neither http nor https";
static const char why_host[] = "a proxy forwards a host that is no host[:port]";
static const char why_client[] = "X-Forwarded-For and Forwarded tell of different clients";
static const char why_protos[] = "X-Forwarded-Proto and Forwarded tell of different schemes";
static const char why_hosts[] = "X-Forwarded-Host and Forwarded tell of different hosts";

/* Some of a field's value. */
struct span {
    const char *s;
    size_t n;
};

/* What one of the two families of fields tells. */
struct told {
    bool client_told; /* also that nobody knows it */
    bool has_client;
    struct address client;
    uint16_t port;
    struct span proto, host; /* .s NULL: not told */
};

/* --- the way from the right, gone from the left --------------------------------------------------------------- */

struct walk {
    const struct networks *trusted;
    unsigned count; /* elements so far */
    unsigned stop;  /* the one where who comes from the right stops */
    bool found;
    struct address client;
    uint16_t port;
};

/* The next element; `address` NULL: it is none. */
static void walk_on(struct walk *walk, const struct address *address, uint16_t port)
{
    const bool passed = address && networks_have(walk->trusted, address);
    if (!passed)
        walk->stop = walk->count;
    /* Of those that are passed, the leftmost counts: it is met first here, behind whatever else would stop. */
    if (!passed || !walk->found) {
        walk->found = address != NULL;
        walk->client = address ? *address : (struct address){ 0 };
        walk->port = port;
    }
    walk->count++;
}

static void walk_end(const struct walk *walk, struct told *told)
{
    told->has_client = walk->found;
    told->client = walk->client;
    told->port = walk->port;
}

/* Whether s[0..n) may stand behind the ':' of a node: a port, or the name of one that is kept secret (RFC 7239 section
 * 6.3); *ret_port: 0 of that. */
static bool parse_port(const char *s, size_t n, uint16_t *ret_port)
{
    unsigned port = 0;
    if (n > 1 && *s == '_') {
        for (size_t i = 1; i < n; i++)
            if (!field_is_token_char((unsigned char)s[i]))
                return false;
        *ret_port = 0;
        return true;
    }
    if (n == 0 || n > 5)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        port = port * 10 + (unsigned)(s[i] - '0');
    }
    if (port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* "192.0.2.7", "192.0.2.7:80", "[2001:db8::7]", "[2001:db8::7]:80"; and `bare`: "2001:db8::7". */
static bool parse_node(struct span node, bool bare, struct address *ret, uint16_t *ret_port)
{
    const char *end = node.s + node.n, *rest;
    *ret_port = 0;
    if (node.n > 0 && *node.s == '[') {
        const char *bracket = memchr(node.s, ']', node.n);
        if (!bracket || !memchr(node.s, ':', (size_t)(bracket - node.s)) ||
            !address_from_text(node.s + 1, (size_t)(bracket - node.s) - 1, ret))
            return false;
        rest = bracket + 1;
    } else {
        if (bare && address_from_text(node.s, node.n, ret))
            return true;
        const char *colon = memchr(node.s, ':', node.n);
        rest = colon ? colon : end;
        if (!address_from_text(node.s, (size_t)(rest - node.s), ret))
            return false;
    }
    return rest == end || (*rest == ':' && parse_port(rest + 1, (size_t)(end - rest) - 1, ret_port));
}

/* --- X-Forwarded-… -------------------------------------------------------------------------------------------- */

/* The elements of all fields of a name, in order: they are one list, and empty elements are none of it. */
struct list {
    const char *name;
    const struct field *next, *end;
    const char *at; /* in the value of the one before `next`; NULL: at none */
};

static struct list list_of(const struct field *headers, unsigned count, const char *name)
{
    return (struct list){ .name = name, .next = headers, .end = headers + count };
}

/* The value of the next field of that name; NULL: there is none. */
static const char *list_field(struct list *list)
{
    const size_t length = strlen(list->name);
    while (list->next < list->end) {
        const struct field *field = list->next++;
        if (field->name_length == length && text_equal_nocase_n(field->name, list->name, length))
            return field->value;
    }
    return NULL;
}

static bool list_next(struct list *list, struct span *ret)
{
    for (;;) {
        if (list->at)
            list->at += strspn(list->at, " \t,");
        if (!list->at || !*list->at) {
            list->at = list_field(list);
            if (!list->at)
                return false;
            continue;
        }
        const char *element = list->at, *end = element + strcspn(element, ",");
        list->at = end;
        while (end[-1] == ' ' || end[-1] == '\t')
            end--;
        *ret = (struct span){ element, (size_t)(end - element) };
        return true;
    }
}

/* The element that was written along with the one where the walk has stopped, if each address has one; else the
 * rightmost, which is the word of the nearest proxy. */
static struct span list_beside(struct list list, const struct walk *walk)
{
    struct span element, beside = { 0 }, last = { 0 };
    unsigned count = 0;
    for (; list_next(&list, &element); count++) {
        if (count == walk->stop)
            beside = element;
        last = element;
    }
    return count == walk->count ? beside : last;
}

static void read_x(const struct field *headers, unsigned count, unsigned fields, const struct networks *trusted,
                   struct told *told)
{
    struct walk walk = { .trusted = trusted };
    struct span element;
    if (fields & FORWARDED_X_FOR)
        for (struct list list = list_of(headers, count, "X-Forwarded-For"); list_next(&list, &element);) {
            struct address address;
            uint16_t port;
            bool good = parse_node(element, true, &address, &port);
            walk_on(&walk, good ? &address : NULL, port);
        }
    told->client_told = walk.count > 0;
    walk_end(&walk, told);
    if (fields & FORWARDED_X_PROTO)
        told->proto = list_beside(list_of(headers, count, "X-Forwarded-Proto"), &walk);
    if (fields & FORWARDED_X_HOST)
        told->host = list_beside(list_of(headers, count, "X-Forwarded-Host"), &walk);
}

/* --- Forwarded (RFC 7239) ------------------------------------------------------------------------------------- */

enum { PARAMETER_FOR, PARAMETER_BY, PARAMETER_PROTO, PARAMETER_HOST, PARAMETERS };

/* One forwarded-element. */
struct element {
    struct span parameters[PARAMETERS]; /* .s NULL: not there */
};

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t");
}

/* A quoted-string, *at behind its first quote; what it means, in the arena where it is not what it reads. */
static int parse_quoted(struct arena *arena, const char **at, struct span *ret)
{
    const char *begin = *at, *end = begin;
    bool escaped = false;
    for (; *end != '"'; end++) {
        if (*end == '\\') {
            escaped = true;
            end++;
        }
        if (!*end)
            return NGI_EINVAL;
    }
    *at = end + 1;
    *ret = (struct span){ begin, (size_t)(end - begin) };
    if (!escaped)
        return NGI_OK;
    char *own = arena_alloc(arena, ret->n), *to = own;
    if (!own)
        return NGI_ENOMEM;
    for (const char *from = begin; from < end; from++) {
        if (*from == '\\')
            from++;
        *to++ = *from;
    }
    *ret = (struct span){ own, (size_t)(to - own) };
    return NGI_OK;
}

static int parse_token(const char **at, struct span *ret)
{
    const char *end = *at;
    while (field_is_token_char((unsigned char)*end))
        end++;
    *ret = (struct span){ *at, (size_t)(end - *at) };
    *at = end;
    return ret->n > 0 ? NGI_OK : NGI_EINVAL;
}

/* name=value; a name may stand once in an element. */
static int parse_pair(struct arena *arena, const char **at, struct element *element)
{
    static const char *const names[PARAMETERS] = { "for", "by", "proto", "host" };
    struct span name, value;
    int rc = parse_token(at, &name);
    if (rc != NGI_OK || *(*at)++ != '=')
        return NGI_EINVAL;
    if (**at == '"') {
        ++*at;
        rc = parse_quoted(arena, at, &value);
    } else {
        rc = parse_token(at, &value);
    }
    for (size_t i = 0; i < PARAMETERS && rc == NGI_OK; i++)
        if (strlen(names[i]) == name.n && text_equal_nocase_n(names[i], name.s, name.n)) {
            rc = element->parameters[i].s ? NGI_EINVAL : NGI_OK;
            element->parameters[i] = value;
        }
    return rc;
}

/* [ pair ] *( ";" [ pair ] ), to the ',' behind it or the end. Space around the ';' is more than the grammar has, and
 * has only one reading. */
static int parse_element(struct arena *arena, const char **at, struct element *ret)
{
    *ret = (struct element){ 0 };
    for (;; ++*at) {
        *at = skip_space(*at);
        if (**at && !strchr(";,", **at)) {
            int rc = parse_pair(arena, at, ret);
            if (rc != NGI_OK)
                return rc;
            *at = skip_space(*at);
        }
        if (!**at || **at == ',')
            return NGI_OK;
        if (**at != ';')
            return NGI_EINVAL;
    }
}

static void take_element(const struct element *element, struct walk *walk, struct told *told)
{
    const struct span *node = &element->parameters[PARAMETER_FOR];
    struct address address;
    uint16_t port = 0;
    bool good = node->s && parse_node(*node, false, &address, &port);
    if (node->s)
        told->client_told = true;
    walk_on(walk, good ? &address : NULL, port);
    if (walk->stop == walk->count - 1) {
        told->proto = element->parameters[PARAMETER_PROTO];
        told->host = element->parameters[PARAMETER_HOST];
    }
}

/* Each line has to be right by itself: an open quote must not take what the next proxy says into its string. */
static int read_standard(struct arena *arena, const struct field *headers, unsigned count,
                         const struct networks *trusted, struct told *told)
{
    struct walk walk = { .trusted = trusted };
    struct list list = list_of(headers, count, "Forwarded");
    struct element element;
    for (const char *at; (at = list_field(&list)) != NULL;)
        while (*(at += strspn(at, " \t,"))) {
            int rc = parse_element(arena, &at, &element);
            if (rc != NGI_OK)
                return rc;
            take_element(&element, &walk, told);
        }
    walk_end(&walk, told);
    return NGI_OK;
}

/* --- both ----------------------------------------------------------------------------------------------------- */

static bool same_text(struct span a, struct span b)
{
    return a.n == b.n && text_equal_nocase_n(a.s, b.s, a.n);
}

static bool same_client(const struct told *a, const struct told *b)
{
    if (!a->has_client || !b->has_client)
        return a->has_client == b->has_client;
    return address_equal(&a->client, &b->client) && (a->port == b->port || !a->port || !b->port);
}

/* What the two say of the same has to be the same; NULL: it is. */
static const char *disagree(const struct told *x, const struct told *standard)
{
    if (x->client_told && standard->client_told && !same_client(x, standard))
        return why_client;
    if (x->proto.s && standard->proto.s && !same_text(x->proto, standard->proto))
        return why_protos;
    return x->host.s && standard->host.s && !same_text(x->host, standard->host) ? why_hosts : NULL;
}

static int take_proto(struct span proto, struct forwarded *told, const char **ret_why)
{
    static const char *const schemes[] = { "http", "https" };
    for (size_t i = 0; i < 2 && proto.s; i++)
        if (same_text(proto, (struct span){ schemes[i], strlen(schemes[i]) }))
            told->scheme = schemes[i];
    if (!proto.s || told->scheme)
        return NGI_OK;
    *ret_why = why_proto;
    return NGI_EINVAL;
}

static int take_host(struct arena *arena, struct span host, struct forwarded *told, const char **ret_why)
{
    if (!host.s)
        return NGI_OK;
    if (!target_is_authority(host.s, host.n)) {
        *ret_why = why_host;
        return NGI_EINVAL;
    }
    told->host = arena_copy(arena, host.s, host.n);
    return told->host ? NGI_OK : NGI_ENOMEM;
}

/* ---------------------------------------------------------------------------------------------------------- */

int forwarded_read(struct arena *arena, const struct field *headers, unsigned count, unsigned fields,
                   const struct networks *trusted, struct forwarded *ret, const char **ret_why)
{
    struct told x = { 0 }, standard = { 0 };
    struct forwarded told = { 0 };
    int rc = NGI_OK;
    read_x(headers, count, fields, trusted, &x);
    if (fields & FORWARDED_STANDARD)
        rc = read_standard(arena, headers, count, trusted, &standard);
    if (rc != NGI_OK) {
        *ret_why = rc == NGI_EINVAL ? why_grammar : NULL;
        return rc;
    }
    *ret_why = disagree(&x, &standard);
    if (*ret_why)
        return NGI_EINVAL;
    const struct told *client = x.client_told ? &x : &standard;
    told.has_client = client->has_client;
    told.client = client->client;
    told.port = client->port;
    rc = take_proto(x.proto.s ? x.proto : standard.proto, &told, ret_why);
    if (rc == NGI_OK)
        rc = take_host(arena, x.host.s ? x.host : standard.host, &told, ret_why);
    if (rc == NGI_OK)
        *ret = told;
    return rc;
}
