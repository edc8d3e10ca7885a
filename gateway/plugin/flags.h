/* The flags of plugins and routes, by name. */
#ifndef PLUGIN_FLAGS_H
#define PLUGIN_FLAGS_H

#include <stddef.h>
#include <stdint.h>

enum { FLAGS_TEXT_SIZE = 96 };

/* "NGI_MAY_BLOCK, NGI_SERIAL"; "" for none; unknown bits as "0x40". */
void flags_list(uint32_t flags, char out[FLAGS_TEXT_SIZE]);

#endif
