#include "tests/unit/sandbox_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/sandbox_parts.h"

struct sandbox sandbox;
ngi_error err;
char dir[64], file[80];

static pid_t watched; /* a child that must not be left behind, should the test fail */

void sandbox_set_up(void)
{
    sandbox_from_settings(&sandbox, "p", NULL);
    err = (ngi_error){ 0 };
    strcpy(dir, "/tmp/postern-sandbox-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chmod(dir, 0777), 0);
    snprintf(file, sizeof file, "%s/file", dir);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    ck_assert(fd >= 0 && fchmod(fd, 0666) == 0 && close(fd) == 0);
}

void sandbox_tear_down(void)
{
    char command[128];
    if (watched > 0)
        kill(watched, SIGKILL);
    sandbox_release(&sandbox);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static int end_of(pid_t child)
{
    int status = 0;
    ck_assert_int_gt(child, 0);
    watched = child;
    while (waitpid(child, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    watched = 0;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int try(int (*attempt)(void), int keep)
{
    enum { NOT_ENTERED = 255 };
    int kept[] = { STDERR_FILENO, keep };
    ck_assert_msg(sandbox_prepare(&sandbox, &err) == NGI_OK, "%s", err.text);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (sandbox_enter(&sandbox, kept, keep < 0 ? 1 : 2, &err) == NGI_OK)
            _exit(attempt());
        fprintf(stderr, "%s\n", err.text);
        _exit(NOT_ENTERED);
    }
    int end = end_of(child);
    ck_assert_int_ne(end, NOT_ENTERED);
    sandbox_release(&sandbox);
    return end;
}

int try_free(int (*attempt)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(attempt());
    return end_of(child);
}

void assert_refused(int code, const char *words)
{
    ck_assert_int_eq(sandbox_prepare(&sandbox, &err), code);
    ck_assert_int_eq(err.code, code);
    ck_assert_str_eq(err.text, words);
    sandbox_release(&sandbox);
}

void be_nobody(void)
{
    sandbox.user = sandbox.group = NOBODY;
}

void drop_root(void)
{
    gid_t group = NOBODY_ID;
    if (geteuid() != 0)
        return;
    /* What the kernel makes of /proc/self otherwise is root's. */
    if (setgroups(1, &group) != 0 || setresgid(group, group, group) != 0 ||
        setresuid(NOBODY_ID, NOBODY_ID, NOBODY_ID) != 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
        _exit(255);
}

/* What sandbox_prepare says to a sandbox for which `ask` asks, if that is not to be had here. Any other refusal is for
 * the test to fail with. */
static const char *refusal(void (*ask)(struct sandbox *asked))
{
    static ngi_error words;
    struct sandbox asked;
    sandbox_from_settings(&asked, "p", NULL);
    ask(&asked);
    int rc = sandbox_prepare(&asked, &words);
    sandbox_release(&asked);
    return rc == NGI_ENOSYS ? words.text : NULL;
}

const char *lacks_root(void)
{
    static const unsigned needed[] = { CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT, CAP_SYS_ADMIN };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!sandbox_has_capability(needed[i]))
            return "needs root";
    return NULL;
}

static void ask_landlock(struct sandbox *asked)
{
    asked->readonly = true;
    asked->means = SANDBOX_LANDLOCK;
}

static void ask_mounts(struct sandbox *asked)
{
    asked->readonly = true;
    asked->means = SANDBOX_MOUNTS;
}

static void ask_address_space(struct sandbox *asked)
{
    asked->memory_limit = 1 << 30;
}

const char *lacks_landlock(void)
{
    return refusal(ask_landlock);
}

const char *lacks_mounts(void)
{
    return refusal(ask_mounts);
}

/* Asked by a process without privilege; no test is running, so nothing may be asserted. */
const char *lacks_user_namespaces(void)
{
    int status = 1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        drop_root();
        _exit(lacks_mounts() ? 1 : 0);
    }
    waitpid(child, &status, 0);
    return status == 0 ? NULL : "needs mounts in user namespaces";
}

const char *lacks_address_space(void)
{
    return refusal(ask_address_space);
}

const char *lacks_scopes(void)
{
    struct sandbox probed;
    sandbox_landlock_probe(&probed);
    return probed.landlock_abi >= 6 ? NULL : "needs Landlock 6 (Linux 6.12)";
}
