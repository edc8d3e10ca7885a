/* Any file that postern inspect might be given: what it says is told, in text that a terminal can be shown and as JSON,
 * or there is a reason why not. */
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/facts.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

static char *print(const struct facts *facts, int (*print_to)(const struct facts *, const char *, FILE *))
{
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    FUZZ_ASSERT(out && print_to(facts, "x.so", out) == NGI_OK && fclose(out) == 0);
    FUZZ_ASSERT(strlen(text) == length && length > 0);
    return text;
}

static void check(const struct facts *facts)
{
    char *text = print(facts, facts_print);
    FUZZ_ASSERT(fits(text, "^[^\001-\011\013-\037\177]*\n$"));
    free(text);
    text = print(facts, facts_print_json);
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    FUZZ_ASSERT(json_is_object(object) && fits(text, "^[^\001-\011\013-\037\177]*$"));
    json_decref(object);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct facts *facts = NULL;
    ngi_error err = { 0 };
    if (fd < 0)
        fd = memfd_create("plugin", MFD_CLOEXEC);
    FUZZ_ASSERT(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    int rc = facts_read(fd, &facts, &err);
    FUZZ_ASSERT(rc == err.code);
    if (rc == NGI_OK)
        check(facts);
    else
        FUZZ_ASSERT(!facts && fits(err.text, "^[^\001-\037\177]+$"));
    facts_free(facts);
    return 0;
}
