/* `postern call --replay`: a request that a crash has left behind, run again. */
#ifndef APP_REPLAY_H
#define APP_REPLAY_H

#include <stdbool.h>

#include "app/arguments.h"
#include "http/request.h"
#include "http/transcript.h"

/* Reads `file`; warns of what is not as it was: another plugin or build than `plugin`, and what was masked or cut and
 * is not given by -H. NULL with the reason logged. Free with transcript_free. */
struct transcript *replay_load(const char *file, const char *plugin, const struct arguments *arguments);

/* Puts it into an empty request, without the headers that -H gives. Both must outlive the request. False with the
 * reason logged. */
bool replay_fill(struct request *request, const struct transcript *transcript, struct peer *peer,
                 const struct arguments *arguments, const struct settings *settings);

#endif
