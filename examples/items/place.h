/* place.h - where the database lies. */
#ifndef ITEMS_PLACE_H
#define ITEMS_PLACE_H

#include <ngi.h>

/* The database's path, for the caller to free, once the file exists and may be read and written: `configured`, or if
 * that is "" items.db in a private directory, $XDG_STATE_HOME/postern or /tmp/postern-UID. NULL with the reason in
 * `err`. */
char *place_database(const char *configured, ngi_error *err);

#endif
