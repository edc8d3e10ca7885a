/* items - a JSON API over a real database.
 *
 * Shows: options; init, thread_init and thread_fini; one SQLite connection a thread with prepared statements, so that
 * handlers share nothing and lock nothing; every value bound, never pasted into SQL; the right status for each end;
 * JSON read and written by SQLite itself. store.c is the database, place.c finds it a safe place.
 *
 *     GET /?limit=20&after=0    {"items":[{"id":1,"name":"tea"}],"next":null}; pass `next` as `after` for the next page
 *     POST /                    creates one from {"name":"tea"} or a form with that field: 201 and Location
 *     GET /{id}                 {"id":1,"name":"tea"}
 *     PUT /{id}                 renames it; the body as for POST
 *     DELETE /{id}              204
 *
 *     400 a body or a parameter that is not right, 404 no such item, 409 the name is taken, 413 too long, 415 neither
 *     JSON nor a form, 503 the database stayed locked longer than busy_ms
 *
 *     curl -i localhost:8080/items/ -H 'Content-Type: application/json' -d '{"name":"tea"}'
 *     curl -i localhost:8080/items/ -d name=coffee
 *     curl -i localhost:8080/items/1 -X PUT -d name=milk
 *     curl -i 'localhost:8080/items/?limit=10'
 *     curl -i localhost:8080/items/1 -X DELETE
 *
 * The database is option `database`, or else items.db in $XDG_STATE_HOME/postern, without that variable in
 * /tmp/postern-UID: a private directory (0700), the file 0600.
 */
#include "store.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>

enum { NAME_BYTES_MAX = 200, BODY_BYTES_MAX = 64 * 1024, LIMIT_MAX = 100 };

/* Answers {"error":…}; `error` needs no escaping. Returns the status, never 0, so that a helper may pass it on. */
static int refuse(ngi_request *r, int status, const char *error)
{
    int rc = ngi_header(r, "Content-Type", "application/json");

    if (!rc)
        rc = ngi_printf(r, "{\"error\":\"%s\"}\n", error);
    return rc ? rc : status;
}

/* Runs a statement that is bound unless `rc` says otherwise. Returns 0 with *ret_json, NULL without a row; or what the
 * handler returns. */
static int run(ngi_request *r, enum statement which, int rc, const char **ret_json)
{
    if (!rc)
        rc = store_run(r, which, ret_json);
    switch (rc) {
    case SQLITE_OK:
        return 0;
    case SQLITE_CONSTRAINT: /* the only one there is */
        return refuse(r, 409, "that name is taken");
    case SQLITE_BUSY:
        return ngi_fail(r, 503, "database: %s", sqlite3_errstr(rc));
    default:
        return ngi_fail(r, NGI_EIO, "database: %s", sqlite3_errstr(rc));
    }
}

/* Answers with an item, or 404 if there was no row. */
static int answer_item(ngi_request *r, int status, const char *json)
{
    return json ? ngi_json(r, status, json) : refuse(r, 404, "no such item");
}

/* ---------------------------------------------------------------------------------------------------- input --- */

/* A whole number up to `max`, or -1. */
static int64_t parse_number(const char *text, int64_t max)
{
    size_t digits = strspn(text, "0123456789");

    if (!digits || digits > 18 || text[digits]) /* 18 digits always fit */
        return -1;
    int64_t number = strtoll(text, NULL, 10);
    return number <= max ? number : -1;
}

/* What is no number is no item's either: -1 finds nothing. */
static int64_t item_id(ngi_request *r)
{
    return parse_number(ngi_param(r, "id"), INT64_MAX);
}

/* The bytes of the UTF-8 character at `s`, or 0 if there is none (RFC 3629: shortest form, no surrogates). */
static size_t character_length(const unsigned char *s)
{
    size_t length = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;

    if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
        (*s == 0xf4 && s[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

/* SQLite stores whatever bytes it gets, but JSON has to be UTF-8. */
static bool name_is_valid(const char *name)
{
    size_t step = strlen(name);

    if (step > NAME_BYTES_MAX)
        return false;
    for (const char *at = name; *at && step; at += step)
        step = character_length((const unsigned char *)at);
    return step > 0;
}

/* Returns 0 with *ret_name, NULL if there is none; or what the handler returns. */
static int name_from_json(ngi_request *r, const char **ret_name)
{
    size_t length;
    const char *body = ngi_body(r, &length);

    if (!body)
        return ngi_fail(r, NGI_EIO, "cannot map the request body");
    if (length > BODY_BYTES_MAX)
        return refuse(r, 413, "the body is too long");
    int rc = sqlite3_bind_text(store_statement(r, JSON_NAME), 1, body, (int)length, SQLITE_STATIC);
    return run(r, JSON_NAME, rc, ret_name);
}

/* The same, of a form. */
static int name_from_form(ngi_request *r, const char **ret_name)
{
    switch (ngi_form_parse(r)) {
    case NGI_OK:
        *ret_name = ngi_form(r, "name", NULL);
        return 0;
    case NGI_ENOENT:
        return refuse(r, 415, "send application/json or a form");
    case NGI_EPARSE:
        return refuse(r, 400, "the form is malformed");
    case NGI_ETOOBIG:
        return refuse(r, 413, "the body is too long");
    default:
        return ngi_fail(r, NGI_EIO, "cannot read the form");
    }
}

/* The name that the body gives. Returns 0 with *ret_name; or what the handler returns. */
static int read_name(ngi_request *r, const char **ret_name)
{
    static const char json[] = "application/json";
    const char *type = ngi_env(r, "CONTENT_TYPE");
    bool is_json = type && strcspn(type, "; ") == sizeof json - 1 && !strncasecmp(type, json, sizeof json - 1);
    const char *name = NULL;
    int rc = is_json ? name_from_json(r, &name) : name_from_form(r, &name);

    if (rc)
        return rc;
    if (!name || !name_is_valid(name))
        return refuse(r, 400, "a name of 1 to 200 bytes of UTF-8 is wanted");
    *ret_name = name;
    return 0;
}

/* ------------------------------------------------------------------------------------------------- handlers --- */

static int list(ngi_request *r)
{
    int64_t limit = parse_number(ngi_query(r, "limit", "20"), LIMIT_MAX);
    int64_t after = parse_number(ngi_query(r, "after", "0"), INT64_MAX);
    sqlite3_stmt *statement = store_statement(r, LIST);
    const char *json;

    if (limit < 1 || after < 0)
        return refuse(r, 400, "limit is 1 to 100, after is the id of an item");
    int rc = sqlite3_bind_int64(statement, 1, after);
    if (!rc)
        rc = sqlite3_bind_int64(statement, 2, limit);
    rc = run(r, LIST, rc, &json);
    return rc ? rc : ngi_json(r, 200, json);
}

/* Location names the new item by a path below this plugin's mount point, wherever the operator has put that. */
static int set_location(ngi_request *r, int64_t id)
{
    const char *mount = ngi_env(r, "SCRIPT_NAME");
    char location[1024];
    int length = snprintf(location, sizeof location, "%s/%" PRId64, mount ? mount : "", id);

    return (size_t)length < sizeof location ? ngi_header(r, "Location", location) : NGI_ETOOBIG;
}

static int create(ngi_request *r)
{
    sqlite3_stmt *statement = store_statement(r, CREATE);
    const char *name, *json;
    int rc = read_name(r, &name);

    if (rc)
        return rc;
    rc = run(r, CREATE, sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC), &json);
    if (rc)
        return rc;
    rc = set_location(r, sqlite3_last_insert_rowid(sqlite3_db_handle(statement)));
    return rc ? rc : ngi_json(r, 201, json);
}

static int show(ngi_request *r)
{
    const char *json;
    int rc = run(r, READ, sqlite3_bind_int64(store_statement(r, READ), 1, item_id(r)), &json);

    return rc ? rc : answer_item(r, 200, json);
}

static int rename_item(ngi_request *r)
{
    sqlite3_stmt *statement = store_statement(r, RENAME);
    const char *name, *json;
    int rc = read_name(r, &name);

    if (rc)
        return rc;
    rc = sqlite3_bind_int64(statement, 1, item_id(r));
    if (!rc)
        rc = sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
    rc = run(r, RENAME, rc, &json);
    return rc ? rc : answer_item(r, 200, json);
}

static int delete_item(ngi_request *r)
{
    const char *row;
    int rc = run(r, REMOVE, sqlite3_bind_int64(store_statement(r, REMOVE), 1, item_id(r)), &row);

    if (rc)
        return rc;
    return row ? 204 : refuse(r, 404, "no such item");
}

static const ngi_option_spec options[] = {
    { "database", NGI_STRING, "", 0, 4095, "The database file; empty: items.db in a private directory." },
    { "busy_ms", NGI_INT, "2000", 0, 60000, "Milliseconds to wait for a lock of the database." },
    { 0 },
};

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/", list),
    NGI_ROUTE(NGI_POST, "/", create),
    NGI_ROUTE(NGI_GET, "/{id}", show),
    NGI_ROUTE(NGI_PUT, "/{id}", rename_item),
    NGI_ROUTE(NGI_DELETE, "/{id}", delete_item),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "items", .version = "1.0", .summary = "A JSON API over an SQLite database.",
                .flags = NGI_MAY_BLOCK, .routes = routes, .options = options, .init = store_init, .fini = store_fini,
                .thread_init = store_thread_init, .thread_fini = store_thread_fini)
