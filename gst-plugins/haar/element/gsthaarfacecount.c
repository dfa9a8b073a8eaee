/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-haarfacecount
 * @title: haarfacecount
 *
 * Counts faces, or whatever else a Haar or LBP cascade describes, in raw video. Only the luma is
 * searched, so grey and planar YUV need no conversion. Several workers count frames side by side;
 * the results come out in the order of the frames.
 *
 * Documents leave by the pad `src`, reports on request by `rate`, and frames on request by `video`.
 * Each of these pads has a thread of its own, and each may be left unlinked.
 *
 * The message that a frame was made from, if it came from Kafka, is done when all that is made from
 * the frame is done. A frame with too few faces, or one older than #GstHaarFaceCount:max-age, is
 * done at once. A frame that can't be counted is skipped: it stays undecided if the engine failed
 * on it.
 *
 * ## Messages
 *
 * An element message `faces` follows each frame with faces:
 *
 * | field | type | meaning |
 * | --- | --- | --- |
 * | faces | uint | the number of faces |
 * | timestamp | uint64 | the frame's PTS, ns |
 * | boxes | array of arrays of int | x, y, width and height of each face, px |
 * | label | string | the property `label` |
 * | camera | string | the frame's header `camera`, if it has one |
 *
 * An element message `haarfacecount-stats` follows each report, with the fields of
 * #GstHaarFaceCount:stats.
 *
 * ## Events and queries
 *
 * A sticky event `GstKafkaAssignment` of kafkasrc, which lists the partitions of this replica,
 * causes a report at once. Before each report a custom query `GstKafkaLag` asks kafkasrc how many
 * messages wait. A DRAIN query waits until all frames have left by both pads. A LATENCY query adds
 * one frame for each worker, and one more. QoS events of the readers go no further: every frame is
 * to be counted.
 *
 * ## Errors
 *
 * At the start: RESOURCE/NOT_FOUND, OPEN_READ, READ, NOT_AUTHORIZED, NO_SPACE_LEFT about the
 * cascade, RESOURCE/SETTINGS about sizes or the engine, RESOURCE/FAILED about threads. In a run:
 * STREAM/FORMAT for caps that can't be counted, and the flow's error if a reader fails after the
 * end of the stream. Warnings: STREAM/FORMAT for a frame that is shorter than its caps say, or that
 * can't be blurred, STREAM/FAILED for one on which the engine failed, RESOURCE/SETTINGS for one
 * that is smaller than min-size; each for the 1st, 2nd, 4th, 8th … frame.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! haarfacecount name=faces min-faces=0 \
 *   ! fakesink dump=true faces.rate ! fakesink
 * ]| Counts the faces of a test picture, which has none, and prints the documents.
 *
 * Since: 0.1
 */
#include "gsthaarinput.h"

#include <math.h>

#include "capacity/haarcpus.h"
#include "fogreport.h"
#include "frames/haarequip.h"
#include "fogluma.h"
#include "gsthaarpads.h"

GST_DEBUG_CATEGORY (gst_haar_face_count_debug);
#define GST_CAT_DEFAULT gst_haar_face_count_debug

enum { PROP_STATS = GST_HAAR_PROP_OTHER };

#define GST_TYPE_HAAR_FACE_COUNT (gst_haar_face_count_get_type ())
G_DECLARE_FINAL_TYPE (GstHaarFaceCount, gst_haar_face_count, GST, HAAR_FACE_COUNT, GstElement)

/* Frames arrive in `input`, go through the workers and leave by `output`; reports leave by `rate`,
 * by themselves. Input calls output and rate, output calls rate, all of them call stats.
 *
 * Threads: that of the sink pad (input), one for each worker (frames/haarjob.c), the tasks of the
 * pads `src` and `video` (output), the reporter (rate), and the application's (properties, states,
 * pads).
 *
 * Locks: the object lock guards `settings`; each part's own lock guards its state. While a thread
 * holds one of them, it pushes nothing and doesn't wait for the workers or the reporter. The order
 * is: the object lock; a part's lock; the lock of the workers, the reporter or a pad. No thread
 * holds two parts' locks together. */
struct _GstHaarFaceCount {
  GstElement element;

  GstHaarSettings settings;
  GstHaarStats stats;
  GstHaarRate rate;
  GstHaarOutput output;
  GstHaarInput input;

  HaarWorkers *workers; /* of a run */
};

/* Takes raw video in system memory, of any size. */
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FOG_LUMA_FORMATS)));
/* Gives one JSON document for each frame with at least min-faces faces. Its key is the camera. */
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (FOG_EVENT_CAPS));
/* Gives a JSON report about the work of each report-interval, and a last one at the end of a
 * stream. A stream that follows begins the reports again. */
static GstStaticPadTemplate rate_template = GST_STATIC_PAD_TEMPLATE (
    "rate", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS (FOG_REPORT_CAPS));
/* Gives the frames, with a GstVideoRegionOfInterestMeta for each face. A frame that wasn't counted,
 * or can't be blurred though #GstHaarFaceCount:blur-faces is set, becomes a gap event. */
static GstStaticPadTemplate video_template = GST_STATIC_PAD_TEMPLATE ("video", GST_PAD_SRC,
    GST_PAD_REQUEST, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FOG_LUMA_FORMATS)));

G_DEFINE_TYPE (GstHaarFaceCount, gst_haar_face_count, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DECLARE (haarfacecount);
GST_ELEMENT_REGISTER_DEFINE (
    haarfacecount, "haarfacecount", GST_RANK_NONE, GST_TYPE_HAAR_FACE_COUNT)

/* --- a run --- */

/* (nullable) (transfer full): a HaarTool for each worker, which the array doesn't own. NULL: an
 * error was posted. */
static GPtrArray *
equip (GstHaarFaceCount *self, const gchar **engine)
{
  static const gchar *const names[] = {[GST_HAAR_ENGINE_AUTO] = "auto",
      [GST_HAAR_ENGINE_NATIVE] = "native",
      [GST_HAAR_ENGINE_OPENCV] = "opencv"};
  g_autofree gchar *cascade = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) refused = g_string_new (NULL);
  HaarEquipment equipment = {.refused = refused};
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
  if (refused->len > 0)
    GST_DEBUG_OBJECT (self, "refused the cascade: %s", refused->str);
  if (tools)
    GST_INFO_OBJECT (self, "%u workers, engine %s, cascade %s", tools->len, *engine, cascade);
  else
    gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_ERROR, error->domain, error->code,
        g_strdup (error->message),
        g_strdup_printf (
            "cascade %s, engine %s, %u workers", cascade, equipment.engine, equipment.n_workers),
        __FILE__, GST_FUNCTION, __LINE__);
  return tools;
}

static HaarTally *
make_tally (GstHaarFaceCount *self, guint n_workers, GstClockTime *interval)
{
  g_autofree gchar *replica = NULL;
  gdouble cpus = haar_cpus_available ();

  GST_OBJECT_LOCK (self);
  replica = g_strdup (self->settings.replica);
  *interval = self->settings.report_interval;
  GST_OBJECT_UNLOCK (self);
  GST_INFO_OBJECT (self, "replica %s, %.2f of %d processors, a report every %" GST_TIME_FORMAT,
      replica, cpus, haar_cpus_of_machine (), GST_TIME_ARGS (*interval));
  return haar_tally_new (replica, n_workers, cpus);
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
  g_autoptr (GstStructure) stats = gst_haar_stats_to_structure (&self->stats);

  GST_INFO_OBJECT (self, "ended: %" GST_PTR_FORMAT, stats);
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
   * | unchanged, partial | uint64 | frames of which all, or a part, was left unsearched |
   * | too-small | uint64 | frames counted although they are smaller than min-size |
   * | too-old | uint64 | frames skipped because of max-age |
   * | bad-frames | uint64 | frames skipped because they are shorter than their caps say |
   * | failed-frames | uint64 | frames skipped because the engine failed on them |
   * | unblurred-frames | uint64 | frames kept back from `video` because they can't be blurred |
   * | clock-skew | uint64 | frames whose capture time lies in the future |
   * | reports | uint64 | reports made |
   * | lag | uint64 | messages waiting at the source |
   * | busy | double | s for which these frames would keep the workers busy, see below |
   * | workers | uint | frames counted side by side |
   * | waiting | uint | frames inside the element |
   * | engine | string | the engine in use |
   * | frame-age | structure | histogram of the time from capture to the end of the count |
   * | process | structure | histogram of the time of a search |
   * | cameras | array of structures | `camera` (string), `frames`, `faces` (uint64) |
   *
   * `busy` is the sum over all workers, and is what a saturated run would take: one in which no
   * worker ever pauses.
   *
   * A histogram is a structure `histogram` with `counts`, an array of uint64 for the upper bounds
   * 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60 s and none, and `sum` (double,
   * s).
   *
   * At most 256 cameras are counted one by one; all others are counted together as `(others)`. A
   * name of over 128 bytes is replaced by its beginning, `~` and 16 digits of its SHA-256.
   *
   * Since: 0.1
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
      "Filter/Analyzer/Video", "Counts faces in video and reports its capacity",
      "The gst-fog authors");
  gst_type_mark_as_plugin_api (GST_TYPE_HAAR_ENGINE, 0);
  GST_DEBUG_CATEGORY_INIT (
      gst_haar_face_count_debug, "haarfacecount", 0, "Haar cascade face counter");
}
