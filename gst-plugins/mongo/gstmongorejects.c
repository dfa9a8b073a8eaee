/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstmongorejects.h"

#include "gstkafkameta.h"

void
gst_mongo_rejects_init (GstMongoRejects *self)
{
  g_mutex_init (&self->lock);
}

void
gst_mongo_rejects_clear (GstMongoRejects *self)
{
  g_mutex_clear (&self->lock);
}

GstBuffer *
gst_mongo_reject_new (
    GstBuffer *origin, gconstpointer data, gsize size, const gchar *reason, gint code)
{
  GstBuffer *buffer = gst_buffer_new_memdup (data, size);
  g_autofree gchar *code_text = code ? g_strdup_printf ("%d", code) : NULL;

  gst_buffer_copy_into (buffer, origin, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  gst_kafka_meta_copy (buffer, origin);
  gst_kafka_meta_set_headers (
      buffer, MONGO_HEADER_REJECT_REASON, reason, MONGO_HEADER_REJECT_CODE, code_text, NULL);
  return buffer;
}

static gboolean
has_sticky (GstPad *pad, GstEventType type)
{
  GstEvent *event = gst_pad_get_sticky_event (pad, type, 0);
  gboolean has = event != NULL;

  gst_clear_event (&event);
  return has;
}

static void
push_caps (GstPad *pad, GstCaps *caps)
{
  GstCaps *current = gst_pad_get_current_caps (pad);

  if (!current || !gst_caps_is_equal (current, caps))
    gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_clear_caps (&current);
}

/* What has to come before the first buffer. */
static void
prepare (GstPad *pad, GstCaps *caps)
{
  GstSegment segment;

  if (!has_sticky (pad, GST_EVENT_STREAM_START)) {
    GstElement *element = gst_pad_get_parent_element (pad);
    g_autofree gchar *id = gst_pad_create_stream_id (pad, element, "rejects");

    gst_pad_push_event (pad, gst_event_new_stream_start (id));
    gst_object_unref (element);
  }
  push_caps (pad, caps);
  if (!has_sticky (pad, GST_EVENT_SEGMENT)) {
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (pad, gst_event_new_segment (&segment));
  }
}

GstFlowReturn
gst_mongo_rejects_push (GstMongoRejects *self, GstPad *pad, GstCaps *caps, GstBuffer *buffer)
{
  GstFlowReturn flow;

  g_mutex_lock (&self->lock);
  prepare (pad, caps);
  flow = gst_pad_push (pad, buffer);
  g_mutex_unlock (&self->lock);
  return flow;
}
