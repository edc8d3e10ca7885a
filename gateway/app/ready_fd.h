/* The --ready-fd option of the commands that serve. */
#ifndef APP_READY_FD_H
#define APP_READY_FD_H

#include <stdbool.h>

/* `text` NULL: not given, *ret -1. Makes the descriptor close-on-exec, so that no child of a plugin holds it open.
 * False, after saying so, for what is no open descriptor. */
bool ready_fd_parse(const char *text, int *ret);

#endif
