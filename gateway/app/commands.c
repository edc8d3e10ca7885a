#include "app/command.h"

#define ROW_CONFIG { "--config", 'c', "FILE", "configuration file (postern check -T prints its form)" }
#define ROW_PLUGINS { "--plugins", 0, "DIR", "directory of plugins: every *.so in it is loaded" }
#define ROW_LISTEN { "--listen", 0, "ADDR:PORT", "where to listen; may be repeated; port 0 picks a free one" }
#define ROW_SET { "--set", 0, "KEY=VALUE", "override a setting; also plugin.NAME.KEY, plugin.NAME.option.KEY" }

#define ROW_CONTROL { "--control", 0, "PATH", "the gateway's control socket (/run/postern/control.sock)" }
#define ROW_CONTROL_SERVE                                                                                              \
    { "--control", 0, "PATH", "the socket on which postern status, reload, drain and stop reach this gateway" }

static const struct option_row serve_options[] = {
    ROW_CONFIG,
    ROW_PLUGINS,
    ROW_LISTEN,
    ROW_CONTROL_SERVE,
    ROW_SET,
    { "--ready-fd", 0, "N", "write \"READY URL\" for each listener to descriptor N once it serves" },
    { "--settings", 0, NULL, "print every setting with its default and range, and exit" },
    { 0 },
};

static const struct option_row run_options[] = {
    ROW_LISTEN,
    ROW_SET,
    { "--ready-fd", 0, "N", "write \"READY URL\" for each listener to descriptor N once it serves" },
    { 0 },
};

static const struct option_row check_options[] = {
    ROW_CONFIG,
    ROW_PLUGINS,
    ROW_LISTEN,
    ROW_SET,
    { "--print", 'T', NULL, "print the effective configuration, which reads back to itself" },
    { 0 },
};

static const struct option_row inspect_options[] = {
    { "--json", 0, NULL, "print a JSON object" },
    { 0 },
};

static const struct option_row call_options[] = {
    { "--header", 'H', "LINE", "add the request header 'Name: value'; may be repeated" },
    { "--data", 'd', "TEXT|@FILE", "the request body" },
    { "--replay", 0, "FILE", "the request of a crash, as crash_dir keeps it, in place of METHOD and PATH" },
    ROW_SET,
    { 0 },
};

static const struct option_row status_options[] = {
    ROW_CONTROL,
    ROW_CONFIG,
    { "--json", 0, NULL, "print a JSON object" },
    { 0 },
};

static const struct option_row control_options[] = {
    ROW_CONTROL,
    ROW_CONFIG,
    { 0 },
};

static const struct option_row reload_options[] = {
    ROW_CONTROL,
    ROW_CONFIG,
    { "--release", 0, "NAME", "let plugin NAME out of quarantine: its calls run in workers again" },
    { 0 },
};

static const struct option_row host_options[] = {
    { "--fastcgi", 0, "SOCKET", "where to listen: ADDR:PORT, a path, or - for descriptor 0" },
    { "--processes", 0, "N", "calls at once, each in a process of its own (1)" },
    { "--mount", 0, "PATH", "where the plugin is mounted, whatever SCRIPT_NAME says" },
    ROW_CONFIG,
    ROW_SET,
    { "--ready-fd", 0, "N", "write \"READY URL\" to descriptor N once it serves" },
    { 0 },
};

static const struct option_row new_options[] = {
    { 0 },
};

const struct command commands[] = {
    { "serve", "[-c FILE] [--plugins DIR] [--listen ADDR:PORT]… [--control PATH] [--set KEY=VALUE]…\n"
      "                     [--ready-fd N]",
      "serve a directory of plugins, in the foreground",
      "Serves every *.so of a directory, each mounted at /NAME, until SIGTERM or SIGINT: then requests under way are\n"
      "finished (twice: at once). SIGHUP loads configuration and plugins anew, beside what is served. A plugin that\n"
      "cannot be loaded is named, and nothing is served, or nothing changes.",
      serve_options, command_serve },
    { "run", "PLUGIN.so|PLUGIN.c [--listen ADDR:PORT]… [--set KEY=VALUE]…", "serve one plugin at /, for its author",
      "Serves one plugin mounted at /, with debug messages, and its failures' words in the error pages. A .c file is\n"
      "compiled first, with $CC (cc), $CFLAGS and $LDLIBS. It is loaded anew whenever the file changes.",
      run_options, command_run },
    { "check", "[-c FILE] [--plugins DIR] [--set KEY=VALUE]… [-T]", "validate the configuration and every plugin",
      "Loads every plugin in a throwaway process of its own and reports all that is wrong at once, crashes included.\n"
      "Nothing listens. With -T it only prints the effective configuration.",
      check_options, command_check },
    { "inspect", "PLUGIN.so [--json]", "tell what a plugin file says of itself",
      "Name, version, interface, routes, flags, options, build-id and unresolved symbols, read from the file: no\n"
      "code of the plugin runs.",
      inspect_options, command_inspect },
    { "call", "PLUGIN.so METHOD PATH [-H 'Name: value']… [--data TEXT|@FILE] [--set KEY=VALUE]…\n"
              "       postern call --replay FILE PLUGIN.so [-H 'Name: value']… [--set KEY=VALUE]…",
      "make one request without a socket",
      "Calls the plugin's handler in this process and prints the response as HTTP: for tests, and for gdb --args.\n"
      "PATH is below / as under postern run, or below /NAME as under postern serve. The exit status is 0 if the\n"
      "handler answered with a status under 500, and 1 if it failed or no route took the request.",
      call_options, command_call },
    { "status", "[--control PATH | -c FILE] [--json]", "tell what a running gateway does",
      "Prints the generations, workers, plugins and routes of a running gateway: where each route's calls run and why,\n"
      "which plugins are in quarantine and why, and what has gone wrong lately.",
      status_options, command_status },
    { "reload", "[--control PATH | -c FILE] [--release NAME]", "load configuration and plugins anew",
      "Has a running gateway load its configuration and plugins beside what it serves, and take over when they have\n"
      "started. Waits until then; if they cannot, says why, and nothing has changed.",
      reload_options, command_reload },
    { "drain", "[--control PATH | -c FILE]", "stop a running gateway when its requests are done",
      "As SIGTERM: the gateway accepts no more, finishes what is under way within its grace period, and ends. Waits\n"
      "until it has.",
      control_options, command_drain },
    { "stop", "[--control PATH | -c FILE]", "stop a running gateway at once",
      "As a second SIGTERM: what is under way is answered 503, or cut. Waits until the gateway has ended.",
      control_options, command_stop },
    { "host", "--fastcgi SOCKET [--processes N] [--mount PATH] [-c FILE] [--set KEY=VALUE]… PLUGIN.so",
      "serve one plugin to nginx, Apache or lighttpd",
      "Serves one plugin over FastCGI, as a responder, until SIGTERM or SIGINT. Without --mount and a mount in the\n"
      "plugin's block, it is mounted where the web server says by SCRIPT_NAME and PATH_INFO, else at /.\n"
      "With - it listens at descriptor 0, as spawn-fcgi and lighttpd hand it over.",
      host_options, command_host },
    { "new", "NAME", "make the folder of a new plugin",
      "Makes a folder NAME with a handler, a Makefile and a test that passes.", new_options, command_new },
    { "autopsy", "", NULL, NULL, new_options, command_autopsy },
    { "takeover-check", "", NULL, NULL, new_options, command_takeover_check },
    { "zygote", "", NULL, NULL, new_options, command_zygote },
    { 0 },
};
