/* A directory of a test's own, removed at its end; plugins are copied into it, or compiled there. */
#ifndef TESTS_HARNESS_SCRATCH_H
#define TESTS_HARNESS_SCRATCH_H

struct scratch {
    char path[128];
};

/* In $TMPDIR (/tmp), mode 0700. Removing takes all that is in it, whatever its modes, and may be done twice. */
void scratch_make(struct scratch *scratch);
void scratch_remove(struct scratch *scratch);

/* A path in it; static storage, the last eight calls. */
const char *scratch_path(const struct scratch *scratch, const char *name);

/* Writes a file, mode 0644. */
void scratch_write(const struct scratch *scratch, const char *name, const char *text);
/* Copies a file of the build tree ("examples/hello.so") into it under its own name, mode 0755. */
void scratch_copy(const struct scratch *scratch, const char *built_path);
/* Copies it under another name. */
void scratch_copy_as(const struct scratch *scratch, const char *built_path, const char *name);
/* Compiles C text to the plugin `name` in it, with $CC (cc) and further `flags` (words between spaces). The test fails,
 * with the compiler's messages, if that does. */
void scratch_compile(const struct scratch *scratch, const char *name, const char *text, const char *flags);

#endif
