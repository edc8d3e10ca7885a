#include "tests/integration/families.h"

#include <ctype.h>
#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/generations.h"
#include "tests/integration/support.h"

enum { ZYGOTES_MOST = 16, LIMIT_S = 60 };

/* What stands in file `name` of /proc/PID, its NULs as blanks; "": the process is gone, or a zombie. */
static const char *read_proc(pid_t pid, const char *name)
{
    static char text[8192];
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    if (file) {
        n = fread(text, 1, sizeof text - 1, file);
        fclose(file);
    }
    for (size_t i = 0; i < n; i++)
        text[i] = text[i] ? text[i] : ' ';
    text[n] = '\0';
    return text;
}

static pid_t parent_of(pid_t pid)
{
    const char *line = strstr(read_proc(pid, "status"), "\nPPid:");
    return line ? atoi(line + strlen("\nPPid:")) : 0;
}

/* The next process that there is; 0: that was the last. */
static pid_t next_process(DIR *directory)
{
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL)
        if (isdigit((unsigned char)*entry->d_name))
            return atoi(entry->d_name);
    return 0;
}

/* Those in whose arguments the scratch directory stands: the gateway, and whatever came of it. */
static unsigned left_behind(void)
{
    unsigned count = 0;
    pid_t pid;
    DIR *directory = opendir("/proc");
    ck_assert_ptr_nonnull(directory);
    while ((pid = next_process(directory)) != 0) {
        const char *words = read_proc(pid, "cmdline");
        if (pid == getpid() || !strstr(words, scratch.path))
            continue;
        fprintf(stderr, "left behind: process %d, %s\n", (int)pid, words);
        count++;
    }
    closedir(directory);
    return count;
}

/* ---------------------------------------------------------------------------------------------------------- */

size_t children_of(pid_t parent, pid_t *pids, size_t most)
{
    size_t count = 0;
    pid_t pid;
    DIR *directory = opendir("/proc");
    ck_assert_ptr_nonnull(directory);
    while ((pid = next_process(directory)) != 0)
        if (parent_of(pid) == parent && *read_proc(pid, "cmdline") && count++ < most)
            pids[count - 1] = pid;
    closedir(directory);
    return count < most ? count : most;
}

pid_t zygote_of(pid_t worker, const char *name)
{
    pid_t zygotes[ZYGOTES_MOST];
    char file[64];
    snprintf(file, sizeof file, "/%s.so ", name);
    size_t count = children_of(worker, zygotes, ZYGOTES_MOST);
    for (size_t i = 0; i < count; i++)
        if (strstr(read_proc(zygotes[i], "cmdline"), file))
            return zygotes[i];
    return 0;
}

size_t family_of(pid_t worker, pid_t *pids, size_t most)
{
    size_t zygotes = children_of(worker, pids, most), count = zygotes;
    for (size_t i = 0; i < zygotes; i++)
        count += children_of(pids[i], pids + count, most - count);
    return count;
}

unsigned hosts_there(const char *name)
{
    unsigned count = 0;
    size_t i, j, k;
    json_error_t error;
    json_t *whole = json_loads(status_json(), 0, &error), *generation, *worker, *plugin;
    ck_assert_msg(whole, "%s", error.text);
    json_array_foreach(json_object_get(whole, "generations"), i, generation)
    {
        json_array_foreach(json_object_get(generation, "workers"), j, worker)
        {
            json_array_foreach(json_object_get(json_object_get(worker, "state"), "plugins"), k, plugin)
            {
                if (strcmp(json_string_value(json_object_get(plugin, "name")), name) == 0)
                    count += (unsigned)json_integer_value(
                        json_object_get(json_object_get(plugin, "hosts"), "processes"));
            }
        }
    }
    json_decref(whole);
    return count;
}

void await_hosts(const char *name, unsigned count)
{
    time_t limit = time(NULL) + LIMIT_S;
    unsigned there;
    while ((there = hosts_there(name)) != count)
        ck_assert_msg(time(NULL) < limit, "there are %u host processes of %s, not %u", there, name, count);
}

void finish_alone(void)
{
    time_t limit = time(NULL) + LIMIT_S;
    gateway_stop(&gateway);
    while (left_behind() > 0) /* what has been killed may take its time to go */
        ck_assert_msg(time(NULL) < limit, "%u processes have been left behind", left_behind());
    scratch_remove(&scratch);
}
