/* Requests on the edge of the protocol, for the suites edge and edge_connections: a gateway where all that gets past it
 * reaches one plugin, which counts its calls and tells what it was given; and the ways in which a request may come. */
#ifndef TESTS_INTEGRATION_EDGE_H
#define TESTS_INTEGRATION_EDGE_H

#define ROWS(table) (int)(sizeof table / sizeof *table)

#define EDGE_FIRST "GET /first HTTP/1.1\r\nHost: a\r\n"
#define EDGE_POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define EDGE_CHUNKED EDGE_POST "Transfer-Encoding: chunked\r\n\r\n"
/* What would be a request of its own to who reads the one before in another way. */
#define EDGE_BEHIND "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"

enum way { ALONE, PIPELINED, BYTE_BY_BYTE, WAYS };

/* The gateway, for test_case. */
void edge_serve(void);
/* How often its plugin has been called. */
unsigned edge_calls(void);
/* A connection on which bytes that are sent apart arrive apart. */
int edge_connect(void);
/* Sends `text` that way; returns how many good requests went before it, whose answers have been read. */
unsigned edge_send(int fd, enum way way, const char *text);
/* What every answer of the gateway has: this status, and a Date. `text`: what it answers. */
void edge_expect_status(const char *answer, int status, const char *text);
/* All that still comes is one answer with this status, and it closes the connection. Closes `fd`, too; returns the
 * answer, to be freed. */
char *edge_read_end(int fd, int status, const char *text);
/* The last answer has this status and closes the connection, nothing behind it is answered, and nobody was called. */
void edge_expect_refusal(enum way way, const char *text, int status);

#endif
