/* form - an HTML form with a text field and a file, and what came of it.
 *
 * Shows: two handlers on one path; ngi_form and ngi_form_file for both kinds of form; and that everything from a
 * client goes through ngi_escape_html before it goes into a page.
 *
 *     GET /     the form
 *     POST /    what was sent: the text; the file's name, type, size and CRC-32
 *
 *     curl -F 'text=<b>bold</b>' -F 'file=@/etc/hostname' localhost:8080/form/
 */
#include <ngi.h>

static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"UTF-8\">\n<title>Form</title>\n<h1>Form</h1>\n";

static const char form_page[] =
    "<form method=\"post\" enctype=\"multipart/form-data\">\n"
    "<p><label>Text <input name=\"text\"></label>\n"
    "<p><label>File <input name=\"file\" type=\"file\"></label>\n"
    "<p><button>Send</button>\n</form>\n";

/* CRC-32 as zip and PNG have it, a bit at a time: slow, and short. */
static uint32_t crc32(const void *data, size_t length)
{
    const unsigned char *byte = data;
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < length; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static int show_form(ngi_request *r)
{
    int rc = ngi_html(r, 200, page_head);
    return rc ? rc : ngi_puts(r, form_page);
}

static int refuse(ngi_request *r, int reason)
{
    switch (reason) {
    case NGI_ENOENT:
        return ngi_text(r, 415, "Send application/x-www-form-urlencoded or multipart/form-data.\n");
    case NGI_EPARSE:
        return ngi_text(r, 400, "That form is malformed.\n");
    case NGI_ETOOBIG:
        return ngi_text(r, 413, "That form is too big.\n");
    default:
        return ngi_fail(r, reason, "reading the form: %s", ngi_strerror(reason));
    }
}

/* One row of the answer; `value` comes from the client. */
static int show(ngi_request *r, const char *label, const char *value)
{
    const char *text = ngi_escape_html(r, value);
    return text ? ngi_printf(r, "<dt>%s<dd>%s\n", label, text) : NGI_ENOMEM;
}

static int show_file(ngi_request *r, const ngi_file *file)
{
    int rc = show(r, "File name", file->filename);

    if (!rc)
        rc = show(r, "File type", file->type);
    if (!rc)
        rc = ngi_printf(r, "<dt>File size<dd>%zu bytes\n<dt>CRC-32<dd>%08lx\n", file->length,
                        (unsigned long)crc32(file->data, file->length));
    return rc;
}

static int receive_form(ngi_request *r)
{
    int rc = ngi_form_parse(r);
    if (rc)
        return refuse(r, rc);

    const ngi_file *file = ngi_form_file(r, "file");
    rc = ngi_html(r, 200, page_head);
    if (!rc)
        rc = ngi_puts(r, "<dl>\n");
    if (!rc)
        rc = show(r, "Text", ngi_form(r, "text", ""));
    if (!rc && file && *file->filename) /* a browser sends an empty one when no file was chosen */
        rc = show_file(r, file);
    if (!rc)
        rc = ngi_puts(r, "</dl>\n<p><a href=\"./\">Again</a>\n");
    return rc ? ngi_fail(r, rc, "writing the answer: %s", ngi_strerror(rc)) : NGI_OK;
}

NGI_PLUGIN("form", "1.0", NGI_ROUTE(NGI_GET, "/", show_form), NGI_ROUTE(NGI_POST, "/", receive_form))
