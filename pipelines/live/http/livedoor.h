/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Connections, counted. When there are too many the oldest that isn't a stream goes. Of the main
 * thread. */
typedef struct _LiveDoor LiveDoor;

typedef void (*LiveDoorFunc) (GSocketConnection *connection, gpointer data);

/* Listens at @address, whose port may be 0. */
LiveDoor *live_door_new (
    GInetAddress *address, guint16 port, LiveDoorFunc func, gpointer data, GError **error);
void live_door_free (LiveDoor *self);
guint16 live_door_get_port (const LiveDoor *self);
/* The connection of @socket is a stream from now on: it stays. */
void live_door_keep (LiveDoor *self, GSocket *socket);

G_END_DECLS
