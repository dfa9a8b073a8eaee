/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* Sends server-sent events to all viewers of the stream. Of the main thread. */
typedef struct _LiveStream LiveStream;

LiveStream *live_stream_new (guint max_viewers);
void live_stream_free (LiveStream *self);
/* Adds the client of @message as a viewer. Returns FALSE if there are too many viewers. */
gboolean live_stream_add (LiveStream *self, SoupServerMessage *message);
gboolean live_stream_is_full (const LiveStream *self);
guint live_stream_count (const LiveStream *self);
/* Sends one event to all viewers. If @must is FALSE, viewers that haven't read the last events yet
 * miss this event. */
void live_stream_send (LiveStream *self, const gchar *event, GBytes *data, gboolean must);

G_END_DECLS
