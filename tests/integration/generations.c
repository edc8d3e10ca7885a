#include "tests/integration/generations.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/support.h"

enum { LIMIT_MS = 60 * 1000, ARGUMENTS_MOST = 32 };

static const char text_of_plugin[] =
    "#include <fcntl.h>\n#include <ngi.h>\n#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
    "#include <sys/resource.h>\n#include <unistd.h>\n"
    "#ifdef BROKEN\nextern int nowhere(void);\n#endif\n"
    "static const ngi_host *gateway;\n"
    "static int start(const ngi_host *given, const ngi_config *config, void **ret, ngi_error *err)\n"
    "{\n"
    "    (void)config, (void)ret, (void)err;\n"
    "    gateway = given;\n"
    "#if defined REFUSES\n"
    "    return ngi_error_set(err, NGI_EIO, \"the database is gone\");\n"
    "#elif defined CRASHES\n"
    "    raise(SIGSEGV);\n"
    "#elif defined EXITS\n"
    "    exit(7);\n"
    "#elif defined HANGS\n"
    "    ngi_host_log(gateway, NGI_LOG_INFO, \"init hangs\");\n"
    "    for (;;)\n"
    "        pause();\n"
    "#elif defined MARK\n"
    "    if (access(MARK, F_OK) == 0)\n"
    "        return ngi_error_set(err, NGI_EIO, \"there is a mark\");\n"
    "#elif defined STARVES\n"
    "    int fd = open(STARVES, O_WRONLY | O_CREAT | O_EXCL, 0600);\n"
    "    const struct rlimit least = { fd + 6, fd + 6 };\n"
    "    if (fd >= 0) {\n"
    "        close(fd);\n"
    "        setrlimit(RLIMIT_NOFILE, &least);\n"
    "    }\n"
    "#endif\n"
    "    return NGI_OK;\n"
    "}\n"
    "static int answer(ngi_request *r)\n{\n"
    "#ifdef BROKEN\n    nowhere();\n#endif\n"
    "    return ngi_text(r, 200, ANSWER);\n}\n"
    "static int hold(ngi_request *r)\n"
    "{\n"
    "    char path[512];\n"
    "    snprintf(path, sizeof path, \"%s/%s\", ngi_option(r->ngi, \"place\"), ngi_query(r, \"name\", \"\"));\n"
    "    ngi_log(r, NGI_LOG_INFO, \"%s holds\", ngi_query(r, \"name\", \"\"));\n"
    "    int fd = open(path, O_RDONLY | O_CLOEXEC);\n"
    "    if (fd >= 0)\n        close(fd);\n"
    "    return ngi_text(r, 200, ANSWER);\n"
    "}\n"
    "static int pid(ngi_request *r) { return ngi_textf(r, 200, \"%d\", (int)getpid()); }\n"
    "static const ngi_option_spec options[] = {\n"
    "    { \"place\", NGI_STRING, \"/nowhere\", 0, 0, \"Directory of the FIFOs.\" }, { 0 } };\n"
    "static const ngi_route routes[] = { NGI_ROUTE(NGI_GET, \"/\", answer), NGI_ROUTE(NGI_GET, \"/pid\", pid),\n"
    "                                    NGI_ROUTE(NGI_GET, \"/hold\", hold, NGI_MAY_BLOCK), { 0 } };\n"
    "#ifndef NAME\n#define NAME \"g\"\n#endif\n"
    "NGI_PLUGIN_FULL(.name = NAME, .version = \"1.0\", .routes = routes, .options = options, .init = start)\n";

static char command_answer[64 * 1024];

static const char *run_status(const char *option)
{
    struct command_result result;
    COMMAND(&result, "postern", "status", "--control", control_path(), option);
    ck_assert_msg(result.status == 0, "%s", result.err);
    snprintf(command_answer, sizeof command_answer, "%s", result.out);
    command_free(&result);
    return command_answer;
}

/* ---------------------------------------------------------------------------------------------------------- */

void make_flavour(const char *flavour, const char *flags)
{
    char name[64];
    snprintf(name, sizeof name, "made/%s.so", flavour);
    (void)mkdir(scratch_path(&scratch, "made"), 0755);
    scratch_compile(&scratch, name, text_of_plugin, flags);
}

static void place(const char *flavour, const char *name, const char *how)
{
    struct command_result result;
    char from[64], to[64];
    snprintf(from, sizeof from, "made/%s.so", flavour);
    snprintf(to, sizeof to, "plugins/%s.so", name);
    /* mv would take the flavour away */
    COMMAND(&result, "sh", "-c", how, "sh", scratch_path(&scratch, from), scratch_path(&scratch, to));
    ck_assert_msg(result.status == 0, "%s", result.err);
    command_free(&result);
}

void copy_over(const char *flavour, const char *name)
{
    place(flavour, name, "exec cp \"$1\" \"$2\"");
}

void move_over(const char *flavour, const char *name)
{
    place(flavour, name, "cp \"$1\" \"$1.moved\" && exec mv -f \"$1.moved\" \"$2\"");
}

void prepare_generations(void)
{
    prepare();
    make_flavour("one", "-DANSWER=\"one\"");
    make_flavour("two", "-DANSWER=\"two\"");
    copy_over("one", "g");
}

void serve_generations(const char *const *more)
{
    const char *arguments[ARGUMENTS_MOST] = { "--control", control_path(), "--set", "grace=20", "--set" };
    char option[200];
    size_t n = 5;
    snprintf(option, sizeof option, "plugin.g.option.place=%s", scratch.path);
    arguments[n++] = option;
    while (*more && n < ARGUMENTS_MOST - 1)
        arguments[n++] = *more++;
    serve("", arguments);
}

const char *control_path(void)
{
    static char path[160];
    snprintf(path, sizeof path, "%s", scratch_path(&scratch, "control"));
    return path;
}

void reload(int status, const char *text)
{
    struct command_result result;
    COMMAND(&result, "postern", "reload", "--control", control_path());
    EXPECT_HAS(status == 0 ? result.out : result.err, text);
    ck_assert_int_eq(result.status, status);
    command_free(&result);
}

const char *status_text(void)
{
    return run_status(NULL);
}

const char *status_json(void)
{
    return run_status("--json");
}

void await_serving(unsigned number)
{
    char line[64];
    snprintf(line, sizeof line, "generation %u serves:", number);
    gateway_wait_log(&gateway, line);
}

void await_ended(unsigned number)
{
    char line[64];
    snprintf(line, sizeof line, "generation %u has ended", number);
    gateway_wait_log(&gateway, line);
}

void await_count(const char *text, unsigned count)
{
    char events[4096];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    ck_assert_int_ge(inotify_add_watch(fd, gateway.log, IN_MODIFY), 0);
    time_t limit = time(NULL) + LIMIT_MS / 1000;
    while (count_of(gateway_log(&gateway), text) < count) {
        struct pollfd changed = { fd, POLLIN, 0 };
        ck_assert_msg(time(NULL) < limit && poll(&changed, 1, LIMIT_MS) > 0,
                      "\"%s\" does not come to stand in the log %u times", text, count);
        while (read(fd, events, sizeof events) > 0)
            continue;
    }
    close(fd);
}

size_t workers(pid_t *pids, size_t most)
{
    char path[64];
    size_t count = 0;
    int pid;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)gateway.pid, (int)gateway.pid);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fscanf(file, "%d", &pid) == 1)
        if (count++ < most)
            pids[count - 1] = pid;
    fclose(file);
    return count;
}

int open_process(pid_t pid)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    ck_assert_int_ge(process, 0);
    return process;
}

void await_exit(int process)
{
    struct pollfd gone = { process, POLLIN, 0 };
    ck_assert_msg(poll(&gone, 1, LIMIT_MS) > 0, "a process does not end");
    close(process);
}

void await_gone(pid_t pid)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process >= 0)
        await_exit(process);
}

unsigned descriptors(pid_t pid, const char *kind)
{
    char path[64], name[400], target[256];
    unsigned count = 0;
    const struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        ssize_t n = readlink(name, target, sizeof target - 1);
        if (n < 0)
            continue;
        target[n] = '\0';
        count += strncmp(target, kind, strlen(kind)) == 0;
    }
    closedir(directory);
    return count;
}
