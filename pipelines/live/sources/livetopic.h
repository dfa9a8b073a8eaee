/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "liveoptions.h"

G_BEGIN_DECLS

/* Reads a topic with kafkasrc continuously, from now on: through errors and restarts, on a thread
 * of its own. */
typedef struct _LiveTopic LiveTopic;

/* A message; called from a streaming thread. */
typedef void (*LiveTopicFunc) (GstSample *sample, gpointer data);

/* It doesn't read yet. The object keeps a reference to @source. */
LiveTopic *live_topic_new (const LiveSource *source, LiveTopicFunc func, gpointer data);
/* Waits until reading has ended. */
void live_topic_free (LiveTopic *self);
/* Returns at once. */
void live_topic_set_reading (LiveTopic *self, gboolean reading);
/* Returns the number of bytes that were read so far. */
guint64 live_topic_get_bytes (LiveTopic *self);

/* Returns: (transfer full) (nullable): `kafkasrc ! appsink` of @source, whose elements are named
 * "source" and "sink"; NULL with @error if one isn't installed. */
GstElement *live_topic_make_pipeline (const LiveSource *source, GError **error);

G_END_DECLS
