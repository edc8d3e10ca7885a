#include "tests/servers/front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HOSTS_MOST = 6, CONFIGURATION_MOST = 16 * 1024, LIMIT_MS = 60 * 1000 };

static struct host {
    char name[32];
    struct gateway gateway;
} hosts[HOSTS_MOST];
static size_t host_count;
static pid_t front;
static int port;

const char *front_program(void)
{
    static const char *const programs[][2] = {
        { "nginx", "/usr/sbin/nginx" }, { "apache", "/usr/sbin/apache2" }, { "lighttpd", "/usr/sbin/lighttpd" }
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (IS(programs[i][0]) && access(programs[i][1], X_OK) == 0)
            return programs[i][1];
    return NULL;
}

/* --- its configuration --------------------------------------------------------------------------------------- */

static char *read_all(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_int_gt(getdelim(&text, &size, '\0', file), 0);
    fclose(file);
    return text;
}

/* The block of that language in the document that is about what is at 127.0.0.1:PORT: a plugin at 9000, a gateway at
 * 8080; malloc'ed. */
static char *snippet(const char *language, const char *port_there)
{
    char fence[32], *text = read_all(source("doc/OPERATING.md")), *copy = NULL;
    snprintf(fence, sizeof fence, "\n```%s\n", language);
    for (char *block = text; !copy && (block = strstr(block, fence)) != NULL;) {
        block += strlen(fence);
        char *end = strstr(block, "\n```");
        ck_assert_ptr_nonnull(end);
        copy = strndup(block, (size_t)(end + 1 - block));
        if (!strstr(copy, port_there)) {
            free(copy);
            copy = NULL;
        }
    }
    ck_assert_msg(copy != NULL, "doc/OPERATING.md has no block of %s with the port %s", language, port_there);
    free(text);
    return copy;
}

/* Appends `text` with every `from` replaced. */
static void append(char *out, const char *text, const char *from, const char *to)
{
    size_t at = strlen(out);
    for (const char *next; *text; text = next) {
        const char *found = from ? strstr(text, from) : NULL;
        next = found ? found + strlen(from) : text + strlen(text);
        int n = snprintf(out + at, CONFIGURATION_MOST - at, "%.*s%s",
                         (int)(found ? found - text : next - text), text, found ? to : "");
        at += (size_t)n;
        ck_assert_uint_lt(at, CONFIGURATION_MOST);
    }
}

/* The document's block, once for each plugin. */
static void append_hosts(char *out)
{
    char *block = snippet(SERVER, "9000");
    for (size_t i = 0; i < host_count; i++) {
        char one[4096] = "", two[4096] = "", name[40], digits[16];
        snprintf(name, sizeof name, "/%.31s/", hosts[i].name);
        snprintf(digits, sizeof digits, "%d", hosts[i].gateway.port);
        append(one, block, "/app/", name);
        append(two, one, "9000", digits);
        append(out, two, NULL, NULL);
    }
    free(block);
}

static void write_configuration(const char *more)
{
    static char text[CONFIGURATION_MOST], own[4096];
    const char *root = scratch.path;
    *text = '\0';
    if (IS("nginx")) {
        snprintf(own, sizeof own,
                 "daemon off;\nworker_processes 1;\nerror_log %s/front.log info;\npid %s/front.pid;\n"
                 "events {}\nhttp {\naccess_log off;\nclient_max_body_size 50m;\nclient_body_temp_path %s/body;\n"
                 "fastcgi_temp_path %s/fastcgi;\nproxy_temp_path %s/proxy;\nscgi_temp_path %s/scgi;\n"
                 "uwsgi_temp_path %s/uwsgi;\n%sserver {\nlisten 127.0.0.1:%d;\n",
                 root, root, root, root, root, root, root, more ? more : "", port);
        append(text, geteuid() == 0 ? "user root;\n" : "", NULL, NULL);
        append(text, own, NULL, NULL);
        append_hosts(text);
        append(text, "}\n}\n", NULL, NULL);
    } else if (IS("apache")) {
        snprintf(own, sizeof own,
                 "ServerRoot %s\nServerName 127.0.0.1\nListen 127.0.0.1:%d\nPidFile %s/front.pid\n"
                 "ErrorLog %s/front.log\nLogLevel info\nDefaultRuntimeDir %s\nMutex sem\nServerLimit 1\n"
                 "%s"
                 "LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
                 "LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
                 "LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so\n"
                 "LoadModule proxy_fcgi_module /usr/lib/apache2/modules/mod_proxy_fcgi.so\n%s",
                 root, port, root, root, root, geteuid() == 0 ? "User nobody\nGroup nogroup\n" : "",
                 more ? more : "");
        append(text, own, NULL, NULL);
        append_hosts(text);
    } else {
        snprintf(own, sizeof own,
                 "server.bind = \"127.0.0.1\"\nserver.port = %d\nserver.document-root = \"%s/plugins\"\n"
                 "server.pid-file = \"%s/front.pid\"\nserver.errorlog = \"%s/front.log\"\n"
                 "server.upload-dirs = ( \"%s/spool\" )\nserver.modules = ( \"mod_fastcgi\" )\n%s",
                 port, root, root, root, root, more ? more : "");
        append(text, own, NULL, NULL);
        append_hosts(text);
    }
    scratch_write(&scratch, "front.conf", text);
}

/* --- its process --------------------------------------------------------------------------------------------- */

/* A port for a server, none of which tells the one that it was given. It stays ours until close(reserved): bound, but not
 * listening, so that a server, with SO_REUSEADDR, may have it, and nobody gets it for port 0. */
static int reserved = -1;
static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    const int on = 1;
    reserved = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(setsockopt(reserved, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    ck_assert_int_eq(bind(reserved, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(getsockname(reserved, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static _Noreturn void be_front(void)
{
    char conf[256];
    const char *program = front_program();
    int null = open("/dev/null", O_RDONLY);
    int out = open(scratch_path(&scratch, "front.out"), O_WRONLY | O_CREAT | O_APPEND, 0644);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(conf, sizeof conf, "%s", scratch_path(&scratch, "front.conf"));
    (void)dup2(null, 0);
    (void)dup2(out, 1);
    (void)dup2(out, 2);
    if (IS("nginx"))
        execl(program, program, "-c", conf, "-e", front_log(), (char *)NULL);
    else if (IS("apache"))
        execl(program, program, "-f", conf, "-DFOREGROUND", (char *)NULL);
    else
        execl(program, program, "-D", "-f", conf, (char *)NULL);
    _exit(126);
}

static void start_front(const char *more)
{
    write_configuration(more);
    front = fork();
    ck_assert_int_ge(front, 0);
    if (front == 0)
        be_front();
    (void)wait_for_text("front.pid", "\n"); /* which is written once it listens */
    close(reserved);
}

static void start_host(const char *plugin)
{
    struct host *host = &hosts[host_count++];
    char mount[48], path[256];
    const char *slash = strrchr(plugin, '/') + 1;
    ck_assert_uint_le(host_count, HOSTS_MOST);
    snprintf(host->name, sizeof host->name, "%.*s", (int)strcspn(slash, "."), slash);
    snprintf(mount, sizeof mount, "/%s", host->name);
    snprintf(path, sizeof path, "%s/plugins/%s", scratch.path, slash);
    GATEWAY(&host->gateway, "host", "--mount", mount, "--set", "plugin.static.option.root=" TEST_SRCDIR "/examples/site",
            path);
}

/* ---------------------------------------------------------------------------------------------------------- */

void front_start(const char *plugins, const char *more)
{
    char names[512], *save = NULL;
    bool has_static = strstr(plugins, "static.so") != NULL;
    host_count = 0;
    /* The gateway first: it copies the plugins. */
    if (has_static)
        SERVE(plugins, "--set", "plugin.static.option.root=" TEST_SRCDIR "/examples/site");
    else
        SERVE(plugins);
    snprintf(names, sizeof names, "%s", plugins);
    for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
        start_host(name);
    port = free_port();
    start_front(more);
}

void front_start_proxy(const char *plugins)
{
    static const char *const modules =
        "LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so\n"
        "LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so\n"
        "LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so\nProxySourceAddress 127.0.0.2\n";
    char *block = snippet(SERVER, "8080"), more[8192] = "", own[8192] = "", digits[16], listen[64];
    SERVE(plugins, "--set", "trusted=127.0.0.2");
    port = free_port();
    snprintf(digits, sizeof digits, "%d", gateway.port);
    snprintf(listen, sizeof listen, "listen 127.0.0.1:%d;", port);
    append(own, IS("nginx") ? "proxy_bind 127.0.0.2;\n" : modules, NULL, NULL);
    append(own, block, "8080", digits);
    append(more, own, "listen 443 ssl;", listen);
    free(block);
    start_front(more);
}

void front_stop(void)
{
    int status, fd = (int)syscall(SYS_pidfd_open, front, 0);
    struct pollfd ended = { fd, POLLIN, 0 };
    kill(front, SIGTERM);
    ck_assert_int_eq(poll(&ended, 1, LIMIT_MS), 1);
    close(fd);
    ck_assert_int_eq(waitpid(front, &status, 0), front);
    front = 0;
    while (host_count > 0)
        gateway_stop(&hosts[--host_count].gateway);
    finish();
}

void front_clean_up(void)
{
    if (front > 0) {
        kill(front, SIGKILL);
        waitpid(front, NULL, 0);
        fprintf(stderr, "--- %s ---\n%s", SERVER, read_all(front_log()));
        front = 0;
    }
    gateway_teardown();
    scratch_remove(&scratch);
}

const char *front_url(void)
{
    static char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    return url;
}

const char *front_log(void)
{
    return scratch_path(&scratch, "front.log");
}

const struct gateway *front_host(const char *name)
{
    for (size_t i = 0; i < host_count; i++)
        if (strcmp(hosts[i].name, name) == 0)
            return &hosts[i].gateway;
    ck_abort_msg("%s is not hosted", name);
}
