/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarrate.h"

#include "fogreport.h"
#include "gsthaarpads.h"
#include "gstkafkameta.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* time (us) for which a stop of the element, or a new stream, waits until the last report is
 * pushed */
#define LEAVE_TIMEOUT (300 * G_TIME_SPAN_MILLISECOND)

/* --- queries and events from downstream --- */

/* Answers a query from behind the pad `rate`. Reports are a stream of their own, so their latency
 * is 0, whatever latency the video has. */
static gboolean
rate_query (GstPad *pad, GstObject *parent, GstQuery *query)
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

static gboolean
rate_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  /* Events from behind the pad `rate`, such as a seek, are dropped, because they don't concern the
   * video. */
  gst_event_unref (event);
  return TRUE;
}

/* --- the stream, in the reporter's thread --- */

/* Changes the state of the stream of reports from @from to @to. Returns TRUE if @pad is open and
 * its stream was in state @from. */
static gboolean
change_stream (GstHaarRate *self, GstPad *pad, GstHaarRateStream from, GstHaarRateStream to)
{
  gboolean changed;

  g_mutex_lock (&self->slot.lock);
  changed = self->slot.pad == pad && self->stream == from;
  if (changed)
    self->stream = to;
  g_mutex_unlock (&self->slot.lock);
  return changed;
}

/* Pushes stream-start, caps and segment, unless they were pushed in this stream. */
static void
begin_stream (GstHaarRate *self, GstPad *pad)
{
  g_autoptr (GstCaps) caps = gst_pad_get_pad_template_caps (pad);
  GstEvent *upstream;
  GstSegment segment;

  if (!change_stream (self, pad, GST_HAAR_RATE_NEW, GST_HAAR_RATE_BEGUN))
    return;
  upstream = gst_pad_get_sticky_event (self->sinkpad, GST_EVENT_STREAM_START, 0);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (pad, gst_haar_make_stream_start (self->element, pad, "reports", upstream));
  gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_pad_push_event (pad, gst_event_new_segment (&segment));
  gst_clear_event (&upstream);
}

static GstClockTime
running_time_now (GstHaarRate *self)
{
  GstClock *clock = gst_element_get_clock (self->element);
  GstClockTime now, base = gst_element_get_base_time (self->element);

  if (!clock)
    return GST_CLOCK_TIME_NONE;
  now = gst_clock_get_time (clock);
  gst_object_unref (clock);
  return now > base ? now - base : 0;
}

static void
set_answer (GstHaarRate *self, GstPad *pad, GstFlowReturn answer)
{
  if (answer != GST_FLOW_OK)
    GST_DEBUG_OBJECT (pad, "the reader answers %s", gst_flow_get_name (answer));
  g_mutex_lock (&self->slot.lock);
  if (self->slot.pad == pad)
    self->answer = answer;
  g_mutex_unlock (&self->slot.lock);
}

static void
push_report (GstHaarRate *self, GstPad *pad, const FogReport *report)
{
  GstBuffer *buffer;
  gchar *text;
  gsize size;

  begin_stream (self, pad);
  text = fog_report_to_json (report, &size);
  buffer = gst_buffer_new_wrapped (text, size);
  GST_BUFFER_PTS (buffer) = running_time_now (self);
  GST_LOG_OBJECT (pad, "pushing %" GST_PTR_FORMAT, buffer);
  set_answer (self, pad, gst_pad_push (pad, buffer));
  if (!report->leaving)
    return;
  change_stream (self, pad, GST_HAAR_RATE_BEGUN, GST_HAAR_RATE_ENDED);
  gst_pad_push_event (pad, gst_event_new_eos ());
}

/* Pushes a gap event, because a sink that prerolls would otherwise wait for a report, while reports
 * wait for PLAYING. */
static void
push_gap (GstHaarRate *self, GstPad *pad)
{
  begin_stream (self, pad);
  gst_pad_push_event (pad, gst_event_new_gap (0, GST_CLOCK_TIME_NONE));
}

/* --- reports, in the reporter's thread --- */

/* (nullable) (transfer full) */
static GArray *
read_partitions (const GstStructure *s)
{
  const GValue *list = gst_structure_get_value (s, "partitions");
  GArray *partitions;

  if (!list || !GST_VALUE_HOLDS_ARRAY (list))
    return NULL;
  partitions = g_array_new (FALSE, FALSE, sizeof (gint));
  for (guint i = 0; i < gst_value_array_get_size (list); i++) {
    const GValue *value = gst_value_array_get_value (list, i);
    gint partition = G_VALUE_HOLDS_INT (value) ? g_value_get_int (value) : 0;

    g_array_append_val (partitions, partition);
  }
  return partitions;
}

/* Stores the partitions that @s names. Returns FALSE if @s names no partitions. */
static gboolean
take_partitions (GstHaarRate *self, const GstStructure *s)
{
  GArray *partitions = read_partitions (s);

  if (!partitions)
    return FALSE;
  g_mutex_lock (&self->slot.lock);
  g_array_unref (self->partitions);
  self->partitions = partitions;
  g_mutex_unlock (&self->slot.lock);
  return TRUE;
}

/* Asks the source at the head of the pipeline, if there is one, how many messages wait and which
 * partitions it reads. The event `GstKafkaAssignment` names the partitions too, but a decoder on
 * the way keeps it until the decoder has a frame. */
static void
ask_source (GstHaarRate *self)
{
  GstQuery *query =
      gst_query_new_custom (GST_QUERY_CUSTOM, gst_structure_new_empty (GST_KAFKA_LAG_QUERY));
  gint64 lag;

  if (gst_pad_peer_query (self->sinkpad, query)) {
    const GstStructure *s = gst_query_get_structure (query);

    take_partitions (self, s);
    if (gst_structure_get_int64 (s, "lag", &lag))
      gst_haar_stats_set_lag (self->stats, (guint64) MAX (lag, 0));
    GST_LOG_OBJECT (self->element, "the source answers %" GST_PTR_FORMAT, s);
  } else {
    GST_LOG_OBJECT (self->element, "no kafkasrc answers how many messages wait");
  }
  gst_query_unref (query);
}

static void
log_report (GstHaarRate *self, const FogReport *report)
{
  GST_DEBUG_OBJECT (self->element,
      "report %" G_GUINT64_FORMAT ": %" G_GUINT64_FORMAT
      " frames in %.2f s, busy %.2f s of %u workers, "
      "so %.2f frames/s; lag %" G_GUINT64_FORMAT
      ", age %.3f and %.3f s, %u cameras, %u partitions%s",
      report->seq, report->frames, report->interval, report->busy, report->workers,
      report->busy > 0 ? (gdouble) report->frames * report->workers / report->busy : 0, report->lag,
      report->age_p50, report->age_p95, report->cameras->len, report->partitions->len,
      report->leaving ? "; the last one" : "");
}

static FogReport *
make_report (GstHaarRate *self, gboolean leaving)
{
  FogReport *report = haar_tally_take (self->tally);

  report->leaving = leaving;
  ask_source (self);
  report->lag = gst_haar_stats_get_lag (self->stats);
  g_mutex_lock (&self->slot.lock);
  g_array_append_vals (report->partitions, self->partitions->data, self->partitions->len);
  g_mutex_unlock (&self->slot.lock);
  gst_haar_stats_add_report (self->stats, haar_tally_get_unlisted (self->tally));
  log_report (self, report);
  return report;
}

/* A HaarReporterFunc. */
static void
handle_call (HaarReporterCall call, gpointer user_data)
{
  GstHaarRate *self = user_data;
  GstPad *pad = fog_slot_ref_pad (&self->slot);

  if (call != HAAR_REPORTER_BEGIN) {
    g_autoptr (FogReport) report = make_report (self, call == HAAR_REPORTER_LEAVE);

    if (pad)
      push_report (self, pad, report);
    gst_element_post_message (self->element, gst_message_new_element (GST_OBJECT (self->element),
                                                 gst_haar_stats_to_structure (self->stats)));
  } else if (pad) {
    push_gap (self, pad);
  }
  gst_clear_object (&pad);
}

/* --- life --- */

void
gst_haar_rate_init (GstHaarRate *self, GstElement *element, GstPad *sinkpad, GstHaarStats *stats)
{
  self->element = element;
  self->sinkpad = sinkpad;
  self->stats = stats;
  self->partitions = g_array_new (FALSE, FALSE, sizeof (gint));
  fog_slot_init (&self->slot);
}

void
gst_haar_rate_clear (GstHaarRate *self)
{
  g_array_unref (self->partitions);
  fog_slot_clear (&self->slot);
}

/* Is a FogSlotFunc. */
static void
renew_stream (gpointer branch)
{
  GstHaarRate *self = branch;

  self->stream = GST_HAAR_RATE_NEW;
  self->answer = GST_FLOW_OK;
}

GstPad *
gst_haar_rate_request_pad (GstHaarRate *self, GstPadTemplate *templ)
{
  GstPad *pad;

  if (!fog_slot_take (&self->slot))
    return NULL;
  pad = gst_pad_new_from_template (templ, "rate");
  gst_pad_set_event_function (pad, rate_event);
  gst_pad_set_query_function (pad, rate_query);
  gst_pad_use_fixed_caps (pad);
  fog_slot_open (&self->slot, self->element, pad, renew_stream, self);
  return pad;
}

void
gst_haar_rate_release_pad (GstHaarRate *self, GstPad *pad)
{
  fog_slot_release_pad (&self->slot, self->element, pad);
}

gboolean
gst_haar_rate_start (GstHaarRate *self, GstClockTime interval, HaarTally *tally, GError **error)
{
  HaarReporter *reporter = haar_reporter_new (interval, handle_call, self, error);

  if (!reporter)
    return FALSE;
  self->tally = tally;
  g_mutex_lock (&self->slot.lock);
  renew_stream (self);
  self->reporter = reporter;
  g_array_set_size (self->partitions, 0);
  g_mutex_unlock (&self->slot.lock);
  return TRUE;
}

void
gst_haar_rate_stop (GstHaarRate *self)
{
  HaarReporter *reporter;

  g_mutex_lock (&self->slot.lock);
  reporter = g_steal_pointer (&self->reporter);
  g_mutex_unlock (&self->slot.lock);
  haar_reporter_free (reporter);
  g_clear_pointer (&self->tally, haar_tally_free);
}

/* --- a run --- */

void
gst_haar_rate_begin (GstHaarRate *self)
{
  haar_reporter_begin (self->reporter);
}

void
gst_haar_rate_set_playing (GstHaarRate *self, gboolean playing)
{
  GST_DEBUG_OBJECT (self->element, playing ? "reports begin" : "reports rest until PLAYING");
  haar_reporter_set_running (self->reporter, playing);
}

void
gst_haar_rate_finish (GstHaarRate *self)
{
  haar_reporter_finish (self->reporter);
}

static void
wait_finished (GstHaarRate *self)
{
  if (!haar_reporter_wait_finished (self->reporter, LEAVE_TIMEOUT))
    GST_WARNING_OBJECT (self->element,
        "the last report hasn't left within %.1f s: its reader blocks",
        (gdouble) LEAVE_TIMEOUT / G_TIME_SPAN_SECOND);
}

void
gst_haar_rate_leave (GstHaarRate *self)
{
  haar_reporter_finish (self->reporter);
  wait_finished (self);
}

void
gst_haar_rate_restart (GstHaarRate *self)
{
  GstPad *pad = fog_slot_ref_pad (&self->slot);

  /* Waits until the previous stream of reports has ended, because otherwise its EOS could follow
   * the start of the new stream. */
  wait_finished (self);
  GST_DEBUG_OBJECT (self->element, "reports begin again");
  if (pad) {
    set_answer (self, pad, GST_FLOW_OK);
    if (change_stream (self, pad, GST_HAAR_RATE_ENDED, GST_HAAR_RATE_NEW)) {
      gst_pad_push_event (pad, gst_event_new_flush_start ());
      gst_pad_push_event (pad, gst_event_new_flush_stop (FALSE));
    }
  }
  gst_clear_object (&pad);
  haar_reporter_resume (self->reporter);
}

void
gst_haar_rate_take_assignment (GstHaarRate *self, const GstStructure *assignment)
{
  GST_INFO_OBJECT (self->element, "%" GST_PTR_FORMAT, assignment);
  if (take_partitions (self, assignment))
    haar_reporter_wake (self->reporter);
}

gdouble
gst_haar_rate_add_frame (GstHaarRate *self, const HaarJob *job)
{
  gdouble busy;

  if (job->outcome != HAAR_COUNTED)
    return 0;
  haar_tally_look_around (self->tally);
  busy = haar_tally_add (self->tally, &job->origin, job->boxes->len, &job->cost, job->age);
  if (job->looked)
    haar_tally_note_look (self->tally, job->origin.id.camera, &job->look);
  return busy;
}

void
gst_haar_rate_set_interval (GstHaarRate *self, GstClockTime interval)
{
  g_mutex_lock (&self->slot.lock);
  if (self->reporter) {
    GST_INFO_OBJECT (
        self->element, "a report every %" GST_TIME_FORMAT " from now on", GST_TIME_ARGS (interval));
    haar_reporter_set_interval (self->reporter, interval);
  }
  g_mutex_unlock (&self->slot.lock);
}

GstFlowReturn
gst_haar_rate_get_failure (GstHaarRate *self)
{
  GstFlowReturn answer;

  g_mutex_lock (&self->slot.lock);
  answer = self->slot.pad ? self->answer : GST_FLOW_OK;
  g_mutex_unlock (&self->slot.lock);
  return answer <= GST_FLOW_NOT_NEGOTIATED ? answer : GST_FLOW_OK;
}
