/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livesocket.h"

/* Name of an address' data: the socket of the connection. */
#define SOCKET "fog-live-socket"

void
live_socket_note (GSocketAddress *remote, GSocket *socket)
{
  g_object_set_data_full (G_OBJECT (remote), SOCKET, g_object_ref (socket), g_object_unref);
}

GSocket *
live_socket_get (SoupServerMessage *message)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (message);

  return remote ? g_object_get_data (G_OBJECT (remote), SOCKET) : NULL;
}
