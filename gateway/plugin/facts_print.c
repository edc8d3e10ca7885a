#include "plugin/facts.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/facts_text.h"
#include "plugin/flags.h"

enum { LABEL_WIDTH = 11, UNRESOLVED_SHOWN = 50, METHODS_TEXT_SIZE = 80, RANGE_TEXT_SIZE = 80 };

/* Cells of a table, row by row; those that are done are malloc'ed and printable, the last may be NULL. */
struct cells {
    char **text;
    size_t columns, count, room;
};

static void put_padded(FILE *out, const char *text, size_t width)
{
    size_t used = facts_text_width(text);
    fputs(text, out);
    for (; used < width; used++)
        fputc(' ', out);
}

static int put_line(FILE *out, const char *label, const char *text)
{
    char *printable = facts_text_printable(text);
    if (!printable)
        return NGI_ENOMEM;
    put_padded(out, label, LABEL_WIDTH);
    fprintf(out, "%s\n", printable);
    free(printable);
    return NGI_OK;
}

static int cells_init(struct cells *cells, size_t rows, size_t columns)
{
    *cells = (struct cells){ .columns = columns, .room = rows * columns };
    cells->text = calloc(cells->room ? cells->room : 1, sizeof *cells->text);
    return cells->text ? NGI_OK : NGI_ENOMEM;
}

static int cells_add(struct cells *cells, const char *text)
{
    char *printable = facts_text_printable(text);
    if (!printable)
        return NGI_ENOMEM;
    cells->text[cells->count++] = printable;
    return NGI_OK;
}

static void cells_free(struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        free(cells->text[i]);
    free(cells->text);
}

static size_t column_width(const struct cells *cells, size_t column)
{
    /* One huge cell shall not push the others out of sight. */
    enum { WIDEST = 48 };
    size_t width = 0;
    for (size_t i = column; i < cells->count; i += cells->columns) {
        size_t own = facts_text_width(cells->text[i]);
        if (own > width && own <= WIDEST)
            width = own;
    }
    return width;
}

static void put_row(FILE *out, const struct cells *cells, size_t row, const size_t *widths)
{
    char **text = cells->text + row * cells->columns;
    size_t last = cells->columns;
    while (last > 1 && !*text[last - 1])
        last--;
    for (size_t i = 0; i < last; i++) {
        put_padded(out, text[i], i + 1 < last ? widths[i] : 0);
        if (i + 1 < last && widths[i])
            fputs("  ", out);
    }
    fputc('\n', out);
}

static void put_cells(FILE *out, const char *label, const struct cells *cells)
{
    size_t widths[8] = { 0 };
    for (size_t i = 0; i < cells->columns; i++)
        widths[i] = column_width(cells, i);
    for (size_t row = 0; row < cells->count / cells->columns; row++) {
        put_padded(out, row ? "" : label, LABEL_WIDTH);
        put_row(out, cells, row, widths);
    }
}

static void methods_text(uint32_t methods, char out[METHODS_TEXT_SIZE])
{
    char scratch[16];
    size_t used = 0;
    const char *name;
    for (size_t i = 0; (name = facts_text_method(methods, i, scratch)); i++)
        used += (size_t)snprintf(out + used, METHODS_TEXT_SIZE - used, "%s%s", i ? ", " : "", name);
}

static int put_routes(FILE *out, const struct facts *facts)
{
    struct cells cells;
    char methods[METHODS_TEXT_SIZE], flags[FLAGS_TEXT_SIZE];
    int rc = cells_init(&cells, facts->route_count, 3);
    for (size_t i = 0; i < facts->route_count && rc == NGI_OK; i++) {
        const struct facts_route *route = &facts->routes[i];
        methods_text(route->methods, methods);
        flags_list(route->flags, flags);
        if ((rc = cells_add(&cells, methods)) == NGI_OK &&
            (rc = cells_add(&cells, route->pattern ? route->pattern : "(no pattern)")) == NGI_OK)
            rc = cells_add(&cells, flags);
    }
    if (rc == NGI_OK && cells.count)
        put_cells(out, "routes", &cells);
    else if (rc == NGI_OK)
        rc = put_line(out, "routes", "none");
    cells_free(&cells);
    return rc;
}

static void range_text(const struct facts_option *option, char out[RANGE_TEXT_SIZE])
{
    out[0] = '\0';
    if (option->min != 0 || option->max != 0)
        snprintf(out, RANGE_TEXT_SIZE, "%.15g to %.15g%s", option->min, option->max,
                 option->type == NGI_STRING ? " bytes" : "");
}

static int default_text(const struct facts_option *option, char **ret)
{
    const char *quote = option->type == NGI_STRING ? "\"" : "";
    if (!option->default_value) {
        *ret = strdup("required");
        return *ret ? NGI_OK : NGI_ENOMEM;
    }
    return asprintf(ret, "default %s%s%s", quote, option->default_value, quote) < 0 ? NGI_ENOMEM : NGI_OK;
}

static int add_option(struct cells *cells, const struct facts_option *option)
{
    char range[RANGE_TEXT_SIZE], unknown[16], *value;
    const char *type = facts_text_type(option->type);
    snprintf(unknown, sizeof unknown, "type %d", option->type);
    range_text(option, range);
    int rc = default_text(option, &value);
    if (rc != NGI_OK)
        return rc;
    if ((rc = cells_add(cells, option->name)) == NGI_OK && (rc = cells_add(cells, type ? type : unknown)) == NGI_OK &&
        (rc = cells_add(cells, value)) == NGI_OK && (rc = cells_add(cells, range)) == NGI_OK)
        rc = cells_add(cells, option->help ? option->help : "");
    free(value);
    return rc;
}

static int put_options(FILE *out, const struct facts *facts)
{
    struct cells cells;
    int rc = cells_init(&cells, facts->option_count, 5);
    for (size_t i = 0; i < facts->option_count && rc == NGI_OK; i++)
        rc = add_option(&cells, &facts->options[i]);
    if (rc == NGI_OK && cells.count)
        put_cells(out, "options", &cells);
    else if (rc == NGI_OK)
        rc = put_line(out, "options", "none");
    cells_free(&cells);
    return rc;
}

static int put_list(FILE *out, const char *label, char *const *list, size_t count, size_t most)
{
    int rc = count ? NGI_OK : put_line(out, label, "none");
    for (size_t i = 0; i < count && i < most && rc == NGI_OK; i++)
        rc = put_line(out, i ? "" : label, list[i]);
    if (rc == NGI_OK && count > most)
        fprintf(out, "%*sand %zu more\n", LABEL_WIDTH, "", count - most);
    return rc;
}

static int put_metadata(FILE *out, const struct facts *facts)
{
    char flags[FLAGS_TEXT_SIZE], interface[96];
    unsigned major = facts->abi >> 16, minor = facts->abi & 0xffff;
    int rc = NGI_OK;
    flags_list(facts->flags, flags);
    snprintf(interface, sizeof interface, "NGI %u.%u%s", major, minor,
             major == NGI_MAJOR ? "" : " (its description cannot be read by this gateway)");
    if (facts->name)
        rc = put_line(out, "name", facts->name);
    if (rc == NGI_OK && facts->version)
        rc = put_line(out, "version", facts->version);
    if (rc == NGI_OK && facts->summary)
        rc = put_line(out, "summary", facts->summary);
    if (rc == NGI_OK)
        rc = put_line(out, "interface", interface);
    if (rc == NGI_OK && facts->build_id)
        rc = put_line(out, "build-id", facts->build_id);
    if (rc != NGI_OK || major != NGI_MAJOR)
        return rc;
    rc = put_line(out, "flags", *flags ? flags : "none");
    if (rc == NGI_OK)
        rc = put_routes(out, facts);
    return rc == NGI_OK ? put_options(out, facts) : rc;
}

static int put_entry(FILE *out, const struct facts *facts)
{
    if (facts->has_entry)
        return NGI_OK;
    put_padded(out, "entry", LABEL_WIDTH);
    fputs("none: it exports no function ngi_plugin_v1", out);
    if (facts->other_entry)
        fprintf(out, ", but %s", facts->other_entry);
    fputc('\n', out);
    return NGI_OK;
}

static int put_all(FILE *out, const struct facts *facts, const char *path)
{
    int rc = put_line(out, "file", path);
    if (rc == NGI_OK && facts->has_metadata)
        rc = put_metadata(out, facts);
    if (rc == NGI_OK && !facts->has_metadata) {
        rc = put_line(out, "interface", "not described in the file (no section ngi_plugin): known once it is loaded");
        if (rc == NGI_OK && facts->build_id)
            rc = put_line(out, "build-id", facts->build_id);
    }
    if (rc == NGI_OK)
        rc = put_entry(out, facts);
    if (rc == NGI_OK)
        rc = put_list(out, "needs", facts->needed, facts->needed_count, SIZE_MAX);
    if (rc == NGI_OK)
        rc = put_list(out, "unresolved", facts->undefined, facts->undefined_count, UNRESOLVED_SHOWN);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

int facts_print(const struct facts *facts, const char *path, FILE *out)
{
    int rc = put_all(out, facts, path);
    return rc == NGI_OK && (fflush(out) != 0 || ferror(out)) ? NGI_EIO : rc;
}
