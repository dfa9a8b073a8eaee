/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogdoor.h"

struct _FogDoor {
  GSocketService *service;
  guint most, silence;
  FogDoorFunc func;
  gpointer data;
  GQueue connections; /* list of Entry, the oldest connection first */
};

typedef struct {
  FogDoor *door;
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

/* Closes the oldest connection, because clients that open connections and send no request must not
 * keep other clients out. */
static void
close_oldest (FogDoor *self)
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
  FogDoor *self = data;
  Entry *entry;

  /* Connections that were shut down are removed only in the next iterations of the main loop. */
  if (self->connections.length >= 2 * self->most)
    return TRUE;
  if (self->connections.length >= self->most)
    close_oldest (self);
  g_socket_set_timeout (g_socket_connection_get_socket (connection), self->silence);
  entry = g_new0 (Entry, 1);
  entry->door = self;
  entry->connection = connection;
  g_queue_push_tail (&self->connections, entry);
  g_object_weak_ref (G_OBJECT (connection), forget, entry);
  self->func (connection, self->data);
  return TRUE;
}

FogDoor *
fog_door_new (guint most, guint silence, FogDoorFunc func, gpointer data)
{
  FogDoor *self = g_new0 (FogDoor, 1);

  self->most = most;
  self->silence = silence;
  self->func = func;
  self->data = data;
  g_queue_init (&self->connections);
  self->service = g_socket_service_new ();
  /* With a smaller backlog, some of many simultaneous clients would wait for a second, until TCP
   * tries again. */
  g_socket_listener_set_backlog (G_SOCKET_LISTENER (self->service), (int) most);
  g_signal_connect (self->service, "incoming", G_CALLBACK (take_connection), self);
  return self;
}

void
fog_door_free (FogDoor *self)
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

GSocketListener *
fog_door_get_listener (FogDoor *self)
{
  return G_SOCKET_LISTENER (self->service);
}

void
fog_door_keep (FogDoor *self, GSocket *socket)
{
  for (GList *l = self->connections.head; l; l = l->next) {
    Entry *entry = l->data;

    if (g_socket_connection_get_socket (entry->connection) == socket)
      entry->kept = TRUE;
  }
}
