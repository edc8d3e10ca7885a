#include "tests/integration/support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_S = 60, TEST_LIMIT_S = 180, ARGUMENTS_MOST = 48 };

struct gateway gateway;
struct scratch scratch;

SRunner *runner;
int bad_ends;

/* Failures when the gateway started. */
static int failures_before;

void prepare(void)
{
    static const char *const directories[] = { "plugins", "spool", "state" };
    if (*scratch.path)
        return;
    scratch_make(&scratch);
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        ck_assert_int_eq(mkdir(scratch_path(&scratch, directories[i]), 0755), 0);
    setenv("XDG_STATE_HOME", scratch_path(&scratch, "state"), 1);
}

/* A test that says how many calls there may be at once, says so of threads. */
static const char *in_its_place(const char *argument)
{
    static const char threads[] = "executor_threads=";
    static char hosts[32];
    if (!gateway_rung() || strncmp(argument, threads, strlen(threads)) != 0)
        return argument;
    snprintf(hosts, sizeof hosts, "hosts=%s", argument + strlen(threads));
    return hosts;
}

void serve(const char *plugins, const char *const *arguments)
{
    const char *argv[ARGUMENTS_MOST] = { "serve", "--plugins" };
    size_t n = 2;
    char names[512], *save = NULL, spool[256], plugins_directory[256];
    prepare();
    snprintf(names, sizeof names, "%s", plugins);
    for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        char target[128];
        snprintf(target, sizeof target, "plugins/%s", strrchr(name, '/') + 1);
        scratch_copy_as(&scratch, name, target);
    }
    snprintf(plugins_directory, sizeof plugins_directory, "%s", scratch_path(&scratch, "plugins"));
    snprintf(spool, sizeof spool, "spool=%s", scratch_path(&scratch, "spool"));
    argv[n++] = plugins_directory;
    argv[n++] = "--set";
    argv[n++] = spool;
    while (*arguments && n < ARGUMENTS_MOST - 1)
        argv[n++] = in_its_place(*arguments++);
    failures_before = srunner_ntests_failed(runner);
    gateway_start(&gateway, argv);
}

/* The end of a gateway that a test case's tests shared. */
static void finish_shared(void)
{
    if (srunner_ntests_failed(runner) > failures_before)
        gateway_show_log(&gateway); /* one of the tests failed: the log may tell why */
    kill(gateway.pid, SIGTERM);
    const char *why = gateway_end(&gateway);
    if (why) {
        fprintf(stderr, "the gateway at %s, which tests shared: %s\n", gateway.url, why);
        bad_ends++;
    }
    scratch_remove(&scratch);
}

/* Under CK_FORK=no a failed test does not get to finish(). */
static void clean_up(void)
{
    gateway_teardown();
    scratch_remove(&scratch);
}

void finish(void)
{
    gateway_stop(&gateway);
    scratch_remove(&scratch);
}

TCase *test_case(Suite *suite, const char *name, void (*serve_all)(void))
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, TEST_LIMIT_S);
    if (serve_all)
        tcase_add_unchecked_fixture(tcase, serve_all, finish_shared);
    else
        tcase_add_checked_fixture(tcase, NULL, clean_up);
    suite_add_tcase(suite, tcase);
    return tcase;
}

const struct reply *ask(const char *method, const char *path, const char *const *headers, const void *data,
                        size_t length)
{
    static struct reply reply;
    reply_free(&reply);
    fetch(&reply, gateway.url, path, method, headers, data, length);
    return &reply;
}

const char *talk(const char *text)
{
    static char *answer;
    int fd = raw_connect(gateway.port);
    free(answer);
    answer = NULL; /* raw_send may end the test */
    raw_send(fd, text, strlen(text));
    answer = raw_read_all(fd, NULL);
    close(fd);
    return answer;
}

const char *variable(const struct reply *reply, const char *name)
{
    enum { VALUES = 8, VALUE_SIZE = 4096 };
    static char values[VALUES][VALUE_SIZE];
    static unsigned next;
    size_t length = strlen(name);
    for (const char *line = reply->body; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, name, length) == 0 && line[length] == '=') {
            const char *value = line + length + 1;
            snprintf(values[next % VALUES], VALUE_SIZE, "%.*s", (int)strcspn(value, "\n"), value);
            return values[next++ % VALUES];
        }
    return NULL;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;
    if (!file)
        return NULL;
    if (getdelim(&text, &size, '\0', file) < 0 && text)
        *text = '\0';
    fclose(file);
    return text;
}

const char *wait_for_text(const char *name, const char *text)
{
    static char *content;
    char events[4096];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    time_t limit = time(NULL) + LIMIT_S;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_ge(inotify_add_watch(fd, scratch.path, IN_MODIFY | IN_CREATE | IN_MOVED_TO), 0);
    for (;;) {
        struct pollfd changed = { fd, POLLIN, 0 };
        free(content);
        content = read_file(scratch_path(&scratch, name));
        if (content && strstr(content, text))
            break;
        ck_assert_msg(time(NULL) < limit && poll(&changed, 1, LIMIT_S * 1000) > 0,
                      "\"%s\" does not come to stand in %s:\n%s", text, name, content ? content : "(no such file)");
        while (read(fd, events, sizeof events) > 0)
            continue;
    }
    close(fd);
    return content;
}

long resident_kb(void)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)gateway_worker(&gateway));
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        (void)sscanf(line, "VmRSS: %ld", &kb);
    fclose(file);
    return kb;
}

unsigned count_of(const char *in, const char *text)
{
    unsigned count = 0;
    for (; (in = strstr(in, text)) != NULL; in += strlen(text))
        count++;
    return count;
}

char *noise(size_t length)
{
    char *data = malloc(length + 1);
    uint32_t state = 2463534242u; /* Marsaglia's xorshift, with his seed */
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        data[i] = (char)(state >> 24);
    }
    data[length] = '\0';
    return data;
}
