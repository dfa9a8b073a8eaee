/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkarejects.h"

#include "client/gstkafkaformat.h"
#include "gstkafkameta.h"
#include "src/partitions/gstkafkasuspicion.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

#define REASON "alone in the pipeline in failed runs"

/* Leaves the pad `rejects` out of the element's number of source pads. GstBaseSrc creates the id of
 * its stream without a name, which logs a critical warning if the element counts two source pads,
 * and neither a virtual method nor a property changes that. GStreamer's own sources with several
 * pads don't derive from GstBaseSrc: they are bins, or do all of its work themselves. For a pad
 * that is rarely requested, both ways cost more than a pad that isn't counted. The element's lists
 * contain the pad, so state changes, queries, iterators and links work; GStreamer (1.22 to 1.26)
 * uses the number of pads only for the stream id, and lowers it when a pad is removed. */
static void
count_pads (GstElement *element, gint more)
{
  GST_OBJECT_LOCK (element);
  element->numsrcpads += more;
  GST_OBJECT_UNLOCK (element);
}

GstPad *
gst_kafka_rejects_add_pad (FogSlot *slot, GstElement *element, GstPadTemplate *template)
{
  GstPad *pad;

  if (!fog_slot_take (slot))
    return NULL;
  pad = gst_pad_new_from_template (template, "rejects");
  gst_pad_use_fixed_caps (pad);
  count_pads (element, -1);
  fog_slot_open (slot, element, pad, NULL, NULL);
  GST_INFO_OBJECT (element, "condemned messages leave by %" GST_PTR_FORMAT, pad);
  return pad;
}

void
gst_kafka_rejects_remove_pad (FogSlot *slot, GstElement *element, GstPad *pad)
{
  if (fog_slot_release_pad (slot, element, pad))
    count_pads (element, 1);
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
begin_stream (GstPad *pad)
{
  g_autoptr (GstElement) element = gst_pad_get_parent_element (pad);
  g_autofree gchar *id = NULL;

  if (!element || has_sticky (pad, GST_EVENT_STREAM_START))
    return; /* without a parent, another thread has just released the pad */
  id = gst_pad_create_stream_id (pad, element, "rejects");
  gst_pad_push_event (pad, gst_event_new_stream_start (id));
}

static void
prepare (GstPad *pad, GstBuffer *buffer)
{
  const gchar *text = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_CAPS);
  GstCaps *caps = text ? gst_kafka_caps_from_text (text) : NULL;
  GstSegment segment;

  begin_stream (pad);
  if (caps)
    gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_clear_caps (&caps);
  if (has_sticky (pad, GST_EVENT_SEGMENT))
    return;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (pad, gst_event_new_segment (&segment));
}

static void
read_place (GstBuffer *buffer, const gchar **topic, gint *partition, gint64 *offset)
{
  const GstStructure *s = gst_kafka_meta_peek (buffer);

  *topic = gst_structure_get_string (s, "topic");
  gst_structure_get_int (s, "partition", partition);
  gst_structure_get_int64 (s, "offset", offset);
}

static void
warn (GstElement *element, GstBuffer *buffer)
{
  g_autofree gchar *servers = NULL;
  const gchar *topic = NULL;
  gint partition = 0;
  gint64 offset = 0;

  g_object_get (element, "bootstrap-servers", &servers, NULL);
  read_place (buffer, &topic, &partition, &offset);
  GST_ELEMENT_WARNING (element, STREAM, DECODE,
      ("Message %" G_GINT64_FORMAT " of partition %d of topic \"%s\" was alone in the pipeline in "
       "%d failed runs. It is skipped. To look at it: gst-launch-1.0 kafkasrc "
       "bootstrap-servers=%s topic=%s partitions=\"<%d>\" start-offset=%" G_GINT64_FORMAT
       " end-offset=%" G_GINT64_FORMAT " ! filesink location=message",
          offset, partition, topic, GST_KAFKA_SUSPICION_RUNS, servers, topic, partition, offset,
          offset + 1),
      ("nothing is linked to the pad rejects"));
}

GstFlowReturn
gst_kafka_rejects_take (GstElement *element, GstPad *pad, GstBuffer *buffer)
{
  GstFlowReturn flow;

  if (!pad || !gst_pad_is_linked (pad)) {
    warn (element, buffer);
    gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_DONE);
    gst_buffer_unref (buffer);
    return GST_FLOW_CUSTOM_SUCCESS;
  }
  buffer = gst_buffer_make_writable (buffer);
  gst_kafka_meta_set_headers (buffer, "reject-reason", REASON, NULL);
  prepare (pad, buffer);
  flow = gst_pad_push (pad, gst_buffer_ref (buffer));
  if (flow != GST_FLOW_OK)
    gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_FAILED);
  gst_buffer_unref (buffer);
  if (flow == GST_FLOW_EOS)
    GST_ELEMENT_ERROR (element, STREAM, FAILED,
        ("What is linked to the pad rejects takes no more messages (it returned EOS). The "
         "condemned message is read again at the next start."),
        (NULL));
  return flow == GST_FLOW_OK ? GST_FLOW_CUSTOM_SUCCESS : flow;
}

GstFlowReturn
gst_kafka_rejects_give_up (GstElement *element, GstBuffer *buffer)
{
  const gchar *topic = NULL;
  gint partition = 0;
  gint64 offset = 0;

  read_place (buffer, &topic, &partition, &offset);
  GST_ELEMENT_ERROR (element, STREAM, FAILED,
      ("%d messages in a row made the pipeline fail, up to message %" G_GINT64_FORMAT
       " of partition %d of topic \"%s\". The fault is in the pipeline, not in the messages. "
       "Correct the pipeline, then start again.",
          GST_KAFKA_SUSPICION_ROW, offset, partition, topic),
      (NULL));
  gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_FAILED);
  gst_buffer_unref (buffer);
  return GST_FLOW_EOS;
}

void
gst_kafka_rejects_end (GstPad *pad)
{
  begin_stream (pad);
  gst_pad_push_event (pad, gst_event_new_eos ());
}
