/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Answers GET requests in threads of its own, with limits on their number and on connections. */
typedef struct _StatusServer StatusServer;

typedef struct {
  guint code; /* HTTP status; 0: there is no such path */
  gchar *text;
} StatusAnswer;

/* @path: the request's path, such as "/livez". Called from any thread. The caller frees the
 * returned text. */
typedef StatusAnswer (*StatusHandler) (const gchar *path, gpointer data);

/* Starts a server on @port of all addresses; 0: any free port. Returns %NULL with @error if the
 * port isn't available. */
StatusServer *status_server_new (
    guint16 port, StatusHandler handler, gpointer data, GError **error);
guint16 status_server_get_port (StatusServer *server);

/* Waits for handlers that are running. */
void status_server_free (StatusServer *server);

G_END_DECLS
