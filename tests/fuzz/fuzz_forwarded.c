/* Any fields, as a trusted proxy may send them: what is read is right in itself, and what a client puts before the rest
 * changes nothing of a client who is not trusted. The first byte says which fields count; each line then begins with
 * one that chooses its name. */
#include <string.h>

#include "conf/settings.h"
#include "http/forwarded.h"
#include "http/target.h"
#include "sdk/ngi.h"
#include "tests/fuzz/fuzz.h"

enum { FIELDS = 16, MOST = 4096 };

static struct arena arena;
static struct networks trusted;

static int read_fields(const struct field *fields, unsigned count, unsigned which, struct forwarded *told)
{
    const char *why = NULL;
    int rc = forwarded_read(&arena, fields, count, which, &trusted, told, &why);
    FUZZ_ASSERT(rc == NGI_OK || rc == NGI_EINVAL);
    FUZZ_ASSERT((rc == NGI_OK) == !why);
    if (rc != NGI_OK)
        return rc;
    FUZZ_ASSERT(!told->scheme || strcmp(told->scheme, "http") == 0 || strcmp(told->scheme, "https") == 0);
    FUZZ_ASSERT(!told->host || target_is_authority(told->host, strlen(told->host)));
    FUZZ_ASSERT(!told->has_client || told->client.family == AF_INET || told->client.family == AF_INET6);
    FUZZ_ASSERT(told->has_client || told->port == 0);
    return rc;
}

static bool same(const struct forwarded *a, const struct forwarded *b)
{
    return a->has_client == b->has_client && (!a->has_client || address_equal(&a->client, &b->client)) &&
           a->port == b->port && a->scheme == b->scheme;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-HOST", "Forwarded" };
    static const char *const proxies[] = { "10.0.0.0/8", "2001:db8::/32" };
    char text[MOST + 1], *save = NULL, *values[FIELDS];
    struct field fields[FIELDS + 1];
    struct forwarded told, again;
    unsigned count = 0;
    if (size < 1 || size > MOST)
        return 0;
    if (trusted.count == 0)
        FUZZ_ASSERT(networks_new(&trusted, proxies, 2) == NGI_OK);
    unsigned which = data[0] & FORWARDED_ALL;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    for (char *line = strtok_r(text, "\n", &save); line && count < FIELDS; line = strtok_r(NULL, "\n", &save)) {
        const char *name = names[(unsigned char)*line & 3];
        values[count] = strdup(line + 1); /* so that a sanitizer sees who reads on */
        FUZZ_ASSERT(values[count]);
        fields[1 + count] = (struct field){ name, values[count], (uint32_t)strlen(name), (uint32_t)strlen(line + 1) };
        count++;
    }
    arena_init(&arena, 0);
    fields[0] = (struct field){ "X-Forwarded-For", "203.0.113.99", 15, 12 };
    int rc = read_fields(fields + 1, count, which, &told);
    FUZZ_ASSERT(read_fields(fields + 1, count, which, &again) == rc && (rc != NGI_OK || same(&told, &again)));
    which = FORWARDED_X_FOR;
    FUZZ_ASSERT(read_fields(fields + 1, count, which, &told) == NGI_OK);
    FUZZ_ASSERT(read_fields(fields, count + 1, which, &again) == NGI_OK);
    if (told.has_client && !networks_have(&trusted, &told.client))
        FUZZ_ASSERT(same(&told, &again));
    arena_free(&arena);
    for (unsigned i = 0; i < count; i++)
        free(values[i]);
    return 0;
}
