#include "proc/last_words.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/peek.h"
#include "base/scribe.h"

/* FACT_MOST: of each value; none that is real is longer, but for paths. KEYS_MOST: there are fewer in the table. */
enum { FACT_MOST = 512, KEYS_MOST = 16, KEY_ROOM = 32 };

static const char **place_of(struct transcript_facts *facts, size_t i)
{
    return (const char **)((char *)facts + transcript_keys[i].offset);
}

/* "SIGSEGV (bad memory access)" in one word; NULL: exit was called. */
static int signal_length(const struct transcript_facts *facts)
{
    return (int)strcspn(facts->signal, " ");
}

/* `route` "/x", request 1234; or its phase, where there is no request. */
static void describe_place(const struct transcript_facts *facts, char *out, size_t size)
{
    const char *phase = facts->phase ? facts->phase : "no call of it";
    if (facts->route)
        snprintf(out, size, "route \"%s\", request %s", facts->route, facts->incident ? facts->incident : "-");
    else if (facts->incident)
        snprintf(out, size, "%s, request %s", phase, facts->incident);
    else
        snprintf(out, size, "%s", phase);
}

/* ---------------------------------------------------------------------------------------------------------- */

const char *last_words_write(const struct transcript_facts *facts)
{
    static char text[KEYS_MOST * (FACT_MOST + KEY_ROOM) + PATH_MAX];
    struct scribe lines = { text, sizeof text - PATH_MAX, 0 };
    for (size_t i = 0; i < transcript_key_count; i++) {
        const char *value = *place_of((struct transcript_facts *)facts, i);
        if (!value || transcript_keys[i].offset == offsetof(struct transcript_facts, file))
            continue;
        scribe_put(&lines, transcript_keys[i].name);
        scribe_put(&lines, "=");
        scribe_suspect(&lines, value, FACT_MOST);
        scribe_put(&lines, "\n");
    }
    scribe_put(&lines, "file=");
    peek_string(text + lines.length, sizeof text - lines.length, facts->file);
    return text;
}

void last_words_read(char *text, struct transcript_facts *ret)
{
    static const char last[] = "file=";
    *ret = (struct transcript_facts){ 0 };
    while (*text) {
        if (strncmp(text, last, sizeof last - 1) == 0) {
            ret->file = text + sizeof last - 1;
            return;
        }
        char *end = strchr(text, '\n'), *value = strchr(text, '=');
        if (!end)
            return;
        *end = '\0';
        if (value && value < end) {
            *value++ = '\0';
            for (size_t i = 0; i < transcript_key_count; i++)
                if (strcmp(transcript_keys[i].name, text) == 0)
                    *place_of(ret, i) = value;
        }
        text = end + 1;
    }
}

void last_words_tell(const struct transcript_facts *facts, char *out, size_t size)
{
    char where[2 * FACT_MOST];
    if (!facts->plugin) {
        snprintf(out, size, "crashed: %s%s%s, outside every call of a plugin that has a name",
                 facts->signal ? facts->signal : "exit() was called", facts->address ? " at address " : "",
                 facts->address ? facts->address : "");
        return;
    }
    describe_place(facts, where, sizeof where);
    snprintf(out, size, "plugin %s %s (build-id %s) %s%s%s%s, in %s%s%s", facts->plugin,
             facts->version ? facts->version : "-", facts->build_id ? facts->build_id : "-",
             facts->signal ? "crashed: " : "called exit()", facts->signal ? facts->signal : "",
             facts->address ? " at address " : "", facts->address ? facts->address : "",
             facts->route && facts->phase ? facts->phase : "", facts->route && facts->phase ? " of " : "", where);
}

void last_words_reason(const struct transcript_facts *facts, char *out, size_t size)
{
    char where[2 * FACT_MOST];
    describe_place(facts, where, sizeof where);
    if (facts->signal)
        snprintf(out, size, "it has crashed its worker (%.*s in %s)", signal_length(facts), facts->signal, where);
    else
        snprintf(out, size, "it has ended its worker by exit() (in %s)", where);
}
