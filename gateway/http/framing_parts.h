/* Between framing.c, which looks at each byte, and framing_run.c, which goes over those that need no look each. */
#ifndef HTTP_FRAMING_PARTS_H
#define HTTP_FRAMING_PARTS_H

#include "http/framing.h"

/* What a byte may stand in. A target's other rules are http/target's; field values: RFC 9110 section 5.5. */
enum { TOKEN = 1, TARGET = 2, VALUE = 4, EXTENSION = 8 };
extern const uint8_t framing_classes[256];

/* Lengths of "content-length" and "transfer-encoding". */
enum { FRAMING_LENGTH_NAME = 14, FRAMING_CODING_NAME = 17 };

/* How many of the next `n` bytes, of which there is one at least, need no closer look; the framing is then where they
 * would have taken it one by one. */
size_t framing_run(struct framing *framing, const uint8_t *data, size_t n);

#endif
