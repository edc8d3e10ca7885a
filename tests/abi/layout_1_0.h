/* Where every member of NGI 1.0 lies on LP64 machines, as numbers, and what its constants are: frozen. A row is never
 * changed and never removed; a new minor version adds its own behind them. */
#ifndef TESTS_ABI_LAYOUT_1_0_H
#define TESTS_ABI_LAYOUT_1_0_H

#include <stdint.h>

#include "sdk/ngi.h"

struct layout_row {
    const char *name;
    int64_t now, frozen;
};

#define MEMBER(type, member, offset) { #type "." #member, offsetof(type, member), offset }
#define SIZE(type, size) { #type, sizeof(type), size }
#define CONSTANT(name, value) { #name, name, value }

#ifdef __LP64__
static const struct layout_row layout_members[] = {
    MEMBER(ngi_host, size, 0),
    MEMBER(ngi_host, abi, 4),
    MEMBER(ngi_host, self, 8),
    MEMBER(ngi_host, software, 16),
    MEMBER(ngi_host, option, 24),
    MEMBER(ngi_host, host_log, 32),
    MEMBER(ngi_host, env, 40),
    MEMBER(ngi_host, env_each, 48),
    MEMBER(ngi_host, get_header, 56),
    MEMBER(ngi_host, query, 64),
    MEMBER(ngi_host, query_each, 72),
    MEMBER(ngi_host, form_parse, 80),
    MEMBER(ngi_host, form, 88),
    MEMBER(ngi_host, form_each, 96),
    MEMBER(ngi_host, form_file, 104),
    MEMBER(ngi_host, cookie, 112),
    MEMBER(ngi_host, param, 120),
    MEMBER(ngi_host, read, 128),
    MEMBER(ngi_host, body, 136),
    MEMBER(ngi_host, status, 144),
    MEMBER(ngi_host, header, 152),
    MEMBER(ngi_host, add_header, 160),
    MEMBER(ngi_host, start_response, 168),
    MEMBER(ngi_host, write, 176),
    MEMBER(ngi_host, vprintf, 184),
    MEMBER(ngi_host, flush, 192),
    MEMBER(ngi_host, respond, 200),
    MEMBER(ngi_host, vrespond, 208),
    MEMBER(ngi_host, redirect, 216),
    MEMBER(ngi_host, conditional, 224),
    MEMBER(ngi_host, send_file, 232),
    MEMBER(ngi_host, send_stream, 240),
    MEMBER(ngi_host, escape_html, 248),
    MEMBER(ngi_host, alloc, 256),
    MEMBER(ngi_host, dup_string, 264),
    MEMBER(ngi_host, on_finish, 272),
    MEMBER(ngi_host, vfail, 280),
    MEMBER(ngi_host, vlog, 288),
    MEMBER(ngi_host, state, 296),
    MEMBER(ngi_host, thread_state, 304),
    MEMBER(ngi_host, run_flags, 312),
    MEMBER(ngi_host, cancelled, 320),
    MEMBER(ngi_host, cancel_fd, 328),
    MEMBER(ngi_host, time_left_ms, 336),
    MEMBER(ngi_host, background, 344),
    MEMBER(ngi_host, later_new, 352),
    MEMBER(ngi_host, later_run, 360),
    MEMBER(ngi_host, later_drop, 368),
    MEMBER(ngi_plugin, size, 0),
    MEMBER(ngi_plugin, abi, 4),
    MEMBER(ngi_plugin, name, 8),
    MEMBER(ngi_plugin, version, 16),
    MEMBER(ngi_plugin, summary, 24),
    MEMBER(ngi_plugin, flags, 32),
    MEMBER(ngi_plugin, routes, 40),
    MEMBER(ngi_plugin, init, 48),
    MEMBER(ngi_plugin, after_fork, 56),
    MEMBER(ngi_plugin, fini, 64),
    MEMBER(ngi_plugin, thread_init, 72),
    MEMBER(ngi_plugin, thread_fini, 80),
    MEMBER(ngi_plugin, options, 88),
    MEMBER(ngi_plugin, extension, 96),
    MEMBER(ngi_request, ngi, 0),
    MEMBER(ngi_request, method, 8),
    MEMBER(ngi_request, path, 16),
    MEMBER(ngi_request, query, 24),
    MEMBER(ngi_request, host, 32),
    MEMBER(ngi_request, remote_addr, 40),
    MEMBER(ngi_request, scheme, 48),
    MEMBER(ngi_route, methods, 0),
    MEMBER(ngi_route, pattern, 8),
    MEMBER(ngi_route, handler, 16),
    MEMBER(ngi_route, flags, 24),
    MEMBER(ngi_option_spec, name, 0),
    MEMBER(ngi_option_spec, type, 8),
    MEMBER(ngi_option_spec, default_value, 16),
    MEMBER(ngi_option_spec, min, 24),
    MEMBER(ngi_option_spec, max, 32),
    MEMBER(ngi_option_spec, help, 40),
    MEMBER(ngi_config, size, 0),
    MEMBER(ngi_config, abi, 4),
    MEMBER(ngi_config, name, 8),
    MEMBER(ngi_config, mount, 16),
    MEMBER(ngi_config, file, 24),
    MEMBER(ngi_error, code, 0),
    MEMBER(ngi_error, text, 4),
    MEMBER(ngi_file, filename, 0),
    MEMBER(ngi_file, type, 8),
    MEMBER(ngi_file, data, 16),
    MEMBER(ngi_file, length, 24),
    MEMBER(ngi_later, ngi, 0),
};

/* Handed over one at a time, by pointer: may grow at the end. */
static const struct layout_row layout_growing[] = {
    SIZE(ngi_host, 376),
    SIZE(ngi_plugin, 104),
    SIZE(ngi_request, 56),
    SIZE(ngi_config, 32),
    SIZE(ngi_file, 32),
    SIZE(ngi_later, 8),
};

/* Rows of tables, and room that one side makes for the other to write in: may not even grow. */
static const struct layout_row layout_fixed[] = {
    SIZE(ngi_route, 32),
    SIZE(ngi_option_spec, 48),
    SIZE(ngi_error, 512),
};
#endif

static const struct layout_row layout_constants[] = {
    CONSTANT(NGI_OK, 0),
    CONSTANT(NGI_EINVAL, -1),
    CONSTANT(NGI_ENOMEM, -2),
    CONSTANT(NGI_ESENT, -3),
    CONSTANT(NGI_ENOSYS, -4),
    CONSTANT(NGI_ENOENT, -5),
    CONSTANT(NGI_EIO, -6),
    CONSTANT(NGI_ETOOBIG, -7),
    CONSTANT(NGI_ELENGTH, -8),
    CONSTANT(NGI_EPARSE, -9),
    CONSTANT(NGI_ECANCELED, -10),
    CONSTANT(NGI_ETIMEDOUT, -11),
    CONSTANT(NGI_EBUSY, -12),
    CONSTANT(NGI_EPERM, -13),
    CONSTANT(NGI_ETHREAD, -14),
    CONSTANT(NGI_EFAIL, -15),
    CONSTANT(NGI_EABI, -16),
    CONSTANT(NGI_LATER, 1),
    CONSTANT(NGI_GET, 0x01u),
    CONSTANT(NGI_HEAD, 0x02u),
    CONSTANT(NGI_POST, 0x04u),
    CONSTANT(NGI_PUT, 0x08u),
    CONSTANT(NGI_PATCH, 0x10u),
    CONSTANT(NGI_DELETE, 0x20u),
    CONSTANT(NGI_OPTIONS, 0x40u),
    CONSTANT(NGI_ANY, 0xffffffffu),
    CONSTANT(NGI_MAY_BLOCK, 0x01u),
    CONSTANT(NGI_NEVER_BLOCKS, 0x02u),
    CONSTANT(NGI_SERIAL, 0x04u),
    CONSTANT(NGI_ISOLATE, 0x08u),
    CONSTANT(NGI_STRING, 1),
    CONSTANT(NGI_INT, 2),
    CONSTANT(NGI_FLOAT, 3),
    CONSTANT(NGI_BOOL, 4),
    CONSTANT(NGI_LOG_ERROR, 0),
    CONSTANT(NGI_LOG_WARNING, 1),
    CONSTANT(NGI_LOG_INFO, 2),
    CONSTANT(NGI_LOG_DEBUG, 3),
    CONSTANT(NGI_RUN_MULTITHREAD, 0x01u),
    CONSTANT(NGI_RUN_MULTIPROCESS, 0x02u),
    CONSTANT(NGI_RUN_ONCE, 0x04u),
    CONSTANT(NGI_CANCEL_CLIENT, 1),
    CONSTANT(NGI_CANCEL_DEADLINE, 2),
    CONSTANT(NGI_CANCEL_SHUTDOWN, 3),
};

#undef MEMBER
#undef SIZE
#undef CONSTANT

#endif
