/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarsrc.h"

#include "gsthaarpads.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* --- events and queries from downstream --- */

static gboolean
src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstHaarSrc *self = gst_pad_get_element_private (pad);

  /* RECONFIGURE events are dropped, because the elements behind the pad `src` must not make the
   * video negotiate again. QoS events from behind the pad `src` are dropped, because a decoder that
   * got them would skip frames, but every frame has to be counted, however late downstream is. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS || GST_EVENT_TYPE (event) == GST_EVENT_RECONFIGURE) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_push_event (self->sinkpad, event);
}

static gboolean
src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstHaarSrc *self = gst_pad_get_element_private (pad);

  /* A frame may wait behind as many other frames as there are workers, and one more, so the latency
   * is the duration of these frames. */
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY)
    return gst_haar_answer_latency (
        self->sinkpad, gst_haar_stats_get_workers (self->stats) + 1, query);
  return gst_pad_query_default (pad, parent, query);
}

void
gst_haar_src_init (GstHaarSrc *self, GstElement *element, GstPad *pad, GstPad *sinkpad,
    GstHaarStats *stats, gpointer output)
{
  self->element = element;
  self->pad = pad;
  self->sinkpad = sinkpad;
  self->stats = stats;
  self->output = output;
  g_mutex_init (&self->lock);
  gst_pad_set_element_private (pad, self);
  gst_pad_set_event_function (pad, src_event);
  gst_pad_set_query_function (pad, src_query);
  gst_pad_use_fixed_caps (pad);
}

void
gst_haar_src_clear (GstHaarSrc *self)
{
  g_mutex_clear (&self->lock);
}

/* --- the pad's flow return --- */

static void
set_answer (GstHaarSrc *self, GstFlowReturn answer)
{
  g_mutex_lock (&self->lock);
  self->answer = answer;
  g_mutex_unlock (&self->lock);
}

void
gst_haar_src_reset_answer (GstHaarSrc *self)
{
  set_answer (self, GST_FLOW_OK);
}

GstFlowReturn
gst_haar_src_get_answer (GstHaarSrc *self)
{
  GstFlowReturn answer;

  if (!gst_pad_is_linked (self->pad))
    return GST_FLOW_NOT_LINKED;
  g_mutex_lock (&self->lock);
  answer = self->answer;
  g_mutex_unlock (&self->lock);
  /* NOT_LINKED is the result of a push from before the pad was linked, so it doesn't count any
   * more. */
  return answer == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : answer;
}

/* --- events --- */

/* Returns the segment event for the documents: @event if its segment is in time, else a new one in
 * time, because documents have time stamps. */
static GstEvent *
translate_segment (GstEvent *event)
{
  const GstSegment *segment;
  GstSegment time;
  GstEvent *made;

  gst_event_parse_segment (event, &segment);
  if (segment->format == GST_FORMAT_TIME)
    return gst_event_ref (event);
  gst_segment_init (&time, GST_FORMAT_TIME);
  made = gst_event_new_segment (&time);
  gst_event_set_seqnum (made, gst_event_get_seqnum (event));
  return made;
}

/* (nullable) (transfer full) */
static GstEvent *
translate_event (GstHaarSrc *self, GstEvent *event)
{
  g_autoptr (GstCaps) caps = NULL;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      return gst_haar_make_stream_start (self->element, self->pad, "events", event);
    case GST_EVENT_CAPS:
      caps = gst_pad_get_pad_template_caps (self->pad);
      return gst_event_new_caps (caps);
    case GST_EVENT_SEGMENT:
      return translate_segment (event);
    case GST_EVENT_TAG:
    case GST_EVENT_STREAM_COLLECTION:
      return NULL;
    default:
      return gst_event_ref (event);
  }
}

void
gst_haar_src_push_event (GstHaarSrc *self, GstEvent *event)
{
  GstEvent *translated = translate_event (self, event);

  GST_LOG_OBJECT (
      self->pad, "pushing %" GST_PTR_FORMAT " in place of %" GST_PTR_FORMAT, translated, event);
  if (translated)
    gst_pad_push_event (self->pad, translated);
}

/* --- documents --- */

void
gst_haar_src_push (GstHaarSrc *self, GstBuffer *document, GstEvent *gap)
{
  if (document) {
    GST_LOG_OBJECT (self->pad, "pushing %" GST_PTR_FORMAT, document);
    set_answer (self, gst_pad_push (self->pad, document));
    gst_haar_stats_add_event (self->stats);
  } else if (gap && gst_pad_is_linked (self->pad)) {
    GST_LOG_OBJECT (self->pad, "no document: %" GST_PTR_FORMAT, gap);
    gst_pad_push_event (self->pad, gst_event_ref (gap));
  }
}
