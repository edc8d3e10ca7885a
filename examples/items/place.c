/* place.c - see place.h.
 *
 * A fixed name in /tmp is an invitation: someone else may own the file, or have left a symlink there. A directory that
 * is ours and closed to others settles it for the database, and for the journal files SQLite puts beside it.
 */
#define _GNU_SOURCE /* asprintf */

#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_directory(const char *path)
{
    return mkdir(path, 0700) && errno != EEXIST ? -1 : 0;
}

/* Makes `path` a directory that only this user may enter, or finds that it is one. */
static int make_private(const char *path, ngi_error *err)
{
    struct stat status;

    if (make_directory(path) || lstat(path, &status))
        return ngi_error_set(err, NGI_EIO, "cannot make directory \"%s\": %s", path, strerror(errno));
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077))
        return ngi_error_set(err, NGI_EPERM, "\"%s\" must be a directory of user %lu with mode 0700; "
                             "mend it, or set option database", path, (unsigned long)geteuid());
    return NGI_OK;
}

static char *default_path(ngi_error *err)
{
    const char *home = getenv("XDG_STATE_HOME");
    char *directory = NULL, *path = NULL;
    int length;

    if (home && *home == '/') { /* the XDG specification: relative ones are to be ignored */
        (void)make_directory(home); /* if that fails, the next says why */
        length = asprintf(&directory, "%s/postern", home);
    } else {
        length = asprintf(&directory, "/tmp/postern-%lu", (unsigned long)geteuid());
    }
    if (length < 0) {
        (void)ngi_error_set(err, NGI_ENOMEM, "out of memory");
        return NULL;
    }
    if (!make_private(directory, err) && asprintf(&path, "%s/items.db", directory) < 0) {
        path = NULL;
        (void)ngi_error_set(err, NGI_ENOMEM, "out of memory");
    }
    free(directory);
    return path;
}

char *place_database(const char *configured, ngi_error *err)
{
    char *path = *configured ? strdup(configured) : default_path(err);
    if (!path) {
        if (*configured)
            (void)ngi_error_set(err, NGI_ENOMEM, "out of memory");
        return NULL;
    }

    /* SQLite would create it readable for all. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        (void)ngi_error_set(err, NGI_EIO, "cannot open database \"%s\": %s", path, strerror(errno));
        free(path);
        return NULL;
    }
    (void)close(fd);
    return path;
}
