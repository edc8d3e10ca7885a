/* Gives the fuzz target that it is linked to every file of its corpus, each cut off at several lengths too: what make
 * check does in place of libFuzzer. With arguments: those files alone. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { SIZE_MOST = 1 << 20, CUTS = 64 };

static unsigned runs;

static int give(const char *path)
{
    static uint8_t data[SIZE_MOST];
    FILE *file = fopen(path, "re");
    if (!file) {
        perror(path);
        return -1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    for (size_t i = 0; i <= CUTS; i++) {
        size_t n = size * i / CUTS;
        /* Memory of its own, so that a sanitizer sees each byte beyond. */
        uint8_t *copy = malloc(n ? n : 1);
        if (!copy)
            return -1;
        memcpy(copy, data, n);
        (void)LLVMFuzzerTestOneInput(copy, n);
        free(copy);
        runs++;
    }
    return 0;
}

static int give_all(const char *directory)
{
    const struct dirent *entry;
    char path[1024];
    unsigned files = 0;
    int failed = 0;
    DIR *dir = opendir(directory);
    if (!dir) {
        perror(directory);
        return 1;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        failed |= give(path) != 0;
        files++;
    }
    closedir(dir);
    printf("%u files, %u runs\n", files, runs);
    return failed || files == 0;
}

int main(int argc, char **argv)
{
    char corpus[512];
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= give(argv[i]) != 0;
    snprintf(corpus, sizeof corpus, TEST_SRCDIR "/tests/fuzz/corpus/%s", program_invocation_short_name);
    return argc > 1 ? failed : give_all(corpus);
}
