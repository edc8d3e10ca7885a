/* store.h - the database behind the items: statements, and a connection for each thread. */
#ifndef ITEMS_STORE_H
#define ITEMS_STORE_H

#include <ngi.h>
#include <sqlite3.h>

/* Each takes ?1 and perhaps ?2, and gives one row with one column, or none. */
enum statement {
    LIST,      /* after, limit → a page as JSON */
    CREATE,    /* name → the item as JSON */
    READ,      /* id → the item as JSON */
    RENAME,    /* id, name → the item as JSON */
    REMOVE,    /* id → "" */
    JSON_NAME, /* a JSON text → its member "name"; touches no table */
    STATEMENTS
};

/* The hooks of the plugin. store_init creates the schema and keeps no connection open: one must not cross a fork. */
int store_init(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err);
void store_fini(void *state);
int store_thread_init(void *state, void **ret_thread_state, ngi_error *err);
void store_thread_fini(void *state, void *thread_state);

/* The calling thread's statement, for the values to be bound to, and for store_run right after that. */
sqlite3_stmt *store_statement(ngi_request *r, enum statement which);

/* Runs a statement whose values are bound, and forgets them. Returns SQLITE_OK, then *ret_text is the row's text (lives
 * as long as the request), NULL without a row or for an SQL NULL; or an SQLite error code. */
int store_run(ngi_request *r, enum statement which, const char **ret_text);

#endif
