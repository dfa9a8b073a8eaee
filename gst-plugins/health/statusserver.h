/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* An HTTP server that answers GET requests in threads of its own, with limits on the numbers of
 * requests and of connections. */
typedef struct _StatusServer StatusServer;

typedef struct {
  guint code; /* HTTP status; 0: there is no such path */
  gchar *text;
} StatusAnswer;

/* A function that makes the answer for @path, such as "/livez". The function is called from any
 * thread, and its caller frees the returned text. */
typedef StatusAnswer (*StatusHandler) (const gchar *path, gpointer data);

/* Starts a server on @port of all addresses; 0: any free port. Returns %NULL with @error if the
 * port isn't available. */
StatusServer *status_server_new (
    guint16 port, StatusHandler handler, gpointer data, GError **error);
guint16 status_server_get_port (StatusServer *server);

/* Frees the server, after waiting for all calls of the handler to return. */
void status_server_free (StatusServer *server);

G_END_DECLS
