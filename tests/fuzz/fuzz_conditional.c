/* Any conditions, ranges and dates that a request may bring. The first byte is the size of what is asked for, the
 * second whether it has an entity tag and a date; then, a line each: the tag, If-Match, If-None-Match,
 * If-Modified-Since, If-Unmodified-Since, If-Range, Range. An empty line: the header is not there. */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "http/conditional.h"
#include "http/date.h"
#include "sdk/ngi.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

enum { SPANS_KEPT = 16, LINES = 7, MTIME = 784111777 };

/* --- dates ------------------------------------------------------------------------------------------------------ */

/* A date of the form that is written today, by the C library's calendar. */
static void check_fixdate(const char *text, int64_t seconds)
{
    struct tm when = { 0 };
    char month[4], weekday[4];
    if (sscanf(text, "%3s, %d %3s %d %d:%d:%d", weekday, &when.tm_mday, month, &when.tm_year, &when.tm_hour,
               &when.tm_min, &when.tm_sec) != 7)
        return;
    when.tm_mon =
        (int)((strstr("JanFebMarAprMayJunJulAugSepOctNovDec", month) - "JanFebMarAprMayJunJulAugSepOctNovDec") / 3);
    when.tm_year -= 1900;
    int day = when.tm_mday, second = when.tm_sec;
    FUZZ_ASSERT(timegm(&when) == seconds);
    FUZZ_ASSERT(when.tm_mday == day || second == 60); /* timegm makes 1 March of 30 February */
}

static bool read_date(const char *text, int64_t *ret)
{
    char written[HTTP_DATE_SIZE];
    int64_t again;
    if (!text || http_date_parse(text, ret) != NGI_OK)
        return false;
    FUZZ_ASSERT(fits(text, "(GMT|[0-9][0-9][0-9][0-9])$"));
    check_fixdate(text, *ret);
    http_date_format(*ret, written);
    FUZZ_ASSERT(strlen(written) == HTTP_DATE_SIZE - 1);
    if (strcmp(written + 4, " 31 Dec 9999 23:59:59 GMT") != 0) /* a leap second then is beyond what can be written */
        FUZZ_ASSERT(http_date_parse(written, &again) == NGI_OK && again == *ret);
    return true;
}

/* --- ranges ----------------------------------------------------------------------------------------------------- */

/* Marks the bytes of a range; false: it is none. */
static bool mark(const char *text, int size, bool *wanted)
{
    const char *dash = strchr(text, '-');
    if (!fits(text, "^([0-9]+-[0-9]*|-[0-9]+)$"))
        return false;
    /* strtoll makes LLONG_MAX of what is larger. */
    long long from = strtoll(text, NULL, 10), to = strtoll(dash + 1, NULL, 10);
    if (dash == text) {
        from = to < size ? size - to : 0;
        to = size - 1;
    } else if (!dash[1]) {
        to = size - 1;
    } else if (to < from) {
        return false;
    }
    for (long long i = from; i <= to && i < size; i++)
        wanted[i] = true;
    return true;
}

/* The answer to a Range that counts, by marking each byte that it names; 0: any will do. */
static int expect(const char *range, int size, int *ret_first, int *ret_length)
{
    bool wanted[256] = { false };
    int count = 0, runs = 0, first = 0, length = 0;
    char *list = strdup(range + strlen("bytes=")), *rest = list, *element;
    FUZZ_ASSERT(list);
    while ((element = strsep(&rest, ","))) {
        element += strspn(element, " \t");
        size_t n = strlen(element);
        while (n > 0 && strchr(" \t", element[n - 1]))
            element[--n] = '\0';
        if (n > 0 && !mark(element, size, wanted)) {
            free(list);
            return 200;
        }
        count += n > 0;
    }
    free(list);
    for (int i = size - 1; i >= 0; i--)
        if (wanted[i]) {
            runs += i == size - 1 || !wanted[i + 1];
            length++;
            first = i;
        }
    *ret_first = first;
    *ret_length = length;
    return count == 0 || (runs > 1 && count <= SPANS_KEPT) ? 200 : count > SPANS_KEPT ? 0 : runs ? 206 : 416;
}

static void check_range(const struct preconditions *when, const struct validators *what, int size)
{
    int64_t first = -1, length = -1, date;
    int expected_first, expected_length;
    int status = range_evaluate(when, what, size, &first, &length);
    FUZZ_ASSERT(status == 200 || status == 206 || status == 416);
    FUZZ_ASSERT(status != 206 || (first >= 0 && length > 0 && first + length <= size));
    if (!when->range || strncasecmp(when->range, "bytes=", 6) != 0 || size == 0) {
        FUZZ_ASSERT(status == 200);
        return;
    }
    if (when->if_range) {
        bool same_tag = what->etag && *what->etag == '"' && strcmp(what->etag, when->if_range) == 0;
        bool same_date = read_date(when->if_range, &date) && date == what->mtime;
        if (!same_tag && !same_date) {
            FUZZ_ASSERT(status == 200);
            return;
        }
    }
    int expected = expect(when->range, size, &expected_first, &expected_length);
    FUZZ_ASSERT(!expected || status == expected);
    FUZZ_ASSERT(status != 206 || (first == expected_first && length == expected_length));
}

/* --- conditions ------------------------------------------------------------------------------------------------- */

/* Whether a list of entity tags has the tag. Between the quotes of one, a comma is a comma. */
static bool has_tag(const char *list, const char *etag, bool weakly)
{
    bool any = false;
    if (fits(list, "^[ \t]*\\*[ \t]*$"))
        return true;
    for (const char *at = list; etag && *at && !any; at += *at == ',') {
        at += strspn(at, " \t,");
        const char *start = at;
        bool weak = strncmp(at, "W/", 2) == 0;
        const char *open = weak ? at + 2 : at, *close = *open == '"' ? strchr(open + 1, '"') : NULL;
        char *tag = close ? strndup(start, (size_t)(close + 1 - start)) : NULL;
        bool valid = tag && fits(tag, "^(W/)?\"[^\001- \177\"]*\"$");
        at = valid ? close + 1 : start;
        at += strspn(at, " \t");
        if (valid && (*at == ',' || !*at)) {
            bool strong = !weak && *etag != 'W';
            any = (weakly || strong) && strcmp(tag + 2 * weak, etag + (*etag == 'W' ? 2 : 0)) == 0;
        }
        at += strcspn(at, ",");
        free(tag);
    }
    return any;
}

static int expect_condition(const struct preconditions *when, const struct validators *what, bool safe)
{
    int64_t date;
    bool dated = what->mtime != -1;
    if (when->if_match && !has_tag(when->if_match, what->etag, false))
        return 412;
    if (!when->if_match && dated && read_date(when->if_unmodified_since, &date) && date < what->mtime)
        return 412;
    if (when->if_none_match)
        return !has_tag(when->if_none_match, what->etag, true) ? 0 : safe ? 304 : 412;
    return safe && dated && read_date(when->if_modified_since, &date) && date >= what->mtime ? 304 : 0;
}

/* ---------------------------------------------------------------------------------------------------------------- */

static void check(const char *const *lines, int size, uint8_t flags)
{
    const struct preconditions when = { lines[1], lines[2], lines[3], lines[4], lines[5], lines[6] };
    struct validators what = { lines[0], flags & 1 ? MTIME : -1 };
    bool valid = lines[0] && fits(lines[0], "^(W/)?\"[^\001- \177\"]*\"$");
    FUZZ_ASSERT(!lines[0] || etag_is_valid(lines[0]) == valid);
    if (!valid)
        what.etag = NULL; /* request_conditional refuses it */
    for (int safe = 0; safe <= 1; safe++)
        FUZZ_ASSERT(conditional_evaluate(&when, &what, safe) == expect_condition(&when, &what, safe));
    check_range(&when, &what, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *lines[LINES], *given[LINES];
    if (size < 2)
        return 0;
    struct pieces pieces = pieces_of(data + 2, size - 2);
    for (size_t i = 0; i < LINES; i++) {
        lines[i] = pieces_take(&pieces, '\n', NULL);
        given[i] = lines[i] && *lines[i] ? lines[i] : NULL;
    }
    check((const char *const *)given, data[0], data[1]);
    for (size_t i = 0; i < LINES; i++)
        free(lines[i]);
    return 0;
}
