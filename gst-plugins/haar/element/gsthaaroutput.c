/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaaroutput.h"
#include "frames/haaroverlay.h"
#include "gsthaarpads.h"
#include "haardocument.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* The number of frames that may wait for the element behind the pad `video`. */
#define QUEUED_FRAMES 2

typedef struct {
  GstDataQueueItem parent;
  GstHaarVideo *video;
  /* the pad for which the item is queued; if another pad `video` has replaced this pad, the item is
   * dropped */
  GstPad *pad;
} VideoItem;

/* The GstDataQueueItem is the first member of a VideoItem, because GstDataQueue takes and returns
 * pointers to it. */
G_STATIC_ASSERT (G_STRUCT_OFFSET (VideoItem, parent) == 0);

/* --- video: its queue --- */

static gboolean
is_full (GstDataQueue *queue, guint visible, guint bytes, guint64 time, gpointer user_data)
{
  return visible >= QUEUED_FRAMES;
}

static void
change_queued (GstHaarVideo *self, gint change)
{
  g_mutex_lock (&self->slot.lock);
  self->n_queued += (guint) change;
  g_cond_broadcast (&self->left);
  g_mutex_unlock (&self->slot.lock);
}

static void
free_item (gpointer data)
{
  VideoItem *item = data;

  if (item->parent.object)
    gst_mini_object_unref (item->parent.object);
  change_queued (item->video, -1);
  gst_object_unref (item->pad);
  g_free (item);
}

/* (transfer full) @object. Queues a frame or an event for the pad `video`, after waiting while the
 * queue is full. */
static void
enqueue (GstHaarVideo *self, GstPad *pad, gpointer object)
{
  VideoItem *item = g_new0 (VideoItem, 1);

  item->parent.object = object;
  item->parent.visible = GST_IS_BUFFER (object);
  item->parent.destroy = free_item;
  item->video = self;
  item->pad = gst_object_ref (pad);
  change_queued (self, 1);
  if (!gst_data_queue_push (self->queue, &item->parent))
    free_item (item);
}

/* --- video: its task --- */

/* Stores the flow return of @pad. Returns FALSE if @pad was released during the push, so that its
 * flow return no longer matters. */
static gboolean
set_answer (GstHaarVideo *self, GstPad *pad, GstFlowReturn answer)
{
  gboolean ours;

  g_mutex_lock (&self->slot.lock);
  ours = self->slot.pad == pad;
  if (ours)
    self->answer = answer;
  g_mutex_unlock (&self->slot.lock);
  return ours;
}

static void
push_video_frame (GstHaarVideo *self, GstPad *pad, GstBuffer *frame)
{
  GstFlowReturn answer;

  GST_LOG_OBJECT (pad, "pushing %" GST_PTR_FORMAT, frame);
  answer = gst_pad_push (pad, frame);
  if (set_answer (self, pad, answer) && answer != GST_FLOW_OK)
    self->answered (self->user_data);
}

static void
video_loop (gpointer data)
{
  GstPad *pad = data;
  GstHaarVideo *self = gst_pad_get_element_private (pad);
  GstDataQueueItem *item;

  if (!gst_data_queue_pop (self->queue, &item)) {
    gst_pad_pause_task (pad);
    return;
  }
  if (((VideoItem *) item)->pad == pad) {
    GstMiniObject *object = g_steal_pointer (&item->object);

    if (GST_IS_EVENT (object))
      gst_pad_push_event (pad, GST_EVENT (object));
    else
      push_video_frame (self, pad, GST_BUFFER (object));
  }
  /* The item is destroyed only after the push, because video_drain() waits for its end: the caller
   * of video_drain() then sees the result of the push. */
  item->destroy (item);
}

static gboolean
stop_task (GstHaarVideo *self, GstPad *pad)
{
  gst_data_queue_set_flushing (self->queue, TRUE);
  gst_data_queue_flush (self->queue);
  return gst_pad_stop_task (pad);
}

/* Is a FogSlotFunc. Empties and reopens the queue of the pad `video`; if the output is stopped, the
 * queue stays closed, and the pad waits for the next stream. */
static void
reopen_queue (gpointer branch)
{
  GstHaarVideo *self = branch;
  gboolean stopped;

  gst_data_queue_flush (self->queue);
  gst_data_queue_set_flushing (self->queue, FALSE);
  g_mutex_lock (&self->slot.lock);
  stopped = self->stopped;
  g_mutex_unlock (&self->slot.lock);
  if (stopped)
    gst_data_queue_set_flushing (self->queue, TRUE);
}

static gboolean
start_task (GstHaarVideo *self, GstPad *pad)
{
  return fog_slot_start_task (&self->slot, pad, reopen_queue, self, video_loop);
}

static gboolean
video_activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GstHaarVideo *self = gst_pad_get_element_private (pad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    return start_task (self, pad);
  return stop_task (self, pad);
}

/* --- video: events and queries from downstream --- */

static gboolean
video_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstHaarVideo *self = gst_pad_get_element_private (pad);

  /* QoS events are dropped because every frame has to be counted, however late downstream is: a
   * decoder that got them would skip frames. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_push_event (self->sinkpad, event);
}

static gboolean
video_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstHaarVideo *self = gst_pad_get_element_private (pad);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_LATENCY:
      return gst_haar_answer_latency (
          self->sinkpad, gst_haar_stats_get_workers (self->stats) + 1, query);
    case GST_QUERY_CAPS:
      gst_haar_answer_caps (pad, self->sinkpad, query);
      return TRUE;
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}

/* --- video: creation and states --- */

static void
video_init (GstHaarVideo *self, GstElement *element, GstPad *sinkpad, GstHaarStats *stats,
    GstHaarVideoAnswered answered, gpointer user_data)
{
  self->element = element;
  self->sinkpad = sinkpad;
  self->stats = stats;
  self->answered = answered;
  self->user_data = user_data;
  self->queue = gst_data_queue_new (is_full, NULL, NULL, NULL);
  fog_slot_init (&self->slot);
  g_cond_init (&self->left);
}

static void
video_clear (GstHaarVideo *self)
{
  g_object_unref (self->queue);
  fog_slot_clear (&self->slot);
  g_cond_clear (&self->left);
}

/* Is a FogSlotFunc. */
static void
renew_stream (gpointer branch)
{
  GstHaarVideo *self = branch;

  self->begun = FALSE;
  self->answer = GST_FLOW_OK;
}

GstPad *
gst_haar_video_request_pad (GstHaarVideo *self, GstPadTemplate *templ)
{
  GstPad *pad;

  if (!fog_slot_take (&self->slot))
    return NULL;
  pad = gst_pad_new_from_template (templ, "video");
  /* The pad's private data point to the branch, because the pad may be activated before it has a
   * parent element. */
  gst_pad_set_element_private (pad, self);
  gst_pad_set_activatemode_function (pad, video_activate);
  gst_pad_set_event_function (pad, video_event);
  gst_pad_set_query_function (pad, video_query);
  fog_slot_open (&self->slot, self->element, pad, renew_stream, self);
  return pad;
}

void
gst_haar_video_release_pad (GstHaarVideo *self, GstPad *pad)
{
  fog_slot_release_pad (&self->slot, self->element, pad);
}

static void
forget_first (GstHaarVideo *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->first); i++)
    gst_event_replace (&self->first[i], NULL);
}

static void
begin_stream (GstHaarVideo *self)
{
  g_mutex_lock (&self->slot.lock);
  self->stopped = self->begun = FALSE;
  g_mutex_unlock (&self->slot.lock);
}

/* Empties the branch of the pad `video`. Called before and after a run. */
static void
video_reset (GstHaarVideo *self)
{
  gst_data_queue_flush (self->queue);
  forget_first (self);
  begin_stream (self);
}

/* Stops the queue of the pad `video`, which pushes nothing until video_start() empties and reopens
 * the queue. */
static void
video_stop (GstHaarVideo *self)
{
  g_mutex_lock (&self->slot.lock);
  self->stopped = TRUE;
  g_cond_broadcast (&self->left);
  g_mutex_unlock (&self->slot.lock);
  gst_data_queue_set_flushing (self->queue, TRUE);
}

/* Pauses the task of the pad `video`, which waits until video_start(). */
static void
video_pause (GstHaarVideo *self)
{
  GstPad *pad = fog_slot_ref_pad (&self->slot);

  if (pad)
    gst_pad_pause_task (pad);
  gst_clear_object (&pad);
}

/* A new stream begins. Called while the src task is stopped. */
static void
video_start (GstHaarVideo *self)
{
  GstPad *pad = fog_slot_ref_pad (&self->slot);

  /* The segment event is forgotten, because a flush ends the segment; stream-start and caps stay
   * valid. */
  gst_event_replace (&self->first[2], NULL);
  begin_stream (self);
  if (pad)
    start_task (self, pad);
  gst_clear_object (&pad);
}

/* Waits until the pad `video` has pushed all queued items. Returns FALSE if the branch of the pad
 * `video` was stopped. */
static gboolean
video_drain (GstHaarVideo *self)
{
  gboolean drained;

  g_mutex_lock (&self->slot.lock);
  while (!self->stopped && self->n_queued > 0)
    g_cond_wait (&self->left, &self->slot.lock);
  drained = !self->stopped;
  g_mutex_unlock (&self->slot.lock);
  return drained;
}

/* Called at the begin of a stream, when the elements behind the pad `video` haven't returned a flow
 * yet. */
static void
video_reset_answer (GstHaarVideo *self)
{
  g_mutex_lock (&self->slot.lock);
  self->answer = GST_FLOW_OK;
  g_mutex_unlock (&self->slot.lock);
}

/* Returns the last flow return of the pad `video`, NOT_LINKED if there is no such pad, or it isn't
 * linked. */
static GstFlowReturn
video_get_answer (GstHaarVideo *self)
{
  GstFlowReturn answer = GST_FLOW_NOT_LINKED;

  g_mutex_lock (&self->slot.lock);
  if (self->slot.pad && gst_pad_is_linked (self->slot.pad))
    answer = self->answer == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : self->answer;
  g_mutex_unlock (&self->slot.lock);
  return answer;
}

/* --- video: functions for the src task --- */

/* Returns: (nullable) (transfer full): the pad `video`, after stream-start, caps and segment were
 * queued for it. */
static GstPad *
begin_pad (GstHaarVideo *self)
{
  GstPad *pad;
  gboolean begun;

  g_mutex_lock (&self->slot.lock);
  pad = self->slot.pad ? gst_object_ref (self->slot.pad) : NULL;
  begun = self->begun;
  self->begun = TRUE;
  g_mutex_unlock (&self->slot.lock);
  for (guint i = 0; pad && !begun && i < G_N_ELEMENTS (self->first); i++)
    if (self->first[i])
      enqueue (self, pad, gst_event_ref (self->first[i]));
  return pad;
}

/* Returns TRUE if @event is one of the first events of the stream that `first` holds. Called from
 * the src task, or while the src task is stopped. */
static gboolean
video_begins_with (GstHaarVideo *self, GstEvent *event)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->first); i++)
    if (event == self->first[i])
      return TRUE;
  return FALSE;
}

static void
remember_event (GstHaarVideo *self, GstEvent *event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      gst_event_replace (&self->first[0], event);
      break;
    case GST_EVENT_CAPS:
      gst_event_replace (&self->first[1], event);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_replace (&self->first[2], event);
      break;
    default:
      break;
  }
}

/* Queues @event for the pad `video`. Called from the src task. */
static void
video_push_event (GstHaarVideo *self, GstEvent *event)
{
  GstPad *pad = begin_pad (self);

  remember_event (self, event);
  if (pad)
    enqueue (self, pad, gst_event_ref (event));
  gst_clear_object (&pad);
}

/* The boxes are in pixels of the cropped part, which was searched, but regions of interest are in
 * pixels of the whole frame. */
static void
move_by_crop (GstBuffer *frame, GArray *boxes)
{
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (frame);

  for (guint i = 0; crop && i < boxes->len; i++) {
    g_array_index (boxes, HaarBox, i).rect.x += (gint) crop->x;
    g_array_index (boxes, HaarBox, i).rect.y += (gint) crop->y;
  }
}

/* The structure `detection` has the format that DL Streamer's elements write and read. */
static GstStructure *
make_detection (gdouble score)
{
  return gst_structure_new ("detection", "confidence", G_TYPE_DOUBLE, score, NULL);
}

static void
add_region (GstBuffer *frame, const gchar *label, const HaarBox *box)
{
  const HaarRect *r = &box->rect;
  GstVideoRegionOfInterestMeta *region = gst_buffer_add_video_region_of_interest_meta (
      frame, label, (guint) r->x, (guint) r->y, (guint) r->w, (guint) r->h);

  gst_video_region_of_interest_meta_add_param (region, make_detection (box->score));
}

/* Blurs the faces if blur-faces is set; adds a region of interest for each face, and draws a box
 * round it if draw-boxes is set. Returns FALSE if the faces can't be blurred. */
static gboolean
mark_frame (HaarJob *job, const GstHaarMarks *marks)
{
  job->frame = gst_buffer_make_writable (job->frame);
  move_by_crop (job->frame, job->boxes);
  if (marks->blur_faces && job->boxes->len > 0 &&
      !haar_overlay_blur (job->frame, &job->info, job->boxes))
    return FALSE;
  for (guint i = 0; !job->given && i < job->boxes->len; i++)
    add_region (job->frame, marks->label, &g_array_index (job->boxes, HaarBox, i));
  if (marks->draw_boxes && job->boxes->len > 0)
    haar_overlay_draw (job->frame, &job->info, job->boxes);
  return TRUE;
}

/* Returns FALSE if the frame must not be pushed by the pad `video`. */
static gboolean
prepare_frame (GstHaarVideo *self, HaarJob *job, const GstHaarMarks *marks)
{
  if (job->outcome != HAAR_COUNTED)
    return FALSE;
  if (mark_frame (job, marks))
    return TRUE;
  gst_haar_stats_add_unblurred (self->stats, job);
  return FALSE;
}

/* Takes the frame out of @job, marks its faces and queues it, or queues @gap (nullable) if the
 * frame wasn't counted or can't be blurred. */
static void
video_push (GstHaarVideo *self, HaarJob *job, const GstHaarMarks *marks, GstEvent *gap)
{
  GstPad *pad = begin_pad (self);

  if (pad && gst_pad_is_linked (pad)) {
    if (prepare_frame (self, job, marks)) {
      enqueue (self, pad, g_steal_pointer (&job->frame));
    } else if (gap) {
      GST_LOG_OBJECT (pad, "pushing %" GST_PTR_FORMAT " in place of a frame that isn't shown", gap);
      enqueue (self, pad, gst_event_ref (gap));
    }
  }
  gst_clear_object (&pad);
}

/* --- flow --- */

/* Returns TRUE if @flow ends the stream. */
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

/* Combines the flow returns of two pads like GstFlowCombiner: an error or FLUSHING of one pad is
 * the result, EOS and NOT_LINKED only if neither pad returned OK. If both pads return an error, the
 * result is the error @first. */
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

/* Makes the workers drop their jobs and the pad `video` push nothing more, and ends all waits.
 * Called after the flow has changed. */
static void
stop_queues (GstHaarOutput *self)
{
  haar_workers_set_flushing (self->workers, TRUE);
  video_stop (&self->video);
}

void
gst_haar_output_stop (GstHaarOutput *self)
{
  g_mutex_lock (&self->lock);
  self->flow = GST_FLOW_FLUSHING;
  g_mutex_unlock (&self->lock);
  stop_queues (self);
}

/* Pushes EOS by all pads, because all linked pads have returned EOS. */
static void
push_eos (GstHaarOutput *self)
{
  GstPad *video = fog_slot_ref_pad (&self->video.slot);

  if (video)
    gst_pad_push_event (video, gst_event_new_eos ());
  gst_clear_object (&video);
  gst_pad_push_event (self->src.pad, gst_event_new_eos ());
  gst_haar_rate_finish (self->rate);
}

/* Called when the combined flow return of the pads ends the stream: stops the workers and both
 * tasks. */
static void
end_flow (GstHaarOutput *self, GstFlowReturn flow)
{
  gboolean first, ended;

  g_mutex_lock (&self->lock);
  /* A flow that isn't OK any more stays as it is, because a flush may have begun since the push. */
  first = self->flow == GST_FLOW_OK;
  if (first)
    self->flow = flow;
  ended = self->ended;
  g_mutex_unlock (&self->lock);
  if (!first)
    return;
  GST_INFO_OBJECT (
      self->element, "the elements downstream end the stream: %s", gst_flow_get_name (flow));
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

  /* NOT_LINKED isn't an error if the pad `rate` is linked, because its reports need the counts. */
  if (flow == GST_FLOW_NOT_LINKED && fog_slot_is_linked (&self->rate->slot))
    flow = GST_FLOW_OK;
  if (flow == GST_FLOW_OK)
    return;
  GST_DEBUG_OBJECT (self->element, "the readers answer %s and %s: %s", gst_flow_get_name (first),
      gst_flow_get_name (second), gst_flow_get_name (flow));
  end_flow (self, flow);
}

/* Called from the task of the pad `video`. */
static void
handle_video_answer (gpointer user_data)
{
  GstHaarOutput *self = user_data;

  check_answers (self, video_get_answer (&self->video), gst_haar_src_get_answer (&self->src));
}

/* --- the task of the pad `src` --- */

/* Copies of the properties for one frame, because properties may change from frame to frame. */
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

/* Returns: (nullable): a gap event, which a sink that prerolls or measures time needs in place of a
 * buffer. */
static GstEvent *
make_gap (GstBuffer *frame)
{
  return GST_BUFFER_PTS_IS_VALID (frame)
             ? gst_event_new_gap (GST_BUFFER_PTS (frame), GST_BUFFER_DURATION (frame))
             : NULL;
}

static void
post_faces (GstHaarOutput *self, const HaarJob *job, const gchar *label)
{
  if (job->outcome == HAAR_COUNTED && job->boxes->len > 0)
    gst_element_post_message (self->element,
        gst_message_new_element (GST_OBJECT (self->element), haar_document_describe (job, label)));
}

/* Returns: (nullable) (transfer full): the document; NULL if the frame has too few faces, or the
 * pad src isn't linked. */
static GstBuffer *
make_document (GstHaarOutput *self, const HaarJob *job, const FrameSettings *settings)
{
  if (job->outcome != HAAR_COUNTED || job->boxes->len < settings->min_faces ||
      !gst_pad_is_linked (self->src.pad))
    return NULL;
  return haar_document_new (job, settings->replica);
}

/* Marks the message of a frame as done if no document is made from it, and the pad `video` hasn't
 * taken it, because the element then dropped the frame on purpose. If the engine failed on a frame,
 * its message isn't marked, so it may be read again. */
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
      camera, job->origin.id.has_seq ? (gint64) job->origin.id.seq : -1, job->boxes->len,
      searched[job->difference], job->width, job->height, job->cost.wall, job->cost.cpu,
      job->cost.in_row, busy, job->age);
  if (job->low_scores || job->outside)
    GST_DEBUG_OBJECT (self->element,
        "camera %s: boxes that don't count: %u below min-score, %u outside of zones or in masks",
        camera, job->low_scores, job->outside);
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
  video_push (&self->video, job,
      &(GstHaarMarks){settings.label, settings.draw_boxes, settings.blur_faces}, gap);
  settle (job, document);
  gst_haar_src_push (&self->src, document, gap);
  check_answers (self, gst_haar_src_get_answer (&self->src), video_get_answer (&self->video));
}

static void
push_event (GstHaarOutput *self, GstEvent *event)
{
  video_push_event (&self->video, event);
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
  video_init (&self->video, element, sinkpad, stats, handle_video_answer, self);
}

void
gst_haar_output_clear (GstHaarOutput *self)
{
  video_clear (&self->video);
  gst_haar_src_clear (&self->src);
  g_mutex_clear (&self->lock);
}

static void
reset_answers (GstHaarOutput *self)
{
  gst_haar_src_reset_answer (&self->src);
  video_reset_answer (&self->video);
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
  video_reset (&self->video);
}

void
gst_haar_output_end (GstHaarOutput *self)
{
  self->workers = NULL;
  video_reset (&self->video);
}

/* --- flushes and streams --- */

void
gst_haar_output_pause (GstHaarOutput *self)
{
  gst_pad_pause_task (self->src.pad);
  video_pause (&self->video);
}

/* Queues a sticky event of the sink pad again after a flush, because such events, except segment
 * and EOS, stay valid even if the flush dropped them among the workers' jobs. Must be called while
 * both tasks are paused. */
static gboolean
queue_again (GstPad *pad, GstEvent **event, gpointer user_data)
{
  GstHaarOutput *self = user_data;

  if (GST_EVENT_TYPE (*event) != GST_EVENT_SEGMENT && GST_EVENT_TYPE (*event) != GST_EVENT_EOS &&
      !video_begins_with (&self->video, *event))
    haar_workers_push_ready (self->workers, haar_job_new_event (gst_event_ref (*event)));
  return TRUE;
}

/* Stops the output once more if another thread has stopped it since the flow became OK, because the
 * calls in start_tasks() may have undone that stop. */
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

/* Starts the tasks and the workers. Called after `flow` was set to OK. */
static void
start_tasks (GstHaarOutput *self)
{
  reset_answers (self);
  video_start (&self->video);
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
  gboolean drained =
      haar_workers_drain (self->workers) && video_drain (&self->video) && !is_stopped (self);

  GST_DEBUG_OBJECT (self->element,
      drained ? "all frames have left" : "the output was stopped before all frames had left");
  return drained;
}

/* Returns TRUE if downstream had ended the flow with EOS; the flow is OK from now on. */
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

  /* The last frame of the previous stream has to leave first, because an EOS that its push returns
   * must not end the new stream. */
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
  /* After EOS the upstream element pushes no frame, so no flow return can report a failure to that
   * element, and haarfacecount posts the error itself. */
  if (is_failure (flow))
    GST_ELEMENT_FLOW_ERROR (self->element, flow);
}

gboolean
gst_haar_output_push_past (GstHaarOutput *self, GstEvent *event)
{
  GstPad *video = fog_slot_ref_pad (&self->video.slot);
  gboolean handled = FALSE;

  if (video)
    handled = gst_pad_push_event (video, gst_event_ref (event));
  gst_clear_object (&video);
  return gst_pad_push_event (self->src.pad, event) || handled;
}
