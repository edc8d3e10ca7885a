/* picture.h - a part of the Mandelbrot set as a PNG. */
#ifndef MANDELBROT_PICTURE_H
#define MANDELBROT_PICTURE_H

#include <ngi.h>

struct view {
    double x, y, zoom; /* the centre; at zoom 1 the picture is 3 high */
    unsigned width, height;
    unsigned iterations;
};

struct picture {
    void *data; /* malloc'ed; the caller frees it, also after an error */
    size_t length;
    size_t capacity;
    char error[80]; /* libpng's words */
};

/* Draws into `picture`, which begins as zeros. NGI_ENOMEM; NGI_ECANCELED once ngi_cancelled says so; NGI_EFAIL, then
 * picture->error says why. */
int picture_draw(ngi_request *r, const struct view *view, struct picture *picture);

#endif
