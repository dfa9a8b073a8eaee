/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "liveapi.h"
#include "livestream.h"

G_BEGIN_DECLS

/* The server: who may connect, who may look, what each answer carries. Of the main thread. */
typedef struct _LiveHttp LiveHttp;

/* Listens. @api is kept by reference. */
LiveHttp *live_http_new (const LiveOptions *options, LiveApi *api, GError **error);
void live_http_free (LiveHttp *self);
/* (transfer full): where it listens, as a browser takes it. */
gchar *live_http_make_address (LiveHttp *self);
LiveStream *live_http_get_stream (LiveHttp *self);

G_END_DECLS
