#include "tests/integration/edge.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/support.h"

/* All of it, unless it is answered and closed before. */
static void send_if_taken(int fd, const char *text)
{
    size_t left = strlen(text);
    ssize_t n;
    while (left > 0 && (n = send(fd, text, left, MSG_NOSIGNAL)) > 0) {
        text += n;
        left -= (size_t)n;
    }
    ck_assert(left == 0 || errno == EPIPE || errno == ECONNRESET);
}

/* ---------------------------------------------------------------------------------------------------------- */

void edge_serve(void)
{
    SERVE("tests/integration/plugins/edges.so tests/integration/plugins/endings.so "
          "tests/integration/plugins/answers.so",
          "--set", "plugin.edges.mount=/");
}

unsigned edge_calls(void)
{
    const struct reply *reply = GET("/count");
    EXPECT_STATUS(reply, 200);
    return (unsigned)atoi(reply->body);
}

int edge_connect(void)
{
    int fd = raw_connect(gateway.port), on = 1;
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    return fd;
}

unsigned edge_send(int fd, enum way way, const char *text)
{
    static const char good[] = EDGE_FIRST "\r\nPOST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    if (way == BYTE_BY_BYTE)
        raw_send_byte_by_byte(fd, text);
    if (way == ALONE)
        send_if_taken(fd, text);
    if (way != PIPELINED)
        return 0;
    char *requests = malloc(sizeof good + strlen(text));
    ck_assert_ptr_nonnull(requests);
    strcpy(stpcpy(requests, good), text);
    send_if_taken(fd, requests);
    free(requests);
    for (int i = 0; i < 2; i++) {
        char *answer = raw_read_response(fd, 0);
        ck_assert_msg(answer && strncmp(answer, "HTTP/1.1 200 ", 13) == 0, "one before was not answered:\n%.500s",
                      text);
        EXPECT_HAS(answer, i == 0 ? "\nPATH=/first\n" : "\nBODY=hello");
        free(answer);
    }
    return 2;
}

void edge_expect_status(const char *answer, int status, const char *text)
{
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    ck_assert_msg(answer && strncmp(answer, line, strlen(line)) == 0, "not %d to:\n%.500s\nbut:\n%.500s", status, text,
                  answer);
    ck_assert_msg(head_value(answer, "Date") != NULL, "no Date:\n%s", answer);
}

char *edge_read_end(int fd, int status, const char *text)
{
    char *answer = raw_read_all(fd, NULL);
    edge_expect_status(answer, status, text);
    ck_assert_pstr_eq(head_value(answer, "Connection"), "close");
    ck_assert_msg(!strstr(answer, "\nHTTP/1.1 "), "something behind it was answered:\n%.500s\n%.500s", text, answer);
    close(fd);
    return answer;
}

void edge_expect_refusal(enum way way, const char *text, int status)
{
    unsigned before = edge_calls();
    int fd = edge_connect();
    unsigned good = edge_send(fd, way, text);
    free(edge_read_end(fd, status, text));
    ck_assert_uint_eq(edge_calls() - before, good);
}
