/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarsettings.h"
#include "engine/haarload.h"

#include <string.h>

#include "fogfield.h"

#define DEFAULT_CASCADE HAAR_DEFAULT_CASCADE
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
#define DEFAULT_BLUR_FACES FALSE

enum {
  PROP_REPORT_INTERVAL = GST_HAAR_PROP_REPORT_INTERVAL,
  PROP_CASCADE,
  PROP_TRUST_CASCADE,
  PROP_SCALE_FACTOR,
  PROP_MIN_NEIGHBORS,
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
};

#define FIELD(id, name) FOG_FIELD (id, GstHaarSettings, name)

static const FogField fields[] = {
    FIELD (PROP_REPORT_INTERVAL, report_interval),
    FIELD (PROP_CASCADE, cascade),
    FIELD (PROP_TRUST_CASCADE, trust_cascade),
    FIELD (PROP_SCALE_FACTOR, scale_factor),
    FIELD (PROP_MIN_NEIGHBORS, min_neighbors),
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
    {0},
};

/* A FogField demands it. */
G_STATIC_ASSERT (sizeof (GstHaarEngine) == sizeof (gint));

GType
gst_haar_engine_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    static const GEnumValue values[] = {
        {GST_HAAR_ENGINE_AUTO, "The fastest engine that can evaluate the cascade", "auto"},
        {GST_HAAR_ENGINE_NATIVE, "This plugin's own SIMD code", "native"},
        {GST_HAAR_ENGINE_OPENCV, "OpenCV's CascadeClassifier", "opencv"},
        {0, NULL, NULL},
    };
    g_once_init_leave (&type, g_enum_register_static ("GstHaarEngine", values));
  }
  return type;
}

/* NULL means the default. */
static void
fill_in (gchar **text, const gchar *fallback)
{
  if (!*text)
    *text = g_strdup (fallback);
}

static void
fill_in_texts (GstHaarSettings *self)
{
  fill_in (&self->cascade, DEFAULT_CASCADE);
  fill_in (&self->replica, g_get_host_name ());
  fill_in (&self->label, DEFAULT_LABEL);
}

void
gst_haar_settings_init (GstHaarSettings *self)
{
  memset (self, 0, sizeof *self);
  self->trust_cascade = DEFAULT_TRUST_CASCADE;
  self->scale_factor = DEFAULT_SCALE_FACTOR;
  self->min_neighbors = DEFAULT_MIN_NEIGHBORS;
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

void
gst_haar_settings_clear (GstHaarSettings *self)
{
  g_clear_pointer (&self->cascade, g_free);
  g_clear_pointer (&self->replica, g_free);
  g_clear_pointer (&self->label, g_free);
}

gboolean
gst_haar_settings_set_property (
    GstHaarSettings *self, GObject *object, guint id, const GValue *value)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = fog_field_set (fields, self, id, value);
  fill_in_texts (self);
  GST_OBJECT_UNLOCK (object);
  return known;
}

gboolean
gst_haar_settings_get_property (GstHaarSettings *self, GObject *object, guint id, GValue *value)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = fog_field_get (fields, self, id, value);
  GST_OBJECT_UNLOCK (object);
  return known;
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
   * (cascades/README.md). Errors at the start: RESOURCE/NOT_FOUND, OPEN_READ, READ, NOT_AUTHORIZED,
   * NO_SPACE_LEFT.
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
   * Lets the engine `opencv` load a cascade that OpenCV doesn't ship. Off by default, because a
   * damaged file can crash OpenCV's loader; the start then fails with RESOURCE/NOT_AUTHORIZED. The
   * engine `native` checks every file and ignores this property.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_TRUST_CASCADE,
      g_param_spec_boolean ("trust-cascade", "Trust cascade",
          "Let an engine that a damaged cascade can crash load a cascade that OpenCV doesn't ship",
          DEFAULT_TRUST_CASCADE, ready));
  /**
   * GstHaarFaceCount:engine:
   *
   * The code that evaluates the cascade. All engines find the same faces. With `auto` the next
   * engine is tried if one can't evaluate the cascade; the field `engine` of
   * #GstHaarFaceCount:stats names the one in use. An engine that wasn't built in is
   * RESOURCE/SETTINGS at the start.
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
   * means more sizes. The default was measured: 1.05 takes twice the time, 1.2 half of it and
   * misses 3 to 6 % of the faces (cascades/README.md).
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
   * The number of overlapping detections required for a face, minus one. The default was measured:
   * with it, as many faces are missed as are found where there is none (cascades/README.md). With 0
   * each detection is a face.
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
   * GstHaarFaceCount:min-size:
   *
   * The smallest face that is searched for, by its shortest side in pixels. 0: the cascade's
   * window, which is 20 to 24 px for faces. Smaller faces take most of the time; 30 px was chosen
   * for pictures of 640x480. In a frame that is smaller itself no face is found: the 1st, 2nd, 4th,
   * 8th … such frame is a warning RESOURCE/SETTINGS.
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
   * The largest face that is searched for, by its longest side in pixels. The default, 0, is the
   * frame's size. If no step of #GstHaarFaceCount:scale-factor lies between min-size and max-size,
   * the step nearest to min-size is used, as in OpenCV. A max-size below min-size is an error
   * RESOURCE/SETTINGS at the start. In a run it is a warning, and the sizes before still hold.
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
   * How long, in ns, a search of a whole frame is valid. Within that time, frames of the same
   * camera are searched only where they differ from it. This saves time in still scenes, and misses
   * a face now and then (cascades/README.md); so it is off by default (0): each frame is searched
   * as a whole.
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
install_output_properties (GObjectClass *klass, GParamFlags ready, GParamFlags playing)
{
  /**
   * GstHaarFaceCount:min-faces:
   *
   * The number of faces from which on a frame gives a document. 0: each frame gives one. With the
   * default, 1, frames without faces cost nothing downstream.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MIN_FACES,
      g_param_spec_uint ("min-faces", "Minimum faces",
          "Number of faces from which on a frame gives a document (0: each frame gives one)", 0,
          G_MAXUINT, DEFAULT_MIN_FACES, playing));
  /**
   * GstHaarFaceCount:max-age:
   *
   * Frames that were captured longer ago than this, in ns, are skipped and counted as `too-old`.
   * Their messages are done. By default, 0, no frame is skipped for its age. The clocks of camera
   * and fog have to agree (NTP).
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
   * The name of what the cascade finds. It is the type of the regions of interest on the pad
   * `video`, and the field `label` of the message `faces`. NULL is the default.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_LABEL,
      g_param_spec_string ("label", "Label",
          "Name of what the cascade finds: the type of the regions of interest on the pad video",
          DEFAULT_LABEL, playing));
  /**
   * GstHaarFaceCount:draw-boxes:
   *
   * Draws a box round each face into the frames of the pad `video`; green, or white in grey frames.
   * Off by default, because a frame's memory may have to be copied for it.
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
   * box's longer side. Alpha is blurred too. The squares lie on a fixed grid, so a face that hardly
   * moves shows no more in many frames than in one. With #GstHaarFaceCount:draw-boxes, boxes are
   * drawn after the blur.
   *
   * Only faces that were found are blurred: a frame smaller than #GstHaarFaceCount:min-size, or a
   * face that the cascade missed, stays as it is. A frame that was skipped (too old, bad, or
   * failed) doesn't leave by `video`: a gap event takes its place. The same is done with a frame
   * that can't be blurred, because a part of its memory is missing or can't be written. It is
   * counted as `unblurred-frames` in #GstHaarFaceCount:stats, and the 1st, 2nd, 4th, 8th … such
   * frame is a warning STREAM/FORMAT.
   *
   * Off by default, because a frame's memory may have to be copied for it. Frames that others hold
   * aren't changed. Nor are those, two at most, that wait for the reader when this is set.
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
   * The name of this replica in reports and documents. It has to be unique among all replicas.
   * NULL, the default, is the host's name, which is unique among the pods of Kubernetes.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_REPLICA,
      g_param_spec_string ("replica", "Replica",
          "Name of this replica in reports and documents (NULL: the host's name)", NULL, ready));
}

void
gst_haar_settings_install_properties (GObjectClass *klass)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  install_search_properties (klass, ready, playing);
  install_output_properties (klass, ready, playing);
  /**
   * GstHaarFaceCount:workers:
   *
   * The number of frames that are counted side by side, each by a thread of its own. 0, the
   * default: one for each processor that affinity and CPU quota leave to this process. If the
   * threads can't be started, the start fails with RESOURCE/FAILED.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_WORKERS,
      g_param_spec_uint ("workers", "Workers",
          "Frames counted side by side (0: one for each processor that this process may use)", 0,
          GST_HAAR_MAX_WORKERS, DEFAULT_WORKERS, ready));
  /**
   * GstHaarFaceCount:report-interval:
   *
   * The time from one report to the next, in ns. A new assignment of partitions is reported at
   * once. The default, 5 s, causes hardly any traffic; with 1 s `feedbackrate` follows changes
   * faster.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_REPORT_INTERVAL,
      g_param_spec_uint64 ("report-interval", "Report interval",
          "Time from one report to the next (ns); a new assignment is reported at once",
          100 * GST_MSECOND, GST_SECOND * 3600, DEFAULT_REPORT_INTERVAL, playing));
}
