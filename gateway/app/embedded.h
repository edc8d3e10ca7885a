/* Files of the SDK that the binary carries with it, so that `postern new` and `postern run x.c` work wherever it was
 * copied to. Made at build time by gateway/app/embed. */
#ifndef APP_EMBEDDED_H
#define APP_EMBEDDED_H

struct embedded {
    const char *name; /* "ngi.h", "scaffold/Makefile" */
    const char *text;
};

extern const struct embedded embedded[]; /* ends with { 0 } */

/* The text of a file that is known to be there. */
const char *embedded_text(const char *name);

#endif
