#include "plugin/trust.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 64 };

/* "alice (uid 1000)". getpwuid is not reentrant and need not be: files are checked on one thread, at start. */
static const char *user_name(uid_t uid, char out[NAME_SIZE])
{
    const struct passwd *user = getpwuid(uid);
    snprintf(out, NAME_SIZE, "%.40s (uid %u)", user ? user->pw_name : "nobody known", (unsigned)uid);
    return out;
}

/* ---------------------------------------------------------------------------------------------------------- */

int trust_check(int fd, const char *path, ngi_error *err)
{
    struct stat file;
    if (fstat(fd, &file) < 0)
        return ngi_error_set(err, NGI_EIO, "%s", strerror(errno));
    const char *kind = S_ISDIR(file.st_mode) ? "directory" : "file";
    if (file.st_uid != 0 && file.st_uid != geteuid()) {
        char owner[NAME_SIZE], us[NAME_SIZE];
        return ngi_error_set(err, NGI_EPERM,
                             "the %s belongs to %s; only root and the user running postern, %s, may own "
                             "it: chown root %s",
                             kind, user_name(file.st_uid, owner), user_name(geteuid(), us), path);
    }
    if (S_ISDIR(file.st_mode) && (file.st_mode & S_IWOTH) && (file.st_mode & S_ISVTX))
        return ngi_error_set(err, NGI_EPERM, "the directory is for everyone's files (mode %04o): make one of your own",
                             (unsigned)file.st_mode & 07777);
    if (file.st_mode & S_IWOTH)
        return ngi_error_set(err, NGI_EPERM, "the %s is writable by everyone (mode %04o): chmod o-w %s", kind,
                             (unsigned)file.st_mode & 07777, path);
    return NGI_OK;
}
