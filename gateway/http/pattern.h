/* A compiled PCRE2 pattern, and the scratch memory to match with it on any thread. */
#ifndef HTTP_PATTERN_H
#define HTTP_PATTERN_H

#include <stddef.h>

#include "http/router.h"
#include "sdk/ngi.h"

struct pattern;

/* NGI_OK; NGI_EINVAL with PCRE2's words and the offset in `err`, or for more groups than ROUTE_CAPTURES_MAX;
 * NGI_ENOMEM. */
int pattern_new(const char *expression, struct pattern **ret, ngi_error *err);
void pattern_free(struct pattern *pattern);

/* The number of groups, and the name of group `i` (from 0) or NULL. */
unsigned pattern_groups(const struct pattern *pattern);
const char *pattern_group_name(const struct pattern *pattern, unsigned i);

/* NGI_OK fills captures[0..groups); NGI_ENOENT: no match; NGI_EFAIL: over the match limit; NGI_ENOMEM. [any thread] */
int pattern_match(const struct pattern *pattern, const char *subject, size_t length, struct capture *captures);

#endif
