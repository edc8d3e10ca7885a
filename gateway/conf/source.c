#include "conf/source.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "sdk/ngi.h"

enum { FILE_BYTES_MAX = 1 << 20, TEXT_BYTES_MAX = 4 << 20, INCLUDE_DEPTH_MAX = 10, BLOCK_DEPTH_MAX = 8 };

/* A run of lines from one file: line `first` of the text is line `line` of `file`. */
struct source_part {
    size_t first, line;
    char *file;
};

enum token { TOKEN_NONE, TOKEN_WORD, TOKEN_EQUALS, TOKEN_VALUE, TOKEN_LIST, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_COMMA };

struct scanner {
    struct source *source;
    struct report *report;
    const char *file;
    unsigned depth; /* of includes */
    size_t line;
    const char *at;
    enum token previous;
    const char *key; /* the last word before an equal sign */
    size_t key_length;
    bool in_list;
    bool unset;                   /* a variable was: what it stands in is not worth looking at */
    size_t open[BLOCK_DEPTH_MAX]; /* the lines of blocks that are not closed yet */
    size_t open_count;
    int rc; /* the first error that ends the scan */
};

static int read_part(struct source *source, const char *file, const char *from, unsigned depth, struct report *report);

static int begin_part(struct source *source, const char *file, size_t line)
{
    char *copy = strdup(file);
    struct source_part *parts = copy ? realloc(source->parts, (source->part_count + 1) * sizeof *parts) : NULL;
    if (!parts) {
        free(copy);
        return NGI_ENOMEM;
    }
    parts[source->part_count++] = (struct source_part){ .first = source->lines + 1, .line = line, .file = copy };
    source->parts = parts;
    return NGI_OK;
}

static void latch(struct scanner *scanner, int rc)
{
    if (scanner->rc == NGI_OK)
        scanner->rc = rc;
}

static void emit(struct scanner *scanner, const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        scanner->source->lines += data[i] == '\n';
    latch(scanner, buffer_append(&scanner->source->text, data, n));
}

/* Passes `n` bytes on as they are. */
static void take(struct scanner *scanner, size_t n)
{
    emit(scanner, scanner->at, n);
    for (; n > 0; n--)
        scanner->line += *scanner->at++ == '\n';
}

static void refuse(struct scanner *scanner, size_t line, const char *words)
{
    report_add(scanner->report, "%s:%zu: %s", scanner->file, line, words);
    latch(scanner, NGI_EINVAL);
}

/* Passes over a comment; its newlines stay. */
static void skip_comment(struct scanner *scanner)
{
    if (*scanner->at == '#' || scanner->at[1] == '/') {
        scanner->at += strcspn(scanner->at, "\n");
        return;
    }
    const char *end = strstr(scanner->at + 2, "*/");
    if (!end) {
        refuse(scanner, scanner->line, "comment: is never closed; right is /* … */");
        return;
    }
    for (; scanner->at < end + 2; scanner->at++)
        if (*scanner->at == '\n') {
            emit(scanner, "\n", 1);
            scanner->line++;
        }
    emit(scanner, " ", 1); /* words on both sides stay two words */
}

/* Length of "${NAME}" at `at`, whose text libconfuse takes from the environment; 0 if there is none. */
static size_t variable_length(const char *at)
{
    size_t n = strcspn(at, "}\n");
    return at[n] == '}' ? n + 1 : 0;
}

/* "${NAME}" or "${NAME:-DEFAULT}", as libconfuse reads them, at `at`. To libconfuse a variable that is not set is an
 * empty text, which may be a password. */
static void check_variable(struct scanner *scanner, const char *at, size_t length)
{
    char *name = strndup(at + 2, length - 3), *colon = name ? strchr(name, ':') : NULL;
    if (!name) {
        latch(scanner, NGI_ENOMEM);
    } else if (!(colon && colon[1] == '-') && !getenv(name)) {
        report_add(scanner->report,
                   "%s:%zu: ${%s}: is not set in the gateway's environment; right is to set it there, or "
                   "${%s:-DEFAULT}",
                   scanner->file, scanner->line, name, name);
        scanner->unset = true;
    }
    free(name);
}

/* Length of the string at the scanner, with its quotes; 0 after a refusal. */
static size_t string_length(struct scanner *scanner)
{
    const char *at = scanner->at;
    char quote = *at++;
    while (*at && *at != quote) {
        if (quote == '"' && at[0] == '$' && at[1] == '{') {
            size_t n = variable_length(at);
            if (n == 0) {
                refuse(scanner, scanner->line,
                       "string: holds a ${ without its }; right is ${NAME}, or \\${ for the text");
                return 0;
            }
            check_variable(scanner, at, n);
            at += n;
        } else {
            at += *at == '\\' && at[1] ? 2 : 1;
        }
    }
    if (*at)
        return (size_t)(at + 1 - scanner->at);
    refuse(scanner, scanner->line, "string: is never closed; right is \"…\"");
    return 0;
}

static size_t blank_length(const char *at)
{
    return strspn(at, " \t\r\n");
}

/* To libconfuse a '|' in a key leads into another block. An escape or a variable may stand for one, and spell what
 * options of ours are called that no operator sets (settings_read.c). */
static void check_key(struct scanner *scanner, const char *key, size_t length)
{
    bool quoted = *key == '"' || *key == '\'', good = length > (quoted ? 2 : 0);
    for (size_t i = 0; i < length; i++)
        good &= (unsigned char)key[i] >= ' ' && key[i] != 0x7f && !strchr("|$\\", key[i]);
    if (good)
        return;
    report_add(scanner->report,
               "%s:%zu: %.*s: is empty, or holds |, $, \\ or a control character; right is the name of a setting or a "
               "block",
               scanner->file, scanner->line, (int)length, key);
    latch(scanner, NGI_EINVAL);
}

/* A word or string stands at [start, start + length). */
static void note_word(struct scanner *scanner, const char *start, size_t length)
{
    if (scanner->previous == TOKEN_EQUALS) {
        scanner->previous = TOKEN_VALUE;
    } else {
        if (scanner->previous != TOKEN_WORD && !scanner->in_list) /* else a title, or a value */
            check_key(scanner, start, length);
        scanner->previous = TOKEN_WORD;
        scanner->key = start;
        scanner->key_length = length;
    }
}

/* The path of an included file, malloc'ed; NULL if out of memory. */
static char *included_path(const char *from, const char *name, size_t length)
{
    const char *slash = strrchr(from, '/');
    char *path;
    int directory = *name == '/' || !slash ? 0 : (int)(slash - from) + 1;
    return asprintf(&path, "%.*s%.*s", directory, from, (int)length, name) < 0 ? NULL : path;
}

/* include("FILE"): the file's text takes the place of the call. `at` is behind the word. */
static void include_file(struct scanner *scanner)
{
    char from[WHERE_MAX], *path;
    size_t line = scanner->line;
    const char *at = scanner->at + blank_length(scanner->at) + 1;
    at += blank_length(at);
    size_t length = *at == '"' || *at == '\'' ? strcspn(at + 1, "\"'\n\\") : 0;
    const char *close = length && at[length + 1] == *at ? at + length + 2 + blank_length(at + length + 2) : NULL;
    if (!close || *close != ')') {
        refuse(scanner, line, "include: is malformed; right is include(\"FILE\")");
        return;
    }
    path = included_path(scanner->file, at + 1, length);
    if (!path) {
        latch(scanner, NGI_ENOMEM);
        return;
    }
    snprintf(from, sizeof from, "%s:%zu: include: ", scanner->file, line);
    for (; scanner->at <= close; scanner->at++)
        scanner->line += *scanner->at == '\n';
    emit(scanner, "\n", 1);
    /* A file that cannot be read is a mistake like another: the rest is checked all the same. */
    int rc = read_part(scanner->source, path, from, scanner->depth + 1, scanner->report);
    if (rc != NGI_ENOENT && rc != NGI_EIO)
        latch(scanner, rc);
    emit(scanner, "\n", 1);
    latch(scanner, begin_part(scanner->source, scanner->file, scanner->line));
    scanner->previous = TOKEN_CLOSE;
    free(path);
}

static void scan_word(struct scanner *scanner)
{
    const char *start = scanner->at;
    size_t length = start[0] == '$' && start[1] == '{' ? variable_length(start) : 0;
    if (length)
        check_variable(scanner, start, length);
    else
        length = strcspn(start, " \t\r\n#\"'={}()+,*");
    bool call = length == 7 && memcmp(start, "include", 7) == 0 && start[7 + blank_length(start + 7)] == '(';
    if (call && !scanner->in_list && scanner->previous != TOKEN_EQUALS) {
        scanner->at += length;
        include_file(scanner);
        return;
    }
    note_word(scanner, start, length);
    take(scanner, length);
}

static void scan_open(struct scanner *scanner)
{
    if (scanner->previous == TOKEN_EQUALS) {
        scanner->in_list = true;
        scanner->previous = TOKEN_LIST;
    } else if (scanner->open_count == BLOCK_DEPTH_MAX) {
        refuse(scanner, scanner->line, "{: blocks nest too deeply; right is plugin NAME { route \"PATTERN\" { … } }");
    } else {
        scanner->open[scanner->open_count++] = scanner->line;
        scanner->previous = TOKEN_OPEN;
    }
    take(scanner, 1);
}

static void scan_close(struct scanner *scanner)
{
    if (scanner->in_list) {
        if (scanner->previous == TOKEN_LIST)
            report_add(scanner->report, "%s:%zu: %.*s: the list is empty; right is at least one value", scanner->file,
                       scanner->line, (int)scanner->key_length, scanner->key);
        scanner->in_list = false;
        scanner->previous = TOKEN_VALUE;
    } else if (scanner->open_count == 0) {
        refuse(scanner, scanner->line, "}: closes no block; right is a } for each {");
    } else {
        scanner->open_count--;
        scanner->previous = TOKEN_CLOSE;
    }
    take(scanner, 1);
}

static void scan_comma(struct scanner *scanner)
{
    bool between = !scanner->in_list && (scanner->previous == TOKEN_VALUE || scanner->previous == TOKEN_CLOSE);
    if (between) {
        emit(scanner, " ", 1);
        scanner->at++;
    } else {
        take(scanner, 1); /* libconfuse refuses it where it does not belong */
    }
    scanner->previous = TOKEN_COMMA;
}

static void scan_token(struct scanner *scanner)
{
    const char *at = scanner->at;
    size_t length;
    switch (*at) {
    case '{': scan_open(scanner); break;
    case '}': scan_close(scanner); break;
    case ',': scan_comma(scanner); break;
    case '"':
    case '\'':
        length = string_length(scanner);
        if (length == 0)
            break;
        note_word(scanner, at, length);
        take(scanner, length);
        break;
    case '+':
    case '=':
        if (*at == '+' && at[1] != '=') {
            refuse(scanner, scanner->line, "+: stands outside quotes; right is \"…\" around a text that holds it");
            break;
        }
        take(scanner, *at == '+' ? 2 : 1);
        scanner->previous = TOKEN_EQUALS;
        break;
    case '*':
        refuse(scanner, scanner->line, "*: stands outside quotes; right is \"…\" around a text that holds it");
        break;
    case '(':
    case ')': refuse(scanner, scanner->line, "parenthesis: calls nothing known; right is include(\"FILE\")"); break;
    default: scan_word(scanner); break;
    }
}

static void scan(struct scanner *scanner)
{
    while (*scanner->at && scanner->rc == NGI_OK) {
        size_t blank = blank_length(scanner->at);
        if (blank)
            take(scanner, blank);
        else if (*scanner->at == '#' || (*scanner->at == '/' && (scanner->at[1] == '/' || scanner->at[1] == '*')))
            skip_comment(scanner);
        else
            scan_token(scanner);
    }
    if (scanner->unset)
        latch(scanner, NGI_EINVAL);
    if (scanner->rc != NGI_OK)
        return;
    if (scanner->in_list)
        refuse(scanner, scanner->line, "{: the list is never closed; right is {\"…\", \"…\"}");
    else if (scanner->open_count)
        refuse(scanner, scanner->open[scanner->open_count - 1],
               "{: this block is never closed; right is a } for each {");
}

static int report_unread(const char *file, const char *from, int rc, struct report *report)
{
    const char *advice = rc == -ENOENT ? "; right is the path of a file that exists"
                       : rc == -EACCES ? "; right is a file that this user may read"
                       : rc == -EISDIR ? "; right is a file"
                       : rc == -EFBIG  ? "; right is at most 1M"
                       : rc == -ESPIPE ? "; right is a file, which a reload can read again"
                                       : "";
    if (rc == -ENOMEM)
        return NGI_ENOMEM;
    const char *why = rc == -ESPIPE ? "it is a pipe" : strerror(-rc);
    report_add(report, "%s%s: cannot be read: %s%s", from, file, why, advice);
    return rc == -ENOENT ? NGI_ENOENT : NGI_EIO;
}

/* `from`: what to put before a message about the file itself. NGI_ENOENT, NGI_EIO: this very file cannot be read. */
static int read_part(struct source *source, const char *file, const char *from, unsigned depth, struct report *report)
{
    char *data = NULL;
    size_t length;
    if (depth > INCLUDE_DEPTH_MAX) {
        report_add(report, "%s%s: files are included more than 10 deep; right is a file that does not include itself",
                   from, file);
        return NGI_EINVAL;
    }
    int rc = file_read_again(file, FILE_BYTES_MAX, &data, &length);
    if (rc)
        return report_unread(file, from, rc, report);
    struct scanner scanner = {
        .source = source, .report = report, .file = file, .depth = depth, .line = 1, .at = data
    };
    latch(&scanner, begin_part(source, file, 1));
    const char *wrong = strlen(data) != length ? "holds a NUL byte; right is a text file"
                      : text_has_prefix(data, "\xef\xbb\xbf")
                          ? "begins with a byte order mark; right is UTF-8 without it"
                          : NULL;
    if (wrong) {
        report_add(report, "%s%s: %s", from, file, wrong);
        latch(&scanner, NGI_EINVAL);
    }
    scan(&scanner);
    if (scanner.rc == NGI_ETOOBIG)
        report_add(report, "%s%s: the configuration is larger than 4M; right is a smaller one", from, file);
    free(data);
    return scanner.rc == NGI_ETOOBIG ? NGI_EINVAL : scanner.rc;
}

/* ---------------------------------------------------------------------------------------------------------------- */

int source_read(struct source *source, const char *file, struct report *report)
{
    *source = (struct source){ 0 };
    buffer_init(&source->text, TEXT_BYTES_MAX);
    int rc = read_part(source, file, "", 0, report);
    if (rc == NGI_OK)
        rc = buffer_append(&source->text, "", 1);
    return rc == NGI_EIO || rc == NGI_ETOOBIG ? NGI_EINVAL : rc;
}

void source_free(struct source *source)
{
    for (size_t i = 0; i < source->part_count; i++)
        free(source->parts[i].file);
    free(source->parts);
    buffer_free(&source->text);
    *source = (struct source){ 0 };
}

const char *source_file(const struct source *source)
{
    return source->parts[0].file;
}

void source_where(const struct source *source, size_t line, char out[WHERE_MAX])
{
    size_t i = source->part_count;
    while (i > 1 && source->parts[i - 1].first > line)
        i--;
    const struct source_part *part = &source->parts[i - 1];
    snprintf(out, WHERE_MAX, "%s:%zu", part->file, part->line + line - part->first);
}
