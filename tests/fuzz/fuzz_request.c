/* Any request head, as libmicrohttpd would pass it on: line by line the method, the target, the protocol, and headers.
 * What is accepted is looked at by other means than the gateway's, and has to be what is accepted again. Accepted or
 * not, it is a line of the access log. */
#include <arpa/inet.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/settings.h"
#include "http/environ.h"
#include "http/method.h"
#include "http/request.h"
#include "obs/access.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

enum { LINES = 160 };

struct head {
    char *method, *target, *protocol;
    struct {
        char *name, *value;
        size_t length; /* of the name */
    } headers[LINES];
    size_t count;
};

static char *copy(const char *text)
{
    char *own = strdup(text);
    FUZZ_ASSERT(own);
    return own;
}

/* --- the target ------------------------------------------------------------------------------------------------ */

static char *new_text(size_t size)
{
    char *text = calloc(1, size + 1);
    FUZZ_ASSERT(text);
    return text;
}

/* %XX taken off; NULL for a wrong one. */
static char *decode(const char *path, size_t length)
{
    char *out = new_text(length);
    for (size_t i = 0, to = 0; i < length; i++, to++) {
        out[to] = path[i];
        if (path[i] != '%')
            continue;
        char digits[3] = { path[i + 1], i + 2 < length ? path[i + 2] : '\0' };
        if (i + 2 >= length || !fits(digits, "^[0-9a-fA-F][0-9a-fA-F]$") || strcmp(digits, "00") == 0) {
            free(out);
            return NULL;
        }
        out[to] = (char)strtoul(digits, NULL, 16);
        i += 2;
    }
    return out;
}

/* The path with its segments on a stack; NULL where it climbs above the root. `path` is decoded. */
static char *normalise(const char *path)
{
    char *out = new_text(strlen(path) + 1);
    bool open = false; /* the path ends in a slash */
    for (const char *at = path; *at;) {
        size_t n = strcspn(++at, "/");
        open = n == 0 || strncmp(at, ".", n) == 0 || (n == 2 && strncmp(at, "..", n) == 0);
        if (n == 2 && open) {
            char *last = strrchr(out, '/');
            if (!last) {
                free(out);
                return NULL;
            }
            *last = '\0';
        } else if (!open) {
            strcat(out, "/");
            strncat(out, at, n);
        }
        at += n;
    }
    if (open)
        strcat(out, "/");
    return out;
}

/* Every byte but '/' as %XX. */
static char *encode(const char *path, size_t length)
{
    char *out = new_text(3 * length), *at = out;
    for (size_t i = 0; i < length; i++)
        at += path[i] == '/' ? sprintf(at, "/") : sprintf(at, "%%%02X", (unsigned char)path[i]);
    return out;
}

static bool is_authority(const char *text)
{
    char host[INET6_ADDRSTRLEN];
    struct in6_addr address;
    const char *port = strrchr(text, ':');
    if (port && fits(port, "^:[0-9]*$") && strtoul(port + 1, NULL, 10) > 65535)
        return false;
    if (*text != '[')
        return fits(text, "^([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f][0-9A-Fa-f])+(:[0-9]*)?$");
    size_t n = strcspn(text + 1, "]");
    if (n >= sizeof host || !fits(text, "^\\[[^]]*\\](:[0-9]*)?$"))
        return false;
    snprintf(host, sizeof host, "%.*s", (int)n, text + 1);
    return inet_pton(AF_INET6, host, &address) == 1;
}

/* What has to come of a target; false: it has to be refused. The texts are the caller's. */
static bool read_target(const char *raw, char **ret_authority, char **ret_path, const char **ret_query)
{
    const char *at = raw;
    if (*raw != '/') {
        size_t scheme = strncasecmp(raw, "http://", 7) == 0 ? 7 : 8;
        if (scheme == 8 && strncasecmp(raw, "https://", 8) != 0)
            return false;
        *ret_authority = strndup(raw + scheme, strcspn(raw + scheme, "/?"));
        FUZZ_ASSERT(*ret_authority);
        if (!is_authority(*ret_authority))
            return false;
        at += scheme + strlen(*ret_authority);
    }
    if (!fits(at, "^[^\001- #\177]*$"))
        return false;
    size_t length = strcspn(at, "?");
    *ret_query = at[length] ? at + length + 1 : "";
    char *decoded = decode(at, length);
    *ret_path = !decoded ? NULL : length ? normalise(decoded) : strdup("/");
    free(decoded);
    return *ret_path;
}

/* The same path, once more. */
static void repeat_path(const struct target *target)
{
    struct arena arena;
    struct target again;
    const char *why;
    char *encoded = encode(target->path, target->path_length);
    arena_init(&arena, 0);
    FUZZ_ASSERT(target_parse(&arena, encoded, &again, &why) == NGI_OK);
    FUZZ_ASSERT(again.path_length == target->path_length && strcmp(again.path, target->path) == 0);
    FUZZ_ASSERT(!*again.query && !again.authority);
    arena_free(&arena);
    free(encoded);
}

static void check_target(const struct request *request, int rc, const char *raw, const char *why)
{
    const struct target *target = &request->target;
    char *authority = NULL, *path = NULL;
    const char *query;
    if (strcmp(raw, "*") == 0) {
        FUZZ_ASSERT(rc == NGI_OK && target->asterisk && strcmp(target->path, "*") == 0);
        return;
    }
    FUZZ_ASSERT(rc == (read_target(raw, &authority, &path, &query) ? NGI_OK : NGI_EINVAL));
    if (rc == NGI_OK) {
        FUZZ_ASSERT(!target->asterisk && target->path_length == strlen(target->path));
        FUZZ_ASSERT(strcmp(target->path, path) == 0 && strcmp(target->query, query) == 0);
        FUZZ_ASSERT(!authority == !target->authority && (!authority || strcmp(authority, target->authority) == 0));
        FUZZ_ASSERT(fits(target->path, "^/"));
        FUZZ_ASSERT(!fits(target->path, "//|/\\.\\.?(/|$)"));
        repeat_path(target);
    } else {
        FUZZ_ASSERT(why && *why);
    }
    free(authority);
    free(path);
}

/* --- headers ---------------------------------------------------------------------------------------------------- */

static bool is_left_out(const char *name)
{
    return strchr(name, '_') || strcasecmp(name, "proxy") == 0;
}

static const char *separator_of(const char *name)
{
    return strcasecmp(name, "cookie") == 0 ? "; " : ", ";
}

/* All values of a name as one; NULL: there is none. Only the first REQUEST_HEADERS_MAX headers count. */
static char *join(const struct head *head, const char *name)
{
    size_t size = 1, kept = 0, length = strlen(name);
    char *joined = NULL;
    for (size_t i = 0; i < head->count; i++) {
        if (is_left_out(head->headers[i].name) || ++kept > REQUEST_HEADERS_MAX || head->headers[i].length != length ||
            strcasecmp(head->headers[i].name, name) != 0)
            continue;
        size += strlen(head->headers[i].value) + 2;
        FUZZ_ASSERT((joined = realloc(joined, size)));
        if (size == strlen(head->headers[i].value) + 3)
            *joined = '\0';
        else if (*joined) /* an empty first one says nothing */
            strcat(joined, separator_of(name));
        strcat(joined, head->headers[i].value);
    }
    return joined;
}

static void check_headers(struct request *request, const struct head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        const char *name = head->headers[i].name, *value = request_header(request, name);
        char *joined = is_left_out(name) ? NULL : join(head, name);
        if (strcasecmp(name, "Host") == 0 && request->target.authority)
            FUZZ_ASSERT(value == request->target.authority);
        else
            FUZZ_ASSERT(joined ? value && strcmp(value, joined) == 0 : !value);
        free(joined);
    }
}

static void check_host(struct request *request, const struct head *head)
{
    size_t hosts = 0, kept = 0;
    bool good = true;
    for (size_t i = 0; i < head->count; i++) {
        const char *name = head->headers[i].name, *value = head->headers[i].value;
        if (is_left_out(name) || ++kept > REQUEST_HEADERS_MAX || strcasecmp(name, "Host") != 0)
            continue;
        hosts++;
        good = !*value || is_authority(value);
    }
    bool expected = hosts == 0 ? strcmp(head->protocol, "HTTP/1.0") == 0 : hosts == 1 && good;
    FUZZ_ASSERT((request_check_host(request) == NULL) == expected);
}

struct seen {
    struct request *request;
    const struct head *head;
    char *names[LINES + 32];
    size_t lengths[LINES + 32];
    size_t count;
};

static int see_variable(void *arg, const char *name, const char *value)
{
    struct seen *seen = arg;
    const char *again = environ_get(seen->request, name);
    size_t length = strlen(name);
    FUZZ_ASSERT(fits(name, "^[^a-z=]+$"));
    FUZZ_ASSERT(strcmp(name, "HTTP_PROXY") != 0);
    FUZZ_ASSERT(!fits(name, "^HTTP_(CONTENT_LENGTH|CONTENT_TYPE|TRANSFER_ENCODING)$"));
    FUZZ_ASSERT(!strpbrk(value, "\r\n") || strcmp(name, "PATH_INFO") == 0); /* which has been decoded */
    FUZZ_ASSERT(again && strcmp(again, value) == 0);
    for (size_t i = 0; i < seen->count; i++)
        FUZZ_ASSERT(seen->lengths[i] != length || strcmp(seen->names[i], name) != 0); /* none is told twice */
    seen->lengths[seen->count] = length;
    seen->names[seen->count++] = copy(name);
    if (strncmp(name, "HTTP_", 5) != 0)
        return 0;
    char *header = strdup(name + 5); /* back to the only header that it may come from */
    FUZZ_ASSERT(header);
    for (char *at = header; *at; at++)
        *at = *at == '_' ? '-' : *at;
    char *joined = join(seen->head, header);
    if (strcmp(name, "HTTP_HOST") == 0 && seen->request->target.authority)
        FUZZ_ASSERT(strcmp(value, seen->request->target.authority) == 0);
    else
        FUZZ_ASSERT(joined && strcmp(joined, value) == 0);
    free(joined);
    free(header);
    return 0;
}

static void check_environ(struct request *request, const struct head *head)
{
    struct seen seen = { .request = request, .head = head };
    FUZZ_ASSERT(environ_each(request, see_variable, &seen) == 0);
    for (size_t i = 0; i < seen.count; i++)
        free(seen.names[i]);
}

/* --- pairs ------------------------------------------------------------------------------------------------------ */

/* The next of the pairs has to be this one; the texts go. */
static void expect_pair(const struct pair **next, char *name, char *value)
{
    if (*next) { /* else there were too many */
        FUZZ_ASSERT(strcmp((*next)->name, name) == 0 && strcmp((*next)->value, value) == 0);
        *next = (*next)->next;
    }
    free(name);
    free(value);
}

/* What stands for %XX and '+' in a query; NULL: there is a NUL in it. */
static char *decode_query(const char *text)
{
    char *out = new_text(strlen(text)), *to = out;
    for (const char *at = text; *at; at++) {
        char digits[3] = { at[1], at[1] ? at[2] : '\0' };
        bool escape = *at == '%' && fits(digits, "^[0-9a-fA-F]{2}$");
        *to++ = escape ? (char)strtoul(digits, NULL, 16) : *at == '+' ? ' ' : *at;
        at += escape ? 2 : 0;
        if (!to[-1]) {
            free(out);
            return NULL;
        }
    }
    return out;
}

static void check_query(struct request *request)
{
    const struct pairs *query = request_query(request);
    const struct pair *next = query->first;
    char *text = copy(request->target.query), *rest = text, *piece;
    size_t count = 0;
    while ((piece = strsep(&rest, "&")) != NULL) {
        if (!*piece)
            continue;
        char *name = strsep(&piece, "="), *own = decode_query(name), *value = decode_query(piece ? piece : "");
        if (own && value) {
            expect_pair(&next, own, value);
            count++;
        } else {
            free(own);
            free(value);
        }
    }
    FUZZ_ASSERT(!next && query->count == (count < REQUEST_PAIRS_MAX ? count : REQUEST_PAIRS_MAX));
    free(text);
}

/* The text without blanks around it. */
static char *trim(const char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t", text[n - 1]))
        n--;
    return strndup(text, n);
}

static void check_cookies(struct request *request)
{
    const struct pairs *cookies = request_cookies(request);
    const struct pair *next = cookies->first;
    const char *header = request_header(request, "Cookie");
    char *text = copy(header ? header : ""), *rest = text, *piece;
    size_t count = 0;
    while ((piece = strsep(&rest, ";")) != NULL) {
        char *name = trim(strsep(&piece, "=")), *value = trim(piece ? piece : "");
        FUZZ_ASSERT(name && value);
        if (!piece || !*name) {
            free(name);
            free(value);
            continue;
        }
        if (fits(value, "^\".*\"$")) {
            memmove(value, value + 1, strlen(value));
            value[strlen(value) - 1] = '\0';
        }
        expect_pair(&next, name, value);
        count++;
    }
    FUZZ_ASSERT(!next && cookies->count == (count < REQUEST_PAIRS_MAX ? count : REQUEST_PAIRS_MAX));
    free(text);
}

/* --- the access log --------------------------------------------------------------------------------------------- */

/* Writes the line of a request, and reads it. */
static const char *log_request(const struct request *request, int format)
{
    static int fd = -1;
    static char line[1 << 18];
    char path[64];
    if (fd < 0)
        fd = memfd_create("log", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FUZZ_ASSERT(ftruncate(fd, 0) == 0 && access_open(path, format, NULL) == NGI_OK);
    access_write(request, &request->timing, 400, true);
    access_close();
    ssize_t n = pread(fd, line, sizeof line, 0);
    FUZZ_ASSERT(n > 1 && n < (ssize_t)sizeof line);
    line[n] = '\0';
    FUZZ_ASSERT(strchr(line, '\n') == line + n - 1);
    line[n - 1] = '\0';
    return line;
}

static void check_log(const struct request *request)
{
    const char *line = log_request(request, ACCESS_COMBINED);
    FUZZ_ASSERT(fits(line, "^192\\.0\\.2\\.7 - - \\[[^]\"]*\\] \"([^\"\\]|\\\\[\"\\x])*\" 400 0 "
                           "\"([^\"\\]|\\\\[\"\\x])*\" \"([^\"\\]|\\\\[\"\\x])*\" [0-9a-f]* - pool 0 0 sent$"));
    FUZZ_ASSERT(fits(line, "^[ -~]*$"));
    line = log_request(request, ACCESS_JSON);
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    FUZZ_ASSERT(json_is_object(object) && json_integer_value(json_object_get(object, "status")) == 400);
    const char *target = json_string_value(json_object_get(object, "target"));
    FUZZ_ASSERT(target && (!fits(request->raw_target, "^[ -~]*$") || strcmp(target, request->raw_target) == 0));
    json_decref(object);
}

/* ---------------------------------------------------------------------------------------------------------------- */

/* What reaches request_add_header: http/framing lets nothing else pass. */
static void take_header(struct head *head, char *line)
{
    char *colon = strchr(line, ':');
    if (!colon || head->count == LINES || !fits(line, "^[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[^\001-\010\012-\037\177]*$"))
        return;
    *colon = '\0';
    head->headers[head->count].name = copy(line);
    head->headers[head->count].length = strlen(line);
    head->headers[head->count++].value = copy(colon + 1 + (colon[1] == ' '));
}

static void copy_head(struct head *to, const struct head *from)
{
    *to = (struct head){ copy(from->method), copy(from->target), copy(from->protocol), .count = from->count };
    for (size_t i = 0; i < to->count; i++) {
        to->headers[i].name = copy(from->headers[i].name);
        to->headers[i].value = copy(from->headers[i].value);
    }
}

/* White space behind a value is no part of it. */
static void trim_values(struct head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        char *value = head->headers[i].value;
        size_t n = strlen(value);
        while (n > 0 && strchr(" \t", value[n - 1]))
            value[--n] = '\0';
    }
}

static void free_head(struct head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        free(head->headers[i].name);
        free(head->headers[i].value);
    }
    free(head->method);
    free(head->target);
    free(head->protocol);
}

static void check(struct request *request, const struct head *head)
{
    check_headers(request, head);
    check_host(request, head);
    check_environ(request, head);
    check_query(request);
    check_cookies(request);
}

/* `given` is what the request is made of; when it owns that, it goes. */
static void run(struct request *request, struct head *given, const struct head *head)
{
    const struct peer peer = { .remote_addr = "192.0.2.7", .local_addr = "::1", .scheme = "http" };
    const char *why = NULL;
    int rc = request_begin(request, &peer, given->method, head->target, given->protocol, &why);
    check_target(request, rc, head->target, why);
    bool token = fits(head->method, "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$");
    FUZZ_ASSERT((request->method == 0) ==
                (!token || strcmp(head->method, "TRACE") == 0 || strcmp(head->method, "CONNECT") == 0));
    for (size_t i = 0; i < given->count; i++) {
        const char *name = given->headers[i].name, *value = given->headers[i].value;
        request_add_header(request, name, strlen(name), value, strlen(value));
    }
    check_log(request);
    if (!token || rc != NGI_OK || !fits(head->protocol, "^HTTP/[0-9]\\.[0-9]$"))
        return;
    request->path_info = request->target.path;
    check(request, head);
    FUZZ_ASSERT(request_own(request) == NGI_OK);
    free_head(given);
    *given = (struct head){ .count = 0 };
    check(request, head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct head head, given;
    struct pieces pieces = pieces_of(data, size);
    struct request *request = request_new(1 << 16);
    char *line;
    FUZZ_ASSERT(request);
    head = (struct head){ .count = 0 };
    head.method = pieces_take(&pieces, '\n', NULL);
    head.target = pieces_take(&pieces, '\n', NULL);
    head.protocol = pieces_take(&pieces, '\n', NULL);
    while ((line = pieces_take(&pieces, '\n', NULL))) {
        take_header(&head, line);
        free(line);
    }
    if (head.protocol) {
        copy_head(&given, &head);
        trim_values(&head);
        run(request, &given, &head);
    }
    request_free(request);
    free_head(&given);
    free_head(&head);
    given = (struct head){ .count = 0 };
    return 0;
}
