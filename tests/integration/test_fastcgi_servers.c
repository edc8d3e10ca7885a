/* The bundled plugin fastcgi against real applications: php-fpm, and fcgiwrap under spawn-fcgi. Where Debian's package
 * is not installed the test says "skipped". */
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_S = 60 };

/* The program of that name (a pattern) where Debian has it; NULL, having said so: it is not installed. */
static const char *program(const char *pattern)
{
    static char path[256];
    glob_t found;
    *path = '\0';
    if (glob(pattern, 0, NULL, &found) == 0)
        snprintf(path, sizeof path, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    if (!*path)
        fprintf(stderr, "skipped: %s is not installed: ./dev check would\n", pattern);
    return *path ? path : NULL;
}

/* Starts a server that stays in the foreground; its log is server.log of the scratch directory. */
static pid_t start(const char *const *argv)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* on which it ends its own processes */
    int log = open(scratch_path(&scratch, "server.log"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int null = open("/dev/null", O_RDONLY);
    if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 || chdir(scratch.path) < 0)
        _exit(126);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Ends what start has begun, with all its processes. */
static void stop(pid_t pid)
{
    int status;
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

/* It says nothing when it listens. */
static void wait_for_listener(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    strcpy(address.sun_path, path);
    for (time_t limit = time(NULL) + LIMIT_S; connect(fd, (const struct sockaddr *)&address, sizeof address) < 0;) {
        ck_assert_int_lt(time(NULL), limit);
        sched_yield();
    }
    close(fd);
}

static void write_script(const char *name, const char *text)
{
    scratch_write(&scratch, name, text);
    ck_assert_int_eq(chmod(scratch_path(&scratch, name), 0755), 0);
}

static void serve_it(const char *extension)
{
    char socket[200], root[200], set[100];
    snprintf(socket, sizeof socket, "plugin.fastcgi.option.socket=unix:%s", scratch_path(&scratch, "app.sock"));
    snprintf(root, sizeof root, "plugin.fastcgi.option.root=%s", scratch_path(&scratch, "www"));
    snprintf(set, sizeof set, "plugin.fastcgi.option.extension=%s", extension);
    SERVE("plugins/fastcgi.so", "--set", socket, "--set", root, "--set", set, "--set", "max_body=100M");
}

/* --- php-fpm ------------------------------------------------------------------------------------------------- */

/* Starts php-fpm with so many processes, and a gateway. 0: it is not installed. */
static pid_t serve_php(const char *children)
{
    const char *fpm = program("/usr/sbin/php-fpm*");
    char conf[1024], path[200];
    if (!fpm)
        return 0;
    prepare();
    ck_assert_int_eq(mkdir(scratch_path(&scratch, "www"), 0755), 0);
    snprintf(conf, sizeof conf,
             "[global]\nerror_log = %s\ndaemonize = no\n[www]\nlisten = %s\npm = static\npm.max_children = %s\n"
             "%scatch_workers_output = no\nphp_admin_value[post_max_size] = 100M\n",
             scratch_path(&scratch, "fpm.log"), scratch_path(&scratch, "app.sock"), children,
             geteuid() == 0 ? "user = root\ngroup = root\n" : "");
    scratch_write(&scratch, "fpm.conf", conf);
    scratch_write(&scratch, "www/environ.php",
                  "<?php foreach ($_SERVER as $k => $v) if (!is_array($v)) echo \"$k=$v\\n\";");
    scratch_write(&scratch, "www/upload.php",
                  "<?php $h = fopen('php://input', 'r'); $n = 0; $c = hash_init('md5');"
                  "while (!feof($h)) { $d = fread($h, 65536); $n += strlen($d); hash_update($c, $d); }"
                  "echo $n, ' ', hash_final($c), \"\\n\", $_SERVER['CONTENT_LENGTH'], \"\\n\";");
    scratch_write(&scratch, "www/form.php", "<?php echo $_POST['a'], $_FILES['f']['size'] ?? '', \"\\n\";");
    scratch_write(&scratch, "www/stream.php",
                  "<?php $line = str_repeat(\"0123456789abcde\\n\", 4096); for ($i = 0; $i < 1024; $i++) echo $line;");
    scratch_write(&scratch, "www/die.php",
                  "<?php error_log('about to die'); http_response_code(500); die(\"dead\\n\");");
    scratch_write(&scratch, "www/crash.php", "<?php exec('kill -9 ' . getmypid());");
    scratch_write(&scratch, "www/headers.php",
                  "<?php header('Location: /elsewhere'); setcookie('a', '1');"
                  "setcookie('b', '2'); header('X-One: 1');");
    scratch_write(&scratch, "www/index.php", "<?php echo 'index of ', $_SERVER['SCRIPT_NAME'], \"\\n\";");
    scratch_write(&scratch, "www/pid.php", "<?php echo getmypid();");
    snprintf(path, sizeof path, "%s", scratch_path(&scratch, "fpm.conf"));
    const char *argv[] = { fpm, "-F", "-n", "-y", path, geteuid() == 0 ? "-R" : NULL, NULL };
    pid_t pid = start(argv);
    wait_for_text("fpm.log", "ready to handle connections");
    serve_it(".php");
    return pid;
}

START_TEST(php_has_its_variables)
{
    pid_t php = serve_php("2");
    if (!php)
        return;
    const struct reply *reply = GET("/fastcgi/environ.php/a%20b?x=1", "X-Own: 7");
    EXPECT_STATUS(reply, 200);
    EXPECT_HEADER(reply, "Content-Type", "text/html; charset=UTF-8");
    ck_assert_pstr_eq(variable(reply, "SCRIPT_NAME"), "/fastcgi/environ.php");
    ck_assert_pstr_eq(variable(reply, "SCRIPT_FILENAME"), scratch_path(&scratch, "www/environ.php"));
    ck_assert_pstr_eq(variable(reply, "DOCUMENT_ROOT"), scratch_path(&scratch, "www"));
    ck_assert_pstr_eq(variable(reply, "PATH_INFO"), "/a b");
    ck_assert_pstr_eq(variable(reply, "PHP_SELF"), "/fastcgi/environ.php/a b");
    ck_assert_pstr_eq(variable(reply, "QUERY_STRING"), "x=1");
    ck_assert_pstr_eq(variable(reply, "HTTP_X_OWN"), "7");
    ck_assert_pstr_eq(variable(reply, "GATEWAY_INTERFACE"), "CGI/1.1");
    EXPECT(GET("/fastcgi/"), 200, "index of /fastcgi/index.php\n");
    EXPECT_STATUS(GET("/fastcgi/none.php"), 404);
    reply = ASK("HEAD", "/fastcgi/environ.php");
    EXPECT(reply, 200, "");
    EXPECT_HEADER(reply, "Content-Length", NULL);
    reply = GET("/fastcgi/headers.php");
    EXPECT(reply, 302, "");
    EXPECT_HEADER(reply, "Location", "/elsewhere");
    EXPECT_HEADER(reply, "X-One", "1");
    ck_assert_uint_eq(count_of(reply->head, "Set-Cookie: "), 2);
    finish();
    stop(php);
}
END_TEST

START_TEST(php_gets_uploads_whole)
{
    enum { SIZE = 20 * 1000 * 1000 };
    pid_t php = serve_php("2");
    if (!php)
        return;
    char *data = noise(SIZE), sum[100];
    struct command_result result;
    FILE *file = fopen(scratch_path(&scratch, "data"), "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, SIZE, file), SIZE);
    ck_assert_int_eq(fclose(file), 0);
    COMMAND(&result, "md5sum", scratch_path(&scratch, "data"));
    snprintf(sum, sizeof sum, "%d %.32s\n%d\n", SIZE, result.out, SIZE);
    command_free(&result);
    EXPECT(ask("POST", "/fastcgi/upload.php", LIST("Content-Type: a/b"), data, SIZE), 200, sum);
    EXPECT(ask("PUT", "/fastcgi/upload.php", LIST("Content-Type: a/b", "Transfer-Encoding: chunked"), data, SIZE), 200,
           sum);
    EXPECT(POST("/fastcgi/form.php", "a=seven", "Content-Type: application/x-www-form-urlencoded"), 200, "seven\n");
    EXPECT(POST("/fastcgi/form.php",
                "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nseven\r\n--x\r\nContent-Disposition: "
                "form-data; "
                "name=\"f\"; filename=\"f\"\r\n\r\nfive5\r\n--x--\r\n",
                "Content-Type: multipart/form-data; boundary=x"),
           200, "seven5\n");
    free(data);
    finish();
    stop(php);
}
END_TEST

START_TEST(php_streams_64_mib)
{
    enum { SIZE = 64 * 1024 * 1024, PIECE = 1024 * 1024, ROOM_KB = 16 * 1024 };
    pid_t php = serve_php("2");
    if (!php)
        return;
    EXPECT_STATUS(GET("/fastcgi/environ.php"), 200);
    long before = resident_kb();
    static const char request[] = "GET /fastcgi/stream.php HTTP/1.0\r\n\r\n"; /* without chunks */
    int client = raw_connect(gateway.port);
    raw_send(client, request, sizeof request - 1);
    char *head = read_until(client, "\r\n\r\n"), *piece = malloc(PIECE);
    EXPECT_HAS(head, " 200 OK\r\n");
    for (size_t done = 0; done < SIZE; done += PIECE) {
        ck_assert_int_eq(recv(client, piece, PIECE, MSG_WAITALL), PIECE);
        ck_assert(memcmp(piece, "0123456789abcde\n", 16) == 0 && memcmp(piece, piece + 16, PIECE - 16) == 0);
        ck_assert_int_lt(resident_kb() - before, ROOM_KB);
    }
    ck_assert_int_eq(recv(client, piece, PIECE, 0), 0);
    free(head);
    free(piece);
    close(client);
    finish();
    stop(php);
}
END_TEST

START_TEST(php_may_fail)
{
    pid_t php = serve_php("2");
    if (!php)
        return;
    EXPECT(GET("/fastcgi/die.php"), 500, "dead\n");
    gateway_wait_log(&gateway, "]: the application says: PHP message: about to die");
    EXPECT_STATUS(GET("/fastcgi/crash.php"), 502);
    gateway_wait_log(&gateway, "it has closed the connection");
    EXPECT(GET("/fastcgi/"), 200, "index of /fastcgi/index.php\n");
    finish();
    stop(php);
}
END_TEST

/* Its connections are kept, and so are its processes: that must not keep anybody waiting. */
START_TEST(php_with_one_process_serves_many_clients)
{
    enum { CLIENTS = 8, REQUESTS = 20 };
    pid_t php = serve_php("1");
    if (!php)
        return;
    pid_t pids[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        pids[i] = fork();
        ck_assert_int_ge(pids[i], 0);
        if (pids[i] > 0)
            continue;
        for (int k = 0; k < REQUESTS; k++)
            if (GET("/fastcgi/pid.php")->status != 200)
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
    finish();
    stop(php);
}
END_TEST

/* --- fcgiwrap ------------------------------------------------------------------------------------------------ */

START_TEST(spawned_fcgiwrap_runs_cgi_programs)
{
    char socket[200], wrap[200];
    if (!program("/usr/sbin/fcgiwrap"))
        return;
    snprintf(wrap, sizeof wrap, "%s", program("/usr/sbin/fcgiwrap"));
    if (!program("/usr/bin/spawn-fcgi"))
        return;
    prepare();
    ck_assert_int_eq(mkdir(scratch_path(&scratch, "www"), 0755), 0);
    write_script("www/environ", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nenv\n");
    write_script("www/count", "#!/bin/sh\nprintf 'Status: 201 Made\\nContent-Type: text/plain\\n\\n'\nwc -c\n");
    write_script("www/fails", "#!/bin/sh\necho 'what a day' >&2\nexit 3\n");
    snprintf(socket, sizeof socket, "%s", scratch_path(&scratch, "app.sock"));
    const char *argv[] = { "/usr/bin/spawn-fcgi", "-n", "-s", socket, "--", wrap, "-f", NULL };
    pid_t server = start(argv);
    wait_for_listener(socket);
    serve_it("");

    const struct reply *reply = GET("/fastcgi/environ?x=1");
    EXPECT_STATUS(reply, 200);
    ck_assert_pstr_eq(variable(reply, "SCRIPT_NAME"), "/fastcgi/environ");
    ck_assert_pstr_eq(variable(reply, "QUERY_STRING"), "x=1");
    char *data = noise(3000000);
    EXPECT(ask("POST", "/fastcgi/count", LIST("Content-Type: a/b"), data, 3000000), 201, "3000000\n");
    EXPECT_STATUS(GET("/fastcgi/fails"), 502);
    gateway_wait_log(&gateway, "]: the application says: what a day");
    EXPECT_STATUS(GET("/fastcgi/none"), 404);
    free(data);
    finish();
    stop(server);
}
END_TEST

Suite *fastcgi_servers_suite(void)
{
    Suite *suite = suite_create("fastcgi_servers");
    TCase *php = test_case(suite, "php-fpm", NULL);
    tcase_add_test(php, php_has_its_variables);
    tcase_add_test(php, php_gets_uploads_whole);
    tcase_add_test(php, php_streams_64_mib);
    tcase_add_test(php, php_may_fail);
    tcase_add_test(php, php_with_one_process_serves_many_clients);
    TCase *wrap = test_case(suite, "spawn-fcgi and fcgiwrap", NULL);
    tcase_add_test(wrap, spawned_fcgiwrap_runs_cgi_programs);
    return suite;
}
