/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "liveoptions.h"

G_BEGIN_DECLS

/* Reads the new messages of a topic with kafkasrc, on a thread of its own. After an error, reading
 * begins again. */
typedef struct _LiveTopic LiveTopic;

/* Called for each message, from a streaming thread. */
typedef void (*LiveTopicFunc) (GstSample *sample, gpointer data);

/* Returns an object that doesn't read yet. The object keeps a pointer to @source. */
LiveTopic *live_topic_new (const LiveSource *source, LiveTopicFunc func, gpointer data);
/* Ends reading, waits for the thread, and frees the object. */
void live_topic_free (LiveTopic *self);
/* Returns at once. */
void live_topic_set_reading (LiveTopic *self, gboolean reading);
/* Returns the number of bytes that were read so far. */
guint64 live_topic_get_bytes (LiveTopic *self);

/* Returns: (transfer full) (nullable): a pipeline `kafkasrc ! appsink` that reads the topic of
 * @source, with elements named "source" and "sink"; NULL with @error if one of the elements isn't
 * installed. */
GstElement *live_topic_make_pipeline (const LiveSource *source, GError **error);

G_END_DECLS
