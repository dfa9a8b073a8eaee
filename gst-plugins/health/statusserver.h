/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Answers GET requests of HTTP/1.x, each in a thread of its own, a few at a time. */
typedef struct _StatusServer StatusServer;

typedef struct {
  guint code; /* of HTTP; 0 where there is nothing at that path */
  gchar *text;
} StatusAnswer;

/* @path: as asked for, such as "/livez"; called from any thread. The
 * text is freed by the caller. */
typedef StatusAnswer (*StatusHandler) (const gchar *path, gpointer data);

/* @port: on all addresses; 0 for any that is free. NULL and @error if it can't be had. */
StatusServer *status_server_new (
    guint16 port, StatusHandler handler, gpointer data, GError **error);
guint16 status_server_get_port (StatusServer *server);

/* Waits for requests that are being answered. */
void status_server_free (StatusServer *server);

G_END_DECLS
