/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-haarfacecount
 * @title: haarfacecount
 *
 * The element counts faces, or other objects that a Haar or LBP cascade describes, in raw video.
 * Only the luma is searched, so grey and planar YUV need no conversion. Several workers count
 * frames side by side; the results come out in the order of the frames.
 *
 * With #GstHaarFaceCount:engine `none` the element searches nothing, but counts the regions of
 * interest that an element before it attached, for example one of Intel's DL Streamer
 * (#GstVideoRegionOfInterestMeta), or the detections of GStreamer's analytics (#GstAnalyticsODMtd).
 *
 * Documents leave by the pad `src`, reports on request by `rate`, and frames on request by `video`.
 * Each of the pads `src`, `rate` and `video` has a thread of its own, and each may be left
 * unlinked.
 *
 * If a frame was made from a Kafka message, this message is done when all buffers that the element
 * makes from the frame are done. The message of a frame with too few faces, or of a frame older
 * than #GstHaarFaceCount:max-age, is done at once. A frame that can't be counted is skipped; if the
 * engine failed on the frame, its message isn't marked as done.
 *
 * ## Messages
 *
 * An element message `faces` follows each frame with faces:
 *
 * | field | type | meaning |
 * | --- | --- | --- |
 * | faces | uint | the number of faces |
 * | timestamp | uint64 | the frame's PTS, ns |
 * | boxes | the boxes: an array of arrays of int | x, y, width and height of each face, px |
 * | scores | array of double | the score of each box, 0 to 1; NAN: unknown |
 * | labels | array of string | the label of each box, if #GstHaarFaceCount:engine is `none` |
 * | label | string | the property `label` |
 * | camera | string | the frame's header `camera`, if it has one |
 * | zones | array of structures | `zone` (string), `faces` (uint), if the camera has zones |
 *
 * An element message `haarfacecount-stats` follows each report, with the fields of
 * #GstHaarFaceCount:stats.
 *
 * ## Events and queries
 *
 * A sticky event `GstKafkaAssignment` of kafkasrc, which lists the partitions of this replica,
 * causes a report at once. Before each report a custom query `GstKafkaLag` asks kafkasrc how many
 * messages wait. A DRAIN query waits until all frames have left by the pads `src` and `video`. To a
 * LATENCY query, the element adds the duration of one frame for each worker, and of one more frame.
 * QoS events from downstream aren't forwarded, because every frame has to be counted.
 *
 * ## Errors
 *
 * Errors at the start are RESOURCE/NOT_FOUND, OPEN_READ, READ, NOT_AUTHORIZED, NO_SPACE_LEFT about
 * the cascade, RESOURCE/SETTINGS about sizes or the engine, RESOURCE/FAILED about threads. Errors
 * while playing are STREAM/FORMAT for caps whose frames can't be counted, and a flow error if an
 * element behind a pad fails after the end of the stream. Warnings are STREAM/FORMAT for a frame
 * that is shorter than its caps say, or that can't be blurred, STREAM/FAILED for a frame on which
 * the engine failed, and RESOURCE/SETTINGS for a frame that is smaller than min-size; each warning
 * is posted for the 1st, 2nd, 4th, 8th … such frame.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! haarfacecount name=faces min-faces=0 \ ! fakesink
 * dump=true faces.rate ! fakesink ]| This command counts the faces of a test picture, which has
 * none, and prints the documents.
 *
 * Since: 0.1
 */
#include "capacity/haarcpus.h"
#include "engine/haarload.h"
#include "fogfield.h"
#include "pictures/fogluma.h"
#include "fogreport.h"
#include "gsthaarinput.h"
#include "gsthaarpads.h"
#include "gsthaarsettings.h"
#include "frames/haartools.h"

#include <gio/gio.h>
#include <gst/gst.h>
#include <math.h>
#include <string.h>

GST_DEBUG_CATEGORY (gst_haar_face_count_debug);
#define GST_CAT_DEFAULT gst_haar_face_count_debug

#define GST_TYPE_HAAR_FACE_COUNT (gst_haar_face_count_get_type ())
G_DECLARE_FINAL_TYPE (GstHaarFaceCount, gst_haar_face_count, GST, HAAR_FACE_COUNT, GstElement)

/* Frames arrive in `input`, go through the workers and leave by `output`; reports leave by `rate`,
 * independently of the frames. Calls between the parts: `input` calls `output` and `rate`, `output`
 * calls `rate`, all of them call `stats`.
 *
 * The threads are the streaming thread of the sink pad (input), one thread for each worker
 * (frames/haarjob.c), the tasks of the pads `src` and `video` (output), the reporter's thread
 * (rate), and the application's threads (properties, states, pads).
 *
 * Locks: the object lock guards `settings`; each part's own lock guards its state. While a thread
 * holds one of these locks, it pushes nothing and doesn't wait for the workers or the reporter. The
 * lock order is: the object lock; the lock of a part (such as `input`); the lock of the workers,
 * the reporter or a pad. No thread holds the locks of two parts together. */
struct _GstHaarFaceCount {
  GstElement element;

  GstHaarSettings settings;
  GstHaarStats stats;
  GstHaarRate rate;
  GstHaarOutput output;
  GstHaarInput input;

  HaarWorkers *workers; /* the workers of this run; NULL between runs */
};

/**
 * GstHaarFaceCount!sink:
 *
 * The pad takes raw video in system memory, of any size and of every format that has a luma. Caps
 * of a format whose frames can't be counted, and a frame without caps, cause the error
 * STREAM/FORMAT.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FOG_LUMA_FORMATS)));
/**
 * GstHaarFaceCount!src:
 *
 * The pad pushes one JSON document for each frame with at least #GstHaarFaceCount:min-faces faces
 * (gst-plugins/README.md, "Messages"). The document's Kafka key is the name of the camera. For a
 * frame without a document, the pad pushes a gap event.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (FOG_EVENT_CAPS));
/**
 * GstHaarFaceCount!rate:
 *
 * The pad pushes a JSON report about the work of each #GstHaarFaceCount:report-interval, and a last
 * one at the end of a stream. After the end of a stream, reports begin again with the next stream.
 * The element has at most one pad `rate`.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate rate_template = GST_STATIC_PAD_TEMPLATE (
    "rate", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS (FOG_REPORT_CAPS));
/**
 * GstHaarFaceCount!video:
 *
 * The pad pushes the frames, with a GstVideoRegionOfInterestMeta for each face; its structure
 * `detection` has the score as the double `confidence`. A frame that wasn't counted, or can't be
 * blurred though #GstHaarFaceCount:blur-faces is set, becomes a gap event. The element has at most
 * one pad `video`.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate video_template = GST_STATIC_PAD_TEMPLATE ("video", GST_PAD_SRC,
    GST_PAD_REQUEST, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FOG_LUMA_FORMATS)));

G_DEFINE_TYPE (GstHaarFaceCount, gst_haar_face_count, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DECLARE (haarfacecount);
GST_ELEMENT_REGISTER_DEFINE (
    haarfacecount, "haarfacecount", GST_RANK_NONE, GST_TYPE_HAAR_FACE_COUNT)

/* --- settings --- */

#define DEFAULT_CASCADE HAAR_DEFAULT_CASCADE
#define DEFAULT_TRUST_CASCADE FALSE
#define DEFAULT_SCALE_FACTOR 1.1
#define DEFAULT_MIN_NEIGHBORS 4
#define DEFAULT_MIN_SCORE 0
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
#define DEFAULT_BLUR_FACES FALSE

enum {
  PROP_REPORT_INTERVAL = 1,
  PROP_CASCADE,
  PROP_TRUST_CASCADE,
  PROP_SCALE_FACTOR,
  PROP_MIN_NEIGHBORS,
  PROP_MIN_SCORE,
  PROP_MIN_SIZE,
  PROP_MAX_SIZE,
  PROP_MIN_FACES,
  PROP_WORKERS,
  PROP_ENGINE,
  PROP_REPLICA,
  PROP_MAX_AGE,
  PROP_RESCAN_INTERVAL,
  PROP_LABEL,
  PROP_DRAW_BOXES,
  PROP_BLUR_FACES,
  PROP_ZONES,
  PROP_ZONES_FILE,
  PROP_STATS,
};

#define FIELD(id, name) FOG_FIELD (id, GstHaarSettings, name)

static const FogField fields[] = {
    FIELD (PROP_REPORT_INTERVAL, report_interval),
    FIELD (PROP_CASCADE, cascade),
    FIELD (PROP_TRUST_CASCADE, trust_cascade),
    FIELD (PROP_SCALE_FACTOR, scale_factor),
    FIELD (PROP_MIN_NEIGHBORS, min_neighbors),
    FIELD (PROP_MIN_SCORE, min_score),
    FIELD (PROP_MIN_SIZE, min_size),
    FIELD (PROP_MAX_SIZE, max_size),
    FIELD (PROP_MIN_FACES, min_faces),
    FIELD (PROP_WORKERS, workers),
    FIELD (PROP_ENGINE, engine),
    FIELD (PROP_REPLICA, replica),
    FIELD (PROP_MAX_AGE, max_age),
    FIELD (PROP_RESCAN_INTERVAL, rescan_interval),
    FIELD (PROP_LABEL, label),
    FIELD (PROP_DRAW_BOXES, draw_boxes),
    FIELD (PROP_BLUR_FACES, blur_faces),
    FIELD (PROP_ZONES, zones),
    FIELD (PROP_ZONES_FILE, zones_file),
    {0},
};

/* A FogField demands it. */
G_STATIC_ASSERT (sizeof (GstHaarEngine) == sizeof (gint));

#define GST_TYPE_HAAR_ENGINE (gst_haar_engine_get_type ())

static GType
gst_haar_engine_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    static const GEnumValue values[] = {
        {GST_HAAR_ENGINE_AUTO, "The fastest engine that can evaluate the cascade", "auto"},
        {GST_HAAR_ENGINE_NATIVE, "This plugin's own SIMD code", "native"},
        {GST_HAAR_ENGINE_OPENCV, "OpenCV's CascadeClassifier", "opencv"},
        {GST_HAAR_ENGINE_NONE, "None: counts regions that an element before it found", "none"},
        {0, NULL, NULL},
    };
    g_once_init_leave (&type, g_enum_register_static ("GstHaarEngine", values));
  }
  return type;
}

/* Sets a text property that is NULL to its default. */
static void
fill_in (gchar **text, const gchar *fallback)
{
  if (!*text)
    *text = g_strdup (fallback);
}

static void
empty_is_none (gchar **text)
{
  if (*text && !**text)
    g_clear_pointer (text, g_free);
}

static void
fill_in_texts (GstHaarSettings *self)
{
  fill_in (&self->cascade, DEFAULT_CASCADE);
  fill_in (&self->replica, g_get_host_name ());
  fill_in (&self->label, DEFAULT_LABEL);
  empty_is_none (&self->zones);
  empty_is_none (&self->zones_file);
}

static void
settings_init (GstHaarSettings *self)
{
  memset (self, 0, sizeof *self);
  self->trust_cascade = DEFAULT_TRUST_CASCADE;
  self->scale_factor = DEFAULT_SCALE_FACTOR;
  self->min_neighbors = DEFAULT_MIN_NEIGHBORS;
  self->min_score = DEFAULT_MIN_SCORE;
  self->min_size = DEFAULT_MIN_SIZE;
  self->max_size = DEFAULT_MAX_SIZE;
  self->min_faces = DEFAULT_MIN_FACES;
  self->workers = DEFAULT_WORKERS;
  self->engine = DEFAULT_ENGINE;
  self->report_interval = DEFAULT_REPORT_INTERVAL;
  self->max_age = DEFAULT_MAX_AGE;
  self->rescan_interval = DEFAULT_RESCAN_INTERVAL;
  self->draw_boxes = DEFAULT_DRAW_BOXES;
  self->blur_faces = DEFAULT_BLUR_FACES;
  fill_in_texts (self);
}

static void
settings_clear (GstHaarSettings *self)
{
  g_clear_pointer (&self->cascade, g_free);
  g_clear_pointer (&self->replica, g_free);
  g_clear_pointer (&self->label, g_free);
  g_clear_pointer (&self->zones, g_free);
  g_clear_pointer (&self->zones_file, g_free);
}

static void
install_search_properties (GObjectClass *klass, GParamFlags ready, GParamFlags playing)
{
  /**
   * GstHaarFaceCount:cascade:
   *
   * What to search for. A name without a `/` is searched for in the folders where OpenCV's data is
   * installed; `haarcascade_`, `lbpcascade_` and `.xml` may be left out. The default finds frontal
   * faces: of the cascades that OpenCV ships, its counts are the most accurate
   * (cascades/README.md). If the cascade can't be loaded, the errors at the start are
   * RESOURCE/NOT_FOUND, OPEN_READ, READ, NOT_AUTHORIZED, NO_SPACE_LEFT.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CASCADE,
      g_param_spec_string ("cascade", "Cascade",
          "What to search for: an XML file, or the name of a cascade that OpenCV installs, such as "
          "frontalface_alt2",
          DEFAULT_CASCADE, ready));
  /**
   * GstHaarFaceCount:trust-cascade:
   *
   * Lets the engine `opencv` load a cascade that OpenCV doesn't ship. The property is off by
   * default, because a damaged file can crash OpenCV's loader; with such a cascade the start then
   * fails with RESOURCE/NOT_AUTHORIZED. The engine `native` checks every file and ignores this
   * property.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_TRUST_CASCADE,
      g_param_spec_boolean ("trust-cascade", "Trust cascade",
          "Let the engine opencv, which a damaged cascade can crash, load cascades of unknown "
          "origin",
          DEFAULT_TRUST_CASCADE, ready));
  /**
   * GstHaarFaceCount:engine:
   *
   * The code that evaluates the cascade. All engines find the same faces. With `auto` the next
   * engine is tried if one can't evaluate the cascade; the field `engine` of
   * #GstHaarFaceCount:stats names the engine in use. An engine that this build doesn't have causes
   * the error RESOURCE/SETTINGS at the start.
   *
   * The engine `none` is for other projects' detectors: it counts the regions of interest that an
   * element before this one attached to the frame, those of #GstHaarFaceCount:label, or all if the
   * label is empty. If a frame has no region of interest that counts, `none` counts the detections
   * of GStreamer's analytics, where this plugin was built with GStreamer 1.24 or later. The
   * confidence of a region (the double `confidence` of its structure `detection`, or that of
   * analytics) is its score; a region without a confidence has no score, and
   * #GstHaarFaceCount:min-score doesn't apply to it. With `none`, the properties cascade, sizes,
   * scale-factor, min-neighbors, rescan-interval and workers have no effect. With `none`,
   * documents, reports and messages are as with the other engines, and each box has its label. With
   * `none`, the time that a frame took in the elements between a live source and this element
   * counts as this replica's work, so reports state the capacity of these elements.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_ENGINE,
      g_param_spec_enum ("engine", "Engine", "The code that evaluates the cascade",
          GST_TYPE_HAAR_ENGINE, DEFAULT_ENGINE, ready));
  /**
   * GstHaarFaceCount:scale-factor:
   *
   * The ratio of one size of face that is searched for to the next smaller one. A smaller factor
   * means that more sizes are searched for. The default, 1.1, was chosen by measurement: a search
   * with 1.05 takes twice the time, and a search with 1.2 takes half the time and misses 3 to 6 %
   * of the faces (cascades/README.md).
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SCALE_FACTOR,
      g_param_spec_double ("scale-factor", "Scale factor",
          "Ratio of one size of face to the next; nearer to 1 finds more faces and takes longer",
          1.01, 10, DEFAULT_SCALE_FACTOR, playing));
  /**
   * GstHaarFaceCount:min-neighbors:
   *
   * The number of overlapping detections required for a face, minus one. The default, 4, was chosen
   * by measurement: with it, the number of missed faces equals the number of boxes without a face
   * (cascades/README.md). With a min-neighbors of 0, each detection is a face. The property
   * #GstHaarFaceCount:min-score distinguishes faces from other objects better than min-neighbors.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MIN_NEIGHBORS,
      g_param_spec_int ("min-neighbors", "Minimum neighbors",
          "Overlapping detections required for a face, minus one; a larger number finds fewer "
          "faces, "
          "and makes fewer errors",
          0, G_MAXINT, DEFAULT_MIN_NEIGHBORS, playing));
  /**
   * GstHaarFaceCount:min-score:
   *
   * The lowest score with which a box counts; `low-scores` in #GstHaarFaceCount:stats is the number
   * of boxes with a lower score. A score says how sure a box is, from 0 to 1: it is about the
   * fraction of the boxes with this score that are faces, measured with the cascades of frontal
   * faces. The score grows with the number of overlapping detections, and with the margins by which
   * they passed the cascade's stages; the engine `opencv` knows only the number of detections. By
   * default, 0, all boxes count that have the detections of #GstHaarFaceCount:min-neighbors, as in
   * OpenCV. A min-score of 0.5 with a min-neighbors of 1 finds as many faces as the defaults, and
   * fewer boxes without a face (cascades/README.md).
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MIN_SCORE,
      g_param_spec_double ("min-score", "Minimum score",
          "Boxes with a lower score, which says from 0 to 1 how sure a box is, aren't counted", 0,
          1, DEFAULT_MIN_SCORE, playing));
  /**
   * GstHaarFaceCount:min-size:
   *
   * The smallest face that is searched for, by its shortest side in pixels. 0 means the size of the
   * cascade's window, which is 20 to 24 px for faces. The search for the smallest faces takes most
   * of the time; the default, 30 px, was chosen for pictures of 640x480. In a frame smaller than
   * min-size no face is found: the 1st, 2nd, 4th, 8th … such frame causes a warning
   * RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MIN_SIZE,
      g_param_spec_int ("min-size", "Minimum size",
          "Shortest side, in pixels, of the smallest face that is searched for (0: the cascade's "
          "window); a frame that is smaller itself has no faces, and causes a warning",
          0, G_MAXINT, DEFAULT_MIN_SIZE, playing));
  /**
   * GstHaarFaceCount:max-size:
   *
   * The largest face that is searched for, by its longest side in pixels. The default, 0, means the
   * frame's size. If no step of #GstHaarFaceCount:scale-factor lies between min-size and max-size,
   * the step nearest to min-size is used, as in OpenCV. A max-size below min-size is an error
   * RESOURCE/SETTINGS at the start; while playing it is a warning, and the previous sizes stay in
   * force.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MAX_SIZE,
      g_param_spec_int ("max-size", "Maximum size",
          "Longest side, in pixels, of the largest face that is searched for (0: the frame's "
          "size); "
          "if no step of scale-factor lies between both sizes, the step nearest to min-size is "
          "used",
          0, G_MAXINT, DEFAULT_MAX_SIZE, playing));
  /**
   * GstHaarFaceCount:rescan-interval:
   *
   * The time, in ns, for which a search of a whole frame is valid. While the search is valid,
   * frames of the same camera are searched only where they differ from the picture that was
   * searched last. Searching only the differences saves time in still scenes, and misses a face now
   * and then (cascades/README.md), so the default is 0: each frame is searched as a whole.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_RESCAN_INTERVAL,
      g_param_spec_uint64 ("rescan-interval", "Rescan interval",
          "How long a search of a whole frame is valid: until then frames of the same camera are "
          "searched only where they differ (ns; 0: each frame is searched as a whole)",
          0, G_MAXINT64 / 1000, DEFAULT_RESCAN_INTERVAL, playing));
}

static void
install_zone_properties (GObjectClass *klass, GParamFlags playing)
{
  /**
   * GstHaarFaceCount:zones:
   *
   * Where faces count, as JSON: for each camera polygons with names, in which faces count (zones),
   * and polygons in which nothing is searched (masks), with points from 0, 0 (upper left) to 1, 1.
   * The camera name `*` stands for all cameras that the JSON doesn't name.
   *
   * |[
   * {"cam-1":{"zones":{"door":[[0,0.2],[0.4,0.2],[0.4,1],[0,1]]},
   *           "masks":[[[0.8,0],[1,0],[1,0.3]]]}}
   * ]|
   *
   * A face is in a zone if the middle of its box is in the zone. For a camera with zones, a face
   * outside of all zones doesn't count; `outside-zones` in #GstHaarFaceCount:stats is the number of
   * these faces. Documents say how many faces are in each zone, and in which zones each face is.
   * Masks make the search faster, because their area isn't searched; zones at the picture's edge
   * make the search faster too, and so do any zones with a #GstHaarFaceCount:max-size, because only
   * faces whose middle can lie in a zone are searched for.
   *
   * Invalid JSON is an error RESOURCE/SETTINGS at the start, which names the place in the text and
   * the reason; while playing it is a warning, and the previous zones stay in force. With NULL, the
   * default, faces count everywhere.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_ZONES,
      g_param_spec_string ("zones", "Zones",
          "Where faces count, as JSON: {\"CAMERA\":{\"zones\":{\"NAME\":[[x,y],…]},"
          "\"masks\":[[[x,y],…]]}}, with x and y from 0 to 1; CAMERA may be * for all others",
          NULL, playing));
  /**
   * GstHaarFaceCount:zones-file:
   *
   * A file with JSON as in #GstHaarFaceCount:zones. While frames come, the file is checked once a
   * second, and read again if it has changed. Errors at the start are RESOURCE/NOT_FOUND and
   * OPEN_READ about the file, and RESOURCE/SETTINGS about its content, or if
   * #GstHaarFaceCount:zones is set too. While playing, these errors are only warnings, and the
   * previous zones stay in force. If the file is removed, one warning is posted, when two checks in
   * a row have failed.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_ZONES_FILE,
      g_param_spec_string ("zones-file", "Zones file",
          "File with the JSON of the property zones; it is read again when it changes", NULL,
          playing));
}

static void
install_output_properties (GObjectClass *klass, GParamFlags ready, GParamFlags playing)
{
  /**
   * GstHaarFaceCount:min-faces:
   *
   * The smallest number of faces for which a frame makes a document; with 0, each frame makes a
   * document. With the default, 1, frames without faces cost nothing downstream.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MIN_FACES,
      g_param_spec_uint ("min-faces", "Minimum faces",
          "Smallest number of faces for which a frame makes a document (0: each frame makes one)",
          0, G_MAXUINT, DEFAULT_MIN_FACES, playing));
  /**
   * GstHaarFaceCount:max-age:
   *
   * The largest age of a frame, in ns: frames that were captured longer ago are skipped and counted
   * as `too-old`. The Kafka messages of skipped frames are done. With the default, 0, no frame is
   * skipped for its age. The clocks of the camera and of this machine have to agree (NTP).
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MAX_AGE,
      g_param_spec_uint64 ("max-age", "Maximum age",
          "Frames captured longer ago than this are skipped (ns; 0: none)", 0, G_MAXINT64,
          DEFAULT_MAX_AGE, playing));
  /**
   * GstHaarFaceCount:label:
   *
   * The name of the objects that the cascade finds. The label is the type of the regions of
   * interest on the pad `video`, and the field `label` of the message `faces`. NULL is the default.
   * With #GstHaarFaceCount:engine `none` only regions whose type is the label count, or all regions
   * if the label is empty. An info message STREAM/FAILED is posted once a run, if the first regions
   * that it gets have other types.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_LABEL,
      g_param_spec_string ("label", "Label",
          "Name of the objects that the cascade finds: the type of the regions of interest on the "
          "pad video; with engine=none, the type of the regions that are counted (empty: all)",
          DEFAULT_LABEL, playing));
  /**
   * GstHaarFaceCount:draw-boxes:
   *
   * Draws a box round each face into the frames of the pad `video`; boxes are green, or white in
   * grey frames. The property is off by default, because drawing may have to copy a frame's memory.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_DRAW_BOXES,
      g_param_spec_boolean ("draw-boxes", "Draw boxes",
          "Draw a box round each face into the frames of the pad video", DEFAULT_DRAW_BOXES,
          playing));
  /**
   * GstHaarFaceCount:blur-faces:
   *
   * Makes the faces that were found unrecognisable in the frames of the pad `video`: each box, and
   * a fifth of its size on each side, becomes squares of their mean colours, at most five along the
   * box's longer side. Alpha is blurred too. The squares lie on a fixed grid, so many frames of a
   * face that hardly moves reveal no more of the face than one frame. With
   * #GstHaarFaceCount:draw-boxes, boxes are drawn after the blur.
   *
   * Only faces that were found are blurred: a frame smaller than #GstHaarFaceCount:min-size, or a
   * face that the cascade missed, stays as it is. A frame that was skipped (too old, bad, or
   * failed) isn't pushed by the pad `video`; a gap event takes its place. A gap event also takes
   * the place of a frame that can't be blurred, because a part of the frame's memory is missing or
   * can't be written. A frame that can't be blurred is counted as `unblurred-frames` in
   * #GstHaarFaceCount:stats, and the 1st, 2nd, 4th, 8th … such frame causes a warning
   * STREAM/FORMAT.
   *
   * The property is off by default, because blurring may have to copy a frame's memory. Frames that
   * other elements hold aren't changed. If the property is set while playing, up to two frames that
   * already wait at the pad `video` stay unblurred.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_BLUR_FACES,
      g_param_spec_boolean ("blur-faces", "Blur faces",
          "Make the faces that were found unrecognisable in the frames of the pad video; boxes are "
          "drawn after the blur",
          DEFAULT_BLUR_FACES, playing));
  /**
   * GstHaarFaceCount:replica:
   *
   * The name of this replica in reports and documents. The name has to be unique among all
   * replicas.
   * NULL, the default, is the host's name, which is unique among the pods of Kubernetes.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_REPLICA,
      g_param_spec_string ("replica", "Replica",
          "Name of this replica in reports and documents (NULL: the host's name)", NULL, ready));
}

static void
settings_install_properties (GObjectClass *klass)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  install_search_properties (klass, ready, playing);
  install_output_properties (klass, ready, playing);
  install_zone_properties (klass, playing);
  /**
   * GstHaarFaceCount:workers:
   *
   * The number of frames that are counted side by side, each by a thread of its own. 0, the
   * default, means one worker for each processor that affinity and CPU quota leave to this process.
   * If the workers' threads can't be started, the start of the element fails with RESOURCE/FAILED.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_WORKERS,
      g_param_spec_uint ("workers", "Workers",
          "Number of frames counted in parallel (0: one for each processor that this process may "
          "use)",
          0, GST_HAAR_MAX_WORKERS, DEFAULT_WORKERS, ready));
  /**
   * GstHaarFaceCount:report-interval:
   *
   * The time from one report to the next, in ns. A new assignment of partitions is reported at
   * once. The default, 5 s, causes hardly any traffic; with reports every second `feedbackrate`
   * follows changes faster.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_REPORT_INTERVAL,
      g_param_spec_uint64 ("report-interval", "Report interval",
          "Time from one report to the next (ns); a new assignment is reported at once",
          100 * GST_MSECOND, GST_SECOND * 3600, DEFAULT_REPORT_INTERVAL, playing));
}

/* --- a run --- */

/* Returns: (nullable) (transfer full): a HaarTool for each worker, which freeing the array doesn't
 * free; NULL after posting an error. */
static GPtrArray *
equip (GstHaarFaceCount *self, const gchar **engine)
{
  static const gchar *const names[] = {[GST_HAAR_ENGINE_AUTO] = "auto",
      [GST_HAAR_ENGINE_NATIVE] = "native",
      [GST_HAAR_ENGINE_OPENCV] = "opencv",
      [GST_HAAR_ENGINE_NONE] = "none"};
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
  tools = haar_tools_new (&equipment, engine, &error);
  if (refused->len > 0)
    GST_DEBUG_OBJECT (self, "refused the cascade: %s", refused->str);
  if (g_str_equal (equipment.engine, "none"))
    GST_INFO_OBJECT (self, "counts the regions that an element before it found");
  else if (tools)
    GST_INFO_OBJECT (self, "%u workers, engine %s, cascade %s", tools->len, *engine, cascade);
  else
    gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_ERROR, error->domain, error->code,
        g_strdup (error->message),
        g_strdup_printf (
            "cascade %s, engine %s, %u workers", cascade, equipment.engine, equipment.n_workers),
        __FILE__, GST_FUNCTION, __LINE__);
  return tools;
}

static void
log_settings (GstHaarFaceCount *self)
{
  const GstHaarSettings *s = &self->settings;

  GST_OBJECT_LOCK (self);
  GST_INFO_OBJECT (self,
      "events from %u faces on; max-age %" GST_TIME_FORMAT ", rescan-interval %" GST_TIME_FORMAT
      " (0: unused); label %s, boxes %s, blur %s",
      s->min_faces, GST_TIME_ARGS (s->max_age), GST_TIME_ARGS (s->rescan_interval), s->label,
      s->draw_boxes ? "drawn" : "not drawn", s->blur_faces ? "on" : "off");
  GST_OBJECT_UNLOCK (self);
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
  log_settings (self);
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
  const gchar *engine = NULL;
  g_autoptr (GPtrArray) tools = NULL;

  if (gst_haar_input_check_settings (&self->input))
    tools = equip (self, &engine);
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
  gst_haar_input_end (&self->input);
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
      /* The run's last report is made here, because the pads are still active. */
      gst_haar_rate_leave (&self->rate);
      gst_haar_input_end (&self->input);
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

  if (pad)
    GST_INFO_OBJECT (self, "added %" GST_PTR_FORMAT, pad);
  else
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

  settings_init (&self->settings);
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
  gst_haar_input_clear (&self->input);
  gst_haar_stats_clear (&self->stats);
  settings_clear (&self->settings);
  G_OBJECT_CLASS (gst_haar_face_count_parent_class)->finalize (object);
}

/* --- properties --- */

static void
gst_haar_face_count_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = fog_field_set (fields, &self->settings, id, value);
  fill_in_texts (&self->settings);
  self->settings.zones_serial += id == PROP_ZONES || id == PROP_ZONES_FILE;
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  else if (id == PROP_REPORT_INTERVAL)
    gst_haar_rate_set_interval (&self->rate, g_value_get_uint64 (value));
}

static void
gst_haar_face_count_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (object);
  gboolean known;

  if (id == PROP_STATS) {
    g_value_take_boxed (value, gst_haar_stats_to_structure (&self->stats));
    return;
  }
  GST_OBJECT_LOCK (self);
  known = fog_field_get (fields, &self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
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

  settings_install_properties (object_class);
  /**
   * GstHaarFaceCount:stats:
   *
   * Numbers of this run, or of the last one, as a structure `haarfacecount-stats`:
   *
   * | field | type | meaning |
   * | --- | --- | --- |
   * | frames, faces, events | uint64 | frames counted, faces found, documents sent |
   * | unchanged, partial | uint64 | frames of which all, or a part, was left unsearched |
   * | low-scores | uint64 | boxes not counted because their score is below min-score |
   * | outside-zones | uint64 | boxes not counted because they are in no zone, or in a mask |
   * | other-labels | uint64 | regions that another element found, with another label |
   * | too-small | uint64 | frames not searched, because they are smaller than min-size |
   * | too-old | uint64 | frames skipped because of max-age |
   * | bad-frames | uint64 | frames skipped because they are shorter than their caps say |
   * | failed-frames | uint64 | frames skipped because the engine failed on them |
   * | unblurred-frames | uint64 | frames kept back from `video` because they can't be blurred |
   * | clock-skew | uint64 | frames whose capture time lies in the future |
   * | reports | uint64 | reports made |
   * | unlisted-cameras | uint64 | cameras left out of a report, which lists at most 4,096 |
   * | lag | uint64 | messages that wait to be read at kafkasrc |
   * | busy | double | time (s) of the workers for these frames, see below |
   * | workers | uint | number of frames counted in parallel |
   * | waiting | uint | frames inside the element |
   * | engine | string | the engine in use |
   * | frame-age | structure | histogram of the time from capture to the end of the count |
   * | process | structure | histogram of the time that counting a frame took |
   * | cameras | array of structures | `camera` (string), `frames`, `faces` (uint64) |
   * | zones | array of structures | `camera`, `zone` (string), `faces` (uint64); at most 1024 |
   *
   * `busy` is the sum over all workers of the time that counting these frames would take in a
   * saturated run, in which no worker ever pauses.
   *
   * A histogram is a structure `histogram` with `counts`, an array with a uint64 for each of the
   * upper bounds 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60 s and a last one
   * without a bound, and `sum` (double), the sum of all times in s.
   *
   * At most 256 cameras are counted one by one; all others are counted together as `(others)`. A
   * camera's name of over 128 bytes is replaced by its beginning, `~` and 16 digits of its SHA-256.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Counters of frames, faces and reports, and times of counting", GST_TYPE_STRUCTURE,
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
