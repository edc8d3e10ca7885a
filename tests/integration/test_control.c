/* The control socket, and the commands that speak to it. */
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/gate.h"
#include "tests/integration/generations.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

static int connect_control(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct timeval limit = { .tv_sec = 60 };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, control_path());
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* What is answered to a word, as JSON; the caller's. NULL: nothing. */
static json_t *read_json(int fd)
{
    char *text = raw_read_all(fd, NULL);
    json_error_t error;
    json_t *object = *text ? json_loads(text, 0, &error) : NULL;
    ck_assert_msg(!*text || object, "%s: %s", error.text, text);
    free(text);
    close(fd);
    return object;
}

static json_t *say_word(const char *word)
{
    int fd = connect_control();
    raw_send(fd, word, strlen(word));
    return read_json(fd);
}

static void expect_error(json_t *object, const char *key, const char *text)
{
    ck_assert_ptr_nonnull(object);
    const char *value = json_string_value(json_object_get(object, key));
    ck_assert_ptr_nonnull(value);
    EXPECT_HAS(value, text);
    json_decref(object);
}

/* --- status ----------------------------------------------------------------------------------------------------- */

START_TEST(status_tells_what_is_served)
{
    char line[200];
    prepare_generations();
    SERVE_GENERATIONS("--set", "processes=2");
    EXPECT(GET("/g/"), 200, "one");
    const char *text = status_text();
    snprintf(line, sizeof line, ", supervisor %d\n", (int)gateway.pid);
    EXPECT_HAS(text, line);
    EXPECT_HAS(text, "generation 1 serves, for ");
    EXPECT_HAS(text, " s: 1 plugin of ");
    snprintf(line, sizeof line, "  listening on %s\n", gateway.url);
    EXPECT_HAS(text, line);
    ck_assert_uint_eq(count_of(text, "\n  worker "), 2);
    ck_assert_uint_eq(count_of(text, "    plugin g 1.0 at /g\n"), 2);
    EXPECT_HAS(text, "      GET /hold ");
    EXPECT_LACKS(text, "what went wrong");
    finish();
}
END_TEST

START_TEST(status_is_json_if_that_is_asked_for)
{
    prepare_generations();
    make_gate("a");
    SERVE_GENERATIONS();
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    json_error_t error;
    json_t *whole = json_loads(status_json(), 0, &error), *generation, *worker, *state, *plugin;
    ck_assert_msg(whole, "%s", error.text);
    ck_assert_int_eq(json_integer_value(json_object_get(whole, "pid")), gateway.pid);
    ck_assert(json_is_false(json_object_get(whole, "stopping")));
    ck_assert_uint_eq(json_array_size(json_object_get(whole, "events")), 0);
    generation = json_array_get(json_object_get(whole, "generations"), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(generation, "number")), 1);
    ck_assert_str_eq(json_string_value(json_object_get(generation, "stage")), "serves");
    ck_assert_str_eq(json_string_value(json_array_get(json_object_get(generation, "listen"), 0)), gateway.url);
    worker = json_array_get(json_object_get(generation, "workers"), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(worker, "pid")), gateway_worker(&gateway));
    state = json_object_get(worker, "state");
    ck_assert_int_eq(json_integer_value(json_object_get(state, "requests_under_way")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(state, "connections")), 1);
    plugin = json_array_get(json_object_get(state, "plugins"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(plugin, "mount")), "/g");
    ck_assert_uint_eq(json_array_size(json_object_get(plugin, "routes")), 3);
    json_decref(whole);
    release("a");
    expect_answer(held, "200 OK", "one");
    close(held);
    finish();
}
END_TEST

/* A worker that does not answer, because it is stopped, costs three seconds and its part. */
START_TEST(status_does_not_wait_for_who_does_not_answer)
{
    prepare_generations();
    SERVE_GENERATIONS("--set", "processes=2");
    pid_t pid = gateway_worker(&gateway);
    kill(pid, SIGSTOP);
    const char *text = status_text();
    ck_assert_uint_eq(count_of(text, "\n  worker "), 2);
    ck_assert_uint_eq(count_of(text, "    plugin g 1.0 at /g\n"), 1);
    kill(pid, SIGCONT);
    finish();
}
END_TEST

/* Reasons are a plugin's words: whatever bytes these are, the answer is JSON. */
START_TEST(status_is_json_whatever_plugins_say)
{
    prepare();
    make_flavour("two", "-DANSWER=\"two\"");
    scratch_compile(&scratch, "made/odd.so",
                    "#include <ngi.h>\n#include <string.h>\n"
                    "static int start(const ngi_host *given, const ngi_config *config, void **ret, ngi_error *err)\n"
                    "{ (void)given, (void)config, (void)ret;\n"
                    "  char odd[240]; memset(odd, 'x', sizeof odd); memcpy(odd, \"b\\xff\\xfe\\x1b\\\"\", 5);\n"
                    "  memcpy(odd + 200, \"\\xc3\\xa4\\xc3\\xa4\\xc3\\xa4\\xc3\\xa4\\xc3\\xa4\\xc3\\xa4\", 12);\n"
                    "  odd[239] = 0; return ngi_error_set(err, NGI_EIO, \"%s\", odd); }\n"
                    "static int answer(ngi_request *r) { return ngi_text(r, 200, \"\"); }\n"
                    "static const ngi_option_spec options[] = { { \"place\", NGI_STRING, \"\", 0, 0, \"-\" }, { 0 } "
                    "};\n"
                    "static const ngi_route routes[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"
                    "NGI_PLUGIN_FULL(.name = \"g\", .version = \"1\", .routes = routes, .options = options, "
                    ".init = start)\n",
                    "");
    copy_over("two", "g");
    SERVE_GENERATIONS();
    copy_over("odd", "g");
    json_t *answer = say_word("reload\n");
    ck_assert(json_is_false(json_object_get(answer, "ok")));
    expect_error(answer, "why", "plugins/g.so");
    answer = say_word("status\n");
    ck_assert_uint_ge(json_array_size(json_object_get(answer, "events")), 1);
    ck_assert_uint_ge(json_array_size(json_object_get(answer, "generations")), 1);
    json_decref(answer);
    finish();
}
END_TEST

/* --- clients ---------------------------------------------------------------------------------------------------- */

START_TEST(a_wrong_word_is_answered)
{
    prepare_generations();
    SERVE_GENERATIONS();
    expect_error(say_word("restart\n"), "error", "unknown; there are status, reload, release NAME, drain, stop");
    expect_error(say_word("\n"), "error", "unknown");
    expect_error(say_word("release\n"), "error", "unknown");
    expect_error(say_word("reload g\n"), "error", "unknown");
    expect_error(say_word("release g\n"), "why", "no plugin g is in quarantine");
    char endless[200];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    ck_assert_ptr_null(say_word(endless));
    EXPECT_STATUS(GET("/g/"), 200);
    finish();
}
END_TEST

START_TEST(a_word_may_come_in_pieces_and_end_the_clients_side)
{
    prepare_generations();
    SERVE_GENERATIONS();
    int fd = connect_control();
    raw_send(fd, "sta", 3);
    EXPECT_HAS(status_text(), "generation 1 serves"); /* it has been read by now */
    raw_send(fd, "tus\n", 4);
    shutdown(fd, SHUT_WR); /* as nc -N does */
    json_t *answer = read_json(fd);
    ck_assert_ptr_nonnull(answer);
    ck_assert_uint_eq(json_array_size(json_object_get(answer, "generations")), 1);
    json_decref(answer);
    finish();
}
END_TEST

START_TEST(silence_keeps_nobody_from_being_heard)
{
    int fds[40];
    prepare_generations();
    SERVE_GENERATIONS();
    for (int i = 0; i < 40; i++)
        fds[i] = connect_control();
    EXPECT_HAS(status_text(), "generation 1 serves");
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    EXPECT_HAS(status_text(), "generation 1 serves");
    finish();
}
END_TEST

START_TEST(twenty_clients_at_once_are_all_answered)
{
    enum { CLIENTS = 20 };
    int fds[CLIENTS];
    prepare_generations();
    SERVE_GENERATIONS();
    for (int i = 0; i < CLIENTS; i++)
        raw_send(fds[i] = connect_control(), "status\n", 7); /* who is silent for a second has to make room */
    for (int i = 0; i < CLIENTS; i++) {
        json_t *answer = read_json(fds[i]);
        ck_assert_msg(answer != NULL, "client %d is not answered", i);
        ck_assert_uint_eq(json_array_size(json_object_get(answer, "generations")), 1);
        json_decref(answer);
    }
    finish();
}
END_TEST

START_TEST(a_client_that_leaves_within_its_reload_is_forgotten)
{
    prepare_generations();
    make_flavour("hanging", "-DANSWER=\"hanging\" -DHANGS");
    SERVE_GENERATIONS();
    copy_over("hanging", "g");
    int fd = connect_control();
    raw_send(fd, "reload\n", 7);
    gateway_wait_log(&gateway, "init hangs");
    unsigned before = descriptors(gateway.pid, "socket:");
    close(fd);
    EXPECT_HAS(status_text(), "generation 2 loads");
    ck_assert_uint_eq(descriptors(gateway.pid, "socket:"), before - 1);
    copy_over("two", "g");
    reload(0, "generation 3 serves\n");
    EXPECT(GET("/g/"), 200, "two");
    finish();
}
END_TEST

/* --- its file --------------------------------------------------------------------------------------------------- */

START_TEST(the_socket_is_its_users_alone_and_goes_at_the_end)
{
    struct stat file;
    prepare_generations();
    SERVE_GENERATIONS();
    ck_assert_int_eq(lstat(control_path(), &file), 0);
    ck_assert(S_ISSOCK(file.st_mode));
    ck_assert_uint_eq(file.st_mode & 07777, 0600);
    finish();
    ck_assert_int_eq(lstat(control_path(), &file), -1);
}
END_TEST

START_TEST(a_socket_left_over_is_replaced)
{
    prepare_generations();
    SERVE_GENERATIONS();
    pid_t worker = gateway_worker(&gateway);
    int process = open_process(worker);
    gateway_teardown();
    await_exit(process);
    struct command_result result;
    COMMAND(&result, "postern", "status", "--control", control_path());
    ck_assert_int_eq(result.status, 1);
    EXPECT_HAS(result.err, ": Connection refused: the gateway that made it is gone");
    command_free(&result);
    SERVE_GENERATIONS();
    EXPECT_HAS(status_text(), "generation 1 serves");
    finish();
}
END_TEST

START_TEST(a_socket_in_use_is_left_alone_and_stops_nothing)
{
    char line[300];
    prepare_generations();
    SERVE_GENERATIONS();
    struct gateway other;
    gateway_start(&other, LIST("serve", "--plugins", scratch_path(&scratch, "plugins"), "--control", control_path()));
    snprintf(line, sizeof line, "control: listen unix:%s: Address already in use: another process listens there",
             control_path());
    gateway_wait_log(&other, line);
    struct reply reply;
    fetch(&reply, other.url, "/g/", NULL, NULL, NULL, 0);
    EXPECT(&reply, 200, "one");
    reply_free(&reply);
    gateway_stop(&other);
    EXPECT_HAS(status_text(), "generation 1 serves"); /* the first one's, still */
    finish();
}
END_TEST

START_TEST(the_socket_moves_with_the_configuration)
{
    char text[500], other[160];
    prepare_generations();
    snprintf(other, sizeof other, "%s", scratch_path(&scratch, "other"));
    snprintf(text, sizeof text, "plugins = \"%s/plugins\"\ngrace = 20\ncontrol = \"%s\"\n", scratch.path,
             control_path());
    scratch_write(&scratch, "conf", text);
    gateway_start(&gateway, LIST("serve", "-c", scratch_path(&scratch, "conf")));
    snprintf(text, sizeof text, "plugins = \"%s/plugins\"\ngrace = 20\ncontrol = \"%s\"\n", scratch.path, other);
    scratch_write(&scratch, "conf", text);
    reload(0, "generation 2 serves\n"); /* asked at the old place, answered */
    ck_assert_int_eq(access(control_path(), F_OK), -1);
    struct command_result result;
    COMMAND(&result, "postern", "status", "-c", scratch_path(&scratch, "conf"));
    ck_assert_int_eq(result.status, 0);
    EXPECT_HAS(result.out, "generation 2 serves");
    command_free(&result);
    scratch_write(&scratch, "conf", "control = off\n");
    COMMAND(&result, "postern", "status", "-c", scratch_path(&scratch, "conf"));
    ck_assert_int_eq(result.status, 1);
    EXPECT_HAS(result.err, "control is off: set control = \"PATH\" and restart the gateway");
    command_free(&result);
    finish();
}
END_TEST

START_TEST(where_no_gateway_is_the_remedy_is_named)
{
    static const char *const commands[] = { "status", "reload", "drain", "stop" };
    struct command_result result;
    prepare();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        COMMAND(&result, "postern", commands[i], "--control", control_path());
        ck_assert_int_eq(result.status, 1);
        EXPECT_HAS(result.err, ": No such file or directory: no gateway has its control socket there: start one with "
                               "--control PATH, and name the same path here");
        command_free(&result);
    }
    scratch_remove(&scratch);
}
END_TEST

/* --- the end ---------------------------------------------------------------------------------------------------- */

START_TEST(drain_waits_for_what_is_under_way)
{
    prepare_generations();
    make_gate("a");
    SERVE_GENERATIONS();
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    int fd = connect_control();
    raw_send(fd, "drain\n", 6);
    gateway_wait_log(&gateway, "stopping: 1 request under way");
    struct pollfd answered = { fd, POLLIN, 0 };
    ck_assert_int_eq(poll(&answered, 1, 0), 0);
    expect_error(say_word("reload\n"), "why", "it is stopping");
    EXPECT_HAS(status_text(), ", stopping\n");
    release("a");
    expect_answer(held, "200 OK", "one");
    json_t *answer = read_json(fd);
    ck_assert(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    close(held);
    gateway_wait(&gateway);
    finish();
}
END_TEST

START_TEST(drain_ends_a_gateway_and_says_so)
{
    struct command_result result;
    prepare_generations();
    SERVE_GENERATIONS();
    COMMAND(&result, "postern", "drain", "--control", control_path());
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
    gateway_wait(&gateway);
    finish();
}
END_TEST

START_TEST(stop_cuts_what_is_under_way)
{
    prepare_generations();
    make_gate("a");
    SERVE_GENERATIONS("--set", "run=thread");
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    int fd = connect_control();
    raw_send(fd, "stop\n", 5);
    expect_answer(held, "503", "");
    nudge("a");
    json_t *answer = read_json(fd);
    ck_assert(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    close(held);
    gateway_wait_log(&gateway, "stopping at once: 1 request(s) are cut");
    (void)gateway_end(&gateway); /* perhaps with 1: a handler had to be left behind */
    scratch_remove(&scratch);
}
END_TEST

START_TEST(stop_ends_a_gateway_that_drains)
{
    struct command_result result;
    prepare_generations();
    make_gate("a");
    SERVE_GENERATIONS("--set", "run=thread");
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping: 1 request under way");
    int drains = connect_control();
    raw_send(drains, "drain\n", 6);
    EXPECT_HAS(status_text(), ", stopping");
    COMMAND(&result, "postern", "stop", "--control", control_path()); /* a second later the handler is left behind */
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
    expect_answer(held, "503", "");
    json_decref(read_json(drains));
    close(held);
    ck_assert_str_eq(gateway_end(&gateway), "the gateway ended with status 1"); /* a handler was left behind */
    scratch_remove(&scratch);
}
END_TEST

Suite *control_suite(void)
{
    Suite *suite = suite_create("control");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, status_tells_what_is_served);
    tcase_add_test(own, status_is_json_if_that_is_asked_for);
    tcase_add_test(own, status_does_not_wait_for_who_does_not_answer);
    tcase_add_test(own, status_is_json_whatever_plugins_say);
    tcase_add_test(own, a_wrong_word_is_answered);
    tcase_add_test(own, a_word_may_come_in_pieces_and_end_the_clients_side);
    tcase_add_test(own, silence_keeps_nobody_from_being_heard);
    tcase_add_test(own, twenty_clients_at_once_are_all_answered);
    tcase_add_test(own, a_client_that_leaves_within_its_reload_is_forgotten);
    tcase_add_test(own, the_socket_is_its_users_alone_and_goes_at_the_end);
    tcase_add_test(own, a_socket_left_over_is_replaced);
    tcase_add_test(own, a_socket_in_use_is_left_alone_and_stops_nothing);
    tcase_add_test(own, the_socket_moves_with_the_configuration);
    tcase_add_test(own, where_no_gateway_is_the_remedy_is_named);
    tcase_add_test(own, drain_waits_for_what_is_under_way);
    tcase_add_test(own, drain_ends_a_gateway_and_says_so);
    tcase_add_test(own, stop_cuts_what_is_under_way);
    tcase_add_test(own, stop_ends_a_gateway_that_drains);
    return suite;
}
