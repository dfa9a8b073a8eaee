/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "liveapi.h"
#include "livestream.h"

G_BEGIN_DECLS

/* The HTTP server: limits connections, checks access, adds headers to each answer. Of the main
 * thread. */
typedef struct _LiveHttp LiveHttp;

/* Starts the server, which keeps a pointer to @api. */
LiveHttp *live_http_new (const LiveOptions *options, LiveApi *api, GError **error);
void live_http_free (LiveHttp *self);
/* Returns: (transfer full): the server's address as a URL. */
gchar *live_http_make_address (LiveHttp *self);
LiveStream *live_http_get_stream (LiveHttp *self);

G_END_DECLS
