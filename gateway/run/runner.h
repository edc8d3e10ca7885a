/* What the NGI table gets from whoever runs the call (plugin/runner.h), on tasks. */
#ifndef RUN_RUNNER_H
#define RUN_RUNNER_H

#include "plugin/runner.h"

extern const struct runner task_runner;

#endif
