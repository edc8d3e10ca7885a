#include "conf/settings_table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/settings.h"
#include "conf/settings_check.h"

#define K (INT64_C(1) << 10)
#define M (INT64_C(1) << 20)
#define G (INT64_C(1) << 30)

static const char *const run_names[] = {
    [RUN_AUTO] = "auto", [RUN_POOL] = "pool", [RUN_THREAD] = "thread", [RUN_PROCESS] = "process", NULL
};
static const char *const filesystem_names[] = { [FILESYSTEM_FULL] = "full", [FILESYSTEM_READONLY] = "readonly", NULL };
static const char *const syscalls_names[] = { [SYSCALLS_ALL] = "all", [SYSCALLS_RESTRICTED] = "restricted", NULL };
static const char *const format_names[] = { [ACCESS_COMBINED] = "combined", [ACCESS_JSON] = "json", NULL };
static const char *const level_names[] = { "error", "warning", "info", "debug", NULL }; /* by NGI_LOG_… */

/* What all three sections have. */
#define RUN_MODES .names = run_names
#define THREADS_RANGE .min = 1, .max = 1024
#define QUEUE_RANGE .min = 0, .max = 1000000
#define TIMEOUT_RANGE .min = 0, .max = 86400
#define PATIENCE_RANGE .min = 0, .max = 86400
#define MAX_BODY_RANGE .min = 0, .max = 1024 * G
#define HOSTS_RANGE .min = 1, .max = 256
#define SPARE_HOSTS_RANGE .min = 0, .max = 256
#define MAX_REQUESTS_RANGE .min = 0, .max = 1000000000
#define MAX_RSS_RANGE .min = 0, .max = 1024 * G
#define KILL_AFTER_RANGE .min = 0, .max = 3600

#define ROOT(member, kind)                                                                                             \
    .key = #member, .section = SECTION_ROOT, .type = SETTING_##kind, .offset = offsetof(struct settings, member)
#define PLUGIN(member, kind)                                                                                           \
    .key = #member, .section = SECTION_PLUGIN, .type = SETTING_##kind,                                                 \
    .offset = offsetof(struct plugin_settings, member)
/* Inherited all of them, so that what is set can be told from what is not. */
#define HOSTS(member, kind) PLUGIN(member, kind), .hosts = true
#define ROUTE(member, kind)                                                                                            \
    .key = #member, .section = SECTION_ROUTE, .type = SETTING_##kind, .offset = offsetof(struct route_settings, member)

const struct setting settings_table[] = {
    { ROOT(listen, LIST), .count_offset = offsetof(struct settings, listen_count), .standard = "127.0.0.1:8080",
      .check = check_listen, .form = "\"ADDR:PORT\", \"[ADDR6]:PORT\" or \"unix:PATH\"",
      .help = "Where the gateway listens, a listener each; port 0 picks a free port." },
    { ROOT(trusted, LIST), .count_offset = offsetof(struct settings, trusted_count), .inherited = "none",
      .check = check_trusted, .form = "\"ADDR\", \"ADDR/BITS\" (IPv4 or IPv6) or \"unix:\"",
      .help = "The proxies in front: from connections of these addresses, the fields of forwarded tell who the client "
              "is." },
    { ROOT(forwarded, LIST), .count_offset = offsetof(struct settings, forwarded_count), .inherited = "all four",
      .check = check_forwarded, .form = "x-forwarded-for, x-forwarded-proto, x-forwarded-host or forwarded",
      .help = "The fields of trusted proxies that count; the proxy has to set or remove each of them." },
    { ROOT(plugins, STRING), .standard = PLUGINSDIR, .check = check_filled, .form = "a directory",
      .help = "Every *.so in this directory is loaded; one that cannot be is named, and nothing starts." },
    { ROOT(processes, INT), .standard = "1", .min = 0, .max = 256,
      .help = "Worker processes, which share the listeners; 0: one per CPU." },
    { ROOT(threads, INT), .standard = "0", .min = 0, .max = 256,
      .help = "Threads that serve the connections of a listener; 0: one per CPU." },
    { ROOT(run, ENUM), .standard = "auto", RUN_MODES,
      .help = "What runs calls, where neither a plugin nor a route says; auto: the gateway chooses, pool: the plain "
              "container, process: host processes." },
    { ROOT(executor_threads, INT), .standard = "16", THREADS_RANGE, .help = "The most threads of a route's executor." },
    { ROOT(thread_idle, FLOAT), .standard = "10", .min = 1, .max = 3600,
      .help = "Seconds after which an idle thread of an executor ends." },
    { ROOT(queue, INT), .standard = "256", QUEUE_RANGE,
      .help = "Calls that may wait for a thread of their route; beyond, the answer is 503 with Retry-After." },
    { ROOT(timeout, FLOAT), .standard = "60", TIMEOUT_RANGE,
      .help = "Seconds from a request's arrival until it is answered 504; 0: none." },
    { ROOT(hosts, INT), .standard = "4", HOSTS_RANGE,
      .help = "The most host processes of a plugin whose calls run in such (run = process)." },
    { ROOT(spare_hosts, INT), .standard = "1", SPARE_HOSTS_RANGE,
      .help = "How many host processes of a plugin are kept ready while they have nothing to do." },
    { ROOT(max_requests, INT), .standard = "0", MAX_REQUESTS_RANGE,
      .help = "Calls that a host process serves before another takes its place; 0: any number." },
    { ROOT(max_rss, SIZE), .standard = "0", MAX_RSS_RANGE,
      .help = "Resident memory of a host process beyond which, after a call, another takes its place; 0: any." },
    { ROOT(kill_after, FLOAT), .standard = "2", KILL_AFTER_RANGE,
      .help = "Seconds that a host process gets to end a call that has been given up, before it is killed." },
    { ROOT(control, STRING), .standard = "off", .check = check_filled, .form = "a path or off",
      .help = "The local socket on which postern status, reload, drain and stop reach the gateway, or off." },
    { ROOT(watch, BOOL), .standard = "off",
      .help = "Whether to reload when the plugins directory or the configuration changes." },
    { ROOT(connections, INT), .standard = "10000", .min = 1, .max = 1000000,
      .help = "Connections of a listener at a time; more wait in the system's queue." },
    { ROOT(connections_per_address, INT), .standard = "1024", .min = 0, .max = 1000000,
      .help = "Connections of a client address (IPv6: of a /64) at a time, at all listeners; more are closed; those of "
              "trusted proxies and local sockets do not count; 0: any number." },
    { ROOT(connection_timeout, FLOAT), .standard = "60", .min = 1, .max = 3600,
      .help = "Seconds without traffic after which a connection is closed." },
    { ROOT(head_timeout, FLOAT), .standard = "10", PATIENCE_RANGE,
      .help = "Seconds in which the head of a request has to come, from its first byte on; beyond, 408; 0: any." },
    { ROOT(body_timeout, FLOAT), .standard = "30", PATIENCE_RANGE,
      .help = "Seconds in which each 16 KiB of a request body, or its rest, have to come; beyond, 408; 0: any." },
    { ROOT(send_timeout, FLOAT), .standard = "30", PATIENCE_RANGE,
      .help = "Seconds in which a client has to take each 16 KiB of a response, or what there is of it; beyond, the "
              "connection is cut; 0: any." },
    { ROOT(connection_memory, SIZE), .standard = "16K", .min = 8 * K, .max = M,
      .help = "Memory of a connection; bounds the heads of a request and its response together." },
    { ROOT(backlog, INT), .standard = "1024", .min = 1, .max = 65535,
      .help = "Connections that the system queues until they are accepted." },
    { ROOT(max_body, SIZE), .standard = "10M", MAX_BODY_RANGE,
      .help = "The largest request body; beyond, the answer is 413." },
    { ROOT(body_memory, SIZE), .standard = "64K", .min = 0, .max = 64 * M,
      .help = "How much of a request body is kept in memory; beyond, it goes to a file in spool." },
    { ROOT(max_response, SIZE), .standard = "64M", .min = 64 * K, .max = 4 * G,
      .help = "The largest response body that a handler may build in memory." },
    { ROOT(spool, STRING), .standard = "/tmp", .check = check_filled, .form = "a directory",
      .help = "Directory of the files that hold large request bodies." },
    { ROOT(crash_dir, STRING), .standard = "/var/lib/postern/crashes", .check = check_filled,
      .form = "a directory, or off",
      .help = "Directory in which the request of a crash is kept, for postern call --replay; it must be there, belong "
              "to "
              "the user running postern, and be writable by nobody else." },
    { ROOT(crash_keep, INT), .standard = "100", .min = 1, .max = 1000000,
      .help = "The most requests of crashes that are kept; the oldest go at the next start." },
    { ROOT(crash_body, SIZE), .standard = "64K", .min = 0, .max = G,
      .help = "How much of the body of such a request is kept." },
    { ROOT(grace, FLOAT), .standard = "30", .min = 0, .max = 3600,
      .help = "Seconds that requests under way get to finish when the gateway stops." },
    { ROOT(access_log, STRING), .standard = "off", .check = check_filled, .form = "a path, - (standard output) or off",
      .help = "Where a line for each request is written: a path, - for standard output, or off." },
    { ROOT(access_log_format, ENUM), .standard = "combined", .names = format_names,
      .help = "Form of the access log's lines." },
    { ROOT(log_level, ENUM), .standard = "info", .names = level_names,
      .help = "The least severe messages that the gateway's own log takes." },
    { ROOT(debug, BOOL), .standard = "off",
      .help = "Whether error responses tell the client what went wrong in the handler's own words." },

    { PLUGIN(mount, MOUNT), .inherited = "/NAME", .check = check_mount,
      .form = "a path such as /thumb, or / for the root", .help = "The path under which the plugin's routes live." },
    { PLUGIN(run, ENUM), .inherited = "the gateway's", RUN_MODES,
      .help = "What runs the plugin's calls; auto: the gateway chooses." },
    { PLUGIN(threads, INT), .inherited = "the gateway's executor_threads", THREADS_RANGE,
      .help = "The most threads of the executor of each of the plugin's routes." },
    { PLUGIN(queue, INT), .inherited = "the gateway's", QUEUE_RANGE,
      .help = "Calls that may wait for a thread of each of the plugin's routes; beyond, the answer is 503." },
    { PLUGIN(timeout, FLOAT), .inherited = "the gateway's", TIMEOUT_RANGE,
      .help = "Seconds from the arrival of a request to the plugin until it is answered 504; 0: none." },
    { PLUGIN(max_body, SIZE), .inherited = "the gateway's", MAX_BODY_RANGE,
      .help = "The largest request body that the plugin takes." },
    { PLUGIN(stream_body, SWITCH), .inherited = "as its flags say (NGI_STREAM_BODY)",
      .help = "Whether the plugin's handlers run while the request body is still arriving, reading it with ngi_read." },

    { PLUGIN(hosts, INT), .inherited = "the gateway's", HOSTS_RANGE, .help = "The plugin's host processes, at most." },
    { PLUGIN(spare_hosts, INT), .inherited = "the gateway's", SPARE_HOSTS_RANGE,
      .help = "How many of them are kept ready while they have nothing to do." },
    { PLUGIN(max_requests, INT), .inherited = "the gateway's", MAX_REQUESTS_RANGE,
      .help = "Calls that one of them serves before another takes its place; 0: any number." },
    { PLUGIN(max_rss, SIZE), .inherited = "the gateway's", MAX_RSS_RANGE,
      .help = "Resident memory of one of them beyond which, after a call, another takes its place; 0: any." },
    { PLUGIN(kill_after, FLOAT), .inherited = "the gateway's", KILL_AFTER_RANGE,
      .help = "Seconds that one of them gets to end a call that has been given up, before it is killed." },

    { HOSTS(user, STRING), .inherited = "the gateway's", .check = check_account, .form = "a user's name or number",
      .help = "In host processes: the user that they run as, with that user's groups." },
    { HOSTS(group, STRING), .inherited = "the user's", .check = check_account, .form = "a group's name or number",
      .help = "In host processes: the group that they run as." },
    { HOSTS(chroot, STRING), .inherited = "none", .check = check_absolute, .form = "an absolute path",
      .help = "In host processes: the directory that is their root directory; needs user." },
    { HOSTS(filesystem, ENUM), .inherited = "full", .names = filesystem_names,
      .help = "In host processes: whether they may change files as their user may (full), or only below the "
              "directories "
              "of writable." },
    { HOSTS(writable, LIST), .count_offset = offsetof(struct plugin_settings, writable_count), .inherited = "none",
      .check = check_absolute, .form = "an absolute path",
      .help = "In host processes: directories that filesystem = readonly leaves writable, named as the plugin sees "
              "them." },
    { HOSTS(network, SWITCH), .inherited = "on",
      .help = "In host processes: whether they may open sockets of other families than AF_UNIX." },
    { HOSTS(syscalls, ENUM), .inherited = "all", .names = syscalls_names,
      .help = "In host processes: whether system calls that administer the machine or look into other processes fail "
              "(restricted)." },
    { HOSTS(memory_limit, SIZE), .inherited = "the gateway's", .min = 32 * M, .max = 1024 * G,
      .help = "In host processes: the address space that each may map; beyond, allocations fail." },
    { HOSTS(cpu_limit, INT), .inherited = "the gateway's", .min = 1, .max = 31536000,
      .help = "In host processes: seconds of CPU time after which one is ended by SIGXCPU." },
    { HOSTS(files_limit, INT), .inherited = "the gateway's", .min = 16, .max = 1048576,
      .help = "In host processes: descriptors that each may have open." },
    { HOSTS(processes_limit, INT), .inherited = "the gateway's", .min = 1, .max = 1000000,
      .help = "In host processes: processes and threads that their user may have in the whole system; root is not "
              "bound." },
    { HOSTS(file_size_limit, SIZE), .inherited = "the gateway's", .min = 0, .max = 1024 * G,
      .help = "In host processes: the largest file that they may write; beyond, writing fails." },

    { ROUTE(run, ENUM), .inherited = "the plugin's", RUN_MODES,
      .help = "What runs the calls of this route; auto: the gateway chooses." },
    { ROUTE(threads, INT), .inherited = "the plugin's", THREADS_RANGE,
      .help = "The most threads of this route's executor." },
    { ROUTE(queue, INT), .inherited = "the plugin's", QUEUE_RANGE,
      .help = "Calls that may wait for a thread of this route; beyond, the answer is 503." },
    { ROUTE(timeout, FLOAT), .inherited = "the plugin's", TIMEOUT_RANGE,
      .help = "Seconds from the arrival of a request to this route until it is answered 504; 0: none." },
    { ROUTE(max_body, SIZE), .inherited = "the plugin's", MAX_BODY_RANGE,
      .help = "The largest request body that this route takes." },
    { ROUTE(stream_body, SWITCH), .inherited = "the plugin's",
      .help = "Whether the handler runs while the request body is still arriving, reading it with ngi_read." },
};

const size_t settings_table_count = sizeof settings_table / sizeof *settings_table;

const char *const section_titles[] = { "the gateway", "a plugin block", "a route block" };

static const char *const root_blocks[] = { "plugin", "include", NULL };
static const char *const plugin_blocks[] = { "option", "route", NULL };
static const char *const route_blocks[] = { NULL };
const char *const *const section_blocks[] = { root_blocks, plugin_blocks, route_blocks };

static const char *const type_names[] = {
    [SETTING_STRING] = "text",  [SETTING_LIST] = "list",   [SETTING_INT] = "number",
    [SETTING_FLOAT] = "number", [SETTING_BOOL] = "switch", [SETTING_SWITCH] = "switch",
    [SETTING_SIZE] = "size",    [SETTING_ENUM] = "word",   [SETTING_MOUNT] = "path",
};

static void append(char *out, size_t room, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void append(char *out, size_t room, const char *fmt, ...)
{
    size_t used = strlen(out);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out + used, room - used, fmt, ap);
    va_end(ap);
}

/* Every key and block of a section, in turn; NULL after the last. */
static const char *section_word(enum setting_section section, size_t index)
{
    for (size_t i = 0; i < settings_table_count; i++)
        if (settings_table[i].section == section && index-- == 0)
            return settings_table[i].key;
    for (const char *const *block = section_blocks[section]; *block; block++)
        if (index-- == 0)
            return *block;
    return NULL;
}

static const char *nearest_word(enum setting_section section, const char *key)
{
    enum { TOO_FAR = 3 };
    const char *word, *best = NULL;
    size_t best_distance = TOO_FAR;
    for (size_t i = 0; (word = section_word(section, i)) != NULL; i++) {
        size_t distance = text_distance(key, word, TOO_FAR);
        if (distance < best_distance && distance < strlen(word)) {
            best = word;
            best_distance = distance;
        }
    }
    return best;
}

/* ---------------------------------------------------------------------------------------------------------------- */

const struct setting *setting_find(enum setting_section section, const char *key)
{
    for (size_t i = 0; i < settings_table_count; i++)
        if (settings_table[i].section == section && strcmp(settings_table[i].key, key) == 0)
            return &settings_table[i];
    return NULL;
}

void setting_advise(enum setting_section section, const char *key, char *out, size_t room)
{
    const char *word = nearest_word(section, key);
    *out = '\0';
    if (word) {
        append(out, room, strcmp(word, key) == 0 ? "%s is no KEY = VALUE" : "did you mean %s?", word);
        return;
    }
    bool elsewhere = false;
    for (enum setting_section other = SECTION_ROOT; other < SECTION_COUNT; other++)
        if (setting_find(other, key)) {
            append(out, room, elsewhere ? " or %s" : "it is one of %s", section_titles[other]);
            elsewhere = true;
        }
    append(out, room, elsewhere ? ": move it there" : "there are");
    if (elsewhere)
        return;
    for (size_t i = 0; (word = section_word(section, i)) != NULL; i++)
        append(out, room, "%s %s", i ? "," : "", word);
}

void setting_form(const struct setting *setting, char *out, size_t room)
{
    char min[32], max[32];
    *out = '\0';
    switch (setting->type) {
    case SETTING_STRING:
    case SETTING_LIST:
    case SETTING_MOUNT: append(out, room, "%s", setting->form); break;
    case SETTING_BOOL:
    case SETTING_SWITCH: append(out, room, "on or off"); break;
    case SETTING_INT:
    case SETTING_FLOAT:
        if (setting->min == setting->max)
            append(out, room, "%" PRId64, setting->min);
        else
            append(out, room, "a %snumber from %" PRId64 " to %" PRId64, setting->type == SETTING_INT ? "whole " : "",
                   setting->min, setting->max);
        break;
    case SETTING_SIZE:
        setting_format_size(setting->min, min, sizeof min);
        setting_format_size(setting->max, max, sizeof max);
        append(out, room, "bytes, or a size such as 64K, 10M or 1G, from %s to %s", min, max);
        break;
    case SETTING_ENUM:
        for (const char *const *name = setting->names; *name; name++)
            append(out, room, "%s%s", name == setting->names ? "" : name[1] ? ", " : " or ", *name);
        break;
    }
}

const char *setting_type_name(const struct setting *setting)
{
    return type_names[setting->type];
}

void setting_format_size(int64_t bytes, char *out, size_t room)
{
    static const char units[] = "KMG";
    const char *unit = NULL;
    for (const char *next = units; *next && bytes && bytes % 1024 == 0; unit = next++)
        bytes /= 1024;
    snprintf(out, room, "%" PRId64 "%.*s", bytes, unit ? 1 : 0, unit ? unit : "");
}
