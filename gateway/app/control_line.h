/* The client's side of the control socket. */
#ifndef APP_CONTROL_LINE_H
#define APP_CONTROL_LINE_H

#include "app/arguments.h"

/* Says `word` to the gateway that --control, or the configuration, or else the usual path leads to, and waits for its
 * answer, malloc'ed; "" if it has closed the line without one. NULL, with the reason logged, if there is none to talk
 * to.
 */
char *control_ask(const struct arguments *arguments, const char *word);

#endif
