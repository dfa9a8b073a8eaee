/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* Viewers of the stream of server-sent events. Of the main thread. */
typedef struct _LiveStream LiveStream;

LiveStream *live_stream_new (guint max_viewers);
void live_stream_free (LiveStream *self);
/* Returns FALSE if there are too many viewers. */
gboolean live_stream_add (LiveStream *self, SoupServerMessage *message);
gboolean live_stream_is_full (const LiveStream *self);
guint live_stream_count (const LiveStream *self);
/* Sends one event to all viewers. A viewer that hasn't read the last events yet misses this one,
 * unless @must. */
void live_stream_send (LiveStream *self, const gchar *event, GBytes *data, gboolean must);

G_END_DECLS
