/* What a plugin may do to its host process, and what that costs: one call, and nobody else anything. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/families.h"
#include "tests/integration/gate.h"
#include "tests/integration/generations.h"
#include "tests/integration/load.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#define FAULTS "tests/integration/plugins/faults.so"

/* Where a crash ends in a sanitizer's report, and not in its signal. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

#ifdef __SANITIZE_THREAD__
enum { THREAD_SANITIZED = true };
#else
enum { THREAD_SANITIZED = false };
#endif

/* Plugin faults in host processes, and hello on the pool beside it. */
#define SERVE_FAULTS(...) serve_faults(LIST(__VA_ARGS__))
static void serve_faults(const char *const *more)
{
    const char *arguments[40] = { "--control", NULL, "--config", NULL };
    char place[200];
    size_t n = 4;
    prepare();
    scratch_write(&scratch, "conf",
                  "plugin faults {\n    run = process\n    route \"/spin\" { timeout = 2.5 }\n}\n"
                  "plugin hello { run = pool }\n");
    arguments[1] = control_path();
    arguments[3] = scratch_path(&scratch, "conf");
    snprintf(place, sizeof place, "plugin.faults.option.place=%s", scratch.path);
    arguments[n++] = "--set";
    arguments[n++] = place;
    while (*more && n < 39)
        arguments[n++] = *more++;
    serve(FAULTS " examples/hello.so", arguments);
}

/* The incident that an answer names. */
static const char *incident_of(const struct reply *reply)
{
    static char incident[32];
    const char *at = strstr(reply->body, "\nIncident ");
    ck_assert_msg(at, "no incident in \"%s\"", reply->body);
    snprintf(incident, sizeof incident, "%.16s", at + strlen("\nIncident "));
    return incident;
}

/* What plugin faults has come to: a member of its "hosts" in `postern status --json`, as text; "": there is none. */
static const char *hosts_say(const char *member)
{
    static char text[300];
    size_t i;
    json_t *whole = NULL, *state, *plugin;
    do { /* a worker that has not answered in time is left out */
        json_decref(whole);
        whole = json_loads(status_json(), 0, NULL);
        json_t *generation = json_array_get(json_object_get(whole, "generations"), 0);
        state = json_object_get(json_array_get(json_object_get(generation, "workers"), 0), "state");
    } while (!state);
    *text = '\0';
    json_array_foreach(json_object_get(state, "plugins"), i, plugin)
    {
        const json_t *value = json_object_get(json_object_get(plugin, "hosts"), member);
        if (json_is_string(value))
            snprintf(text, sizeof text, "%s", json_string_value(value));
        else if (value)
            snprintf(text, sizeof text, "%ld", (long)json_integer_value(value));
    }
    json_decref(whole);
    return text;
}

/* --- one fault each ------------------------------------------------------------------------------------------ */

struct fault {
    const char *path;
    int status;
    const char *words;   /* of how the process ended, in the log; NULL: it does not */
    const char *setting; /* that it takes */
    bool is_signal;      /* a sanitizer has it end in another way */
};

static const struct fault faults[] = {
    { "/segv", 502, " died of SIGSEGV\n", NULL, true },
    { "/abort", 502, " died of SIGABRT\n", NULL, false },
    { "/stack", 502, " died of SIGSEGV\n", NULL, true },
    { "/free", 502, " died of SIGABRT\n", NULL, true },
    { "/hog", 502, " died of SIGSEGV\n", "plugin.faults.memory_limit=300M", true },
    { "/exit", 502, " ended with status 1, which nobody had asked it to\n", NULL, false },
    { "/kill", 502, " died of SIGKILL\n", NULL, false },
    { "/spin", 504, " was killed: it had not ended in time a call that was given up\n", NULL, false },
    /* Which of its threads finds out first, and so what becomes of it, is chance. */
    { "/close?from=3", 502, ": its host process ", NULL, false },
    { "/close?from=0", 502, ": its host process ", NULL, false },
    { "/close?from=0&only=it", 200, NULL, NULL, false },
    { "/leave", 200, NULL, NULL, false },
    { "/leave?how=crash", 502, " died of SIGKILL\n", NULL, false },
    { "/leave?how=both", 200, NULL, NULL, false },
};

static void expect_told(const struct fault *fault, const char *incident)
{
    char line[200];
    size_t path = strcspn(fault->path, "?");
    if (fault->status == 502) {
        snprintf(line, sizeof line, "error: faults [%s]: GET /faults%s (route \"%.*s\"): 502: its host process ",
                 incident, fault->path, (int)path, fault->path);
        gateway_wait_log(&gateway, line);
    }
    /* A sanitizer may report it and exit, or have it die. */
    gateway_wait_log(&gateway,
                     fault->is_signal && SANITIZED ? "error: plugin faults: its host process " : fault->words);
}

/* Three times, while others ask for something else of the same plugin, and of another. */
START_TEST(a_fault_costs_the_call_that_has_it)
{
    enum { TIMES = 3, SOME = 30 };
    const struct fault *fault = &faults[_i];
    char path[64], incident[32] = "";
    if (fault->setting && SANITIZED)
        return; /* a sanitizer needs terabytes of addresses */
    if (THREAD_SANITIZED && strcmp(fault->path, "/free") == 0)
        return; /* whose allocator does not look */
    SERVE_FAULTS("--set", "hosts=3", "--set", "kill_after=0.3", "--set", fault->setting ? fault->setting : "hosts=3");
    snprintf(path, sizeof path, "/faults%s", fault->path);
    EXPECT(GET("/faults/fine"), 200, "fine\n");
    struct load *load = load_begin_many(gateway.port, LIST("/faults/fine", "/hello/"), 6, 2);
    for (int i = 0; i < TIMES; i++) {
        const struct reply *reply;
        load_await(load, SOME);
        reply = GET(path);
        EXPECT_STATUS(reply, fault->status);
        if (fault->status == 502)
            snprintf(incident, sizeof incident, "%s", incident_of(reply));
        if (fault->words)
            expect_told(fault, incident);
    }
    if (fault->words) /* each process that has ended has been counted, and its place been taken */
        await_count("error: plugin faults: its host process ", TIMES);
    load_await(load, SOME);
    struct load_result result = load_end(load);
    ck_assert_uint_eq(result.bad + result.lost + result.closed_idle, 0);
    EXPECT(GET("/faults/fine"), 200, "fine\n");
    ck_assert_str_eq(hosts_say("crashed"), fault->words ? "3" : "0");
    ck_assert_str_eq(hosts_say("circuit"), "closed");
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "; another takes its place"), 0); /* the worker has lived on */
    finish_alone();
}
END_TEST

START_TEST(what_a_host_has_left_behind_ends_with_it)
{
    static const char *const paths[] = { "/faults/leave", "/faults/leave?how=apart" };
    SERVE_FAULTS("--set", "hosts=1", "--set", "max_requests=1");
    for (int i = 0; i < 6; i++) {
        const struct reply *reply = GET(paths[i % 2]);
        EXPECT_STATUS(reply, 200);
        await_gone(atoi(reply->body));
    }
    gateway_wait_log(&gateway, "plugin faults: 1 process that its host processes have left behind is killed\n");
    ck_assert_str_eq(hosts_say("crashed"), "0");
    finish_alone();
}
END_TEST

START_TEST(what_a_host_has_left_behind_ends_with_the_worker_and_with_the_gateway)
{
    SERVE_FAULTS("--set", "hosts=1");
    const struct reply *reply = GET("/faults/leave?how=apart");
    EXPECT_STATUS(reply, 200);
    pid_t child = atoi(reply->body);
    ck_assert_int_eq(kill(child, 0), 0);
    ck_assert_int_eq(kill(gateway_worker(&gateway), SIGKILL), 0);
    await_gone(child);
    reply = GET("/faults/leave?how=apart");
    EXPECT_STATUS(reply, 200);
    child = atoi(reply->body);
    ck_assert_int_eq(kill(child, 0), 0);
    finish_alone();
    await_gone(child);
}
END_TEST

/* The line for requests of crashes is shared by all hosts of the plugin: it is lost, and nothing else is. */
START_TEST(a_host_that_shuts_down_what_it_shares_costs_nobody_anything)
{
    char directory[200];
    if (SANITIZED)
        return; /* which takes the crash */
    prepare();
    snprintf(directory, sizeof directory, "crash_dir=%s", scratch_path(&scratch, "crashes"));
    ck_assert_int_eq(mkdir(scratch_path(&scratch, "crashes"), 0700), 0);
    SERVE_FAULTS("--set", "hosts=2", "--set", directory);
    EXPECT(GET("/faults/shut"), 200, "1\n");
    gateway_wait_log(&gateway, "error: plugin faults: a host process has broken the line for requests of crashes: no "
                               "more "
                               "are kept\n");
    EXPECT(GET("/faults/fine"), 200, "fine\n");
    EXPECT_STATUS(GET("/faults/segv"), 502);
    gateway_wait_log(&gateway, "postern: the request is not kept: ");
    EXPECT(GET("/faults/fine"), 200, "fine\n");
    EXPECT_STATUS(GET("/hello/"), 200);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "has broken the line"), 1);
    finish_alone();
}
END_TEST

/* Closing what it hands over takes a minute, and that of the last descriptor of it waits for that long. */
START_TEST(what_cannot_be_closed_at_once_holds_up_nobody)
{
    static const char *const ways[] = { "alone", "second", "inside", "urgent" };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof at;
    char path[100];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, length), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &length), 0);
    SERVE_FAULTS("--set", "hosts=6", "--set", "spare_hosts=6"); /* for a while none is made after such a one */
    for (int i = 0; i < 4; i++) {
        time_t before = time(NULL);
        snprintf(path, sizeof path, "/faults/hand?how=%s&port=%d", ways[i], ntohs(at.sin_port));
        EXPECT_STATUS(GET(path), 502);
        EXPECT(GET("/faults/fine"), 200, "fine\n");
        EXPECT_STATUS(GET("/hello/"), 200);
        ck_assert_int_lt(time(NULL) - before, 30);
    }
    await_count(" was killed: it sent a descriptor that is no file's\n", 4);
    finish_alone();
    close(listener);
}
END_TEST

/* --- the circuit --------------------------------------------------------------------------------------------- */

/* Asks until the answer is `wanted`, and as long as it is `meanwhile`; how often it was that. */
static unsigned ask_until(const char *path, long wanted, long meanwhile)
{
    unsigned count = 0;
    for (time_t limit = time(NULL) + 60;; count++) {
        long status = GET(path)->status;
        if (status == wanted)
            return count;
        ck_assert_int_eq(status, meanwhile);
        ck_assert_msg(time(NULL) < limit, "no %ld comes", wanted);
    }
}

START_TEST(a_plugin_that_always_crashes_is_left_alone_for_a_while)
{
    enum { FAILURES = 5 };
    unsigned crashed = FAILURES, refused = 0;
    char count[16];
    SERVE_FAULTS("--set", "hosts=2");
    scratch_write(&scratch, "bad-mood", "");
    for (int i = 0; i < FAILURES; i++)
        EXPECT_STATUS(GET("/faults/moody"), 502);
    /* Each probe fails: one call is lost, and the pause is twice as long; until a machine that stands still makes none. */
    while (!strstr(gateway_log(&gateway), "and one is tried after 4.0 s; the latest: its host process ")) {
        long status = GET("/faults/moody")->status;
        ck_assert_msg(status == 502 || status == 503, "%ld", status);
        crashed += status == 502;
        refused += status == 503;
    }
    ck_assert_uint_gt(refused, 0);
    gateway_wait_log(&gateway, "plugin faults: its host processes keep failing, 5 times in a row: its calls are "
                               "answered 503, and one is tried after 1.0 s; the latest: its host process ");
    gateway_wait_log(&gateway, "and one is tried after 2.0 s; the latest: its host process ");
    const struct reply *reply = GET("/faults/moody");
    EXPECT_STATUS(reply, 503);
    ck_assert_pstr_ne(reply_header(reply, "Retry-After"), NULL);
    ck_assert_int_ge(atoi(reply_header(reply, "Retry-After")), 1);
    EXPECT_STATUS(GET("/faults/fine"), 503); /* the plugin's, not the route's */
    EXPECT_STATUS(GET("/hello/"), 200);
    ck_assert_str_eq(hosts_say("circuit"), "open");
    EXPECT_HAS(hosts_say("last"), " died of SIGKILL");
    EXPECT_HAS(status_text(), "keep failing, 5 times in a row");

    /* The next finds that all is well. */
    ck_assert_int_eq(unlink(scratch_path(&scratch, "bad-mood")), 0);
    (void)ask_until("/faults/moody", 200, 503);
    gateway_wait_log(&gateway, "plugin faults: its host processes work again\n");
    EXPECT(GET("/faults/moody"), 200, "fine\n");
    ck_assert_str_eq(hosts_say("circuit"), "closed");
    ck_assert_str_eq(hosts_say("failures"), "0");
    snprintf(count, sizeof count, "%u", crashed);
    ck_assert_str_eq(hosts_say("crashed"), count);
    finish_alone();
}
END_TEST

/* --- what there is too little of ------------------------------------------------------------------------------- */

static rlim_t change_limit(pid_t pid, __rlimit_resource_t resource, rlim_t soft)
{
    struct rlimit old;
    ck_assert_int_eq(prlimit(pid, resource, NULL, &old), 0);
    const struct rlimit limit = { soft, old.rlim_max };
    ck_assert_int_eq(prlimit(pid, resource, &limit, NULL), 0);
    return old.rlim_cur;
}

/* A limit of the size of a file is as good as a disk that is full. Looped over where the handler runs. */
START_TEST(a_body_that_cannot_be_kept_is_refused_with_the_reason)
{
    enum { LENGTH = 4 << 20 };
    static const char *const rungs[] = { "plugin.faults.run=process", "plugin.faults.run=thread" };
    SERVE_FAULTS("--set", "body_memory=1K", "--set", rungs[_i]);
    char *data = noise(LENGTH);
    pid_t worker = gateway_worker(&gateway);
    rlim_t before = change_limit(worker, RLIMIT_FSIZE, LENGTH / 2);
    for (int i = 0; i < 3; i++)
        EXPECT_STATUS(ask("POST", "/faults/size", NULL, data, LENGTH), 503);
    gateway_wait_log(&gateway, "the request body could not be kept in ");
    await_count(": File too large\n", 3);
    EXPECT(POST("/faults/size", "small"), 200, "5\n");
    (void)change_limit(worker, RLIMIT_FSIZE, before);
    EXPECT(ask("POST", "/faults/size", NULL, data, LENGTH), 200, "4194304\n");
    ck_assert_int_eq(gateway_worker(&gateway), worker);
    free(data);
    finish_alone();
}
END_TEST

/* More clients than the worker has descriptors for. Those that wait are served when others leave. */
START_TEST(without_descriptors_it_waits_and_goes_on)
{
    enum { CLIENTS = 40, ROOM = 12 };
    int clients[CLIENTS];
    SERVE_FAULTS();
    EXPECT(GET("/faults/fine"), 200, "fine\n");
    pid_t worker = gateway_worker(&gateway);
    rlim_t before = change_limit(worker, RLIMIT_NOFILE, descriptors(worker, "") + ROOM);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = begin(i % 2 ? "/faults/fine" : "/hello/");
    /* One after the other: whoever leaves makes room. */
    for (int i = 0; i < CLIENTS; i++) {
        expect_answer(clients[i], "200 OK", "");
        close(clients[i]);
    }
    (void)change_limit(worker, RLIMIT_NOFILE, before);
    EXPECT(GET("/faults/fine"), 200, "fine\n");
    ck_assert_int_eq(gateway_worker(&gateway), worker);
    finish_alone();
}
END_TEST

/* The socket pair of a new process is what there is no room for. */
START_TEST(without_descriptors_no_process_can_be_made_until_there_are_some)
{
    SERVE_FAULTS("--set", "hosts=1");
    EXPECT(GET("/faults/fine"), 200, "fine\n");
    pid_t worker = gateway_worker(&gateway);
    struct session *session = session_begin(gateway.url); /* a connection that is there already */
    struct reply reply;
    fetch_on(session, &reply, "/faults/fine", "GET", NULL, NULL, 0);
    EXPECT_STATUS(&reply, 200);
    reply_free(&reply);
    rlim_t before = change_limit(worker, RLIMIT_NOFILE, 3);
    fetch_on(session, &reply, "/faults/kill", "GET", NULL, NULL, 0);
    EXPECT_STATUS(&reply, 502);
    reply_free(&reply);
    gateway_wait_log(&gateway, "Too many open files");
    fetch_on(session, &reply, "/faults/fine", "GET", NULL, NULL, 0);
    EXPECT_STATUS(&reply, 503);
    reply_free(&reply);
    (void)change_limit(worker, RLIMIT_NOFILE, before);
    (void)ask_until("/faults/fine", 200, 503);
    ck_assert_int_eq(gateway_worker(&gateway), worker);
    session_end(session);
    finish_alone();
}
END_TEST

Suite *host_faults_suite(void)
{
    Suite *suite = suite_create("host_faults");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_loop_test(own, a_fault_costs_the_call_that_has_it, 0, sizeof faults / sizeof *faults);
    tcase_add_test(own, what_a_host_has_left_behind_ends_with_it);
    tcase_add_test(own, a_host_that_shuts_down_what_it_shares_costs_nobody_anything);
    tcase_add_test(own, what_cannot_be_closed_at_once_holds_up_nobody);
    tcase_add_test(own, what_a_host_has_left_behind_ends_with_the_worker_and_with_the_gateway);
    tcase_add_test(own, a_plugin_that_always_crashes_is_left_alone_for_a_while);
    tcase_add_loop_test(own, a_body_that_cannot_be_kept_is_refused_with_the_reason, 0, 2);
    tcase_add_test(own, without_descriptors_it_waits_and_goes_on);
    tcase_add_test(own, without_descriptors_no_process_can_be_made_until_there_are_some);
    return suite;
}
