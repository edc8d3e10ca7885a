#include "app/replay.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/settings_check.h"
#include "plugin/facts.h"

enum { FILE_MOST = 1024 * 1024 * 1024 + 1024 * 1024 }; /* the most of crash_body, and a head */

/* Whether -H gives a header of that name. */
static bool is_given(const struct arguments *arguments, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < arguments->given_count; i++) {
        const struct given *given = &arguments->given[i];
        if (strcmp(given->option->name, "--header") == 0 && strcspn(given->value, ":") == length &&
            text_equal_nocase_n(given->value, name, length))
            return true;
    }
    return false;
}

/* Another plugin, or another build, may do otherwise. What cannot be read is for the loader to refuse. */
static void compare_plugins(const char *file, const struct transcript_facts *was, const char *plugin)
{
    struct facts *is = NULL;
    ngi_error err;
    int fd = open(plugin, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    if (facts_read(fd, &is, &err) == NGI_OK) {
        if (was->plugin && is->name && strcmp(was->plugin, is->name) != 0)
            log_line(NGI_LOG_WARNING, "%s: it was for plugin %s, and %s is %s", file, was->plugin, plugin, is->name);
        else if (was->build_id && (!is->build_id || strcmp(was->build_id, is->build_id) != 0))
            log_line(NGI_LOG_WARNING, "%s: it was for build-id %s (version %s), and %s is %s (version %s)", file,
                     was->build_id, was->version ? was->version : "-", plugin, is->build_id ? is->build_id : "without",
                     is->version ? is->version : "-");
    }
    facts_free(is);
    close(fd);
}

/* NULL: none. "" is the root. */
static const char *mistake_in_mount(const struct transcript_facts *facts)
{
    return facts->mount && *facts->mount ? check_mount(facts->mount) : NULL;
}

static void tell_masked(const char *file, const struct transcript *transcript, const struct arguments *arguments)
{
    for (size_t i = 0; i < transcript->header_count; i++) {
        const struct transcript_header *header = &transcript->headers[i];
        if (header->masked && !is_given(arguments, header->name))
            log_line(NGI_LOG_WARNING,
                     "%s: the value of %s was not kept: the handler gets \"%s\" (-H '%s: …' gives it one)", file,
                     header->name, header->value, header->name);
    }
}

static void tell_cut(const char *file, const struct transcript *transcript)
{
    if (transcript->body_total == UINT64_MAX)
        log_line(NGI_LOG_WARNING, "%s: the handler read the body as it arrived: it was not kept", file);
    else if (transcript->body_length < transcript->body_total)
        log_line(NGI_LOG_WARNING, "%s: the body was cut: %zu of its %" PRIu64 " bytes were kept", file,
                 transcript->body_length, transcript->body_total);
}

/* ---------------------------------------------------------------------------------------------------------- */

struct transcript *replay_load(const char *file, const char *plugin, const struct arguments *arguments)
{
    struct transcript *transcript = NULL;
    const char *mistake;
    char *text = NULL;
    size_t length = 0;
    ngi_error err = { 0 };
    int rc = file_read(file, FILE_MOST, &text, &length);
    if (rc < 0) {
        log_line(NGI_LOG_ERROR, "--replay %s: %s", file, strerror(-rc));
        return NULL;
    }
    if (transcript_read(text, length, &transcript, &err) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "--replay %s: %s", file, err.text);
    } else if ((mistake = mistake_in_mount(&transcript->facts)) != NULL) {
        log_line(NGI_LOG_ERROR, "--replay %s: its mount \"%s\" %s", file, transcript->facts.mount, mistake);
        transcript_free(transcript);
        transcript = NULL;
    } else {
        compare_plugins(file, &transcript->facts, plugin);
        tell_masked(file, transcript, arguments);
        tell_cut(file, transcript);
    }
    free(text);
    return transcript;
}

bool replay_fill(struct request *request, const struct transcript *transcript, struct peer *peer,
                 const struct arguments *arguments, const struct settings *settings)
{
    const struct transcript_facts *facts = &transcript->facts;
    const char *why = "out of memory";
    *peer = (struct peer){ .remote_addr = "127.0.0.1", .local_addr = "127.0.0.1", .scheme = "http" };
    if (facts->remote)
        snprintf(peer->remote_addr, sizeof peer->remote_addr, "%s", facts->remote);
    if (facts->scheme)
        peer->scheme = facts->scheme;
    if (request_begin(request, peer, transcript->method, transcript->target, transcript->protocol, &why) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "--replay: %s %s: %s", transcript->method, transcript->target, why);
        return false;
    }
    for (size_t i = 0; i < transcript->header_count; i++) {
        const struct transcript_header *header = &transcript->headers[i];
        if (!is_given(arguments, header->name))
            request_add_header(request, header->name, strlen(header->name), header->value, strlen(header->value));
    }
    const struct body_limits limits = { SIZE_MAX / 2, (size_t)settings->body_memory, settings->spool };
    if (body_append(&request->body, &limits, transcript->body, transcript->body_length) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "--replay: the body cannot be held: out of memory, or spool is full");
        return false;
    }
    return true;
}
