/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-haarfacecount
 * @title: haarfacecount
 *
 * Counts faces, or whatever else a Haar or LBP cascade describes, in raw video. It looks at the luma alone:
 * grey and planar YUV are taken as they are. Several frames are counted side by side, one by each worker, and
 * come out in order.
 *
 * The `src` pad gives one JSON document for each frame with at least #haarfacecount:min-faces faces
 * (`application/json, schema=fog-event`). The `rate` pad, if requested, gives a report on the work of each
 * #haarfacecount:report-interval (`application/json, schema=fog-report`), and a last one at the end. The
 * `video` pad, if requested, passes the frames on, with a #GstVideoRegionOfInterestMeta for each face. Any
 * of them may be left unlinked.
 *
 * A frame that came from Kafka stays unacknowledged until everything made from it is done with; one that has
 * too few faces, or is older than #haarfacecount:max-age, is done at once. A frame whose memory is shorter
 * than its caps say is skipped, counted, and told of in a warning.
 *
 * ## Messages
 *
 * `faces`, for each frame with faces: `faces` (uint), `timestamp` (uint64, the frame's PTS in ns), `boxes` (array
 * of arrays of x, y, width, height in px), `label` (string), `camera` (string, if the frame tells). And with each report
 * `haarfacecount-stats`, the fields of #haarfacecount:stats.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! haarfacecount name=faces min-faces=0 ! fakesink dump=true faces.rate ! fakesink
 * ]| Counts the faces of a test picture, which has none, and prints the documents.
 */
#include <gio/gio.h>
#include <gst/base/gstflowcombiner.h>
#include <gst/video/video.h>

#include "fogreport.h"
#include "fogtime.h"
#include "gstkafkameta.h"
#include "haarcascade.h"
#include "haarcpus.h"
#include "haarengine.h"
#include "haarevent.h"
#include "haarjob.h"
#include "haarluma.h"
#include "haarreporter.h"
#include "haartally.h"
#include "haarworkers.h"

#define DEFAULT_CASCADE "haarcascade_frontalface_default.xml"
#define DEFAULT_TRUST_CASCADE FALSE
#define DEFAULT_SCALE_FACTOR 1.1
#define DEFAULT_MIN_NEIGHBORS 3
#define DEFAULT_MIN_SIZE 30
#define DEFAULT_MAX_SIZE 0
#define DEFAULT_MIN_FACES 1
#define DEFAULT_WORKERS 0
#define DEFAULT_ENGINE ENGINE_AUTO
#define DEFAULT_REPORT_INTERVAL (5 * GST_SECOND)
#define DEFAULT_MAX_AGE 0
#define DEFAULT_LABEL "face"
#define MAX_WORKERS 256

/* How long a stop waits for the last report to leave. */
#define LEAVE_TIMEOUT (300 * G_TIME_SPAN_MILLISECOND)

GST_DEBUG_CATEGORY_STATIC (haar_face_count_debug);
#define GST_CAT_DEFAULT haar_face_count_debug

typedef enum { ENGINE_AUTO, ENGINE_NATIVE, ENGINE_OPENCV } GstHaarEngine;

enum {
  PROP_0,
  PROP_CASCADE,
  PROP_TRUST_CASCADE,
  PROP_SCALE_FACTOR,
  PROP_MIN_NEIGHBORS,
  PROP_MIN_SIZE,
  PROP_MAX_SIZE,
  PROP_MIN_FACES,
  PROP_WORKERS,
  PROP_ENGINE,
  PROP_REPORT_INTERVAL,
  PROP_REPLICA,
  PROP_MAX_AGE,
  PROP_LABEL,
  PROP_STATS,
};

/* guarded by the object lock */
typedef struct {
  guint64 frames, faces, events, too_old, bad, failed, skewed, reports;
  gdouble busy;
} Counters;

#define GST_TYPE_HAAR_FACE_COUNT (gst_haar_face_count_get_type ())
G_DECLARE_FINAL_TYPE (GstHaarFaceCount, gst_haar_face_count, GST, HAAR_FACE_COUNT, GstElement)

struct _GstHaarFaceCount {
  GstElement element;

  GstPad *sinkpad, *srcpad;

  /* with the object lock: properties */
  gchar *cascade;
  gboolean trust_cascade;
  HaarParams params;
  guint min_faces;
  guint n_workers;
  GstHaarEngine engine;
  GstClockTime report_interval;
  gchar *replica;
  GstClockTime max_age;
  gchar *label;

  /* with the object lock */
  GstPad *video, *rate; /* NULL unless requested */
  GstFlowCombiner *combiner;
  GstFlowReturn flow;      /* of the pads that frames leave by */
  GstFlowReturn rate_flow; /* of the one that reports leave by */
  gboolean video_begun;    /* it has had the sticky events */
  gboolean rate_begun;
  gboolean rate_ended;
  gint *partitions;
  guint n_partitions;
  guint64 lag;
  Counters counters;
  const gchar *engine_name; /* of a run */
  guint n_running;          /* workers of a run */

  /* of a run, from READY to PAUSED and back */
  HaarWorkers *workers;
  HaarReporter *reporter;
  HaarTally *tally;

  /* the thread that frames come from */
  GstVideoInfo info;
  gboolean have_info;
  GstSegment segment;

  /* the thread that frames leave by */
  GstEvent *stream_start, *caps, *segment_event;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK,
    GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (HAAR_LUMA_FORMATS)));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (FOG_EVENT_CAPS));
static GstStaticPadTemplate rate_template = GST_STATIC_PAD_TEMPLATE (
    "rate", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS (FOG_REPORT_CAPS));
static GstStaticPadTemplate video_template = GST_STATIC_PAD_TEMPLATE ("video", GST_PAD_SRC,
    GST_PAD_REQUEST, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (HAAR_LUMA_FORMATS)));

G_DEFINE_TYPE (GstHaarFaceCount, gst_haar_face_count, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DECLARE (haarfacecount);
GST_ELEMENT_REGISTER_DEFINE (
    haarfacecount, "haarfacecount", GST_RANK_NONE, GST_TYPE_HAAR_FACE_COUNT)

static GType
gst_haar_engine_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    static const GEnumValue values[] = {
        {ENGINE_AUTO, "The fastest that was built in and can evaluate the cascade", "auto"},
        {ENGINE_NATIVE, "SIMD code of this plugin", "native"},
        {ENGINE_OPENCV, "OpenCV's CascadeClassifier", "opencv"},
        {0, NULL, NULL},
    };
    g_once_init_leave (&type, g_enum_register_static ("GstHaarEngine", values));
  }
  return type;
}

/* (nullable) (transfer full) */
static GstPad *
ref_pad (GstHaarFaceCount *self, GstPad **pad)
{
  GstPad *ref;

  GST_OBJECT_LOCK (self);
  ref = *pad ? gst_object_ref (*pad) : NULL;
  GST_OBJECT_UNLOCK (self);
  return ref;
}

static gboolean
is_linked (GstHaarFaceCount *self, GstPad **pad)
{
  GstPad *ref = ref_pad (self, pad);
  gboolean linked = ref && gst_pad_is_linked (ref);

  gst_clear_object (&ref);
  return linked;
}

/* --- events and frames leave, in the thread of the src pad's task --- */

static GstEvent *
make_stream_start (GstHaarFaceCount *self, GstPad *pad, const gchar *name, GstEvent *upstream)
{
  g_autofree gchar *id = gst_pad_create_stream_id (pad, GST_ELEMENT (self), name);
  GstEvent *event = gst_event_new_stream_start (id);
  guint group;

  if (upstream && gst_event_parse_group_id (upstream, &group))
    gst_event_set_group_id (event, group);
  if (upstream)
    gst_event_set_seqnum (event, gst_event_get_seqnum (upstream));
  return event;
}

/* What the src pad has to say instead of @event; NULL: nothing. */
static GstEvent *
translate_event (GstHaarFaceCount *self, GstEvent *event)
{
  const GstSegment *segment;
  GstSegment time;
  GstEvent *made;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      return make_stream_start (self, self->srcpad, "events", event);
    case GST_EVENT_CAPS: {
      g_autoptr (GstCaps) caps = gst_static_pad_template_get_caps (&src_template);

      return gst_event_new_caps (caps);
    }
    case GST_EVENT_SEGMENT:
      gst_event_parse_segment (event, &segment);
      if (segment->format == GST_FORMAT_TIME)
        return gst_event_ref (event);
      gst_segment_init (&time, GST_FORMAT_TIME);
      made = gst_event_new_segment (&time);
      gst_event_set_seqnum (made, gst_event_get_seqnum (event));
      return made;
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

/* (nullable) (transfer full): the video pad, which has had what every stream begins with. */
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
      gst_pad_push_event (pad, gst_event_ref (first[i]));
  return pad;
}

static void
push_event (GstHaarFaceCount *self, GstEvent *event)
{
  GstPad *video = begin_video (self);
  GstEvent *translated = translate_event (self, event);

  remember_event (self, event);
  if (video)
    gst_pad_push_event (video, gst_event_ref (event));
  gst_clear_object (&video);
  if (translated)
    gst_pad_push_event (self->srcpad, translated);
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    haar_reporter_finish (self->reporter);
}

/* So that a sink that waits for something to show, or for time to pass, learns that nothing comes. */
static void
push_gap (GstPad *pad, GstBuffer *frame)
{
  if (GST_BUFFER_PTS_IS_VALID (frame))
    gst_pad_push_event (
        pad, gst_event_new_gap (GST_BUFFER_PTS (frame), GST_BUFFER_DURATION (frame)));
}

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
  if (ret == GST_FLOW_NOT_LINKED && is_linked (self, &self->rate))
    ret = GST_FLOW_OK;
  return ret;
}

static void
post_faces (GstHaarFaceCount *self, const HaarJob *job, const gchar *label)
{
  const gchar *camera = gst_kafka_meta_get_header (job->frame, GST_KAFKA_HEADER_CAMERA);
  GstStructure *s = gst_structure_new ("faces", "faces", G_TYPE_UINT, job->rects->len, "timestamp",
      G_TYPE_UINT64, GST_BUFFER_PTS (job->frame), "label", G_TYPE_STRING, label, NULL);
  GValue boxes = G_VALUE_INIT;

  g_value_init (&boxes, GST_TYPE_ARRAY);
  for (guint i = 0; i < job->rects->len; i++) {
    const HaarRect *r = &g_array_index (job->rects, HaarRect, i);
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
  if (camera)
    gst_structure_set (s, "camera", G_TYPE_STRING, camera, NULL);
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
}

/* The event, or a gap in its place. */
static GstFlowReturn
push_count (GstHaarFaceCount *self, const HaarJob *job, guint min_faces, const gchar *replica)
{
  GstBuffer *event;
  GstFlowReturn ret;

  if (job->outcome == HAAR_COUNTED && job->rects->len >= min_faces &&
      gst_pad_is_linked (self->srcpad)) {
    event =
        haar_event_new (job->frame, job->rects, job->width, job->height, job->captured, replica);
    ret = gst_pad_push (self->srcpad, event);
    GST_OBJECT_LOCK (self);
    self->counters.events++;
    GST_OBJECT_UNLOCK (self);
    return combine (self, self->srcpad, ret);
  }
  if (job->outcome != HAAR_FAILED && !is_linked (self, &self->video))
    gst_kafka_meta_mark (job->frame, GST_KAFKA_ACK_DONE);
  push_gap (self->srcpad, job->frame);
  if (!gst_pad_is_linked (self->srcpad))
    ret = GST_FLOW_NOT_LINKED;
  else
    ret = GST_PAD_LAST_FLOW_RETURN (self->srcpad) == GST_FLOW_EOS ? GST_FLOW_EOS : GST_FLOW_OK;
  return combine (self, self->srcpad, ret);
}

static GstFlowReturn
push_video (GstHaarFaceCount *self, HaarJob *job, const gchar *label)
{
  GstPad *pad = begin_video (self);
  GstBuffer *frame;
  GstFlowReturn ret = GST_FLOW_OK;

  if (!pad)
    return GST_FLOW_OK;
  if (job->outcome == HAAR_COUNTED) {
    frame = gst_buffer_make_writable (g_steal_pointer (&job->frame));
    for (guint i = 0; i < job->rects->len; i++) {
      const HaarRect *r = &g_array_index (job->rects, HaarRect, i);

      gst_buffer_add_video_region_of_interest_meta (
          frame, label, (guint) r->x, (guint) r->y, (guint) r->w, (guint) r->h);
    }
    ret = combine (self, pad, gst_pad_push (pad, frame));
  } else {
    push_gap (pad, job->frame);
  }
  gst_object_unref (pad);
  return ret;
}

static void
count_outcome (GstHaarFaceCount *self, const HaarJob *job)
{
  guint64 skipped = 0;

  if (job->outcome == HAAR_COUNTED)
    haar_tally_add (self->tally, job->frame, job->rects->len, job->busy, job->age);
  GST_OBJECT_LOCK (self);
  self->counters.frames += job->outcome == HAAR_COUNTED;
  self->counters.faces += job->outcome == HAAR_COUNTED ? job->rects->len : 0;
  self->counters.busy += job->outcome == HAAR_COUNTED ? job->busy : 0;
  self->counters.too_old += job->outcome == HAAR_TOO_OLD;
  self->counters.skewed += job->skewed;
  if (job->outcome == HAAR_BAD)
    skipped = ++self->counters.bad;
  else if (job->outcome == HAAR_FAILED)
    skipped = ++self->counters.failed;
  GST_OBJECT_UNLOCK (self);
  /* The 1st, 2nd, 4th, 8th …: a stream of nothing else doesn't flood the bus. */
  if (skipped == 0 || (skipped & (skipped - 1)) != 0)
    return;
  if (job->outcome == HAAR_BAD)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("Skipped a frame that is shorter than its caps say."),
        ("%" G_GSIZE_FORMAT " bytes for %dx%d %s, %" G_GUINT64_FORMAT " skipped so far",
            gst_buffer_get_size (job->frame), job->info.width, job->info.height,
            GST_VIDEO_INFO_NAME (&job->info), skipped));
  else
    GST_ELEMENT_WARNING (self, STREAM, FAILED, ("A frame couldn't be counted and was skipped."),
        ("%s, %" G_GUINT64_FORMAT " so far", job->error->message, skipped));
}

static GstFlowReturn
push_frame (GstHaarFaceCount *self, HaarJob *job)
{
  g_autofree gchar *label = NULL, *replica = NULL;
  guint min_faces;
  GstFlowReturn ret;

  GST_OBJECT_LOCK (self);
  label = g_strdup (self->label);
  replica = g_strdup (self->replica);
  min_faces = self->min_faces;
  GST_OBJECT_UNLOCK (self);
  count_outcome (self, job);
  if (job->outcome == HAAR_COUNTED && job->rects->len > 0)
    post_faces (self, job, label);
  ret = push_count (self, job, min_faces, replica);
  if (ret == GST_FLOW_OK || ret == GST_FLOW_NOT_LINKED || ret == GST_FLOW_EOS)
    if (is_linked (self, &self->video))
      ret = push_video (self, job, label);
  return ret;
}

/* Nothing more comes out: whoever waits for room gets @ret. */
static void
stop_flow (GstHaarFaceCount *self, GstFlowReturn ret)
{
  GST_DEBUG_OBJECT (self, "stopping: %s", gst_flow_get_name (ret));
  GST_OBJECT_LOCK (self);
  self->flow = ret;
  GST_OBJECT_UNLOCK (self);
  haar_workers_set_flushing (self->workers, TRUE);
  gst_pad_pause_task (self->srcpad);
  if (ret == GST_FLOW_EOS) {
    GstEvent *eos = gst_event_new_eos ();

    push_event (self, eos);
    gst_event_unref (eos);
  }
}

static void
output_loop (gpointer data)
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
    stop_flow (self, ret);
}

/* --- events and frames arrive --- */

static GstFlowReturn
get_flow (GstHaarFaceCount *self)
{
  GstFlowReturn flow;

  GST_OBJECT_LOCK (self);
  flow = self->flow;
  /* A reader of reports that failed has said why. */
  if (flow == GST_FLOW_OK && self->rate_flow <= GST_FLOW_NOT_NEGOTIATED)
    flow = self->rate_flow;
  GST_OBJECT_UNLOCK (self);
  return flow;
}

static GstFlowReturn
gst_haar_face_count_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);
  GstFlowReturn flow = get_flow (self);
  HaarJob *job;

  if (flow == GST_FLOW_OK && !self->have_info) {
    GST_ELEMENT_ERROR (
        self, STREAM, FORMAT, ("A frame came before its caps."), ("%" GST_PTR_FORMAT, buffer));
    flow = GST_FLOW_NOT_NEGOTIATED;
  }
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref (buffer);
    return flow;
  }
  job = haar_job_new_frame (buffer, &self->info);
  job->captured = fog_time_of_capture (GST_ELEMENT (self), &self->segment, buffer);
  GST_OBJECT_LOCK (self);
  job->params = self->params;
  job->max_age = self->max_age;
  GST_OBJECT_UNLOCK (self);
  if (haar_workers_push (self->workers, job))
    return get_flow (self);
  flow = get_flow (self);
  return flow == GST_FLOW_OK ? GST_FLOW_FLUSHING : flow;
}

static void
note_assignment (GstHaarFaceCount *self, const GstStructure *s)
{
  const GValue *list = gst_structure_get_value (s, "partitions");
  guint n = list && GST_VALUE_HOLDS_ARRAY (list) ? gst_value_array_get_size (list) : 0;
  gint *partitions = g_new0 (gint, n + 1);

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
  haar_reporter_wake (self->reporter);
}

static gboolean
note_caps (GstHaarFaceCount *self, GstEvent *event)
{
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  self->have_info = gst_video_info_from_caps (&self->info, caps);
  if (!self->have_info)
    GST_ELEMENT_ERROR (
        self, STREAM, FORMAT, ("These caps can't be counted in."), ("%" GST_PTR_FORMAT, caps));
  return self->have_info;
}

static gboolean
note_event (GstHaarFaceCount *self, GstEvent *event)
{
  const GstStructure *s = gst_event_get_structure (event);
  GstFlowReturn flow;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      return note_caps (self, event);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      return TRUE;
    case GST_EVENT_EOS:
      /* No frame comes any more to tell of it. */
      flow = get_flow (self);
      if (flow == GST_FLOW_NOT_LINKED || flow <= GST_FLOW_NOT_NEGOTIATED)
        GST_ELEMENT_FLOW_ERROR (self, flow);
      return TRUE;
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      if (s && gst_structure_has_name (s, GST_KAFKA_ASSIGNMENT_EVENT))
        note_assignment (self, s);
      return TRUE;
    default:
      return TRUE;
  }
}

/* To the pads that frames leave by; reports are no part of their stream. */
static gboolean
push_past_workers (GstHaarFaceCount *self, GstEvent *event)
{
  GstPad *video = ref_pad (self, &self->video);
  gboolean handled = FALSE;

  if (video)
    handled = gst_pad_push_event (video, gst_event_ref (event));
  gst_clear_object (&video);
  return gst_pad_push_event (self->srcpad, event) || handled;
}

static void
restart_reports (GstHaarFaceCount *self)
{
  GstPad *rate = ref_pad (self, &self->rate);
  gboolean ended;

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

static gboolean
flush_start (GstHaarFaceCount *self, GstEvent *event)
{
  gboolean handled = push_past_workers (self, event);

  GST_OBJECT_LOCK (self);
  self->flow = GST_FLOW_FLUSHING;
  GST_OBJECT_UNLOCK (self);
  haar_workers_set_flushing (self->workers, TRUE);
  gst_pad_pause_task (self->srcpad);
  return handled;
}

static gboolean
flush_stop (GstHaarFaceCount *self, GstEvent *event)
{
  gboolean handled = push_past_workers (self, event);

  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  gst_event_replace (&self->segment_event, NULL);
  GST_OBJECT_LOCK (self);
  gst_flow_combiner_reset (self->combiner);
  self->flow = GST_FLOW_OK;
  GST_OBJECT_UNLOCK (self);
  restart_reports (self);
  haar_workers_set_flushing (self->workers, FALSE);
  gst_pad_start_task (self->srcpad, output_loop, self, NULL);
  return handled;
}

static gboolean
gst_haar_face_count_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START)
    return flush_start (self, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    return flush_stop (self, event);
  if (!GST_EVENT_IS_SERIALIZED (event))
    return push_past_workers (self, event);
  if (!note_event (self, event)) {
    gst_event_unref (event);
    return FALSE;
  }
  return haar_workers_push_ready (self->workers, haar_job_new_event (event));
}

/* --- queries --- */

static GstCaps *
acceptable_caps (GstHaarFaceCount *self, GstPad *pad, GstCaps *filter)
{
  g_autoptr (GstCaps) all = gst_pad_get_pad_template_caps (pad);
  GstPad *other =
      pad == self->sinkpad ? ref_pad (self, &self->video) : gst_object_ref (self->sinkpad);
  g_autoptr (GstCaps) beyond = other ? gst_pad_peer_query_caps (other, all) : NULL;
  GstCaps *caps;

  gst_clear_object (&other);
  caps = gst_caps_intersect_full (beyond ? beyond : all, all, GST_CAPS_INTERSECT_FIRST);
  if (filter) {
    GstCaps *filtered = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (caps);
    caps = filtered;
  }
  return caps;
}

static void
answer_caps (GstHaarFaceCount *self, GstPad *pad, GstQuery *query)
{
  g_autoptr (GstCaps) caps = NULL;
  GstCaps *filter;

  gst_query_parse_caps (query, &filter);
  caps = acceptable_caps (self, pad, filter);
  gst_query_set_caps_result (query, caps);
}

/* Strides, offsets and crops are taken as they come; but where the frames go on to has to take them too. */
static gboolean
answer_allocation (GstHaarFaceCount *self, GstQuery *query)
{
  GstPad *video = ref_pad (self, &self->video);
  gboolean answered = TRUE;

  if (video && gst_pad_is_linked (video)) {
    answered = haar_workers_drain (self->workers) && gst_pad_peer_query (video, query);
  } else {
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
    gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  }
  gst_clear_object (&video);
  return answered;
}

static gboolean
gst_haar_face_count_sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      answer_caps (self, pad, query);
      return TRUE;
    case GST_QUERY_ALLOCATION:
      return answer_allocation (self, query);
    case GST_QUERY_DRAIN:
      return haar_workers_drain (self->workers);
    case GST_QUERY_ACCEPT_CAPS:
      return gst_pad_query_default (pad, parent, query);
    default:
      return !GST_QUERY_IS_SERIALIZED (query) && gst_pad_peer_query (self->srcpad, query);
  }
}

/* Frames wait for those before them: one period each. */
static gboolean
answer_latency (GstHaarFaceCount *self, GstQuery *query)
{
  GstClockTime min, max, own = 0;
  gboolean live;
  guint n;

  if (!gst_pad_peer_query (self->sinkpad, query))
    return FALSE;
  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  n = self->n_running + 1;
  GST_OBJECT_UNLOCK (self);
  if (self->have_info && self->info.fps_n > 0)
    own = gst_util_uint64_scale (
        n * GST_SECOND, (guint64) self->info.fps_d, (guint64) self->info.fps_n);
  gst_query_set_latency (query, live, min + own, GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
  return TRUE;
}

static gboolean
gst_haar_face_count_src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_LATENCY:
      return answer_latency (self, query);
    case GST_QUERY_CAPS:
      if (pad == self->srcpad)
        break;
      answer_caps (self, pad, query);
      return TRUE;
    default:
      break;
  }
  return gst_pad_query_default (pad, parent, query);
}

/* Reports are a stream of their own, with no latency. */
static gboolean
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

static gboolean
gst_haar_face_count_src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  /* What becomes of the documents is no reason to negotiate the video again. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_RECONFIGURE && pad == self->srcpad) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_push_event (self->sinkpad, event);
}

static gboolean
gst_haar_face_count_rate_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  /* Nothing a reader of reports asks for, a seek say, concerns the video. */
  gst_event_unref (event);
  return TRUE;
}

/* --- reports, in the reporter's thread --- */

/* Messages waiting, as the source at the head of the pipeline knows it, if there is one. */
static void
ask_lag (GstHaarFaceCount *self)
{
  GstQuery *query =
      gst_query_new_custom (GST_QUERY_CUSTOM, gst_structure_new_empty (GST_KAFKA_LAG_QUERY));
  gint64 lag;

  if (gst_pad_peer_query (self->sinkpad, query) &&
      gst_structure_get_int64 (gst_query_get_structure (query), "lag", &lag)) {
    GST_OBJECT_LOCK (self);
    self->lag = (guint64) MAX (lag, 0);
    GST_OBJECT_UNLOCK (self);
  }
  gst_query_unref (query);
}

static FogReport *
make_report (GstHaarFaceCount *self, gboolean leaving)
{
  FogReport *report = haar_tally_take (self->tally);

  report->leaving = leaving;
  ask_lag (self);
  GST_OBJECT_LOCK (self);
  report->lag = self->lag;
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
  g_autoptr (GstCaps) caps = gst_static_pad_template_get_caps (&rate_template);
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
  gst_pad_push_event (pad, make_stream_start (self, pad, "reports", upstream));
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

static GstStructure *
make_stats (GstHaarFaceCount *self)
{
  const Counters *c = &self->counters;
  GstStructure *s;

  GST_OBJECT_LOCK (self);
  s = gst_structure_new ("haarfacecount-stats", "frames", G_TYPE_UINT64, c->frames, "faces",
      G_TYPE_UINT64, c->faces, "events", G_TYPE_UINT64, c->events, "too-old", G_TYPE_UINT64,
      c->too_old, "bad-frames", G_TYPE_UINT64, c->bad, "failed-frames", G_TYPE_UINT64, c->failed,
      "clock-skew", G_TYPE_UINT64, c->skewed, "reports", G_TYPE_UINT64, c->reports, "busy",
      G_TYPE_DOUBLE, c->busy, "workers", G_TYPE_UINT, self->n_running, "engine", G_TYPE_STRING,
      self->engine_name ? self->engine_name : "none", "waiting", G_TYPE_UINT,
      self->workers ? haar_workers_get_waiting (self->workers) : 0, "lag", G_TYPE_UINT64, self->lag,
      NULL);
  GST_OBJECT_UNLOCK (self);
  return s;
}

static void
report (HaarReporterCall call, gpointer user_data)
{
  GstHaarFaceCount *self = user_data;
  GstPad *rate = ref_pad (self, &self->rate);

  if (call != HAAR_REPORTER_BEGIN) {
    g_autoptr (FogReport) report = make_report (self, call == HAAR_REPORTER_LEAVE);

    if (rate)
      push_report (self, rate, report);
    gst_element_post_message (
        GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), make_stats (self)));
  } else if (rate) {
    /* A sink that prerolls would wait for a report, and reports for PLAYING. */
    begin_rate (self, rate);
    gst_pad_push_event (rate, gst_event_new_gap (0, GST_CLOCK_TIME_NONE));
  }
  gst_clear_object (&rate);
}

/* --- a run --- */

static void
explain_create_error (GError **error, const gchar *cascade, const gchar *engine)
{
  GError *explained = g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
      "\"%s\" can't be used as a cascade by the engine %s: %s.", cascade, engine,
      (*error)->message);

  g_error_free (*error);
  *error = explained;
}

/* A damaged file can crash OpenCV's loader: what isn't known has to be vouched for. */
static gboolean
may_load (const HaarEngineClass *klass, GBytes *bytes, const gchar *cascade, gboolean trusted,
    GError **error)
{
  if (klass->checks_cascade || trusted || haar_cascade_is_known (bytes))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
      "\"%s\" is none of the cascades that OpenCV ships, and a damaged one can crash the engine "
      "%s. "
      "Set trust-cascade=true if you know where it comes from.",
      cascade, klass->name);
  return FALSE;
}

static GPtrArray *
make_tools (const HaarEngineClass *klass, GBytes *bytes, guint n, GError **error)
{
  GPtrArray *tools = g_ptr_array_new ();

  for (guint i = 0; i < n; i++) {
    HaarTool *tool = haar_tool_new (klass, bytes, error);

    if (!tool) {
      g_ptr_array_foreach (tools, (GFunc) haar_tool_free, NULL);
      g_ptr_array_unref (tools);
      return NULL;
    }
    g_ptr_array_add (tools, tool);
  }
  return tools;
}

/* What a run is started with. */
typedef struct {
  gchar *cascade;
  gboolean trusted;
  guint n_workers;
  GstHaarEngine engine;
  gchar *replica;
  GstClockTime interval;
} Plan;

static void
plan_clear (Plan *plan)
{
  g_free (plan->cascade);
  g_free (plan->replica);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Plan, plan_clear)

static Plan
make_plan (GstHaarFaceCount *self)
{
  Plan plan;

  GST_OBJECT_LOCK (self);
  plan.cascade = g_strdup (self->cascade);
  plan.trusted = self->trust_cascade;
  plan.n_workers = self->n_workers;
  plan.engine = self->engine;
  plan.replica = g_strdup (self->replica);
  plan.interval = self->report_interval;
  GST_OBJECT_UNLOCK (self);
  if (plan.n_workers == 0)
    plan.n_workers = MIN (haar_cpus_available (), MAX_WORKERS);
  return plan;
}

/* Tries the engines that @plan allows, fastest first. */
static GPtrArray *
equip (const Plan *plan, const gchar **engine_name, GError **error)
{
  static const gchar *const names[] = {"auto", "native", "opencv"};
  g_autoptr (GBytes) bytes = haar_cascade_load (plan->cascade, error);
  const HaarEngineClass *klass;
  GPtrArray *tools = NULL;

  for (guint i = 0; bytes && !tools && (klass = haar_engine_class_nth (i)); i++) {
    if (plan->engine != ENGINE_AUTO && !g_str_equal (klass->name, names[plan->engine]))
      continue;
    g_clear_error (error);
    *engine_name = klass->name;
    if (may_load (klass, bytes, plan->cascade, plan->trusted, error))
      tools = make_tools (klass, bytes, plan->n_workers, error);
    if (*error && g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
      break;
  }
  if (bytes && !tools && !*error)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "This plugin was built without the engine %s.", names[plan->engine]);
  if (*error && (*error)->domain == G_IO_ERROR)
    explain_create_error (error, plan->cascade, *engine_name);
  return tools;
}

static gboolean
start (GstHaarFaceCount *self)
{
  static const HaarWorkersClass workers_class = {(void (*) (gpointer, gpointer)) haar_job_count,
      (GDestroyNotify) haar_job_free, (GDestroyNotify) haar_tool_free};
  g_auto (Plan) plan = make_plan (self);
  g_autoptr (GError) error = NULL;
  const gchar *engine = NULL;
  GPtrArray *tools = equip (&plan, &engine, &error);
  HaarReporter *reporter;
  HaarWorkers *workers;

  if (!tools) {
    gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_ERROR, error->domain, error->code,
        g_strdup (error->message), NULL, __FILE__, GST_FUNCTION, __LINE__);
    return FALSE;
  }
  self->have_info = FALSE;
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  workers = haar_workers_new (&workers_class, tools);
  g_ptr_array_unref (tools);
  self->tally = haar_tally_new (plan.replica, plan.n_workers);
  GST_OBJECT_LOCK (self);
  self->workers = workers;
  self->engine_name = engine;
  self->n_running = plan.n_workers;
  self->flow = self->rate_flow = GST_FLOW_OK;
  self->video_begun = self->rate_begun = self->rate_ended = FALSE;
  self->n_partitions = 0;
  self->lag = 0;
  memset (&self->counters, 0, sizeof self->counters);
  gst_flow_combiner_reset (self->combiner);
  GST_OBJECT_UNLOCK (self);
  reporter = haar_reporter_new (plan.interval, report, self);
  GST_OBJECT_LOCK (self);
  self->reporter = reporter;
  GST_OBJECT_UNLOCK (self);
  GST_INFO_OBJECT (self, "%u workers, engine %s, %s", plan.n_workers, engine, plan.cascade);
  return TRUE;
}

/* Before the pads are closed. */
static void
leave (GstHaarFaceCount *self)
{
  haar_reporter_finish (self->reporter);
  haar_reporter_wait_finished (self->reporter, LEAVE_TIMEOUT);
  GST_OBJECT_LOCK (self);
  self->flow = GST_FLOW_FLUSHING;
  GST_OBJECT_UNLOCK (self);
  haar_workers_set_flushing (self->workers, TRUE);
}

static void
stop (GstHaarFaceCount *self)
{
  HaarReporter *reporter;
  HaarWorkers *workers;

  GST_OBJECT_LOCK (self);
  reporter = g_steal_pointer (&self->reporter);
  GST_OBJECT_UNLOCK (self);
  haar_reporter_free (reporter);
  g_clear_pointer (&self->tally, haar_tally_free);
  gst_event_replace (&self->stream_start, NULL);
  gst_event_replace (&self->caps, NULL);
  gst_event_replace (&self->segment_event, NULL);
  GST_OBJECT_LOCK (self);
  workers = g_steal_pointer (&self->workers);
  GST_OBJECT_UNLOCK (self);
  haar_workers_free (workers);
}

static GstStateChangeReturn
gst_haar_face_count_change_state (GstElement *element, GstStateChange transition)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (element);
  GstStateChangeReturn ret;

  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (!start (self))
        return GST_STATE_CHANGE_FAILURE;
      break;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
      haar_reporter_set_running (self->reporter, TRUE);
      break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      haar_reporter_set_running (self->reporter, FALSE);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      leave (self);
      break;
    default:
      break;
  }
  ret = GST_ELEMENT_CLASS (gst_haar_face_count_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret != GST_STATE_CHANGE_FAILURE)
    haar_reporter_begin (self->reporter);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return ret;
}

static gboolean
gst_haar_face_count_src_activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    return gst_pad_start_task (pad, output_loop, self, NULL);
  haar_workers_set_flushing (self->workers, TRUE);
  return gst_pad_stop_task (pad);
}

/* --- pads --- */

static GstPad *
add_pad (GstHaarFaceCount *self, GstPadTemplate *templ, const gchar *name)
{
  GstPad *pad = gst_pad_new_from_template (templ, name);

  if (g_str_equal (name, "video")) {
    gst_pad_set_event_function (pad, gst_haar_face_count_src_event);
    gst_pad_set_query_function (pad, gst_haar_face_count_src_query);
  } else {
    gst_pad_set_event_function (pad, gst_haar_face_count_rate_event);
    gst_pad_set_query_function (pad, gst_haar_face_count_rate_query);
    gst_pad_use_fixed_caps (pad);
  }
  return pad;
}

static GstPad *
gst_haar_face_count_request_new_pad (
    GstElement *element, GstPadTemplate *templ, const gchar *name, const GstCaps *caps)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (element);
  const gchar *which = GST_PAD_TEMPLATE_NAME_TEMPLATE (templ);
  gboolean is_video = g_str_equal (which, "video");
  GstPad **slot = is_video ? &self->video : &self->rate;
  GstPad *pad = add_pad (self, templ, which);

  GST_OBJECT_LOCK (self);
  if (*slot) {
    GST_OBJECT_UNLOCK (self);
    GST_WARNING_OBJECT (self, "there is a pad %s already", which);
    gst_object_unref (pad);
    return NULL;
  }
  *slot = pad;
  if (is_video) {
    self->video_begun = FALSE;
    gst_flow_combiner_add_pad (self->combiner, pad);
  } else {
    self->rate_begun = self->rate_ended = FALSE;
    self->rate_flow = GST_FLOW_OK;
  }
  GST_OBJECT_UNLOCK (self);
  if (GST_STATE (self) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
gst_haar_face_count_release_pad (GstElement *element, GstPad *pad)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (element);

  GST_OBJECT_LOCK (self);
  if (pad == self->video) {
    gst_flow_combiner_remove_pad (self->combiner, pad);
    self->video = NULL;
  } else if (pad == self->rate) {
    self->rate = NULL;
    self->rate_flow = GST_FLOW_OK;
  }
  GST_OBJECT_UNLOCK (self);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
}

static void
gst_haar_face_count_init (GstHaarFaceCount *self)
{
  GstElement *element = GST_ELEMENT (self);

  self->cascade = g_strdup (DEFAULT_CASCADE);
  self->trust_cascade = DEFAULT_TRUST_CASCADE;
  self->params = (HaarParams){DEFAULT_SCALE_FACTOR, DEFAULT_MIN_NEIGHBORS, DEFAULT_MIN_SIZE,
      DEFAULT_MIN_SIZE, DEFAULT_MAX_SIZE, DEFAULT_MAX_SIZE};
  self->min_faces = DEFAULT_MIN_FACES;
  self->n_workers = DEFAULT_WORKERS;
  self->engine = DEFAULT_ENGINE;
  self->report_interval = DEFAULT_REPORT_INTERVAL;
  self->replica = g_strdup (g_get_host_name ());
  self->max_age = DEFAULT_MAX_AGE;
  self->label = g_strdup (DEFAULT_LABEL);
  self->combiner = gst_flow_combiner_new ();

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, gst_haar_face_count_chain);
  gst_pad_set_event_function (self->sinkpad, gst_haar_face_count_sink_event);
  gst_pad_set_query_function (self->sinkpad, gst_haar_face_count_sink_query);
  GST_PAD_SET_ACCEPT_TEMPLATE (self->sinkpad);
  gst_element_add_pad (element, self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, gst_haar_face_count_src_event);
  gst_pad_set_query_function (self->srcpad, gst_haar_face_count_src_query);
  gst_pad_set_activatemode_function (self->srcpad, gst_haar_face_count_src_activate);
  gst_pad_use_fixed_caps (self->srcpad);
  gst_element_add_pad (element, self->srcpad);
  gst_flow_combiner_add_pad (self->combiner, self->srcpad);
}

static void
gst_haar_face_count_finalize (GObject *object)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (object);

  g_free (self->cascade);
  g_free (self->replica);
  g_free (self->label);
  g_free (self->partitions);
  gst_flow_combiner_free (self->combiner);
  G_OBJECT_CLASS (gst_haar_face_count_parent_class)->finalize (object);
}

/* --- properties --- */

/* with the object lock */
static void
take_string (gchar **string, const GValue *value, const gchar *fallback)
{
  g_free (*string);
  *string = g_value_dup_string (value);
  if (!*string)
    *string = g_strdup (fallback);
}

static void
set_report_interval (GstHaarFaceCount *self, GstClockTime interval)
{
  GST_OBJECT_LOCK (self);
  self->report_interval = interval;
  if (self->reporter)
    haar_reporter_set_interval (self->reporter, interval);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_haar_face_count_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (object);

  if (id == PROP_REPORT_INTERVAL) {
    set_report_interval (self, g_value_get_uint64 (value));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_CASCADE:
      take_string (&self->cascade, value, DEFAULT_CASCADE);
      break;
    case PROP_TRUST_CASCADE:
      self->trust_cascade = g_value_get_boolean (value);
      break;
    case PROP_SCALE_FACTOR:
      self->params.scale_factor = g_value_get_double (value);
      break;
    case PROP_MIN_NEIGHBORS:
      self->params.min_neighbors = g_value_get_int (value);
      break;
    case PROP_MIN_SIZE:
      self->params.min_w = self->params.min_h = g_value_get_int (value);
      break;
    case PROP_MAX_SIZE:
      self->params.max_w = self->params.max_h = g_value_get_int (value);
      break;
    case PROP_MIN_FACES:
      self->min_faces = g_value_get_uint (value);
      break;
    case PROP_WORKERS:
      self->n_workers = g_value_get_uint (value);
      break;
    case PROP_ENGINE:
      self->engine = g_value_get_enum (value);
      break;
    case PROP_REPLICA:
      take_string (&self->replica, value, g_get_host_name ());
      break;
    case PROP_MAX_AGE:
      self->max_age = g_value_get_uint64 (value);
      break;
    case PROP_LABEL:
      take_string (&self->label, value, DEFAULT_LABEL);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_haar_face_count_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_CASCADE:
      g_value_set_string (value, self->cascade);
      break;
    case PROP_TRUST_CASCADE:
      g_value_set_boolean (value, self->trust_cascade);
      break;
    case PROP_SCALE_FACTOR:
      g_value_set_double (value, self->params.scale_factor);
      break;
    case PROP_MIN_NEIGHBORS:
      g_value_set_int (value, self->params.min_neighbors);
      break;
    case PROP_MIN_SIZE:
      g_value_set_int (value, self->params.min_w);
      break;
    case PROP_MAX_SIZE:
      g_value_set_int (value, self->params.max_w);
      break;
    case PROP_MIN_FACES:
      g_value_set_uint (value, self->min_faces);
      break;
    case PROP_WORKERS:
      g_value_set_uint (value, self->n_workers);
      break;
    case PROP_ENGINE:
      g_value_set_enum (value, self->engine);
      break;
    case PROP_REPORT_INTERVAL:
      g_value_set_uint64 (value, self->report_interval);
      break;
    case PROP_REPLICA:
      g_value_set_string (value, self->replica);
      break;
    case PROP_MAX_AGE:
      g_value_set_uint64 (value, self->max_age);
      break;
    case PROP_LABEL:
      g_value_set_string (value, self->label);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_haar_face_count_class_init (GstHaarFaceCountClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  object_class->set_property = gst_haar_face_count_set_property;
  object_class->get_property = gst_haar_face_count_get_property;
  object_class->finalize = gst_haar_face_count_finalize;
  element_class->change_state = gst_haar_face_count_change_state;
  element_class->request_new_pad = gst_haar_face_count_request_new_pad;
  element_class->release_pad = gst_haar_face_count_release_pad;

  g_object_class_install_property (object_class, PROP_CASCADE,
      g_param_spec_string ("cascade", "Cascade",
          "What to look for: an XML file, or the name of a cascade that OpenCV installs, such as "
          "frontalface_alt2",
          DEFAULT_CASCADE, ready));
  g_object_class_install_property (object_class, PROP_TRUST_CASCADE,
      g_param_spec_boolean ("trust-cascade", "Trust cascade",
          "Load a cascade that OpenCV doesn't ship into an engine that a damaged one can crash",
          DEFAULT_TRUST_CASCADE, ready));
  g_object_class_install_property (object_class, PROP_SCALE_FACTOR,
      g_param_spec_double ("scale-factor", "Scale factor",
          "From one size of face looked for to the next; nearer to 1 finds more and takes longer",
          1.01, 10, DEFAULT_SCALE_FACTOR, playing));
  g_object_class_install_property (object_class, PROP_MIN_NEIGHBORS,
      g_param_spec_int ("min-neighbors", "Minimum neighbors",
          "Overlapping windows that make a face, less one; more finds fewer faces, and fewer that "
          "are none",
          0, G_MAXINT, DEFAULT_MIN_NEIGHBORS, playing));
  g_object_class_install_property (object_class, PROP_MIN_SIZE,
      g_param_spec_int ("min-size", "Minimum size",
          "Smaller faces aren't looked for (shortest side in pixels; 0: as small as the cascade's "
          "window)",
          0, G_MAXINT, DEFAULT_MIN_SIZE, playing));
  g_object_class_install_property (object_class, PROP_MAX_SIZE,
      g_param_spec_int ("max-size", "Maximum size",
          "Larger faces aren't looked for (longest side in pixels; 0: as large as the picture)", 0,
          G_MAXINT, DEFAULT_MAX_SIZE, playing));
  g_object_class_install_property (object_class, PROP_MIN_FACES,
      g_param_spec_uint ("min-faces", "Minimum faces",
          "A frame with fewer gives no document (0: every frame gives one)", 0, G_MAXUINT,
          DEFAULT_MIN_FACES, playing));
  g_object_class_install_property (object_class, PROP_WORKERS,
      g_param_spec_uint ("workers", "Workers",
          "Frames counted side by side (0: one for each processor that this process may use)", 0,
          MAX_WORKERS, DEFAULT_WORKERS, ready));
  g_object_class_install_property (object_class, PROP_ENGINE,
      g_param_spec_enum ("engine", "Engine", "What evaluates the cascade",
          gst_haar_engine_get_type (), DEFAULT_ENGINE, ready));
  g_object_class_install_property (object_class, PROP_REPORT_INTERVAL,
      g_param_spec_uint64 ("report-interval", "Report interval",
          "Time from one report to the next, unless the assignment changes (ns)", 100 * GST_MSECOND,
          GST_SECOND * 3600, DEFAULT_REPORT_INTERVAL, playing));
  g_object_class_install_property (object_class, PROP_REPLICA,
      g_param_spec_string ("replica", "Replica",
          "The name that reports and documents are signed with (NULL: the host's name)", NULL,
          ready));
  g_object_class_install_property (object_class, PROP_MAX_AGE,
      g_param_spec_uint64 ("max-age", "Maximum age",
          "Frames captured longer ago than this are skipped uncounted (ns; 0: none)", 0, G_MAXINT64,
          DEFAULT_MAX_AGE, playing));
  g_object_class_install_property (object_class, PROP_LABEL,
      g_param_spec_string ("label", "Label",
          "What the cascade finds: the type of the regions of interest on the video pad",
          DEFAULT_LABEL, playing));
  /**
   * haarfacecount:stats:
   *
   * Of the present run, or the last one: frames, faces, events (documents), too-old (frames skipped by
   * max-age), bad-frames (shorter than their caps), failed-frames (that the engine failed on), clock-skew (frames from
   * the future), reports, lag (messages waiting at the source): uint64; busy: double, s at work summed over
   * the workers; workers, waiting (frames in the element): uint; engine: string.
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "frames, faces, events, too-old, bad-frames, failed-frames, clock-skew, reports, busy "
          "(s), workers, waiting, lag, engine",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &rate_template);
  gst_element_class_add_static_pad_template (element_class, &video_template);
  gst_element_class_set_static_metadata (element_class, "Haar cascade face counter",
      "Filter/Analyzer/Video", "Counts faces in video and reports how fast it does",
      "The gst-fog developers");
  gst_type_mark_as_plugin_api (gst_haar_engine_get_type (), 0);
  GST_DEBUG_CATEGORY_INIT (haar_face_count_debug, "haarfacecount", 0, "Haar cascade face counter");
}
