/* Prints nanoseconds that http/framing takes to go over a GET, by its head: the guard in front of libmicrohttpd, but
 * for the look-up of the connection in net/intake. Heads are written 64 at a time just before they are timed: in
 * service they have just been received. A figure is the median of ROUNDS passes.
 *
 * usage: guard [ROUNDS] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/median.h"
#include "http/framing.h"

enum { BATCH = 64, BATCHES = 256, ROUNDS_MAX = 1000, HEAD_MOST = 1024 };

static const struct {
    const char *name, *text;
} heads[] = {
    { "plain", "GET /hello/ HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n" },
    { "browser", "GET /hello/ HTTP/1.1\r\nHost: www.example.org\r\n"
                 "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
                 "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: "
                 "en-US,en;q=0.5\r\n"
                 "Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n"
                 "Cookie: session=6f1ed002ab5595859014ebf0951522d9; theme=dark\r\nUpgrade-Insecure-Requests: 1\r\n"
                 "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nPriority: "
                 "u=0, i\r\n\r\n" },
};

static double pass_ns(const char *text, size_t length)
{
    static uint8_t copies[BATCH][HEAD_MOST];
    struct framing framing = { 0 };
    struct framing_taken taken;
    double total = 0;
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        struct timespec start, end;
        for (size_t i = 0; i < BATCH; i++)
            memcpy(copies[i], text, length);
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (size_t i = 0; i < BATCH; i++)
            if (!framing_take(&framing, copies[i], length, &taken) || taken.length != length)
                abort();
        clock_gettime(CLOCK_MONOTONIC, &end);
        total += (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    }
    return total / (BATCH * BATCHES);
}

int main(int argc, char **argv)
{
    static double passes[ROUNDS_MAX];
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 101;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "guard: ROUNDS is a number from 1 to %d\n", ROUNDS_MAX);
        return 2;
    }
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t length = strlen(heads[i].text);
        for (unsigned round = 0; round < rounds; round++)
            passes[round] = pass_ns(heads[i].text, length);
        printf("%s %zu %.1f\n", heads[i].name, length, median(passes, rounds));
    }
    return 0;
}
