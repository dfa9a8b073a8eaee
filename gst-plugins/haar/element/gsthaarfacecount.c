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
 * #haarfacecount:report-interval (`application/json, schema=fog-report`), and a last one at the end; a stream
 * that follows, flush or none, begins them again. The `video` pad, if requested, passes the frames on, with a
 * #GstVideoRegionOfInterestMeta for each face. Any of them may be left unlinked, and each has a thread of its own.
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
#include <math.h>
#include <string.h>

#include "fogreport.h"
#include "gsthaarinput.h"
#include "gsthaaroutput.h"
#include "gsthaarpads.h"
#include "gsthaarreport.h"
#include "gsthaarshared.h"
#include "capacity/haarcpus.h"
#include "frames/haarequip.h"
#include "frames/haarluma.h"

#define DEFAULT_CASCADE "haarcascade_frontalface_default.xml"
#define DEFAULT_TRUST_CASCADE FALSE
#define DEFAULT_SCALE_FACTOR 1.1
#define DEFAULT_MIN_NEIGHBORS 4
#define DEFAULT_MIN_SIZE 30
#define DEFAULT_MAX_SIZE 0
#define DEFAULT_MIN_FACES 1
#define DEFAULT_WORKERS 0
#define DEFAULT_ENGINE GST_HAAR_ENGINE_AUTO
#define DEFAULT_REPORT_INTERVAL (5 * GST_SECOND)
#define DEFAULT_MAX_AGE 0
#define DEFAULT_RESCAN_INTERVAL 0
#define DEFAULT_LABEL "face"
#define DEFAULT_DRAW_BOXES FALSE
#define MAX_WORKERS 256

GST_DEBUG_CATEGORY (gst_haar_face_count_debug);
#define GST_CAT_DEFAULT gst_haar_face_count_debug

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
  PROP_RESCAN_INTERVAL,
  PROP_LABEL,
  PROP_DRAW_BOXES,
  PROP_STATS,
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
        {GST_HAAR_ENGINE_AUTO, "The fastest that was built in and can evaluate the cascade",
            "auto"},
        {GST_HAAR_ENGINE_NATIVE, "SIMD code of this plugin", "native"},
        {GST_HAAR_ENGINE_OPENCV, "OpenCV's CascadeClassifier", "opencv"},
        {0, NULL, NULL},
    };
    g_once_init_leave (&type, g_enum_register_static ("GstHaarEngine", values));
  }
  return type;
}

/* --- a run --- */

static GPtrArray *
equip (GstHaarFaceCount *self, const gchar **engine)
{
  static const gchar *const names[] = {"auto", "native", "opencv"};
  g_autofree gchar *cascade = NULL;
  g_autoptr (GError) error = NULL;
  HaarEquipment equipment;
  GPtrArray *tools;

  GST_OBJECT_LOCK (self);
  equipment.cascade = cascade = g_strdup (self->cascade);
  equipment.trusted = self->trust_cascade;
  equipment.engine = names[self->engine];
  equipment.n_workers = self->n_workers;
  GST_OBJECT_UNLOCK (self);
  if (equipment.n_workers == 0)
    equipment.n_workers = (guint) CLAMP (ceil (haar_cpus_available ()), 1, MAX_WORKERS);
  tools = haar_equip (&equipment, engine, &error);
  if (tools)
    GST_INFO_OBJECT (self, "%u workers, engine %s, %s", tools->len, *engine, cascade);
  else
    gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_ERROR, error->domain, error->code,
        g_strdup (error->message), NULL, __FILE__, GST_FUNCTION, __LINE__);
  return tools;
}

/* with the object lock */
static void
reset (GstHaarFaceCount *self)
{
  self->flow = self->rate_flow = GST_FLOW_OK;
  self->eos = self->video_begun = self->rate_begun = self->rate_ended = FALSE;
  self->n_partitions = 0;
  self->lag = 0;
  memset (&self->counters, 0, sizeof self->counters);
  haar_totals_clear (self->totals);
  gst_flow_combiner_reset (self->combiner);
}

/* Sizes of which none is left to look for. */
static gboolean
sizes_agree (GstHaarFaceCount *self)
{
  HaarParams params;

  GST_OBJECT_LOCK (self);
  self->agreed = self->refused = params = self->params;
  GST_OBJECT_UNLOCK (self);
  if (haar_params_agree (&params))
    return TRUE;
  GST_ELEMENT_ERROR (
      self, RESOURCE, SETTINGS, (GST_HAAR_NO_SIZE, params.min_w, params.max_w), (NULL));
  return FALSE;
}

/* @tools: (transfer full elements) */
static gboolean
start_threads (GstHaarFaceCount *self, GPtrArray *tools)
{
  static const HaarWorkersClass workers_class = {
      (void (*) (gpointer, gpointer, gboolean)) haar_job_count, (GDestroyNotify) haar_job_free,
      (GDestroyNotify) haar_tool_free};
  g_autoptr (GError) error = NULL;
  HaarWorkers *workers = haar_workers_new (&workers_class, tools, &error);
  HaarReporter *reporter = NULL;

  if (workers)
    reporter = haar_reporter_new (self->report_interval, gst_haar_face_count_report, self, &error);
  if (!reporter) {
    g_clear_pointer (&workers, haar_workers_free);
    GST_ELEMENT_ERROR (self, RESOURCE, FAILED,
        ("%u workers can't be started: %s. Let the process have more threads and memory, or fewer "
         "workers.",
            tools->len, error->message),
        (NULL));
    return FALSE;
  }
  GST_OBJECT_LOCK (self);
  self->workers = workers;
  self->reporter = reporter;
  self->n_running = tools->len;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
start (GstHaarFaceCount *self)
{
  const gchar *engine;
  g_autoptr (GPtrArray) tools = sizes_agree (self) ? equip (self, &engine) : NULL;

  if (!tools || !start_threads (self, tools))
    return FALSE;
  self->have_info = FALSE;
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  GST_OBJECT_LOCK (self);
  reset (self);
  self->engine_name = engine;
  self->tally = haar_tally_new (self->replica, tools->len, haar_cpus_available ());
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

/* Before the pads are closed. */
static void
leave (GstHaarFaceCount *self)
{
  haar_reporter_finish (self->reporter);
  haar_reporter_wait_finished (self->reporter, GST_HAAR_LEAVE_TIMEOUT);
  gst_haar_face_count_stop_output (self, GST_FLOW_FLUSHING);
}

static void
stop (GstHaarFaceCount *self)
{
  HaarReporter *reporter;
  HaarWorkers *workers;

  GST_OBJECT_LOCK (self);
  reporter = g_steal_pointer (&self->reporter);
  workers = g_steal_pointer (&self->workers);
  GST_OBJECT_UNLOCK (self);
  haar_reporter_free (reporter);
  haar_workers_free (workers);
  g_clear_pointer (&self->tally, haar_tally_free);
  gst_event_replace (&self->stream_start, NULL);
  gst_event_replace (&self->caps, NULL);
  gst_event_replace (&self->segment_event, NULL);
  gst_data_queue_flush (self->video_queue);
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

/* --- pads --- */

static GstPad *
make_pad (GstHaarFaceCount *self, GstPadTemplate *templ, const gchar *name)
{
  GstPad *pad = gst_pad_new_from_template (templ, name);

  if (g_str_equal (name, "video")) {
    /* It may be activated before it has a parent. */
    gst_pad_set_element_private (pad, self);
    gst_pad_set_activatemode_function (pad, gst_haar_face_count_video_activate);
    gst_pad_set_event_function (pad, gst_haar_face_count_src_event);
    gst_pad_set_query_function (pad, gst_haar_face_count_src_query);
  } else {
    gst_pad_set_event_function (pad, gst_haar_face_count_rate_event);
    gst_pad_set_query_function (pad, gst_haar_face_count_rate_query);
    gst_pad_use_fixed_caps (pad);
  }
  return pad;
}

/* Only one thread at a time makes or removes a pad of a name. Returns: FALSE if another one has it. */
static gboolean
reserve (GstHaarFaceCount *self, gboolean is_video)
{
  gboolean *taken = is_video ? &self->video_taken : &self->rate_taken;
  gboolean free;

  GST_OBJECT_LOCK (self);
  free = !*taken;
  *taken = TRUE;
  GST_OBJECT_UNLOCK (self);
  return free;
}

static void
unreserve (GstHaarFaceCount *self, gboolean is_video)
{
  GST_OBJECT_LOCK (self);
  *(is_video ? &self->video_taken : &self->rate_taken) = FALSE;
  GST_OBJECT_UNLOCK (self);
}

/* From now on frames or reports leave by it. */
static void
connect_pad (GstHaarFaceCount *self, GstPad *pad, gboolean is_video)
{
  GST_OBJECT_LOCK (self);
  if (is_video) {
    self->video = pad;
    self->video_begun = FALSE;
    gst_flow_combiner_add_pad (self->combiner, pad);
  } else {
    self->rate = pad;
    self->rate_begun = self->rate_ended = FALSE;
    self->rate_flow = GST_FLOW_OK;
  }
  GST_OBJECT_UNLOCK (self);
}

/* Returns: FALSE if it is connected no more. */
static gboolean
disconnect_pad (GstHaarFaceCount *self, GstPad *pad, gboolean is_video)
{
  GstPad **slot = is_video ? &self->video : &self->rate;
  gboolean connected;

  GST_OBJECT_LOCK (self);
  connected = *slot == pad;
  if (connected && is_video)
    gst_flow_combiner_remove_pad (self->combiner, pad);
  else if (connected)
    self->rate_flow = GST_FLOW_OK;
  if (connected)
    *slot = NULL;
  GST_OBJECT_UNLOCK (self);
  return connected;
}

static gboolean
is_video_template (GstPadTemplate *templ)
{
  return g_str_equal (GST_PAD_TEMPLATE_NAME_TEMPLATE (templ), "video");
}

static GstPad *
gst_haar_face_count_request_new_pad (
    GstElement *element, GstPadTemplate *templ, const gchar *name, const GstCaps *caps)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (element);
  gboolean is_video = is_video_template (templ);
  GstPad *pad;

  if (!reserve (self, is_video)) {
    GST_WARNING_OBJECT (self, "there is a pad %s already", GST_PAD_TEMPLATE_NAME_TEMPLATE (templ));
    return NULL;
  }
  pad = make_pad (self, templ, GST_PAD_TEMPLATE_NAME_TEMPLATE (templ));
  /* Before anybody sees it: what a stream begins with would be lost on an inactive one. */
  if (GST_STATE (self) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  connect_pad (self, pad, is_video);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
gst_haar_face_count_release_pad (GstElement *element, GstPad *pad)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (element);
  gboolean is_video = is_video_template (GST_PAD_PAD_TEMPLATE (pad));

  /* Another thread is releasing it. */
  if (!disconnect_pad (self, pad, is_video))
    return;
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  unreserve (self, is_video);
}

static void
gst_haar_face_count_init (GstHaarFaceCount *self)
{
  GstElement *element = GST_ELEMENT (self);

  self->totals = haar_totals_new ();
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
  self->rescan_interval = DEFAULT_RESCAN_INTERVAL;
  self->label = g_strdup (DEFAULT_LABEL);
  self->draw_boxes = DEFAULT_DRAW_BOXES;
  self->combiner = gst_flow_combiner_new ();
  g_cond_init (&self->video_left);
  self->video_queue = gst_haar_face_count_new_video_queue ();

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
  haar_totals_free (self->totals);
  g_free (self->label);
  g_free (self->partitions);
  gst_flow_combiner_free (self->combiner);
  g_object_unref (self->video_queue);
  g_cond_clear (&self->video_left);
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
    case PROP_RESCAN_INTERVAL:
      self->rescan_interval = g_value_get_uint64 (value);
      break;
    case PROP_LABEL:
      take_string (&self->label, value, DEFAULT_LABEL);
      break;
    case PROP_DRAW_BOXES:
      self->draw_boxes = g_value_get_boolean (value);
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
    g_value_take_boxed (value, gst_haar_face_count_make_stats (self));
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
    case PROP_RESCAN_INTERVAL:
      g_value_set_uint64 (value, self->rescan_interval);
      break;
    case PROP_LABEL:
      g_value_set_string (value, self->label);
      break;
    case PROP_DRAW_BOXES:
      g_value_set_boolean (value, self->draw_boxes);
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
          "window); in a picture that is smaller itself nothing is found, which is a warning",
          0, G_MAXINT, DEFAULT_MIN_SIZE, playing));
  g_object_class_install_property (object_class, PROP_MAX_SIZE,
      g_param_spec_int ("max-size", "Maximum size",
          "Larger faces aren't looked for (longest side in pixels; 0: as large as the picture); "
          "if no step of scale-factor lies between both, the step nearest to min-size is used; "
          "one below min-size is an error at the start, and later a warning, while the sizes "
          "before hold",
          0, G_MAXINT, DEFAULT_MAX_SIZE, playing));
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
  g_object_class_install_property (object_class, PROP_RESCAN_INTERVAL,
      g_param_spec_uint64 ("rescan-interval", "Rescan interval",
          "For this long after a frame was searched as a whole, those that follow from the same "
          "camera are searched only where they differ from it: cheaper, nearly as right (ns; 0: "
          "every frame is searched as a whole)",
          0, G_MAXINT64 / 1000, DEFAULT_RESCAN_INTERVAL, playing));
  g_object_class_install_property (object_class, PROP_LABEL,
      g_param_spec_string ("label", "Label",
          "What the cascade finds: the type of the regions of interest on the video pad",
          DEFAULT_LABEL, playing));
  g_object_class_install_property (object_class, PROP_DRAW_BOXES,
      g_param_spec_boolean ("draw-boxes", "Draw boxes",
          "Draw a box round each face into the frames of the video pad", DEFAULT_DRAW_BOXES,
          playing));
  /**
   * GstHaarFaceCount:stats:
   *
   * Numbers of this run, or of the last one, as a structure `haarfacecount-stats`:
   *
   * | field | type | meaning |
   * | --- | --- | --- |
   * | frames, faces, events | uint64 | frames counted, faces found, documents sent |
   * | unchanged, partial | uint64 | frames that rescan-interval left unsearched, or searched in part |
   * | too-small | uint64 | of the frames counted, those smaller than min-size, in which no face is looked for |
   * | too-old | uint64 | frames skipped by max-age |
   * | bad-frames, failed-frames | uint64 | frames shorter than their caps say; frames on which the engine failed |
   * | clock-skew | uint64 | frames captured in the future |
   * | reports | uint64 | reports made |
   * | lag | uint64 | messages waiting at the source |
   * | busy | double | s that these frames would keep the workers at work without pauses, summed over the workers |
   * | workers, waiting | uint | frames counted side by side; frames inside the element |
   * | engine | string | the engine in use |
   * | frame-age, process | structure | histograms of the time from capture to the count, and of the search: `counts` (array of uint64; upper bounds 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60 s, none), `sum` (double, s) |
   * | cameras | array of structures | `camera` (string), `frames`, `faces` (uint64); 256 cameras at most, the others together as `(others)` |
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "What was counted, skipped and reported, and how long it took", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &rate_template);
  gst_element_class_add_static_pad_template (element_class, &video_template);
  gst_element_class_set_static_metadata (element_class, "Haar cascade face counter",
      "Filter/Analyzer/Video", "Counts faces in video and reports how fast it does",
      "The gst-fog developers");
  gst_type_mark_as_plugin_api (gst_haar_engine_get_type (), 0);
  GST_DEBUG_CATEGORY_INIT (
      gst_haar_face_count_debug, "haarfacecount", 0, "Haar cascade face counter");
}
