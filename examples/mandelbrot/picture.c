/* picture.c - see picture.h.
 *
 * libpng reports an error by longjmp. Three rules keep that harmless: the setjmp is in the function that calls libpng,
 * so that no jump crosses the boundary to the host; what is needed after a jump is in structs and not in locals, whose
 * values a jump may undo; and no host function is on the stack when libpng can jump.
 */
#include "picture.h"

#include <png.h>
#include <stdlib.h>

static void on_error(png_structp png, png_const_charp message)
{
    struct picture *picture = png_get_error_ptr(png);

    (void)snprintf(picture->error, sizeof picture->error, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png; /* libpng's own would write to the gateway's standard error */
    (void)message;
}

/* libpng has `length` bytes of the file. */
static void on_write(png_structp png, png_bytep data, size_t length)
{
    struct picture *picture = png_get_io_ptr(png);

    if (length > picture->capacity - picture->length) {
        size_t capacity = 2 * picture->capacity + length;
        void *grown = realloc(picture->data, capacity);
        if (!grown)
            png_error(png, "out of memory");
        picture->data = grown;
        picture->capacity = capacity;
    }
    memcpy((char *)picture->data + picture->length, data, length);
    picture->length += length;
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* Colour 0 is the set; the others go round, dark to bright. */
static void set_palette(png_structp png, png_infop info)
{
    png_color palette[256] = { { 0, 0, 0 } };

    for (int i = 1; i < 256; i++) {
        palette[i].red = (png_byte)(i * 3 & 255);
        palette[i].green = (png_byte)(i * 2 & 255);
        palette[i].blue = (png_byte)(64 + i * 3 / 4);
    }
    png_set_PLTE(png, info, palette, 256);
}

static void draw_row(const struct view *view, unsigned row, png_byte *pixels)
{
    double scale = 3 / (view->zoom * view->height);
    double y = view->y + (view->height / 2.0 - row) * scale;

    for (unsigned column = 0; column < view->width; column++) {
        double x = view->x + (column - view->width / 2.0) * scale;
        double a = 0, b = 0;
        unsigned i = 0;
        while (i < view->iterations && a * a + b * b <= 4) {
            double next = a * a - b * b + x;
            b = 2 * a * b + y;
            a = next;
            i++;
        }
        pixels[column] = i == view->iterations ? 0 : (png_byte)(1 + i % 255);
    }
}

/* The only function that a jump comes back to; all it knows is in its parameters. */
static int write_png(ngi_request *r, const struct view *view, struct picture *picture, png_structp png, png_infop info,
                     png_byte *pixels)
{
    if (setjmp(png_jmpbuf(png)))
        return NGI_EFAIL;

    png_set_write_fn(png, picture, on_write, on_flush);
    png_set_IHDR(png, info, view->width, view->height, 8, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    set_palette(png, info);
    png_write_info(png, info);
    for (unsigned row = 0; row < view->height; row++) {
        if (ngi_cancelled(r) > 0)
            return NGI_ECANCELED;
        draw_row(view, row, pixels);
        png_write_row(png, pixels);
    }
    png_write_end(png, NULL);
    return NGI_OK;
}

int picture_draw(ngi_request *r, const struct view *view, struct picture *picture)
{
    png_byte *pixels = malloc(view->width);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, picture, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int rc = pixels && info ? write_png(r, view, picture, png, info, pixels) : NGI_ENOMEM;

    png_destroy_write_struct(&png, &info);
    free(pixels);
    return rc;
}
