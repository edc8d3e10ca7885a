/* A settled response handed to libmicrohttpd. */
#ifndef NET_SEND_H
#define NET_SEND_H

#include <microhttpd.h>
#include <stdbool.h>

#include "run/task.h"

/* Queues the task's response. `memory`: bytes of the connection's, which have to hold its head; `close`: the connection
 * ends with it. The task must stay until libmicrohttpd says that the request is over: bodies are sent from its memory.
 * MHD_NO if that is impossible; the connection is then cut. */
enum MHD_Result send_response(struct MHD_Connection *connection, struct task *task, size_t memory, bool close);

/* Whether a request's head leaves enough of the connection's memory for a response's. If not, libmicrohttpd could only
 * cut the connection: send_last_words, then have it cut. */
bool send_has_room(const struct request *request, size_t memory);

/* Writes request->response, a short text, straight to the socket. Only for a connection that is cut right after. */
void send_last_words(struct MHD_Connection *connection, const struct request *request);

#endif
