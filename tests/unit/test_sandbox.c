/* What every host process gets, and the limits. */
#include "proc/sandbox.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/sandbox_fixture.h"
#include "tests/unit/settings_fixture.h"
#include "tests/unit/suites.h"

static int kept, other; /* descriptors */

static bool is_dev_null(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

static int look_at_descriptors(void)
{
    for (int fd = 3; fd < 1024; fd++)
        if ((fcntl(fd, F_GETFD) >= 0) != (fd == kept))
            return fd;
    if (!is_dev_null(0) || !is_dev_null(1) || fcntl(2, F_GETFD) < 0)
        return EBADF;
    return write(kept, "x", 1) == 1 ? 0 : errno;
}

START_TEST(inherited_descriptors_are_closed)
{
    kept = open(file, O_WRONLY);
    other = fcntl(kept, F_DUPFD, 900);
    ck_assert(kept >= 0 && other >= 900);
    ck_assert_int_eq(try(look_at_descriptors, kept), 0);
    close(kept);
    kept = other;
    ck_assert_int_eq(try(look_at_descriptors, kept), 0);
    close(other);
}
END_TEST

static int look_at_privileges(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : EPERM;
}

START_TEST(no_program_gives_privileges)
{
    ck_assert_int_eq(TRY(look_at_privileges), 0);
}
END_TEST

static int look_at_session(void)
{
    int tty = open("/dev/tty", O_RDWR);
    return getsid(0) == getpid() && getpgrp() == getpid() && tty < 0 ? 0 : EPERM;
}

START_TEST(it_has_a_session_of_its_own)
{
    ck_assert_int_eq(TRY(look_at_session), 0);
}
END_TEST

static int oom_score(void)
{
    FILE *stream = fopen("/proc/self/oom_score_adj", "r");
    int score = -1;
    ck_assert(stream && fscanf(stream, "%d", &score) == 1);
    fclose(stream);
    return score;
}

static int our_score;

static int look_at_oom_score(void)
{
    return oom_score() == (our_score > 500 ? 1000 : our_score + 500) ? 0 : EPERM;
}

START_TEST(the_kernel_ends_it_first)
{
    our_score = oom_score();
    ck_assert_int_eq(TRY(look_at_oom_score), 0);
    ck_assert_int_eq(oom_score(), our_score);
}
END_TEST

static int look_at_the_rest(void)
{
    struct rlimit core, files;
    char where[256];
    /* Landlock forbids moving between directories as soon as it is asked about files at all. */
    if (mkdir("sub", 0700) != 0 || rename("file", "sub/file") != 0 || rename("sub/file", "file") != 0)
        return errno;
    return umask(0) == 024 && getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 &&
                   getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur == 321 && getcwd(where, sizeof where) &&
                   strcmp(where, dir) == 0 && prctl(PR_GET_DUMPABLE) == 1 && geteuid() == sandbox.uid &&
                   open(file, O_RDWR) >= 0
             ? 0
             : EPERM;
}

static int change_the_rest(void)
{
    struct rlimit core, files;
    umask(024);
    getrlimit(RLIMIT_CORE, &core);
    core.rlim_cur = 0;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = 321;
    ck_assert(setrlimit(RLIMIT_CORE, &core) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0 && chdir(dir) == 0);
    return TRY(look_at_the_rest);
}

START_TEST(what_was_not_asked_for_stays)
{
    ck_assert_int_eq(try_free(change_the_rest), 0);
}
END_TEST

/* Reads from `fd` what a process wrote before it ended, for ten seconds at most. */
static bool ends_after(int fd, const char *word)
{
    char text[64] = "";
    size_t length = 0;
    for (;;) {
        struct pollfd ready = { fd, POLLIN, 0 };
        if (poll(&ready, 1, 10000) != 1 || length == sizeof text - 1)
            return false;
        ssize_t got = read(fd, text + length, sizeof text - 1 - length);
        if (got <= 0)
            return got == 0 && strcmp(text, word) == 0;
        length += (size_t)got;
    }
}

START_TEST(an_orphan_is_killed)
{
    int ends[2], told[2];
    ck_assert(pipe(ends) == 0 && pipe(told) == 0);
    pid_t parent = fork();
    if (parent == 0) {
        if (sandbox_prepare(&sandbox, &err) != NGI_OK)
            _exit(1);
        if (fork() == 0) {
            int keep[] = { ends[1], told[1] };
            if (sandbox_enter(&sandbox, keep, 2, &err) == NGI_OK && write(ends[1], "in", 2) == 2)
                close(told[1]);
            for (;;)
                pause();
        }
        close(ends[1]);
        close(told[1]);
        char byte;
        _exit(read(told[0], &byte, 1) == 0 ? 0 : 1); /* it is in */
    }
    close(ends[1]);
    close(told[1]);
    ck_assert(ends_after(ends[0], "in"));
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
    close(ends[0]);
    close(told[0]);
}
END_TEST

START_TEST(an_orphan_does_not_enter)
{
    int ends[2], alive[2];
    ck_assert(pipe(ends) == 0 && pipe(alive) == 0);
    pid_t parent = fork();
    if (parent == 0) {
        if (sandbox_prepare(&sandbox, &err) != NGI_OK)
            _exit(1);
        if (fork() == 0) {
            char byte;
            int keep[] = { ends[1] };
            close(alive[1]);
            (void)!read(alive[0], &byte, 1);    /* until the parent ends */
            while (getppid() == sandbox.parent) /* its descriptors are closed a moment before it has a new parent */
                ;
            int rc = sandbox_enter(&sandbox, keep, 1, &err);
            dprintf(ends[1], "%d", rc);
            _exit(0);
        }
        _exit(0);
    }
    char words[16];
    snprintf(words, sizeof words, "%d", NGI_ECANCELED);
    close(ends[1]);
    close(alive[0]);
    close(alive[1]);
    ck_assert(ends_after(ends[0], words));
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
    close(ends[0]);
}
END_TEST

static int signal_the_parent(void)
{
    return kill(sandbox.parent, 0) == 0 ? 0 : errno;
}

static int signal_a_child(void)
{
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    int status;
    return kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? 0 : errno;
}

START_TEST(signals_do_not_leave)
{
    ck_assert_int_eq(TRY(signal_the_parent), EPERM);
    ck_assert_int_eq(TRY(signal_a_child), 0);
}
END_TEST

static int trace_the_parent(void)
{
    return ptrace(PTRACE_SEIZE, sandbox.parent, NULL, NULL) == 0 ? 0 : errno;
}

static int open_the_parents_memory(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/mem", (long)sandbox.parent);
    return open(path, O_RDONLY) >= 0 ? 0 : errno;
}

START_TEST(it_does_not_look_into_the_gateway)
{
    ck_assert_int_eq(TRY(trace_the_parent), EPERM);
    ck_assert_int_eq(TRY(open_the_parents_memory), EACCES);
}
END_TEST

/* --- limits --- */

static void *volatile small, *volatile large; /* so that the compiler does not allocate nothing in their place */

static int allocate(void)
{
    small = malloc(1 << 20);
    large = malloc((size_t)1 << 30);
    return !small ? EFAULT : large ? 0 : errno;
}

START_TEST(memory_has_a_limit)
{
    ck_assert_int_eq(TRY(allocate), 0);
    sandbox.memory_limit = 512 << 20;
    ck_assert_int_eq(TRY(allocate), ENOMEM);
}
END_TEST

static int enter_with_much_mapped(void)
{
    void *much = mmap(NULL, (size_t)1 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(much != MAP_FAILED && sandbox_prepare(&sandbox, &err) == NGI_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(sandbox_enter(&sandbox, NULL, 0, &err) == NGI_ENOMEM && strcmp(err.text, "plugin.p.memory_limit: more is "
                                                                                       "mapped already, before the "
                                                                                       "plugin is loaded: set "
                                                                                       "a higher one") == 0
                  ? 0
                  : 1);
    int status = 1;
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

START_TEST(a_limit_below_what_is_mapped_is_refused)
{
    sandbox.memory_limit = 512 << 20;
    ck_assert_int_eq(try_free(enter_with_much_mapped), 0);
}
END_TEST

static int compute(void)
{
    for (volatile unsigned i = 0;; i++)
        ;
    return 0;
}

START_TEST(cpu_time_has_a_limit)
{
    sandbox.cpu_limit = 1;
    ck_assert_int_eq(TRY(compute), -SIGXCPU);
}
END_TEST

static int open_files(void)
{
    int last = 0;
    for (int fd; (fd = dup(STDERR_FILENO)) >= 0 && fd < 4096;)
        last = fd;
    return errno == EMFILE ? last : 255;
}

START_TEST(open_files_have_a_limit)
{
    sandbox.files_limit = 16;
    ck_assert_int_eq(TRY(open_files), 15);
}
END_TEST

static int open_files_below_a_tighter_limit(void)
{
    struct rlimit files = { 18, 20 };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    sandbox.files_limit = 100;
    return TRY(open_files);
}

START_TEST(a_tighter_limit_stays)
{
    ck_assert_int_eq(try_free(open_files_below_a_tighter_limit), 17);
}
END_TEST

static int write_file(void)
{
    static char block[4096];
    int fd = open(file, O_WRONLY);
    for (int i = 0; i < 16; i++)
        if (write(fd, block, sizeof block) != sizeof block)
            return errno;
    return 0;
}

START_TEST(files_have_a_limit)
{
    ck_assert_int_eq(TRY(write_file), 0);
    sandbox.file_size_limit = 8192;
    ck_assert_int_eq(TRY(write_file), EFBIG);
    sandbox.file_size_limit = 65536;
    ck_assert_int_eq(TRY(write_file), 0);
}
END_TEST

/* Forks until that fails, 32 times at most; all of them end with it. */
static int fork_often(void)
{
    int count = 0, error = 0;
    pid_t child[32];
    for (; count < 32 && !error; count++) {
        child[count] = fork();
        if (child[count] == 0)
            for (;;)
                pause();
        if (child[count] < 0)
            error = errno;
    }
    for (int i = 0; i < count; i++)
        if (child[i] > 0) {
            kill(child[i], SIGKILL);
            waitpid(child[i], NULL, 0);
        }
    return error;
}

/* An ordinary user cannot become one who has no other process; its own are counted, too. */
START_TEST(processes_have_a_limit)
{
    if (!lacks_root())
        be_nobody();
    ck_assert_int_eq(TRY(fork_often), 0);
    sandbox.processes_limit = 8;
    ck_assert_int_eq(TRY(fork_often), EAGAIN);
}
END_TEST

START_TEST(a_limit_of_roots_processes_is_refused)
{
    sandbox.processes_limit = 8;
    assert_refused(NGI_EPERM, "plugin.p.processes_limit: the host processes would run as root, whom the kernel does "
                              "not hold to it: "
                              "set plugin.p.user, or limit the gateway's service (TasksMax= of systemd)");
}
END_TEST

START_TEST(a_limit_of_memory_is_refused_under_a_sanitizer)
{
    sandbox.memory_limit = 1 << 30;
    assert_refused(NGI_ENOSYS, "plugin.p.memory_limit: this gateway is built with a sanitizer, which maps terabytes of "
                               "address space: leave it out, or use an ordinary build");
}
END_TEST

/* --- from settings, and in words --- */

START_TEST(settings_become_a_sandbox)
{
    load_well("plugin p { user = a, group = b, chroot = /c, filesystem = readonly, writable = {\"/d\", \"/e\"}\n"
              "  network = off, syscalls = restricted, memory_limit = 1G, cpu_limit = 2, files_limit = 30\n"
              "  processes_limit = 4, file_size_limit = 5 }\nplugin q { network = on, syscalls = all }");
    struct sandbox made;
    sandbox_from_settings(&made, "p", settings_plugin(settings, "p"));
    ck_assert_str_eq(made.plugin, "p");
    ck_assert_str_eq(made.user, "a");
    ck_assert_str_eq(made.group, "b");
    ck_assert_str_eq(made.chroot, "/c");
    ck_assert(made.readonly && made.no_network && made.restricted);
    ck_assert_uint_eq(made.writable_count, 2);
    ck_assert_str_eq(made.writable[1], "/e");
    ck_assert_int_eq(made.memory_limit, 1 << 30);
    ck_assert_int_eq(made.cpu_limit, 2);
    ck_assert_int_eq(made.files_limit, 30);
    ck_assert_int_eq(made.processes_limit, 4);
    ck_assert_int_eq(made.file_size_limit, 5);
    sandbox_from_settings(&made, "q", settings_plugin(settings, "q"));
    ck_assert(!made.user && !made.group && !made.chroot && !made.readonly && !made.no_network && !made.restricted);
    ck_assert_int_eq(made.memory_limit, -1);
    ck_assert_int_eq(made.file_size_limit, -1);
}
END_TEST

START_TEST(it_is_described_in_a_line)
{
    static struct sock_filter program;
    static char *writable[] = { (char *)"/a", (char *)"/b c" };
    struct sandbox made = { .uid = 33,
                            .gid = 44,
                            .rules = -1,
                            .memory_limit = -1,
                            .cpu_limit = -1,
                            .files_limit = -1,
                            .processes_limit = -1,
                            .file_size_limit = -1 };
    struct buffer line;
    buffer_init(&line, 4096);
    ck_assert_int_eq(sandbox_describe(&made, &line), NGI_OK);
    ck_assert_str_eq(line.data, "user 33, group 44, no new privileges");
    buffer_reset(&line, 0);
    made = (struct sandbox){ .chroot = "/srv",
                             .readonly = true,
                             .writable = writable,
                             .writable_count = 2,
                             .no_network = true,
                             .restricted = true,
                             .memory_limit = 512 << 20,
                             .cpu_limit = 9,
                             .files_limit = 64,
                             .processes_limit = 8,
                             .file_size_limit = 1000,
                             .landlock_abi = 6,
                             .rules = 3,
                             .drops_capabilities = true,
                             .oom_first = true,
                             .deny = { 1, &program } };
    ck_assert_int_eq(sandbox_describe(&made, &line), NGI_OK);
    ck_assert_str_eq(line.data,
                     "user 0, group 0 (root, without capabilities), root directory /srv, files read-only but /a, /b c "
                     "(Landlock 6), no network, system calls restricted, memory 512M, CPU 9 s, descriptors 64, "
                     "processes of the user 8, file size 1000, no signals to others, no new privileges, first when "
                     "memory runs out");
    buffer_free(&line);
}
END_TEST

static const char *needs_to_be_root(void)
{
    return geteuid() == 0 ? NULL : "needs root";
}

Suite *sandbox_suite(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tests = tcase_create("sandbox");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, sandbox_set_up, sandbox_tear_down);
    tcase_add_test(tests, inherited_descriptors_are_closed);
    tcase_add_test(tests, no_program_gives_privileges);
    tcase_add_test(tests, it_has_a_session_of_its_own);
    tcase_add_test(tests, the_kernel_ends_it_first);
    tcase_add_test(tests, what_was_not_asked_for_stays);
    tcase_add_test(tests, an_orphan_is_killed);
    tcase_add_test(tests, an_orphan_does_not_enter);
    ADD_UNLESS(lacks_scopes(), tests, signals_do_not_leave);
    ADD_UNLESS(lacks_scopes(), tests, it_does_not_look_into_the_gateway);
    tcase_add_test(tests, it_is_described_in_a_line);
    suite_add_tcase(suite, tests);

    tests = tcase_create("sandbox_limits");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, sandbox_set_up, sandbox_tear_down);
    ADD_UNLESS(lacks_address_space(), tests, memory_has_a_limit);
    ADD_UNLESS(lacks_address_space(), tests, a_limit_below_what_is_mapped_is_refused);
    if (lacks_address_space())
        tcase_add_test(tests, a_limit_of_memory_is_refused_under_a_sanitizer);
    tcase_add_test(tests, cpu_time_has_a_limit);
    tcase_add_test(tests, open_files_have_a_limit);
    tcase_add_test(tests, a_tighter_limit_stays);
    tcase_add_test(tests, files_have_a_limit);
    tcase_add_test(tests, processes_have_a_limit);
    ADD_UNLESS(needs_to_be_root(), tests, a_limit_of_roots_processes_is_refused);
    suite_add_tcase(suite, tests);

    tests = tcase_create("sandbox_settings");
    tcase_add_checked_fixture(tests, settings_set_up, settings_tear_down);
    tcase_add_test(tests, settings_become_a_sandbox);
    suite_add_tcase(suite, tests);
    return suite;
}
