/* The forms that texts in a configuration have to take. Each check returns NULL if `text` has it, or what is wrong. */
#ifndef CONF_SETTINGS_CHECK_H
#define CONF_SETTINGS_CHECK_H

const char *check_filled(const char *text);

/* "ADDR:PORT", "[ADDR6]:PORT" (numeric addresses, ports 0 to 65535) or "unix:PATH" (that fits a socket address). */
const char *check_listen(const char *text);

/* An address, a network of them or "unix:" (base/network.h). What is wrong stands there until the thread's next call.
 */
const char *check_trusted(const char *text);

/* One of forwarded_names. */
const char *check_forwarded(const char *text);

/* A path that request paths can begin with as they are: plain segments, no slash at the end except "/" itself. */
const char *check_mount(const char *text);

/* An absolute path. */
const char *check_absolute(const char *text);

/* The name of a user or a group, or a number. Which of them exist is for whoever looks it up to say. */
const char *check_account(const char *text);

/* Letters, digits, '-', '_' and '.': the names of plugins and of their options. */
const char *check_name(const char *text);

/* What check_name wants, for people. */
#define NAME_FORM "letters, digits, - _ and ."

#endif
