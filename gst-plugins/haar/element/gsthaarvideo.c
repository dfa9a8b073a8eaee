/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarvideo.h"

#include "frames/haaroverlay.h"
#include "gsthaarpads.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* Frames that wait for the reader at most. */
#define QUEUED_FRAMES 2

typedef struct {
  GstDataQueueItem parent;
  GstHaarVideo *video;
  GstPad *pad; /* the pad that it is queued for; another pad may have replaced it */
} VideoItem;

/* The queue knows an item by its first member. */
G_STATIC_ASSERT (G_STRUCT_OFFSET (VideoItem, parent) == 0);

/* --- the queue --- */

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

/* (transfer full) @object. Waits while the queue is full. */
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

/* --- the pad's task --- */

/* FALSE: @pad was released meanwhile, and its reader's answer no longer matters. */
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
push_frame (GstHaarVideo *self, GstPad *pad, GstBuffer *frame)
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
      push_frame (self, pad, GST_BUFFER (object));
  }
  /* Only now: a thread that drains then sees what the reader answered. */
  item->destroy (item);
}

/* Empties and reopens the queue, and starts the pad's task. If the output is stopped, the queue
 * stays closed, and the pad waits for the next stream. */
static gboolean
start_task (GstHaarVideo *self, GstPad *pad)
{
  gboolean stopped;

  gst_data_queue_flush (self->queue);
  gst_data_queue_set_flushing (self->queue, FALSE);
  g_mutex_lock (&self->slot.lock);
  stopped = self->stopped;
  g_mutex_unlock (&self->slot.lock);
  if (stopped)
    gst_data_queue_set_flushing (self->queue, TRUE);
  return gst_pad_start_task (pad, video_loop, pad, NULL);
}

static gboolean
video_activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GstHaarVideo *self = gst_pad_get_element_private (pad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    return start_task (self, pad);
  gst_data_queue_set_flushing (self->queue, TRUE);
  gst_data_queue_flush (self->queue);
  return gst_pad_stop_task (pad);
}

/* --- what the reader asks --- */

static gboolean
video_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstHaarVideo *self = gst_pad_get_element_private (pad);

  /* Every frame is to be counted, however late the reader is: a decoder that got its QoS events
   * would skip frames. */
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

/* --- life --- */

void
gst_haar_video_init (GstHaarVideo *self, GstElement *element, GstPad *sinkpad, GstHaarStats *stats,
    GstHaarVideoAnswered answered, gpointer user_data)
{
  self->element = element;
  self->sinkpad = sinkpad;
  self->stats = stats;
  self->answered = answered;
  self->user_data = user_data;
  self->queue = gst_data_queue_new (is_full, NULL, NULL, NULL);
  gst_haar_slot_init (&self->slot);
  g_cond_init (&self->left);
}

void
gst_haar_video_clear (GstHaarVideo *self)
{
  g_object_unref (self->queue);
  gst_haar_slot_clear (&self->slot);
  g_cond_clear (&self->left);
}

GstPad *
gst_haar_video_request_pad (GstHaarVideo *self, GstPadTemplate *templ)
{
  GstPad *pad;

  if (!gst_haar_slot_take (&self->slot))
    return NULL;
  pad = gst_pad_new_from_template (templ, "video");
  /* It may be activated before it has a parent. */
  gst_pad_set_element_private (pad, self);
  gst_pad_set_activatemode_function (pad, video_activate);
  gst_pad_set_event_function (pad, video_event);
  gst_pad_set_query_function (pad, video_query);
  /* Before any thread sees it: what a stream begins with would be lost on an inactive pad. */
  if (GST_STATE (self->element) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  g_mutex_lock (&self->slot.lock);
  self->begun = FALSE;
  self->answer = GST_FLOW_OK;
  gst_haar_slot_open (&self->slot, pad);
  g_mutex_unlock (&self->slot.lock);
  gst_element_add_pad (self->element, pad);
  return pad;
}

void
gst_haar_video_release_pad (GstHaarVideo *self, GstPad *pad)
{
  gst_haar_slot_release_pad (&self->slot, self->element, pad);
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

void
gst_haar_video_reset (GstHaarVideo *self)
{
  gst_data_queue_flush (self->queue);
  forget_first (self);
  begin_stream (self);
}

void
gst_haar_video_stop (GstHaarVideo *self)
{
  g_mutex_lock (&self->slot.lock);
  self->stopped = TRUE;
  g_cond_broadcast (&self->left);
  g_mutex_unlock (&self->slot.lock);
  gst_data_queue_set_flushing (self->queue, TRUE);
}

void
gst_haar_video_pause (GstHaarVideo *self)
{
  GstPad *pad = gst_haar_slot_ref_pad (&self->slot);

  if (pad)
    gst_pad_pause_task (pad);
  gst_clear_object (&pad);
}

void
gst_haar_video_start (GstHaarVideo *self)
{
  GstPad *pad = gst_haar_slot_ref_pad (&self->slot);

  /* A flush ends the segment; the stream and its caps go on. */
  gst_event_replace (&self->first[2], NULL);
  begin_stream (self);
  if (pad)
    start_task (self, pad);
  gst_clear_object (&pad);
}

gboolean
gst_haar_video_drain (GstHaarVideo *self)
{
  gboolean drained;

  g_mutex_lock (&self->slot.lock);
  while (!self->stopped && self->n_queued > 0)
    g_cond_wait (&self->left, &self->slot.lock);
  drained = !self->stopped;
  g_mutex_unlock (&self->slot.lock);
  return drained;
}

void
gst_haar_video_reset_answer (GstHaarVideo *self)
{
  g_mutex_lock (&self->slot.lock);
  self->answer = GST_FLOW_OK;
  g_mutex_unlock (&self->slot.lock);
}

GstFlowReturn
gst_haar_video_get_answer (GstHaarVideo *self)
{
  GstFlowReturn answer = GST_FLOW_NOT_LINKED;

  g_mutex_lock (&self->slot.lock);
  if (self->slot.pad && gst_pad_is_linked (self->slot.pad))
    answer = self->answer == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : self->answer;
  g_mutex_unlock (&self->slot.lock);
  return answer;
}

/* --- from the src task --- */

/* (nullable) (transfer full): the pad, after what every stream begins with was queued for it. */
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

gboolean
gst_haar_video_begins_with (GstHaarVideo *self, GstEvent *event)
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

void
gst_haar_video_push_event (GstHaarVideo *self, GstEvent *event)
{
  GstPad *pad = begin_pad (self);

  remember_event (self, event);
  if (pad)
    enqueue (self, pad, gst_event_ref (event));
  gst_clear_object (&pad);
}

/* The engine searched the cropped part; regions of interest are in pixels of the whole frame. */
static void
move_by_crop (GstBuffer *frame, GArray *rects)
{
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (frame);

  for (guint i = 0; crop && i < rects->len; i++) {
    g_array_index (rects, HaarRect, i).x += (gint) crop->x;
    g_array_index (rects, HaarRect, i).y += (gint) crop->y;
  }
}

/* Blurs the faces if wanted; adds a region of interest, and a box if wanted, for each. FALSE: they
 * can't be blurred. */
static gboolean
mark_frame (HaarJob *job, const GstHaarMarks *marks)
{
  job->frame = gst_buffer_make_writable (job->frame);
  move_by_crop (job->frame, job->rects);
  if (marks->blur_faces && job->rects->len > 0 &&
      !haar_overlay_blur (job->frame, &job->info, job->rects))
    return FALSE;
  for (guint i = 0; i < job->rects->len; i++) {
    const HaarRect *r = &g_array_index (job->rects, HaarRect, i);

    gst_buffer_add_video_region_of_interest_meta (
        job->frame, marks->label, (guint) r->x, (guint) r->y, (guint) r->w, (guint) r->h);
  }
  if (marks->draw_boxes && job->rects->len > 0)
    haar_overlay_draw (job->frame, &job->info, job->rects);
  return TRUE;
}

/* FALSE: the frame must not leave. */
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

void
gst_haar_video_push (GstHaarVideo *self, HaarJob *job, const GstHaarMarks *marks, GstEvent *gap)
{
  GstPad *pad = begin_pad (self);

  if (pad && gst_pad_is_linked (pad)) {
    if (prepare_frame (self, job, marks))
      enqueue (self, pad, g_steal_pointer (&job->frame));
    else if (gap)
      enqueue (self, pad, gst_event_ref (gap));
  }
  gst_clear_object (&pad);
}
