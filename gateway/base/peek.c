#include "base/peek.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* No page is smaller; whether memory is there changes from one to the next only. */
enum { PAGE = 4096, STRING_STEP = 64 };

/* Bytes from `at` to the next multiple of `step`, `most` at most. */
static size_t rest_of(const char *at, size_t step, size_t most)
{
    size_t rest = step - ((uintptr_t)at & (step - 1));
    return rest < most ? rest : most;
}

/* `n` bytes within one page. The system call answers EFAULT where an access of our own would be a signal, and a process
 * may always read itself (process_vm_readv(2), ptrace(2)). A filter or an old kernel may not have it: then the pointer
 * is followed as it is, and if it is bad, that is the end. */
static size_t peek_page(void *to, const void *from, size_t n)
{
    const struct iovec here = { to, n }, there = { (void *)from, n };
    ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
    if (got >= 0)
        return (size_t)got;
    if (errno == EFAULT || errno == ENOMEM)
        return 0;
    memcpy(to, from, n);
    return n;
}

/* ---------------------------------------------------------------------------------------------------------- */

size_t peek(void *to, const void *from, size_t n)
{
    size_t done = 0, part, got;
    if (!from)
        return 0;
    do {
        part = rest_of((const char *)from + done, PAGE, n - done);
        got = part ? peek_page((char *)to + done, (const char *)from + done, part) : 0;
        done += got;
    } while (got == part && done < n);
    return done;
}

size_t peek_length(const void *from, size_t n)
{
    size_t done = 0;
    char byte;
    while (from && done < n && peek_page(&byte, (const char *)from + done, 1) == 1)
        done += rest_of((const char *)from + done, PAGE, n - done);
    return done;
}

size_t peek_string(char *to, size_t size, const char *from)
{
    size_t length = 0;
    while (from && length + 1 < size) {
        size_t part = rest_of(from + length, STRING_STEP, size - 1 - length);
        size_t got = peek_page(to + length, from + length, part);
        const char *end = memchr(to + length, '\0', got);
        if (end)
            return (size_t)(end - to);
        length += got;
        if (got < part)
            break;
    }
    to[length] = '\0';
    return length;
}
