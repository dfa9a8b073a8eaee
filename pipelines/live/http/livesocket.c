/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livesocket.h"

/* Name of an address' data: the socket of the connection. */
#define SOCKET "fog-live-socket"

GSocketAddress *
live_socket_make_address (GSocketConnection *connection)
{
  GSocket *socket = g_socket_connection_get_socket (connection);
  g_autoptr (GSocketAddress) remote = g_socket_connection_get_remote_address (connection, NULL);
  GInetSocketAddress *seen = (GInetSocketAddress *) remote;
  GSocketAddress *address;

  if (!remote)
    return NULL;
  /* a copy, because the socket keeps its own address, which must not keep the socket */
  address = g_inet_socket_address_new (
      g_inet_socket_address_get_address (seen), g_inet_socket_address_get_port (seen));
  g_object_set_data_full (G_OBJECT (address), SOCKET, g_object_ref (socket), g_object_unref);
  return address;
}

GSocket *
live_socket_get (SoupServerMessage *message)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (message);

  return remote ? g_object_get_data (G_OBJECT (remote), SOCKET) : NULL;
}
