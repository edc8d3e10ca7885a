/* From one C file to a plugin, for `postern run x.c`. */
#ifndef APP_COMPILE_H
#define APP_COMPILE_H

#include "base/report.h"

struct compiled {
    char directory[64];   /* private, removed by compile_remove */
    char path[4096 + 64]; /* of the .so in it */
};

/* Compiles `source` with $CC (cc) and $CFLAGS; the compiler's own messages go to stderr. 0, or -1 with the
 * reason in `report`. */
int compile_plugin(const char *source, struct compiled *compiled, struct report *report);
void compile_remove(const struct compiled *compiled);

#endif
