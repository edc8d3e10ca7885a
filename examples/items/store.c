/* store.c - see store.h. */
#include "store.h"

#include "place.h"

#include <stdbool.h>
#include <stdlib.h>

static const char schema[] =
    "PRAGMA journal_mode = WAL;" /* readers then never wait for a writer */
    "CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);";

/* RETURNING makes those that write answer like those that read. */
static const char *const sql[STATEMENTS] = {
    [LIST] = "SELECT json_object('items', json_group_array(json_object('id', id, 'name', name)),"
             " 'next', CASE WHEN count(*) = ?2 THEN max(id) END)"
             " FROM (SELECT id, name FROM items WHERE id > ?1 ORDER BY id LIMIT ?2)",
    [CREATE] = "INSERT INTO items (name) VALUES (?1) RETURNING json_object('id', id, 'name', name)",
    [READ] = "SELECT json_object('id', id, 'name', name) FROM items WHERE id = ?1",
    [RENAME] = "UPDATE items SET name = ?2 WHERE id = ?1 RETURNING json_object('id', id, 'name', name)",
    [REMOVE] = "DELETE FROM items WHERE id = ?1 RETURNING ''",
    [JSON_NAME] = ("SELECT CASE WHEN json_valid(?1) THEN" /* CASE: json_type fails on what is not valid */
                   " CASE json_type(?1, '$.name') WHEN 'text' THEN json_extract(?1, '$.name') END END"),
};

/* What all threads share; read-only after init. */
struct settings {
    char *path;
    int busy_ms;
};

/* What a thread has of its own. */
struct connection {
    sqlite3 *db;
    sqlite3_stmt *statement[STATEMENTS];
};

static int open_database(const struct settings *settings, sqlite3 **ret_db, ngi_error *err)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX; /* no mutex: a connection never leaves its thread */

    if (sqlite3_open_v2(settings->path, &db, flags, NULL) || sqlite3_busy_timeout(db, settings->busy_ms)) {
        int rc = ngi_error_set(err, NGI_EIO, "cannot open database \"%s\": %s", settings->path, sqlite3_errmsg(db));
        (void)sqlite3_close(db);
        return rc;
    }
    *ret_db = db;
    return NGI_OK;
}

static int create_schema(const struct settings *settings, ngi_error *err)
{
    sqlite3 *db;
    int rc = open_database(settings, &db, err);

    if (rc)
        return rc;
    if (sqlite3_exec(db, schema, NULL, NULL, NULL))
        rc = ngi_error_set(err, NGI_EIO, "cannot prepare database \"%s\": %s", settings->path, sqlite3_errmsg(db));
    (void)sqlite3_close(db);
    return rc;
}

int store_init(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err)
{
    struct settings *settings = calloc(1, sizeof *settings);
    int rc = NGI_EIO; /* place_database says why */

    (void)config;
    if (!settings)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    settings->busy_ms = atoi(ngi_option(host, "busy_ms")); /* the host has checked it */
    settings->path = place_database(ngi_option(host, "database"), err);
    if (settings->path)
        rc = create_schema(settings, err);
    if (rc) {
        store_fini(settings);
        return rc;
    }
    *ret_state = settings;
    return NGI_OK;
}

void store_fini(void *state)
{
    struct settings *settings = state;

    free(settings->path);
    free(settings);
}

int store_thread_init(void *state, void **ret_thread_state, ngi_error *err)
{
    struct connection *connection = calloc(1, sizeof *connection);
    int rc = connection ? open_database(state, &connection->db, err) : ngi_error_set(err, NGI_ENOMEM, "out of memory");

    for (int i = 0; i < STATEMENTS && !rc; i++) {
        if (sqlite3_prepare_v3(connection->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &connection->statement[i], NULL))
            rc = ngi_error_set(err, NGI_EIO, "database: %s", sqlite3_errmsg(connection->db));
    }
    if (rc) {
        store_thread_fini(state, connection);
        return rc;
    }
    *ret_thread_state = connection;
    return NGI_OK;
}

void store_thread_fini(void *state, void *thread_state)
{
    struct connection *connection = thread_state;

    (void)state;
    if (!connection)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(connection->statement[i]);
    (void)sqlite3_close(connection->db);
    free(connection);
}

sqlite3_stmt *store_statement(ngi_request *r, enum statement which)
{
    const struct connection *connection = ngi_thread_state(r);
    return connection->statement[which];
}

int store_run(ngi_request *r, enum statement which, const char **ret_text)
{
    sqlite3_stmt *statement = store_statement(r, which);
    const char *copy = NULL;
    int rc = sqlite3_step(statement);

    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        bool null = sqlite3_column_type(statement, 0) == SQLITE_NULL;
        copy = text ? ngi_strdup(r, text) : NULL;
        rc = copy || null ? sqlite3_step(statement) : SQLITE_NOMEM; /* to the end: only then is a write committed */
    }
    (void)sqlite3_reset(statement); /* repeats the error of step */
    (void)sqlite3_clear_bindings(statement);
    if (rc != SQLITE_DONE)
        return rc;
    *ret_text = copy;
    return SQLITE_OK;
}
