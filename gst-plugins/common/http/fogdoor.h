/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The connections of an HTTP server, counted. When there are too many, the oldest that isn't kept
 * goes. It accepts them in the thread-default main context in which it was made. */
typedef struct _FogDoor FogDoor;

typedef void (*FogDoorFunc) (GSocketConnection *connection, gpointer data);

/* @most: connections at a time; @silence: s that one may be silent, or refuse to take what is
 * sent. */
FogDoor *fog_door_new (guint most, guint silence, FogDoorFunc func, gpointer data);
void fog_door_free (FogDoor *self);
/* Returns: (transfer none): what listens, at the addresses that the caller adds to it */
GSocketListener *fog_door_get_listener (FogDoor *self);
/* The connection of @socket is a stream from now on: it stays. */
void fog_door_keep (FogDoor *self, GSocket *socket);

G_END_DECLS
