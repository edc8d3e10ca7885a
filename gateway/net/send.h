/* A settled response handed to libmicrohttpd. */
#ifndef NET_SEND_H
#define NET_SEND_H

#include <microhttpd.h>
#include <stdbool.h>

#include "http/request.h"

/* Queues request->response. `close`: the connection ends with it. The request must stay as it is until libmicrohttpd
 * says that it is over: bodies are sent from its memory. MHD_NO if that is impossible; the connection is then cut. */
enum MHD_Result send_response(struct MHD_Connection *connection, struct request *request, bool close);

/* Whether a request's head leaves enough of the connection's memory for a response's. If not, libmicrohttpd could only
 * cut the connection: send_last_words, then have it cut. */
bool send_has_room(const struct request *request, size_t memory);

/* Writes request->response, a short text, straight to the socket. Only for a connection that is cut right after. */
void send_last_words(struct MHD_Connection *connection, const struct request *request);

/* Replaces a response whose head would not fit into the connection's memory (`memory` bytes, where libmicrohttpd keeps
 * the request's head too) by a 500, and says so in the log. */
void send_check_head(struct request *request, size_t memory);

#endif
