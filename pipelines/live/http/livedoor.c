/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livedoor.h"

#define MAX_CONNECTIONS 256
/* s that a connection may be silent, or refuse to take what is sent. */
#define SILENCE 30

struct _LiveDoor {
  GSocketService *service;
  guint16 port;
  LiveDoorFunc func;
  gpointer data;
  GQueue connections; /* of Entry, the oldest first */
};

typedef struct {
  LiveDoor *door;
  GSocketConnection *connection; /* weak */
  gboolean kept;
} Entry;

static void
forget (gpointer data, GObject *connection)
{
  Entry *entry = data;

  g_queue_remove (&entry->door->connections, entry);
  g_free (entry);
}

/* A client that opens a connection and sends no request must not keep others out. */
static void
close_oldest (LiveDoor *self)
{
  for (GList *l = self->connections.head; l; l = l->next) {
    Entry *entry = l->data;

    if (entry->kept)
      continue;
    entry->kept = TRUE; /* not twice */
    g_socket_shutdown (g_socket_connection_get_socket (entry->connection), TRUE, TRUE, NULL);
    return;
  }
}

static gboolean
take_connection (
    GSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
  LiveDoor *self = data;
  Entry *entry;

  /* Those that were shut down leave in the next rounds of the main loop. */
  if (self->connections.length >= 2 * MAX_CONNECTIONS)
    return TRUE;
  if (self->connections.length >= MAX_CONNECTIONS)
    close_oldest (self);
  g_socket_set_timeout (g_socket_connection_get_socket (connection), SILENCE);
  entry = g_new0 (Entry, 1);
  entry->door = self;
  entry->connection = connection;
  g_queue_push_tail (&self->connections, entry);
  g_object_weak_ref (G_OBJECT (connection), forget, entry);
  self->func (connection, self->data);
  return TRUE;
}

LiveDoor *
live_door_new (
    GInetAddress *address, guint16 port, LiveDoorFunc func, gpointer data, GError **error)
{
  g_autoptr (GSocketAddress) wanted = g_inet_socket_address_new (address, port);
  g_autoptr (GSocketAddress) found = NULL;
  g_autoptr (GSocketService) service = g_socket_service_new ();
  LiveDoor *self;

  /* With a smaller backlog, one of many simultaneous clients would wait for a second. */
  g_socket_listener_set_backlog (G_SOCKET_LISTENER (service), MAX_CONNECTIONS);
  if (!g_socket_listener_add_address (G_SOCKET_LISTENER (service), wanted, G_SOCKET_TYPE_STREAM,
          G_SOCKET_PROTOCOL_TCP, NULL, &found, error))
    return NULL;
  self = g_new0 (LiveDoor, 1);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (found));
  self->func = func;
  self->data = data;
  g_queue_init (&self->connections);
  self->service = g_steal_pointer (&service);
  g_signal_connect (self->service, "incoming", G_CALLBACK (take_connection), self);
  g_socket_service_start (self->service);
  return self;
}

void
live_door_free (LiveDoor *self)
{
  Entry *entry;

  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  g_object_unref (self->service);
  while ((entry = g_queue_pop_head (&self->connections))) {
    g_object_weak_unref (G_OBJECT (entry->connection), forget, entry);
    g_free (entry);
  }
  g_free (self);
}

guint16
live_door_get_port (const LiveDoor *self)
{
  return self->port;
}

void
live_door_keep (LiveDoor *self, GSocket *socket)
{
  for (GList *l = self->connections.head; l; l = l->next) {
    Entry *entry = l->data;

    if (g_socket_connection_get_socket (entry->connection) == socket)
      entry->kept = TRUE;
  }
}
