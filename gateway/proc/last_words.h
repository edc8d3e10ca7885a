/* What a worker that a plugin brings down tells its supervisor: what is known of the crash, as the text of a
 * MESSAGE_CRASHED: lines "key=value" with the keys of http/transcript, and last "file=" and the path, up to the end.
 * Whoever reads it may be of another release: keys that it does not know are left out. */
#ifndef PROC_LAST_WORDS_H
#define PROC_LAST_WORDS_H

#include <stddef.h>

#include "http/transcript.h"

/* Puts the text together, in static storage. In signal context: for one thread, once. */
const char *last_words_write(const struct transcript_facts *facts);

/* Takes it apart; *ret points into `text`, which is changed. What is not understood is left out. */
void last_words_read(char *text, struct transcript_facts *ret);

/* For people: the crash as an event; and as the reason of a verdict on its plugin. */
void last_words_tell(const struct transcript_facts *facts, char *out, size_t size);
void last_words_reason(const struct transcript_facts *facts, char *out, size_t size);

#endif
