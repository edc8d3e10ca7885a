/* A directory of a test's own, removed at its end; plugins are copied into it, or compiled there. */
#ifndef TESTS_HARNESS_SCRATCH_H
#define TESTS_HARNESS_SCRATCH_H

struct scratch {
    char path[128];
};

void scratch_make(struct scratch *scratch);
void scratch_remove(struct scratch *scratch);

/* A path in it; static storage, a few at a time. */
const char *scratch_path(const struct scratch *scratch, const char *name);

/* Writes a file. */
void scratch_write(const struct scratch *scratch, const char *name, const char *text);
/* Copies a file of the build tree ("examples/hello.so") into it under its own name, mode 0755. */
void scratch_copy(const struct scratch *scratch, const char *built_path);
/* Copies it under another name. */
void scratch_copy_as(const struct scratch *scratch, const char *built_path, const char *name);

#endif
