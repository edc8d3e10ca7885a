/* The operator's settings: a configuration file in libconfuse's form, the command line's overrides, and the defaults,
 * all checked against one table (settings_table.c) that also drives --help, the man page and `postern check -T`. */
#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/report.h"

enum run_mode { RUN_AUTO, RUN_POOL, RUN_THREAD, RUN_PROCESS };
enum filesystem_view { FILESYSTEM_FULL, FILESYSTEM_READONLY };
enum syscall_set { SYSCALLS_ALL, SYSCALLS_RESTRICTED };
enum access_format { ACCESS_COMBINED, ACCESS_JSON };

/* Fields in which a proxy tells what it knows of its client; a set of them is these bits. */
enum forwarded_field {
    FORWARDED_X_FOR = 1,
    FORWARDED_X_PROTO = 2,
    FORWARDED_X_HOST = 4,
    FORWARDED_STANDARD = 8, /* Forwarded (RFC 7239) */
    FORWARDED_ALL = 15,
};
/* How the operator calls them, in the order of the bits; NULL-terminated. */
extern const char *const forwarded_names[];

/* `option { quality = 80 }` of a plugin block: text, to be checked against the plugin's own table. */
struct option_setting {
    char *name, *value;
    char *where; /* "postern.conf:12" or "--set" */
};

/* `route "/slow" { … }` in a plugin block. What is -1 is not set here: the plugin's block counts. */
struct route_settings {
    char *pattern;
    int run;          /* enum run_mode */
    int64_t threads;  /* at most, of the route's executor */
    int64_t queue;    /* calls that may wait for one of them */
    double timeout;   /* seconds; 0: none */
    int64_t max_body; /* bytes */
    int stream_body;  /* 0, 1 */
    char *where;
};

/* `plugin NAME { … }`. What is -1 is not set here: the gateway's setting counts, and for stream_body the plugin's own
 * flags. */
struct plugin_settings {
    char *name;
    char *mount;      /* "/thumb", "" for the root; NULL: "/NAME" */
    int run;          /* enum run_mode */
    int64_t threads;  /* at most, of the executor of each of its routes */
    int64_t queue;    /* calls that may wait for a thread of their route */
    double timeout;   /* seconds; 0: none */
    int64_t max_body; /* bytes */
    int stream_body;  /* 0, 1 */

    int64_t hosts;        /* its host processes, at most */
    int64_t spare_hosts;  /* of them, kept ready while they have nothing to do */
    int64_t max_requests; /* of one of them, before another takes its place; 0: any number */
    int64_t max_rss;      /* bytes resident after a call, beyond which another takes its place; 0: any number */
    double kill_after;    /* seconds that one gets to end a call that has been given up */

    /* Of its host processes alone (proc/sandbox obeys them); an empty list is not set either. */
    char *user, *group; /* names or numbers */
    char *chroot;       /* absolute path */
    int filesystem;     /* enum filesystem_view */
    char **writable;    /* absolute paths of directories, under FILESYSTEM_READONLY */
    size_t writable_count;
    int network;          /* 0, 1 */
    int syscalls;         /* enum syscall_set */
    int64_t memory_limit; /* bytes of address space */
    int64_t cpu_limit;    /* seconds */
    int64_t files_limit;  /* open descriptors */
    int64_t processes_limit;
    int64_t file_size_limit; /* bytes */

    struct option_setting *options;
    size_t option_count;
    struct route_settings *routes;
    size_t route_count;
    char *where;
};

struct settings {
    char **listen; /* "ADDR:PORT", "[ADDR6]:PORT", "unix:PATH" */
    size_t listen_count;
    char **trusted; /* "10.0.0.0/8", "192.0.2.7", "unix:": the proxies in front */
    size_t trusted_count;
    char **forwarded; /* names of the fields that they are believed; none: all of them */
    size_t forwarded_count;
    char *plugins; /* directory */
    int64_t processes;
    int64_t threads;          /* 0: one per CPU */
    int run;                  /* enum run_mode */
    int64_t executor_threads; /* at most, of a route's executor */
    double thread_idle;       /* seconds after which an idle one of them ends */
    int64_t queue;            /* calls that may wait for a thread of their route */
    double timeout;           /* seconds from a request's arrival to its 504; 0: none */
    int64_t hosts;            /* host processes of a plugin, at most */
    int64_t spare_hosts;      /* of them, kept ready while they have nothing to do */
    int64_t max_requests;     /* of a host process, before another takes its place; 0: any number */
    int64_t max_rss;          /* bytes resident after a call, beyond which another takes its place; 0: any number */
    double kill_after;        /* seconds that one gets to end a call that has been given up */
    char *control;            /* path of the control socket, or "off" */
    bool watch;               /* reload when the plugins directory or the configuration changes */
    int64_t connections;      /* most at a time */
    int64_t connections_per_address; /* 0: any number */
    double connection_timeout;       /* seconds without traffic */
    double head_timeout;             /* seconds for the head of a request; 0: any, as in the next two */
    double body_timeout;             /* for each 16 KiB of a body */
    double send_timeout;             /* for taking each 16 KiB of a response */
    int64_t connection_memory;       /* bytes; bounds the request head */
    int64_t backlog;
    int64_t max_body;      /* bytes of a request body */
    int64_t body_memory;   /* bytes of it kept in memory; beyond: an unlinked file */
    int64_t max_response;  /* bytes that a handler may write into memory */
    char *spool;           /* directory of those files */
    char *crash_dir;       /* of the requests of crashes; "off" */
    int64_t crash_keep;    /* most of them */
    int64_t crash_body;    /* bytes of the body of each */
    double grace;          /* seconds that requests under way get at shutdown */
    char *access_log;      /* path, "-", "off" */
    int access_log_format; /* enum access_format */
    int log_level;         /* NGI_LOG_… */
    bool debug;            /* error bodies may tell the handler's words */
    bool runs_here;        /* no setting: settings_run_here has been here */
    struct plugin_settings *plugin;
    size_t plugin_count;
};

/* Reads `file` (NULL: none), then applies `overrides` ("KEY=VALUE", "plugin.NAME.KEY=VALUE",
 * "plugin.NAME.option.KEY=VALUE"; a list key takes a comma-separated list and replaces the file's). NGI_OK and *ret
 * (free with settings_free), or NGI_EINVAL / NGI_ENOENT / NGI_ENOMEM with every mistake found in `report`, each with
 * file:line, the key, what was wrong, and what would be right ("did you mean"). */
int settings_load(const char *file, const char *const *overrides, size_t override_count, struct settings **ret,
                  struct report *report);
void settings_free(struct settings *settings);

/* For a process that runs its plugin itself, wherever others would: `run = process` becomes auto everywhere, and no
 * flag and no quarantine makes it process again. */
void settings_run_here(struct settings *settings);

/* For a plugin of which the route `pattern` runs in the gateway itself: whether its block leaves host processes as they
 * are. What does not is named in `report`, as nothing would obey it there. settings_load takes it. */
bool settings_check_hosts(const struct plugin_settings *plugin, const char *pattern, struct report *report);
/* The first setting of a block that confines host processes; NULL: none does. */
const char *settings_confines(const struct plugin_settings *plugin);

/* The setting `trusted` as networks, for networks_free. NGI_OK, NGI_ENOMEM. */
struct networks;
int settings_trusted(const struct settings *settings, struct networks *ret);
/* The setting `forwarded` as bits of enum forwarded_field. */
unsigned settings_forwarded(const struct settings *settings);

/* The block for a plugin of that name; NULL without one. */
const struct plugin_settings *settings_plugin(const struct settings *settings, const char *name);

/* The whole effective configuration, in a form that settings_load reads back to the same (`postern check -T`). */
int settings_print(const struct settings *settings, FILE *out);
/* The same with the block of one plugin, if it has one; NULL: all blocks. */
int settings_print_for(const struct settings *settings, const char *plugin, FILE *out);

/* Every key with type, default, range and its sentence, for --help (plain text) and the man page (mdoc list items). */
void settings_describe(FILE *out);
void settings_describe_mdoc(FILE *out);

#endif
