/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaaroutput.h"

#include "gsthaarpads.h"
#include "gstkafkameta.h"
#include "haarevent.h"
#include "frames/haaroverlay.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* Frames that the video pad may be behind. */
#define VIDEO_FRAMES 2

/* --- the queue of the video pad --- */

static gboolean
video_is_full (GstDataQueue *queue, guint visible, guint bytes, guint64 time, gpointer user_data)
{
  return visible >= VIDEO_FRAMES;
}

GstDataQueue *
gst_haar_face_count_new_video_queue (void)
{
  return gst_data_queue_new (video_is_full, NULL, NULL, NULL);
}

typedef struct {
  GstDataQueueItem parent;
  GstHaarFaceCount *element;
  GstPad *pad; /* it is for: another one may have come in its place */
} VideoItem;

/* One more, or one less, that the video pad has yet to push. */
static void
note_video (GstHaarFaceCount *self, gint change)
{
  GST_OBJECT_LOCK (self);
  self->n_video += (guint) change;
  g_cond_broadcast (&self->video_left);
  GST_OBJECT_UNLOCK (self);
}

static void
free_queued (gpointer data)
{
  VideoItem *item = data;

  if (item->parent.object)
    gst_mini_object_unref (item->parent.object);
  note_video (item->element, -1);
  gst_object_unref (item->pad);
  g_free (item);
}

/* (transfer full) @object */
static void
queue_video (GstHaarFaceCount *self, GstPad *pad, gpointer object)
{
  VideoItem *item = g_new0 (VideoItem, 1);

  item->parent.object = object;
  item->parent.visible = GST_IS_BUFFER (object);
  item->parent.destroy = free_queued;
  item->element = self;
  item->pad = gst_object_ref (pad);
  note_video (self, 1);
  if (!gst_data_queue_push (self->video_queue, &item->parent))
    free_queued (item);
}

/* (nullable) (transfer full): the video pad, after what every stream begins with was queued for it. */
static GstPad *
begin_video (GstHaarFaceCount *self)
{
  GstEvent *first[] = {self->stream_start, self->caps, self->segment_event};
  GstPad *pad;
  gboolean begun;

  GST_OBJECT_LOCK (self);
  pad = self->video ? gst_object_ref (self->video) : NULL;
  begun = self->video_begun;
  self->video_begun = TRUE;
  GST_OBJECT_UNLOCK (self);
  for (guint i = 0; pad && !begun && i < G_N_ELEMENTS (first); i++)
    if (first[i])
      queue_video (self, pad, gst_event_ref (first[i]));
  return pad;
}

/* --- flow --- */

static GstFlowReturn
combine (GstHaarFaceCount *self, GstPad *pad, GstFlowReturn ret)
{
  GST_OBJECT_LOCK (self);
  /* A pad that was released meanwhile has no say any more. */
  if (pad == self->srcpad || pad == self->video)
    ret = gst_flow_combiner_update_pad_flow (self->combiner, pad, ret);
  else
    ret = GST_FLOW_OK;
  GST_OBJECT_UNLOCK (self);
  if (ret == GST_FLOW_NOT_LINKED && gst_haar_face_count_is_linked (self, &self->rate))
    ret = GST_FLOW_OK;
  return ret;
}

/* After self->flow has changed to say why. */
static void
stop_queues (GstHaarFaceCount *self)
{
  g_cond_broadcast (&self->video_left);
  haar_workers_set_flushing (self->workers, TRUE);
  gst_data_queue_set_flushing (self->video_queue, TRUE);
}

void
gst_haar_face_count_stop_output (GstHaarFaceCount *self, GstFlowReturn ret)
{
  GST_OBJECT_LOCK (self);
  self->flow = ret;
  GST_OBJECT_UNLOCK (self);
  stop_queues (self);
}

/* All readers have had enough, or one has failed; both tasks find nothing to do any more. */
static void
end_flow (GstHaarFaceCount *self, GstFlowReturn ret)
{
  GstPad *video;
  gboolean eos, first;

  GST_DEBUG_OBJECT (self, "stopping: %s", gst_flow_get_name (ret));
  GST_OBJECT_LOCK (self);
  /* A flush that has begun meanwhile stays one. */
  first = self->flow == GST_FLOW_OK;
  if (first)
    self->flow = ret;
  eos = self->eos;
  GST_OBJECT_UNLOCK (self);
  if (!first)
    return;
  stop_queues (self);
  if (eos && gst_haar_face_count_is_failure (ret))
    GST_ELEMENT_FLOW_ERROR (self, ret);
  if (ret != GST_FLOW_EOS)
    return;
  video = gst_haar_face_count_ref_pad (self, &self->video);
  if (video)
    gst_pad_push_event (video, gst_event_new_eos ());
  gst_clear_object (&video);
  gst_pad_push_event (self->srcpad, gst_event_new_eos ());
  haar_reporter_finish (self->reporter);
}

/* --- events --- */

/* Documents are in running time, whatever the frames are in. */
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

/* What the src pad has to say instead of @event; NULL: nothing. */
static GstEvent *
translate_event (GstHaarFaceCount *self, GstEvent *event)
{
  g_autoptr (GstCaps) caps = NULL;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      return gst_haar_face_count_make_stream_start (self, self->srcpad, "events", event);
    case GST_EVENT_CAPS:
      caps = gst_pad_get_pad_template_caps (self->srcpad);
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

static void
remember_event (GstHaarFaceCount *self, GstEvent *event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      gst_event_replace (&self->stream_start, event);
      break;
    case GST_EVENT_CAPS:
      gst_event_replace (&self->caps, event);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_replace (&self->segment_event, event);
      break;
    default:
      break;
  }
}

static void
push_event (GstHaarFaceCount *self, GstEvent *event)
{
  GstPad *video = begin_video (self);
  GstEvent *translated = translate_event (self, event);

  remember_event (self, event);
  if (video)
    queue_video (self, video, gst_event_ref (event));
  gst_clear_object (&video);
  if (translated)
    gst_pad_push_event (self->srcpad, translated);
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    haar_reporter_finish (self->reporter);
}

/* --- frames --- */

/* What may change from frame to frame. */
typedef struct {
  gchar *label, *replica;
  guint min_faces;
  gboolean draw_boxes;
} Settings;

static void
settings_clear (Settings *settings)
{
  g_free (settings->label);
  g_free (settings->replica);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Settings, settings_clear)

/* A sink that waits for something to show, or for time to pass, learns that nothing comes. (nullable) */
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
post_faces (GstHaarFaceCount *self, const HaarJob *job, const gchar *label)
{
  const gchar *camera = gst_kafka_meta_get_header (job->frame, GST_KAFKA_HEADER_CAMERA);
  GstStructure *s = gst_structure_new ("faces", "faces", G_TYPE_UINT, job->rects->len, "timestamp",
      G_TYPE_UINT64, GST_BUFFER_PTS (job->frame), "label", G_TYPE_STRING, label, NULL);

  take_boxes (s, job->rects);
  if (camera)
    gst_structure_set (s, "camera", G_TYPE_STRING, camera, NULL);
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
}

/* The document, or a gap in its place. */
static GstFlowReturn
push_document (GstHaarFaceCount *self, GstBuffer *document, GstEvent *gap)
{
  GstFlowReturn ret;

  if (document) {
    ret = gst_pad_push (self->srcpad, document);
    GST_OBJECT_LOCK (self);
    self->counters.events++;
    GST_OBJECT_UNLOCK (self);
  } else if (!gst_pad_is_linked (self->srcpad)) {
    ret = GST_FLOW_NOT_LINKED;
  } else {
    ret = GST_PAD_LAST_FLOW_RETURN (self->srcpad) == GST_FLOW_EOS ? GST_FLOW_EOS : GST_FLOW_OK;
    if (gap)
      gst_pad_push_event (self->srcpad, gst_event_ref (gap));
  }
  return combine (self, self->srcpad, ret);
}

/* From the part of the frame that was searched to all of it. */
static void
move_by_crop (GstBuffer *frame, GArray *rects)
{
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (frame);

  for (guint i = 0; crop && i < rects->len; i++) {
    g_array_index (rects, HaarRect, i).x += (gint) crop->x;
    g_array_index (rects, HaarRect, i).y += (gint) crop->y;
  }
}

/* (transfer full) @frame: with a region, and a box if wanted, for each face. */
static GstBuffer *
mark_faces (GstBuffer *frame, HaarJob *job, const gchar *label, gboolean draw_boxes)
{
  frame = gst_buffer_make_writable (frame);
  move_by_crop (frame, job->rects);
  for (guint i = 0; i < job->rects->len; i++) {
    const HaarRect *r = &g_array_index (job->rects, HaarRect, i);

    gst_buffer_add_video_region_of_interest_meta (
        frame, label, (guint) r->x, (guint) r->y, (guint) r->w, (guint) r->h);
  }
  if (draw_boxes && job->rects->len > 0)
    haar_overlay_draw (frame, &job->info, job->rects);
  return frame;
}

static void
push_video (GstHaarFaceCount *self, HaarJob *job, const Settings *settings, GstEvent *gap)
{
  GstPad *pad = begin_video (self);

  if (pad && !gst_pad_is_linked (pad))
    combine (self, pad, GST_FLOW_NOT_LINKED);
  else if (pad && job->outcome == HAAR_COUNTED)
    queue_video (self, pad,
        mark_faces (g_steal_pointer (&job->frame), job, settings->label, settings->draw_boxes));
  else if (pad && gap)
    queue_video (self, pad, gst_event_ref (gap));
  gst_clear_object (&pad);
}

/* The 1st, 2nd, 4th, 8th …: a stream of nothing else doesn't flood the bus. */
static gboolean
is_reported (guint64 number)
{
  return number != 0 && (number & (number - 1)) == 0;
}

static void
warn_of_small (GstHaarFaceCount *self, const HaarJob *job, guint64 too_small)
{
  if (!is_reported (too_small))
    return;
  GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
      ("No face of min-size %d fits into a frame of %dx%d: none is found in it. Lower min-size.",
          job->params.min_w, job->width, job->height),
      ("%" G_GUINT64_FORMAT " such frames so far", too_small));
}

static void
warn_of_skipped (GstHaarFaceCount *self, const HaarJob *job, guint64 skipped)
{
  if (!is_reported (skipped))
    return;
  if (job->outcome == HAAR_BAD)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("Skipped a frame that can't be read: it is shorter than its caps say, or its memory can't "
         "be mapped."),
        ("%" G_GSIZE_FORMAT " bytes for %dx%d %s, %" G_GUINT64_FORMAT " skipped so far",
            gst_buffer_get_size (job->frame), job->info.width, job->info.height,
            GST_VIDEO_INFO_NAME (&job->info), skipped));
  else
    GST_ELEMENT_WARNING (self, STREAM, FAILED,
        ("A frame of %dx%d couldn't be counted and was skipped: %s.", job->width, job->height,
            job->error->message),
        ("%" G_GUINT64_FORMAT " so far", skipped));
}

static void
count_outcome (GstHaarFaceCount *self, const HaarJob *job)
{
  GstHaarCounters *counters = &self->counters;
  guint64 skipped = 0, too_small = 0;
  gdouble busy = 0;

  if (job->outcome == HAAR_COUNTED) {
    haar_tally_look_around (self->tally);
    busy = haar_tally_add (self->tally, job->frame, job->rects->len, &job->cost, job->age);
  }
  GST_OBJECT_LOCK (self);
  counters->skewed += job->skewed;
  switch (job->outcome) {
    case HAAR_COUNTED:
      counters->frames++;
      if (job->too_small)
        too_small = ++counters->too_small;
      counters->unchanged += job->difference == HAAR_STILL_NOTHING;
      counters->partial += job->difference == HAAR_STILL_PART;
      counters->faces += job->rects->len;
      counters->busy += busy;
      fog_histogram_add (&counters->ages, job->age);
      fog_histogram_add (&counters->processes, job->cost.wall);
      haar_totals_add (self->totals,
          gst_kafka_meta_get_header (job->frame, GST_KAFKA_HEADER_CAMERA), job->rects->len);
      break;
    case HAAR_TOO_OLD:
      counters->too_old++;
      break;
    case HAAR_BAD:
      skipped = ++counters->bad;
      break;
    case HAAR_FAILED:
      skipped = ++counters->failed;
      break;
  }
  GST_OBJECT_UNLOCK (self);
  warn_of_skipped (self, job, skipped);
  warn_of_small (self, job, too_small);
}

static Settings
take_settings (GstHaarFaceCount *self)
{
  Settings settings;

  GST_OBJECT_LOCK (self);
  settings.label = g_strdup (self->label);
  settings.replica = g_strdup (self->replica);
  settings.min_faces = self->min_faces;
  settings.draw_boxes = self->draw_boxes;
  GST_OBJECT_UNLOCK (self);
  return settings;
}

static GstFlowReturn
push_frame (GstHaarFaceCount *self, HaarJob *job)
{
  g_auto (Settings) settings = take_settings (self);
  g_autoptr (GstEvent) gap = make_gap (job->frame);
  GstBuffer *document = NULL;

  count_outcome (self, job);
  if (job->outcome == HAAR_COUNTED && job->rects->len > 0)
    post_faces (self, job, settings.label);
  if (job->outcome == HAAR_COUNTED && job->rects->len >= settings.min_faces &&
      gst_pad_is_linked (self->srcpad))
    document = haar_event_new (
        job->frame, job->rects, job->width, job->height, job->captured, settings.replica);
  /* Dropped on purpose. One that the engine failed on is undecided: it may come again. */
  else if (job->outcome != HAAR_FAILED && !gst_haar_face_count_is_linked (self, &self->video))
    gst_kafka_meta_mark (job->frame, GST_KAFKA_ACK_DONE);
  push_video (self, job, &settings, gap);
  return push_document (self, document, gap);
}

/* --- tasks --- */

static void
src_loop (gpointer data)
{
  GstHaarFaceCount *self = data;
  HaarJob *job = haar_workers_pop (self->workers);
  GstFlowReturn ret = GST_FLOW_OK;

  if (!job) {
    gst_pad_pause_task (self->srcpad);
    return;
  }
  if (job->event)
    push_event (self, job->event);
  else
    ret = push_frame (self, job);
  haar_job_free (job);
  if (ret != GST_FLOW_OK)
    end_flow (self, ret);
}

static void
video_loop (gpointer data)
{
  GstPad *pad = data;
  GstHaarFaceCount *self = gst_pad_get_element_private (pad);
  GstFlowReturn ret = GST_FLOW_OK;
  GstDataQueueItem *item;
  GstMiniObject *object;

  if (!gst_data_queue_pop (self->video_queue, &item)) {
    gst_pad_pause_task (pad);
    return;
  }
  object = ((VideoItem *) item)->pad == pad ? g_steal_pointer (&item->object) : NULL;
  if (GST_IS_EVENT (object))
    gst_pad_push_event (pad, GST_EVENT (object));
  else if (object)
    ret = combine (self, pad, gst_pad_push (pad, GST_BUFFER (object)));
  if (ret != GST_FLOW_OK)
    end_flow (self, ret);
  /* Only now: whoever drains sees what came of it. */
  item->destroy (item);
}

static gboolean
is_stopped (GstHaarFaceCount *self)
{
  gboolean stopped;

  GST_OBJECT_LOCK (self);
  stopped = self->flow != GST_FLOW_OK;
  GST_OBJECT_UNLOCK (self);
  return stopped;
}

/* One that is requested after the readers had enough waits until the output begins again. */
static gboolean
start_video (GstHaarFaceCount *self, GstPad *pad)
{
  gst_data_queue_flush (self->video_queue);
  gst_data_queue_set_flushing (self->video_queue, FALSE);
  if (is_stopped (self))
    gst_data_queue_set_flushing (self->video_queue, TRUE);
  return gst_pad_start_task (pad, video_loop, pad, NULL);
}

gboolean
gst_haar_face_count_src_activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    return gst_pad_start_task (pad, src_loop, self, NULL);
  gst_haar_face_count_stop_output (self, GST_FLOW_FLUSHING);
  return gst_pad_stop_task (pad);
}

gboolean
gst_haar_face_count_video_activate (
    GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GstHaarFaceCount *self = gst_pad_get_element_private (pad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    return start_video (self, pad);
  gst_data_queue_set_flushing (self->video_queue, TRUE);
  gst_data_queue_flush (self->video_queue);
  return gst_pad_stop_task (pad);
}

void
gst_haar_face_count_pause_output (GstHaarFaceCount *self)
{
  GstPad *video = gst_haar_face_count_ref_pad (self, &self->video);

  gst_pad_pause_task (self->srcpad);
  if (video)
    gst_pad_pause_task (video);
  gst_clear_object (&video);
}

/* A flush ends a segment; who is sending, and what, still holds, though it may have been flushed away on its
 * way through. With the tasks standing still. */
static gboolean
queue_again (GstPad *pad, GstEvent **event, gpointer user_data)
{
  GstHaarFaceCount *self = user_data;

  if (GST_EVENT_TYPE (*event) != GST_EVENT_SEGMENT && GST_EVENT_TYPE (*event) != GST_EVENT_EOS &&
      *event != self->stream_start && *event != self->caps)
    haar_workers_push_ready (self->workers, haar_job_new_event (gst_event_ref (*event)));
  return TRUE;
}

/* Whoever has stopped it meanwhile, for good or by a flush, may have done so before all of this. */
static void
stop_again (GstHaarFaceCount *self)
{
  if (!gst_pad_is_active (self->srcpad)) {
    gst_haar_face_count_stop_output (self, GST_FLOW_FLUSHING);
    gst_pad_stop_task (self->srcpad);
  } else if (is_stopped (self)) {
    stop_queues (self);
    gst_haar_face_count_pause_output (self);
  }
}

/* After self->flow has become GST_FLOW_OK. */
static void
start (GstHaarFaceCount *self)
{
  GstPad *video = gst_haar_face_count_ref_pad (self, &self->video);

  gst_event_replace (&self->segment_event, NULL);
  GST_OBJECT_LOCK (self);
  gst_flow_combiner_reset (self->combiner);
  self->eos = FALSE;
  self->video_begun = FALSE;
  GST_OBJECT_UNLOCK (self);
  if (video)
    start_video (self, video);
  gst_clear_object (&video);
  haar_workers_set_flushing (self->workers, FALSE);
  gst_pad_sticky_events_foreach (self->sinkpad, queue_again, self);
  gst_pad_start_task (self->srcpad, src_loop, self, NULL);
  stop_again (self);
}

void
gst_haar_face_count_start_output (GstHaarFaceCount *self)
{
  GST_OBJECT_LOCK (self);
  self->flow = GST_FLOW_OK;
  GST_OBJECT_UNLOCK (self);
  start (self);
}

void
gst_haar_face_count_resume_output (GstHaarFaceCount *self)
{
  gboolean ended;

  GST_OBJECT_LOCK (self);
  ended = self->flow == GST_FLOW_EOS;
  if (ended)
    self->flow = GST_FLOW_OK;
  GST_OBJECT_UNLOCK (self);
  if (ended)
    start (self);
}

gboolean
gst_haar_face_count_drain_output (GstHaarFaceCount *self)
{
  gboolean drained;

  if (!haar_workers_drain (self->workers))
    return FALSE;
  GST_OBJECT_LOCK (self);
  while (self->flow == GST_FLOW_OK && self->n_video > 0)
    g_cond_wait (&self->video_left, GST_OBJECT_GET_LOCK (self));
  drained = self->flow == GST_FLOW_OK;
  GST_OBJECT_UNLOCK (self);
  return drained;
}

/* --- what readers ask --- */

gboolean
gst_haar_face_count_src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  /* What becomes of the documents is no reason to negotiate the video again. And frames are to be counted
   * however late a reader is: told of it, a decoder would skip them. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS ||
      (GST_EVENT_TYPE (event) == GST_EVENT_RECONFIGURE && pad == self->srcpad)) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_push_event (self->sinkpad, event);
}

/* Frames wait for those before them: one period each. */
static gboolean
answer_latency (GstHaarFaceCount *self, GstQuery *query)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (self->sinkpad);
  GstClockTime min, max, own = 0;
  GstVideoInfo info;
  gboolean live;
  guint n;

  if (!gst_pad_peer_query (self->sinkpad, query))
    return FALSE;
  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  n = self->n_running + 1;
  GST_OBJECT_UNLOCK (self);
  if (caps && gst_video_info_from_caps (&info, caps) && info.fps_n > 0)
    own = gst_util_uint64_scale (n * GST_SECOND, (guint64) info.fps_d, (guint64) info.fps_n);
  gst_query_set_latency (query, live, min + own, GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
  return TRUE;
}

gboolean
gst_haar_face_count_src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY)
    return answer_latency (self, query);
  if (GST_QUERY_TYPE (query) == GST_QUERY_CAPS && pad != self->srcpad) {
    gst_haar_face_count_answer_caps (self, pad, query);
    return TRUE;
  }
  return gst_pad_query_default (pad, parent, query);
}
