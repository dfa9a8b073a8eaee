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
#include "gsthaarinput.h"

#include <math.h>

#include "capacity/haarcpus.h"
#include "fogreport.h"
#include "frames/haarequip.h"
#include "frames/haarluma.h"
#include "gsthaarpads.h"

GST_DEBUG_CATEGORY (gst_haar_face_count_debug);
#define GST_CAT_DEFAULT gst_haar_face_count_debug

enum { PROP_STATS = GST_HAAR_PROP_OTHER };

#define GST_TYPE_HAAR_FACE_COUNT (gst_haar_face_count_get_type ())
G_DECLARE_FINAL_TYPE (GstHaarFaceCount, gst_haar_face_count, GST, HAAR_FACE_COUNT, GstElement)

/* Frames arrive in `input`, go through the workers and leave by `output`; reports leave by `rate`, by
 * themselves. Input calls output and rate, output calls rate, all of them call stats; none calls back.
 *
 * Threads: that of the sink pad (input), one each worker (frames/haarjob.c), the tasks of the pads `src`
 * and `video` (output), the reporter (rate), and the application's (properties, states, pads).
 *
 * Locks: the object lock guards `settings`, each part's own lock its state. While one of them is held, no
 * pad pushes and no thread waits for the workers or the reporter. The order is: object lock; a part's
 * lock; the lock of the workers, the reporter or a pad. No two parts' locks are held at once. */
struct _GstHaarFaceCount {
  GstElement element;

  GstHaarSettings settings;
  GstHaarStats stats;
  GstHaarRate rate;
  GstHaarOutput output;
  GstHaarInput input;

  HaarWorkers *workers; /* of a run */
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

/* --- a run --- */

/* (nullable) (transfer full): a HaarTool for each worker, which the array doesn't own. NULL: an error was
 * posted. */
static GPtrArray *
equip (GstHaarFaceCount *self, const gchar **engine)
{
  static const gchar *const names[] = {[GST_HAAR_ENGINE_AUTO] = "auto",
      [GST_HAAR_ENGINE_NATIVE] = "native",
      [GST_HAAR_ENGINE_OPENCV] = "opencv"};
  g_autofree gchar *cascade = NULL;
  g_autoptr (GError) error = NULL;
  HaarEquipment equipment;
  GPtrArray *tools;

  GST_OBJECT_LOCK (self);
  equipment.cascade = cascade = g_strdup (self->settings.cascade);
  equipment.trusted = self->settings.trust_cascade;
  equipment.engine = names[self->settings.engine];
  equipment.n_workers = self->settings.workers;
  GST_OBJECT_UNLOCK (self);
  if (equipment.n_workers == 0)
    equipment.n_workers = (guint) CLAMP (ceil (haar_cpus_available ()), 1, GST_HAAR_MAX_WORKERS);
  tools = haar_equip (&equipment, engine, &error);
  if (tools)
    GST_INFO_OBJECT (self, "%u workers, engine %s, %s", tools->len, *engine, cascade);
  else
    gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_ERROR, error->domain, error->code,
        g_strdup (error->message), NULL, __FILE__, GST_FUNCTION, __LINE__);
  return tools;
}

static HaarTally *
make_tally (GstHaarFaceCount *self, guint n_workers, GstClockTime *interval)
{
  g_autofree gchar *replica = NULL;

  GST_OBJECT_LOCK (self);
  replica = g_strdup (self->settings.replica);
  *interval = self->settings.report_interval;
  GST_OBJECT_UNLOCK (self);
  return haar_tally_new (replica, n_workers, haar_cpus_available ());
}

static gboolean
start_reports (GstHaarFaceCount *self, guint n_workers, GError **error)
{
  GstClockTime interval;
  HaarTally *tally = make_tally (self, n_workers, &interval);

  if (gst_haar_rate_start (&self->rate, interval, tally, error))
    return TRUE;
  haar_tally_free (tally);
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

  self->workers = haar_workers_new (&workers_class, tools, &error);
  if (self->workers && start_reports (self, tools->len, &error))
    return TRUE;
  g_clear_pointer (&self->workers, haar_workers_free);
  GST_ELEMENT_ERROR (self, RESOURCE, FAILED,
      ("%u workers can't be started: %s. Let the process have more threads and memory, or fewer "
       "workers.",
          tools->len, error->message),
      (NULL));
  return FALSE;
}

static gboolean
start (GstHaarFaceCount *self)
{
  const gchar *engine;
  g_autoptr (GPtrArray) tools =
      gst_haar_input_check_sizes (&self->input) ? equip (self, &engine) : NULL;

  if (!tools || !start_threads (self, tools))
    return FALSE;
  gst_haar_stats_begin (&self->stats, engine, self->workers, tools->len);
  gst_haar_output_begin (&self->output, self->workers);
  gst_haar_input_begin (&self->input, self->workers);
  return TRUE;
}

static void
stop (GstHaarFaceCount *self)
{
  gst_haar_rate_stop (&self->rate);
  gst_haar_stats_end (&self->stats);
  haar_workers_free (self->workers);
  gst_haar_output_end (&self->output);
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
      gst_haar_rate_set_playing (&self->rate, TRUE);
      break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      gst_haar_rate_set_playing (&self->rate, FALSE);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      /* The last report leaves while the pads are still open. */
      gst_haar_rate_leave (&self->rate);
      gst_haar_output_stop (&self->output);
      break;
    default:
      break;
  }
  ret = GST_ELEMENT_CLASS (gst_haar_face_count_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret != GST_STATE_CHANGE_FAILURE)
    gst_haar_rate_begin (&self->rate);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return ret;
}

/* --- pads --- */

static gboolean
is_video (GstPadTemplate *templ)
{
  return g_str_equal (GST_PAD_TEMPLATE_NAME_TEMPLATE (templ), "video");
}

static GstPad *
gst_haar_face_count_request_new_pad (
    GstElement *element, GstPadTemplate *templ, const gchar *name, const GstCaps *caps)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (element);
  GstPad *pad = is_video (templ) ? gst_haar_video_request_pad (&self->output.video, templ)
                                 : gst_haar_rate_request_pad (&self->rate, templ);

  if (!pad)
    GST_WARNING_OBJECT (self, "there is a pad %s already", GST_PAD_TEMPLATE_NAME_TEMPLATE (templ));
  return pad;
}

static void
gst_haar_face_count_release_pad (GstElement *element, GstPad *pad)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (element);

  if (is_video (GST_PAD_PAD_TEMPLATE (pad)))
    gst_haar_video_release_pad (&self->output.video, pad);
  else
    gst_haar_rate_release_pad (&self->rate, pad);
}

/* --- life --- */

static void
gst_haar_face_count_init (GstHaarFaceCount *self)
{
  GstElement *element = GST_ELEMENT (self);
  GstPad *sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  GstPad *srcpad = gst_pad_new_from_static_template (&src_template, "src");

  gst_haar_settings_init (&self->settings);
  gst_haar_stats_init (&self->stats, element);
  gst_haar_rate_init (&self->rate, element, sinkpad, &self->stats);
  gst_haar_output_init (
      &self->output, element, srcpad, sinkpad, &self->settings, &self->stats, &self->rate);
  gst_haar_input_init (&self->input, element, sinkpad, &self->settings, &self->output, &self->rate);
  gst_element_add_pad (element, sinkpad);
  gst_element_add_pad (element, srcpad);
}

static void
gst_haar_face_count_finalize (GObject *object)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (object);

  gst_haar_output_clear (&self->output);
  gst_haar_rate_clear (&self->rate);
  gst_haar_stats_clear (&self->stats);
  gst_haar_settings_clear (&self->settings);
  G_OBJECT_CLASS (gst_haar_face_count_parent_class)->finalize (object);
}

/* --- properties --- */

static void
gst_haar_face_count_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (object);

  if (!gst_haar_settings_set_property (&self->settings, object, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  else if (id == GST_HAAR_PROP_REPORT_INTERVAL)
    gst_haar_rate_set_interval (&self->rate, g_value_get_uint64 (value));
}

static void
gst_haar_face_count_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (object);

  if (id == PROP_STATS)
    g_value_take_boxed (value, gst_haar_stats_to_structure (&self->stats));
  else if (!gst_haar_settings_get_property (&self->settings, object, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_haar_face_count_class_init (GstHaarFaceCountClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_haar_face_count_set_property;
  object_class->get_property = gst_haar_face_count_get_property;
  object_class->finalize = gst_haar_face_count_finalize;
  element_class->change_state = gst_haar_face_count_change_state;
  element_class->request_new_pad = gst_haar_face_count_request_new_pad;
  element_class->release_pad = gst_haar_face_count_release_pad;

  gst_haar_settings_install_properties (object_class);
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
  gst_type_mark_as_plugin_api (GST_TYPE_HAAR_ENGINE, 0);
  GST_DEBUG_CATEGORY_INIT (
      gst_haar_face_count_debug, "haarfacecount", 0, "Haar cascade face counter");
}
