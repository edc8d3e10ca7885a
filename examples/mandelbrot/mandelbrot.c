/* mandelbrot - computes a picture.
 *
 * Shows: a library that fails by longjmp (libpng) kept inside the plugin; a response made in memory; parameters that
 * are all bounded, since a request must not decide how long a server works; routes with flags of their own.
 *
 *     GET /        a PNG. ?x= and ?y= the centre, ?zoom=, ?w= and ?h= pixels, ?iterations=
 *     GET /page    an HTML page that shows it, with links to move and zoom
 *
 *     curl -o m.png 'localhost:8080/mandelbrot/?x=-0.745&y=0.11&zoom=100&iterations=500'
 *     xdg-open http://localhost:8080/mandelbrot/page
 */
#include "picture.h"

#include <math.h>
#include <stdlib.h>

/* A query parameter as a number from `min` to `max`. Returns 0, or 400 after saying what is wrong. */
static int number(ngi_request *r, const char *name, const char *default_value, double min, double max,
                  double *ret_value)
{
    const char *text = ngi_query(r, name, default_value);
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !isfinite(value) || value < min || value > max) {
        int rc = ngi_textf(r, 400, "%s is a number from %g to %g.\n", name, min, max);
        return rc ? rc : 400; /* not 0: the caller has to stop */
    }
    *ret_value = value;
    return 0;
}

/* Below a zoom of 1e13 neighbouring pixels have different coordinates as doubles. */
static int read_view(ngi_request *r, struct view *ret_view)
{
    double width = 0, height = 0, iterations = 0;
    int rc = number(r, "x", "-0.5", -3, 3, &ret_view->x);

    if (!rc)
        rc = number(r, "y", "0", -3, 3, &ret_view->y);
    if (!rc)
        rc = number(r, "zoom", "1", 0.25, 1e13, &ret_view->zoom);
    if (!rc)
        rc = number(r, "w", "640", 16, 2048, &width);
    if (!rc)
        rc = number(r, "h", "480", 16, 2048, &height);
    if (!rc)
        rc = number(r, "iterations", "250", 1, 5000, &iterations);
    ret_view->width = (unsigned)width;
    ret_view->height = (unsigned)height;
    ret_view->iterations = (unsigned)iterations;
    return rc;
}

static int image(ngi_request *r)
{
    struct view view;
    struct picture picture = { 0 };
    int rc = read_view(r, &view);

    if (rc)
        return rc;
    rc = picture_draw(r, &view, &picture);
    if (rc)
        rc = ngi_fail(r, rc, "drawing: %s", rc == NGI_EFAIL ? picture.error : ngi_strerror(rc));
    else
        rc = ngi_respond(r, 200, "image/png", picture.data, picture.length);
    free(picture.data);
    return rc;
}

/* A link to the page at another place; %.17g gives every double back exactly, and never a character to escape. */
static int link_to(ngi_request *r, const struct view *view, const char *label, double x, double y, double zoom)
{
    return ngi_printf(r, "<a href=\"page?x=%.17g&amp;y=%.17g&amp;zoom=%.17g&amp;w=%u&amp;h=%u&amp;iterations=%u\">"
                         "%s</a>\n", x, y, zoom, view->width, view->height, view->iterations, label);
}

static int page(ngi_request *r)
{
    struct view view;
    int rc = read_view(r, &view);
    if (rc)
        return rc;

    double step = 1 / view.zoom; /* a third of the picture's height */
    rc = ngi_html(r, 200, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"UTF-8\">\n<title>Mandelbrot</title>\n");
    if (!rc) /* "./" is the plugin's "/", wherever it is mounted */
        rc = ngi_printf(r, "<p><img alt=\"\" width=\"%u\" height=\"%u\" src=\"./?x=%.17g&amp;y=%.17g&amp;zoom=%.17g"
                           "&amp;w=%u&amp;h=%u&amp;iterations=%u\">\n<p>", view.width, view.height, view.x, view.y,
                        view.zoom, view.width, view.height, view.iterations);
    if (!rc)
        rc = link_to(r, &view, "closer", view.x, view.y, view.zoom * 2);
    if (!rc)
        rc = link_to(r, &view, "farther", view.x, view.y, view.zoom / 2);
    if (!rc)
        rc = link_to(r, &view, "left", view.x - step, view.y, view.zoom);
    if (!rc)
        rc = link_to(r, &view, "right", view.x + step, view.y, view.zoom);
    if (!rc)
        rc = link_to(r, &view, "up", view.x, view.y + step, view.zoom);
    if (!rc)
        rc = link_to(r, &view, "down", view.x, view.y - step, view.zoom);
    return rc;
}

NGI_PLUGIN("mandelbrot", "1.0", NGI_ROUTE(NGI_GET, "/", image, NGI_MAY_BLOCK),
           NGI_ROUTE(NGI_GET, "/page", page, NGI_NEVER_BLOCKS))
