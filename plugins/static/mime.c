/* SPDX-License-Identifier: MIT
 *
 * mime.c - see mime.h.
 */
#include "mime.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define UTF8 "; charset=UTF-8"
#define OFFICE "application/vnd.openxmlformats-officedocument."
#define OPENDOCUMENT "application/vnd.oasis.opendocument."

struct mime {
    const char *extension;
    const char *type;
};

/* Sorted by extension, for bsearch. Names from the IANA registry where it has one. */
static const struct mime table[] = {
    { "7z", "application/x-7z-compressed" },
    { "aac", "audio/aac" },
    { "apng", "image/apng" },
    { "atom", "application/atom+xml" },
    { "avif", "image/avif" },
    { "bmp", "image/bmp" },
    { "bz2", "application/x-bzip2" },
    { "c", "text/plain" UTF8 },
    { "css", "text/css" UTF8 },
    { "csv", "text/csv" UTF8 },
    { "docx", OFFICE "wordprocessingml.document" },
    { "epub", "application/epub+zip" },
    { "flac", "audio/flac" },
    { "gif", "image/gif" },
    { "gz", "application/gzip" },
    { "h", "text/plain" UTF8 },
    { "htm", "text/html" UTF8 },
    { "html", "text/html" UTF8 },
    { "ico", "image/vnd.microsoft.icon" },
    { "ics", "text/calendar" UTF8 },
    { "jpeg", "image/jpeg" },
    { "jpg", "image/jpeg" },
    { "js", "text/javascript" UTF8 },
    { "json", "application/json" },
    { "jsonld", "application/ld+json" },
    { "jxl", "image/jxl" },
    { "log", "text/plain" UTF8 },
    { "m4a", "audio/mp4" },
    { "m4v", "video/mp4" },
    { "map", "application/json" },
    { "md", "text/markdown" UTF8 },
    { "mjs", "text/javascript" UTF8 },
    { "mkv", "video/matroska" },
    { "mp3", "audio/mpeg" },
    { "mp4", "video/mp4" },
    { "mpeg", "video/mpeg" },
    { "odp", OPENDOCUMENT "presentation" },
    { "ods", OPENDOCUMENT "spreadsheet" },
    { "odt", OPENDOCUMENT "text" },
    { "oga", "audio/ogg" },
    { "ogg", "audio/ogg" },
    { "ogv", "video/ogg" },
    { "opus", "audio/ogg" },
    { "otf", "font/otf" },
    { "pdf", "application/pdf" },
    { "png", "image/png" },
    { "pptx", OFFICE "presentationml.presentation" },
    { "rss", "application/rss+xml" },
    { "rtf", "application/rtf" },
    { "svg", "image/svg+xml" },
    { "tar", "application/x-tar" },
    { "tif", "image/tiff" },
    { "tiff", "image/tiff" },
    { "toml", "application/toml" },
    { "tsv", "text/tab-separated-values" UTF8 },
    { "ttf", "font/ttf" },
    { "txt", "text/plain" UTF8 },
    { "wasm", "application/wasm" },
    { "wav", "audio/wav" },
    { "webm", "video/webm" },
    { "webmanifest", "application/manifest+json" },
    { "webp", "image/webp" },
    { "woff", "font/woff" },
    { "woff2", "font/woff2" },
    { "xhtml", "application/xhtml+xml" },
    { "xlsx", OFFICE "spreadsheetml.sheet" },
    { "xml", "application/xml" },
    { "xz", "application/x-xz" },
    { "yaml", "application/yaml" },
    { "yml", "application/yaml" },
    { "zip", "application/zip" },
    { "zst", "application/zstd" },
};

static int by_extension(const void *key, const void *element)
{
    const struct mime *mime = element;
    return strcasecmp(key, mime->extension);
}

const char *mime_type(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash ? slash : name, '.');
    const struct mime *found = NULL;

    if (dot)
        found = bsearch(dot + 1, table, sizeof table / sizeof *table, sizeof *table, by_extension);
    return found ? found->type : "application/octet-stream";
}
