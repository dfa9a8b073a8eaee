/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* libsoup doesn't know the socket of a connection that soup_server_accept_iostream() gives it, so
 * soup_server_message_get_socket() returns %NULL. But libsoup returns the address that it was given
 * for the connection's other end with each request, so the socket is attached to that address.
 *
 * Returns: (nullable) (transfer full): the address of the other end of @connection, which is one of
 * TCP; %NULL if the other end is gone */
GSocketAddress *live_socket_make_address (GSocketConnection *connection);
/* Returns: (nullable) (transfer none): the socket of the connection by which @message came; %NULL
 * if it is unknown */
GSocket *live_socket_get (SoupServerMessage *message);

G_END_DECLS
