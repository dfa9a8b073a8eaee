/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Accepts the connections of an HTTP server, and limits their number: when there are too many, it
 * closes the oldest connection for which fog_door_keep() wasn't called. Connections are accepted in
 * the main context that was the thread's default when the FogDoor was created. */
typedef struct _FogDoor FogDoor;

typedef void (*FogDoorFunc) (GSocketConnection *connection, gpointer data);

/* @most: the largest number of connections at a time; @silence: time (s) for which a connection may
 * send and take no data. */
FogDoor *fog_door_new (guint most, guint silence, FogDoorFunc func, gpointer data);
void fog_door_free (FogDoor *self);
/* Returns: (transfer none): the listener, to which the caller adds addresses */
GSocketListener *fog_door_get_listener (FogDoor *self);
/* Excludes the connection of @socket, which carries a stream from now on, from those that are
 * closed when there are too many. */
void fog_door_keep (FogDoor *self, GSocket *socket);

G_END_DECLS
