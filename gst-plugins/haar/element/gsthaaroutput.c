/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaaroutput.h"

#include "gsthaarpads.h"
#include "haardocument.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* --- flow --- */

/* TRUE: a pipeline ends with it. */
static gboolean
is_failure (GstFlowReturn flow)
{
  return flow == GST_FLOW_NOT_LINKED || flow <= GST_FLOW_NOT_NEGOTIATED;
}

GstFlowReturn
gst_haar_output_get_flow (GstHaarOutput *self)
{
  GstFlowReturn flow;

  g_mutex_lock (&self->lock);
  flow = self->flow;
  g_mutex_unlock (&self->lock);
  return flow == GST_FLOW_OK ? gst_haar_rate_get_failure (self->rate) : flow;
}

static gboolean
is_stopped (GstHaarOutput *self)
{
  gboolean stopped;

  g_mutex_lock (&self->lock);
  stopped = self->flow != GST_FLOW_OK;
  g_mutex_unlock (&self->lock);
  return stopped;
}

/* Like GstFlowCombiner: an error or a flush counts at once, EOS and NOT_LINKED only if no reader is
 * left. Of two errors the first one counts. */
static GstFlowReturn
combine (GstFlowReturn first, GstFlowReturn second)
{
  if (first <= GST_FLOW_NOT_NEGOTIATED || first == GST_FLOW_FLUSHING)
    return first;
  if (second <= GST_FLOW_NOT_NEGOTIATED || second == GST_FLOW_FLUSHING)
    return second;
  if (first == GST_FLOW_OK || second == GST_FLOW_OK)
    return GST_FLOW_OK;
  return first == GST_FLOW_EOS || second == GST_FLOW_EOS ? GST_FLOW_EOS : GST_FLOW_NOT_LINKED;
}

/* Ends all waits, after the flow has changed. */
static void
stop_queues (GstHaarOutput *self)
{
  haar_workers_set_flushing (self->workers, TRUE);
  gst_haar_video_stop (&self->video);
}

void
gst_haar_output_stop (GstHaarOutput *self)
{
  g_mutex_lock (&self->lock);
  self->flow = GST_FLOW_FLUSHING;
  g_mutex_unlock (&self->lock);
  stop_queues (self);
}

/* All readers have had enough. */
static void
push_eos (GstHaarOutput *self)
{
  GstPad *video = gst_haar_slot_ref_pad (&self->video.slot);

  if (video)
    gst_pad_push_event (video, gst_event_new_eos ());
  gst_clear_object (&video);
  gst_pad_push_event (self->src.pad, gst_event_new_eos ());
  gst_haar_rate_finish (self->rate);
}

/* The readers' answers end the stream: both tasks find nothing to do from now on. */
static void
end_flow (GstHaarOutput *self, GstFlowReturn flow)
{
  gboolean first, ended;

  g_mutex_lock (&self->lock);
  /* A flush that has begun meanwhile stays one. */
  first = self->flow == GST_FLOW_OK;
  if (first)
    self->flow = flow;
  ended = self->ended;
  g_mutex_unlock (&self->lock);
  if (!first)
    return;
  GST_INFO_OBJECT (self->element, "the readers end the stream: %s", gst_flow_get_name (flow));
  stop_queues (self);
  if (ended && is_failure (flow))
    GST_ELEMENT_FLOW_ERROR (self->element, flow);
  if (flow == GST_FLOW_EOS)
    push_eos (self);
}

static void
check_answers (GstHaarOutput *self, GstFlowReturn first, GstFlowReturn second)
{
  GstFlowReturn flow = combine (first, second);

  /* Reports alone are worth counting for. */
  if (flow == GST_FLOW_NOT_LINKED && gst_haar_slot_is_linked (&self->rate->slot))
    flow = GST_FLOW_OK;
  if (flow == GST_FLOW_OK)
    return;
  GST_DEBUG_OBJECT (self->element, "the readers answer %s and %s: %s", gst_flow_get_name (first),
      gst_flow_get_name (second), gst_flow_get_name (flow));
  end_flow (self, flow);
}

/* From the task of the pad `video`. */
static void
handle_video_answer (gpointer user_data)
{
  GstHaarOutput *self = user_data;

  check_answers (
      self, gst_haar_video_get_answer (&self->video), gst_haar_src_get_answer (&self->src));
}

/* --- the task of the pad `src` --- */

/* The settings of one frame: they may change from frame to frame. */
typedef struct {
  gchar *label, *replica;
  guint min_faces;
  gboolean draw_boxes, blur_faces;
} FrameSettings;

static FrameSettings
read_settings (GstHaarOutput *self)
{
  FrameSettings settings;

  GST_OBJECT_LOCK (self->element);
  settings.label = g_strdup (self->settings->label);
  settings.replica = g_strdup (self->settings->replica);
  settings.min_faces = self->settings->min_faces;
  settings.draw_boxes = self->settings->draw_boxes;
  settings.blur_faces = self->settings->blur_faces;
  GST_OBJECT_UNLOCK (self->element);
  return settings;
}

static void
frame_settings_clear (FrameSettings *settings)
{
  g_free (settings->label);
  g_free (settings->replica);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FrameSettings, frame_settings_clear)

/* (nullable): a sink that waits for something to show, or for time to pass, needs it in place of a
 * buffer. */
static GstEvent *
make_gap (GstBuffer *frame)
{
  return GST_BUFFER_PTS_IS_VALID (frame)
             ? gst_event_new_gap (GST_BUFFER_PTS (frame), GST_BUFFER_DURATION (frame))
             : NULL;
}

static void
take_boxes (GstStructure *s, const GArray *rects)
{
  GValue boxes = G_VALUE_INIT;

  g_value_init (&boxes, GST_TYPE_ARRAY);
  for (guint i = 0; i < rects->len; i++) {
    const HaarRect *r = &g_array_index (rects, HaarRect, i);
    const gint sides[] = {r->x, r->y, r->w, r->h};
    GValue box = G_VALUE_INIT, side = G_VALUE_INIT;

    g_value_init (&box, GST_TYPE_ARRAY);
    g_value_init (&side, G_TYPE_INT);
    for (guint j = 0; j < G_N_ELEMENTS (sides); j++) {
      g_value_set_int (&side, sides[j]);
      gst_value_array_append_value (&box, &side);
    }
    gst_value_array_append_and_take_value (&boxes, &box);
  }
  gst_structure_take_value (s, "boxes", &boxes);
}

static void
post_faces (GstHaarOutput *self, const HaarJob *job, const gchar *label)
{
  GstStructure *s;

  if (job->outcome != HAAR_COUNTED || job->rects->len == 0)
    return;
  s = gst_structure_new ("faces", "faces", G_TYPE_UINT, job->rects->len, "timestamp", G_TYPE_UINT64,
      GST_BUFFER_PTS (job->frame), "label", G_TYPE_STRING, label, NULL);
  take_boxes (s, job->rects);
  if (job->origin.id.camera)
    gst_structure_set (s, "camera", G_TYPE_STRING, job->origin.id.camera, NULL);
  gst_element_post_message (self->element, gst_message_new_element (GST_OBJECT (self->element), s));
}

/* (nullable) (transfer full): NULL if the frame has too few faces, or nobody reads documents. */
static GstBuffer *
make_document (GstHaarOutput *self, const HaarJob *job, const FrameSettings *settings)
{
  if (job->outcome != HAAR_COUNTED || job->rects->len < settings->min_faces ||
      !gst_pad_is_linked (self->src.pad))
    return NULL;
  return haar_document_new (job, settings->replica);
}

/* A frame from which nothing is made, and which the video branch hasn't taken, was dropped on
 * purpose. A frame on which the engine failed stays undecided: it may be read again. */
static void
settle (const HaarJob *job, GstBuffer *document)
{
  if (!document && job->outcome != HAAR_FAILED && job->frame)
    gst_kafka_meta_mark (job->frame, GST_KAFKA_ACK_DONE);
}

static void
log_skipped (GstHaarOutput *self, const HaarJob *job)
{
  if (job->outcome == HAAR_TOO_OLD)
    GST_DEBUG_OBJECT (self->element,
        "skipped %" GST_PTR_FORMAT ": captured %.3f s ago, allowed %.3f", job->frame, job->age,
        (gdouble) job->max_age / GST_SECOND);
  else
    GST_DEBUG_OBJECT (self->element, "skipped %" GST_PTR_FORMAT ": %s", job->frame,
        job->error ? job->error->message : "it is shorter than its caps say");
}

static void
log_counted (GstHaarOutput *self, const HaarJob *job, gdouble busy)
{
  static const gchar *const searched[] = {
      [HAAR_STILL_ALL] = "all", [HAAR_STILL_PART] = "a part", [HAAR_STILL_NOTHING] = "nothing"};
  const gchar *camera = job->origin.id.camera ? job->origin.id.camera : "(none)";

  if (job->rescan_interval && job->difference == HAAR_STILL_ALL)
    GST_DEBUG_OBJECT (self->element,
        "camera %s: searched the whole frame, valid for %" GST_TIME_FORMAT, camera,
        GST_TIME_ARGS (job->rescan_interval));
  GST_LOG_OBJECT (self->element,
      "camera %s, seq %" G_GINT64_FORMAT ": %u faces, searched %s of %dx%d in %.4f s, %.4f of a "
      "processor, %u in a row: busy %.4f s; %.3f s old",
      camera, job->origin.id.has_seq ? (gint64) job->origin.id.seq : -1, job->rects->len,
      searched[job->difference], job->width, job->height, job->cost.wall, job->cost.cpu,
      job->cost.in_row, busy, job->age);
}

static void
count_frame (GstHaarOutput *self, const HaarJob *job)
{
  gdouble busy = gst_haar_rate_add_frame (self->rate, job);

  gst_haar_stats_add_frame (self->stats, job, busy);
  if (job->outcome == HAAR_COUNTED)
    log_counted (self, job, busy);
  else
    log_skipped (self, job);
}

static void
push_frame (GstHaarOutput *self, HaarJob *job)
{
  g_auto (FrameSettings) settings = read_settings (self);
  g_autoptr (GstEvent) gap = make_gap (job->frame);
  GstBuffer *document;

  count_frame (self, job);
  post_faces (self, job, settings.label);
  document = make_document (self, job, &settings);
  gst_haar_video_push (&self->video, job,
      &(GstHaarMarks){settings.label, settings.draw_boxes, settings.blur_faces}, gap);
  settle (job, document);
  gst_haar_src_push (&self->src, document, gap);
  check_answers (
      self, gst_haar_src_get_answer (&self->src), gst_haar_video_get_answer (&self->video));
}

static void
push_event (GstHaarOutput *self, GstEvent *event)
{
  gst_haar_video_push_event (&self->video, event);
  gst_haar_src_push_event (&self->src, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    gst_haar_rate_finish (self->rate);
}

static void
src_loop (gpointer data)
{
  GstHaarOutput *self = data;
  HaarJob *job = haar_workers_pop (self->workers);

  if (!job) {
    gst_pad_pause_task (self->src.pad);
    return;
  }
  if (job->event)
    push_event (self, job->event);
  else
    push_frame (self, job);
  haar_job_free (job);
}

static gboolean
src_activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GstHaarOutput *self = ((GstHaarSrc *) gst_pad_get_element_private (pad))->output;

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    return gst_pad_start_task (pad, src_loop, self, NULL);
  gst_haar_output_stop (self);
  return gst_pad_stop_task (pad);
}

/* --- life --- */

void
gst_haar_output_init (GstHaarOutput *self, GstElement *element, GstPad *srcpad, GstPad *sinkpad,
    const GstHaarSettings *settings, GstHaarStats *stats, GstHaarRate *rate)
{
  self->element = element;
  self->sinkpad = sinkpad;
  self->settings = settings;
  self->stats = stats;
  self->rate = rate;
  g_mutex_init (&self->lock);
  gst_haar_src_init (&self->src, element, srcpad, sinkpad, stats, self);
  gst_pad_set_activatemode_function (srcpad, src_activate);
  gst_haar_video_init (&self->video, element, sinkpad, stats, handle_video_answer, self);
}

void
gst_haar_output_clear (GstHaarOutput *self)
{
  gst_haar_video_clear (&self->video);
  gst_haar_src_clear (&self->src);
  g_mutex_clear (&self->lock);
}

static void
reset_answers (GstHaarOutput *self)
{
  gst_haar_src_reset_answer (&self->src);
  gst_haar_video_reset_answer (&self->video);
}

static void
reset_flow (GstHaarOutput *self)
{
  g_mutex_lock (&self->lock);
  self->flow = GST_FLOW_OK;
  self->ended = FALSE;
  g_mutex_unlock (&self->lock);
}

void
gst_haar_output_begin (GstHaarOutput *self, HaarWorkers *workers)
{
  self->workers = workers;
  reset_flow (self);
  reset_answers (self);
  gst_haar_video_reset (&self->video);
}

void
gst_haar_output_end (GstHaarOutput *self)
{
  self->workers = NULL;
  gst_haar_video_reset (&self->video);
}

/* --- flushes and streams --- */

void
gst_haar_output_pause (GstHaarOutput *self)
{
  gst_pad_pause_task (self->src.pad);
  gst_haar_video_pause (&self->video);
}

/* The sender's stream-start, caps and segment stay valid after a flush, even if the flush dropped
 * the event within the workers. Call it while the tasks are paused. */
static gboolean
queue_again (GstPad *pad, GstEvent **event, gpointer user_data)
{
  GstHaarOutput *self = user_data;

  if (GST_EVENT_TYPE (*event) != GST_EVENT_SEGMENT && GST_EVENT_TYPE (*event) != GST_EVENT_EOS &&
      !gst_haar_video_begins_with (&self->video, *event))
    haar_workers_push_ready (self->workers, haar_job_new_event (gst_event_ref (*event)));
  return TRUE;
}

/* Another thread may have stopped the output since the flow became OK: its stop may have come
 * before what start_tasks() did, so it is done once more. */
static void
stop_again (GstHaarOutput *self)
{
  if (!gst_pad_is_active (self->src.pad)) {
    gst_haar_output_stop (self);
    gst_pad_stop_task (self->src.pad);
  } else if (is_stopped (self)) {
    stop_queues (self);
    gst_haar_output_pause (self);
  }
}

/* Starts the tasks and the workers. Call it after the flow has become OK. */
static void
start_tasks (GstHaarOutput *self)
{
  reset_answers (self);
  gst_haar_video_start (&self->video);
  haar_workers_set_flushing (self->workers, FALSE);
  gst_pad_sticky_events_foreach (self->sinkpad, queue_again, self);
  gst_pad_start_task (self->src.pad, src_loop, self, NULL);
  stop_again (self);
}

void
gst_haar_output_start (GstHaarOutput *self)
{
  reset_flow (self);
  start_tasks (self);
}

gboolean
gst_haar_output_drain (GstHaarOutput *self)
{
  gboolean drained = haar_workers_drain (self->workers) && gst_haar_video_drain (&self->video) &&
                     !is_stopped (self);

  GST_DEBUG_OBJECT (
      self->element, drained ? "all frames have left" : "stopped before all frames left");
  return drained;
}

/* TRUE: the readers had ended the flow, and it is OK from now on. */
static gboolean
resume_flow (GstHaarOutput *self)
{
  gboolean resumed;

  g_mutex_lock (&self->lock);
  resumed = self->flow == GST_FLOW_EOS;
  if (resumed)
    self->flow = GST_FLOW_OK;
  g_mutex_unlock (&self->lock);
  return resumed;
}

void
gst_haar_output_begin_stream (GstHaarOutput *self)
{
  gboolean ended, had_enough;

  /* The last frame of the stream before has to leave first: its end, which its sender or its
   * readers decide on, isn't the end of this one. */
  gst_haar_output_drain (self);
  g_mutex_lock (&self->lock);
  had_enough = self->flow == GST_FLOW_EOS;
  ended = self->ended || had_enough;
  self->ended = FALSE;
  g_mutex_unlock (&self->lock);
  GST_DEBUG_OBJECT (self->element, "a stream begins%s%s", ended ? ", the one before has ended" : "",
      had_enough ? " by its readers' wish" : "");
  reset_answers (self);
  if (had_enough)
    gst_haar_output_pause (self);
  if (ended)
    gst_haar_rate_restart (self->rate);
  if (had_enough && resume_flow (self))
    start_tasks (self);
}

void
gst_haar_output_end_stream (GstHaarOutput *self)
{
  GstFlowReturn flow;

  g_mutex_lock (&self->lock);
  self->ended = TRUE;
  flow = self->flow;
  g_mutex_unlock (&self->lock);
  GST_DEBUG_OBJECT (self->element, "the stream ends, with the flow %s", gst_flow_get_name (flow));
  /* The sender pushes no frame any more by which it would learn of a failure. */
  if (is_failure (flow))
    GST_ELEMENT_FLOW_ERROR (self->element, flow);
}

gboolean
gst_haar_output_push_past (GstHaarOutput *self, GstEvent *event)
{
  GstPad *video = gst_haar_slot_ref_pad (&self->video.slot);
  gboolean handled = FALSE;

  if (video)
    handled = gst_pad_push_event (video, gst_event_ref (event));
  gst_clear_object (&video);
  return gst_pad_push_event (self->src.pad, event) || handled;
}
