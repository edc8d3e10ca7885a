#include "http/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    /* An expression that backtracks without end must fail, not hold a thread. PCRE2 counts the steps from each place
     * where a match may begin, and an expression without ^ may begin anywhere: those get the share of a place. */
    STEPS = 100000,
    STEPS_LEAST = 100,
    JIT_STACK_FIRST = 32 * 1024,
    JIT_STACK_MOST = 256 * 1024,
};

struct pattern {
    pcre2_code *code;
    bool anchored; /* every match begins at the start */
    uint32_t groups;
    const char *names[ROUTE_CAPTURES_MAX]; /* into the compiled code's name table */
};

/* What a thread needs to match; made on its first match, freed when it ends. */
struct scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static int scratch_key_error;

static void scratch_free(void *p)
{
    struct scratch *scratch = p;
    pcre2_match_data_free(scratch->data);
    pcre2_match_context_free(scratch->context);
    pcre2_jit_stack_free(scratch->stack);
    free(scratch);
}

static void scratch_make_key(void)
{
    scratch_key_error = pthread_key_create(&scratch_key, scratch_free);
}

static struct scratch *scratch_get(void)
{
    pthread_once(&scratch_once, scratch_make_key);
    if (scratch_key_error)
        return NULL;
    struct scratch *scratch = pthread_getspecific(scratch_key);
    if (scratch)
        return scratch;
    scratch = calloc(1, sizeof *scratch);
    if (!scratch)
        return NULL;
    scratch->data = pcre2_match_data_create(ROUTE_CAPTURES_MAX + 1, NULL);
    scratch->context = pcre2_match_context_create(NULL);
    scratch->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MOST, NULL);
    if (!scratch->data || !scratch->context || pthread_setspecific(scratch_key, scratch) != 0) {
        scratch_free(scratch);
        return NULL;
    }
    /* Without a JIT in this PCRE2 there is no stack either, and matching is interpreted. */
    if (scratch->stack)
        pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
    return scratch;
}

static void read_names(struct pattern *pattern)
{
    uint32_t count = 0, entry_size = 0;
    PCRE2_SPTR table = NULL;
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &table);
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *entry = table + (size_t)i * entry_size;
        unsigned group = (unsigned)entry[0] << 8 | entry[1];
        if (group >= 1 && group <= pattern->groups)
            pattern->names[group - 1] = (const char *)entry + 2;
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

int pattern_new(const char *expression, struct pattern **ret, ngi_error *err)
{
    int code;
    PCRE2_SIZE offset;
    struct pattern *pattern = calloc(1, sizeof *pattern);
    if (!pattern)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    /* Paths are bytes. DOLLAR_ENDONLY: '$' must not match before a newline that came as %0A. */
    uint32_t options = PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C;
    pattern->code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED, options, &code, &offset, NULL);
    if (!pattern->code) {
        char text[200];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        free(pattern);
        return ngi_error_set(err, NGI_EINVAL, "%s, at offset %zu of the expression", text, (size_t)offset);
    }
    pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &pattern->groups);
    if (pattern->groups > ROUTE_CAPTURES_MAX) {
        unsigned groups = pattern->groups;
        pattern_free(pattern);
        return ngi_error_set(err, NGI_EINVAL, "%u capture groups; %d are allowed: write (?:…) for those nobody reads",
                             groups, ROUTE_CAPTURES_MAX);
    }
    uint32_t all_options = 0;
    pcre2_pattern_info(pattern->code, PCRE2_INFO_ALLOPTIONS, &all_options);
    pattern->anchored = all_options & PCRE2_ANCHORED;
    read_names(pattern);
    /* Failing only makes it slower. */
    (void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
    *ret = pattern;
    return NGI_OK;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_code_free(pattern->code);
    free(pattern);
}

unsigned pattern_groups(const struct pattern *pattern)
{
    return pattern->groups;
}

const char *pattern_group_name(const struct pattern *pattern, unsigned i)
{
    return i < pattern->groups ? pattern->names[i] : NULL;
}

int pattern_match(const struct pattern *pattern, const char *subject, size_t length, struct capture *captures)
{
    struct scratch *scratch = scratch_get();
    if (!scratch)
        return NGI_ENOMEM;
    size_t steps = pattern->anchored ? STEPS : STEPS / (length + 1);
    pcre2_set_match_limit(scratch->context, (uint32_t)(steps > STEPS_LEAST ? steps : STEPS_LEAST));
    int rc = pcre2_match(pattern->code, (PCRE2_SPTR)subject, length, 0, 0, scratch->data, scratch->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return NGI_ENOENT;
    if (rc < 0)
        return NGI_EFAIL;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(scratch->data);
    for (unsigned i = 0; i < pattern->groups; i++) {
        PCRE2_SIZE start = at[2 * (i + 1)], end = at[2 * (i + 1) + 1];
        bool unset = (int)(i + 1) >= rc || start == PCRE2_UNSET;
        captures[i] = unset ? (struct capture){ 0 } : (struct capture){ subject + start, end - start };
    }
    return NGI_OK;
}
