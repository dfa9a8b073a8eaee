/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarreport.h"

#include "fogreport.h"
#include "gsthaarpads.h"
#include "gstkafkameta.h"

/* --- reports, in the reporter's thread --- */

GstStructure *
gst_haar_face_count_make_stats (GstHaarFaceCount *self)
{
  const GstHaarCounters *c = &self->counters;
  GstStructure *s;

  GST_OBJECT_LOCK (self);
  s = gst_structure_new ("haarfacecount-stats", "frames", G_TYPE_UINT64, c->frames, "faces",
      G_TYPE_UINT64, c->faces, "events", G_TYPE_UINT64, c->events, "unchanged", G_TYPE_UINT64,
      c->unchanged, "partial", G_TYPE_UINT64, c->partial, "too-small", G_TYPE_UINT64, c->too_small,
      "too-old", G_TYPE_UINT64, c->too_old, "bad-frames", G_TYPE_UINT64, c->bad, "failed-frames",
      G_TYPE_UINT64, c->failed, "clock-skew", G_TYPE_UINT64, c->skewed, "reports", G_TYPE_UINT64,
      c->reports, "busy", G_TYPE_DOUBLE, c->busy, "workers", G_TYPE_UINT, self->n_running, "engine",
      G_TYPE_STRING, self->engine_name ? self->engine_name : "none", "waiting", G_TYPE_UINT,
      self->workers ? haar_workers_get_waiting (self->workers) : 0, "lag", G_TYPE_UINT64, self->lag,
      NULL);
  fog_histogram_to_field (&c->ages, s, "frame-age");
  fog_histogram_to_field (&c->processes, s, "process");
  haar_totals_to_field (self->totals, s);
  GST_OBJECT_UNLOCK (self);
  return s;
}

gboolean
gst_haar_face_count_take_partitions (GstHaarFaceCount *self, const GstStructure *s)
{
  const GValue *list = gst_structure_get_value (s, "partitions");
  gint *partitions;
  guint n;

  if (!list || !GST_VALUE_HOLDS_ARRAY (list))
    return FALSE;
  n = gst_value_array_get_size (list);
  partitions = g_new0 (gint, n + 1);
  for (guint i = 0; i < n; i++) {
    const GValue *value = gst_value_array_get_value (list, i);

    if (G_VALUE_HOLDS_INT (value))
      partitions[i] = g_value_get_int (value);
  }
  GST_OBJECT_LOCK (self);
  g_free (self->partitions);
  self->partitions = partitions;
  self->n_partitions = n;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

/* Messages waiting, and partitions, as the source at the head of the pipeline knows them, if there is one: a
 * decoder on the way keeps the event of an assignment to itself until it has a frame. */
static void
ask_source (GstHaarFaceCount *self)
{
  GstQuery *query =
      gst_query_new_custom (GST_QUERY_CUSTOM, gst_structure_new_empty (GST_KAFKA_LAG_QUERY));
  gint64 lag;

  if (gst_pad_peer_query (self->sinkpad, query)) {
    const GstStructure *s = gst_query_get_structure (query);

    gst_haar_face_count_take_partitions (self, s);
    if (gst_structure_get_int64 (s, "lag", &lag)) {
      GST_OBJECT_LOCK (self);
      self->lag = (guint64) MAX (lag, 0);
      GST_OBJECT_UNLOCK (self);
    }
  }
  gst_query_unref (query);
}

static FogReport *
make_report (GstHaarFaceCount *self, gboolean leaving)
{
  FogReport *report = haar_tally_take (self->tally);

  report->leaving = leaving;
  ask_source (self);
  GST_OBJECT_LOCK (self);
  report->lag = self->lag + (self->workers ? haar_workers_get_queued (self->workers) : 0);
  g_array_append_vals (report->partitions, self->partitions, self->n_partitions);
  self->counters.reports++;
  GST_OBJECT_UNLOCK (self);
  return report;
}

static GstClockTime
running_time_now (GstHaarFaceCount *self)
{
  GstClock *clock = gst_element_get_clock (GST_ELEMENT (self));
  GstClockTime now, base = gst_element_get_base_time (GST_ELEMENT (self));

  if (!clock)
    return GST_CLOCK_TIME_NONE;
  now = gst_clock_get_time (clock);
  gst_object_unref (clock);
  return now > base ? now - base : 0;
}

/* What every stream begins with, once. */
static void
begin_rate (GstHaarFaceCount *self, GstPad *pad)
{
  g_autoptr (GstCaps) caps = gst_pad_get_pad_template_caps (pad);
  GstEvent *upstream;
  GstSegment segment;
  gboolean begun;

  GST_OBJECT_LOCK (self);
  begun = self->rate_begun;
  self->rate_begun = TRUE;
  GST_OBJECT_UNLOCK (self);
  if (begun)
    return;
  upstream = gst_pad_get_sticky_event (self->sinkpad, GST_EVENT_STREAM_START, 0);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (pad, gst_haar_face_count_make_stream_start (self, pad, "reports", upstream));
  gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_pad_push_event (pad, gst_event_new_segment (&segment));
  g_clear_pointer (&upstream, gst_event_unref);
}

static void
push_report (GstHaarFaceCount *self, GstPad *pad, const FogReport *report)
{
  GstFlowReturn ret;
  GstBuffer *buffer;
  gchar *text;
  gsize size;

  begin_rate (self, pad);
  text = fog_report_to_json (report, &size);
  buffer = gst_buffer_new_wrapped (text, size);
  GST_BUFFER_PTS (buffer) = running_time_now (self);
  ret = gst_pad_push (pad, buffer);
  GST_OBJECT_LOCK (self);
  self->rate_flow = ret;
  self->rate_ended = report->leaving;
  GST_OBJECT_UNLOCK (self);
  if (report->leaving)
    gst_pad_push_event (pad, gst_event_new_eos ());
}

void
gst_haar_face_count_report (HaarReporterCall call, gpointer user_data)
{
  GstHaarFaceCount *self = user_data;
  GstPad *rate = gst_haar_face_count_ref_pad (self, &self->rate);

  if (call != HAAR_REPORTER_BEGIN) {
    g_autoptr (FogReport) report = make_report (self, call == HAAR_REPORTER_LEAVE);

    if (rate)
      push_report (self, rate, report);
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_element (GST_OBJECT (self), gst_haar_face_count_make_stats (self)));
  } else if (rate) {
    /* A sink that prerolls would wait for a report, and reports for PLAYING. */
    begin_rate (self, rate);
    gst_pad_push_event (rate, gst_event_new_gap (0, GST_CLOCK_TIME_NONE));
  }
  gst_clear_object (&rate);
}

void
gst_haar_face_count_restart_reports (GstHaarFaceCount *self)
{
  GstPad *rate = gst_haar_face_count_ref_pad (self, &self->rate);
  gboolean ended;

  /* An end that is still on its way would come after this. */
  haar_reporter_wait_finished (self->reporter, GST_HAAR_LEAVE_TIMEOUT);
  GST_OBJECT_LOCK (self);
  ended = self->rate_ended;
  self->rate_ended = FALSE;
  self->rate_flow = GST_FLOW_OK;
  GST_OBJECT_UNLOCK (self);
  if (rate && ended) {
    gst_pad_push_event (rate, gst_event_new_flush_start ());
    gst_pad_push_event (rate, gst_event_new_flush_stop (FALSE));
    GST_OBJECT_LOCK (self);
    self->rate_begun = FALSE;
    GST_OBJECT_UNLOCK (self);
  }
  gst_clear_object (&rate);
  haar_reporter_resume (self->reporter);
}

/* --- what readers ask --- */

/* Reports are a stream of their own, with no latency. */
gboolean
gst_haar_face_count_rate_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_LATENCY:
      gst_query_set_latency (query, FALSE, 0, GST_CLOCK_TIME_NONE);
      return TRUE;
    case GST_QUERY_CAPS:
    case GST_QUERY_ACCEPT_CAPS:
      return gst_pad_query_default (pad, parent, query);
    default:
      return FALSE;
  }
}

gboolean
gst_haar_face_count_rate_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  /* Nothing a reader of reports asks for, a seek say, concerns the video. */
  gst_event_unref (event);
  return TRUE;
}
