#include "proc/mapped_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"

#define COPY "/memfd:"
#define GONE " (deleted)"

/* The device and inode in the line of /proc/PID/maps whose mapping begins at `start` (proc_pid_maps(5)). */
static bool identify(pid_t pid, uint64_t start, dev_t *device, ino_t *inode)
{
    char line[512], path[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
    FILE *maps = fopen(path, "re");
    while (maps && !found && fgets(line, sizeof line, maps)) {
        uint64_t at, number;
        unsigned major_number, minor_number;
        if (sscanf(line, "%" SCNx64 "-%*x %*s %*x %x:%x %" SCNu64, &at, &major_number, &minor_number, &number) != 4 ||
            at != start)
            continue;
        *device = makedev(major_number, minor_number);
        *inode = (ino_t)number;
        found = true;
    }
    if (maps)
        fclose(maps);
    return found;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool mapped_file_is_copy(const char *name)
{
    return text_has_prefix(name, COPY);
}

/* Not /proc/PID/map_files: following its links is for CAP_CHECKPOINT_RESTORE only (proc_pid_map_files(5)). */
int mapped_file_open(pid_t pid, uint64_t start)
{
    char path[64];
    dev_t device;
    ino_t inode;
    struct stat file;
    const struct dirent *entry;
    int fd = -1;
    if (!identify(pid, start, &device, &inode))
        return -1;
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *directory = opendir(path);
    while (directory && fd < 0 && (entry = readdir(directory)) != NULL)
        if (fstatat(dirfd(directory), entry->d_name, &file, 0) == 0 && file.st_ino == inode && file.st_dev == device)
            fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC);
    if (directory)
        closedir(directory);
    return fd;
}

void mapped_file_name(const char *name, char *out, size_t room)
{
    const char *slash = strrchr(name, '/'), *from = slash ? slash + 1 : name;
    if (mapped_file_is_copy(name))
        from = name + strlen(COPY);
    size_t length = strlen(from);
    if (text_has_suffix(from, GONE))
        length -= strlen(GONE);
    snprintf(out, room, "%.*s", (int)length, from);
}
