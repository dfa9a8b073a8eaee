/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarsettings.h"

#include <string.h>

#include "fogfield.h"

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

/* NULL stands for the default. */
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

HaarParams
gst_haar_settings_get_params (const GstHaarSettings *self)
{
  return (HaarParams){self->scale_factor, self->min_neighbors, self->min_size, self->min_size,
      self->max_size, self->max_size};
}

void
gst_haar_settings_install_properties (GObjectClass *klass)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_CASCADE,
      g_param_spec_string ("cascade", "Cascade",
          "What to look for: an XML file, or the name of a cascade that OpenCV installs, such as "
          "frontalface_alt2",
          DEFAULT_CASCADE, ready));
  g_object_class_install_property (klass, PROP_TRUST_CASCADE,
      g_param_spec_boolean ("trust-cascade", "Trust cascade",
          "Load a cascade that OpenCV doesn't ship into an engine that a damaged one can crash",
          DEFAULT_TRUST_CASCADE, ready));
  g_object_class_install_property (klass, PROP_SCALE_FACTOR,
      g_param_spec_double ("scale-factor", "Scale factor",
          "From one size of face looked for to the next; nearer to 1 finds more and takes longer",
          1.01, 10, DEFAULT_SCALE_FACTOR, playing));
  g_object_class_install_property (klass, PROP_MIN_NEIGHBORS,
      g_param_spec_int ("min-neighbors", "Minimum neighbors",
          "Overlapping windows that make a face, less one; more finds fewer faces, and fewer that "
          "are none",
          0, G_MAXINT, DEFAULT_MIN_NEIGHBORS, playing));
  g_object_class_install_property (klass, PROP_MIN_SIZE,
      g_param_spec_int ("min-size", "Minimum size",
          "Smaller faces aren't looked for (shortest side in pixels; 0: as small as the cascade's "
          "window); in a picture that is smaller itself nothing is found, which is a warning",
          0, G_MAXINT, DEFAULT_MIN_SIZE, playing));
  g_object_class_install_property (klass, PROP_MAX_SIZE,
      g_param_spec_int ("max-size", "Maximum size",
          "Larger faces aren't looked for (longest side in pixels; 0: as large as the picture); "
          "if no step of scale-factor lies between both, the step nearest to min-size is used; "
          "one below min-size is an error at the start, and later a warning, while the sizes "
          "before hold",
          0, G_MAXINT, DEFAULT_MAX_SIZE, playing));
  g_object_class_install_property (klass, PROP_MIN_FACES,
      g_param_spec_uint ("min-faces", "Minimum faces",
          "A frame with fewer gives no document (0: every frame gives one)", 0, G_MAXUINT,
          DEFAULT_MIN_FACES, playing));
  g_object_class_install_property (klass, PROP_WORKERS,
      g_param_spec_uint ("workers", "Workers",
          "Frames counted side by side (0: one for each processor that this process may use)", 0,
          GST_HAAR_MAX_WORKERS, DEFAULT_WORKERS, ready));
  g_object_class_install_property (klass, PROP_ENGINE,
      g_param_spec_enum ("engine", "Engine", "What evaluates the cascade", GST_TYPE_HAAR_ENGINE,
          DEFAULT_ENGINE, ready));
  g_object_class_install_property (klass, PROP_REPORT_INTERVAL,
      g_param_spec_uint64 ("report-interval", "Report interval",
          "Time from one report to the next, unless the assignment changes (ns)", 100 * GST_MSECOND,
          GST_SECOND * 3600, DEFAULT_REPORT_INTERVAL, playing));
  g_object_class_install_property (klass, PROP_REPLICA,
      g_param_spec_string ("replica", "Replica",
          "The name that reports and documents are signed with (NULL: the host's name)", NULL,
          ready));
  g_object_class_install_property (klass, PROP_MAX_AGE,
      g_param_spec_uint64 ("max-age", "Maximum age",
          "Frames captured longer ago than this are skipped uncounted (ns; 0: none)", 0, G_MAXINT64,
          DEFAULT_MAX_AGE, playing));
  g_object_class_install_property (klass, PROP_RESCAN_INTERVAL,
      g_param_spec_uint64 ("rescan-interval", "Rescan interval",
          "For this long after a frame was searched as a whole, those that follow from the same "
          "camera are searched only where they differ from it: cheaper, nearly as right (ns; 0: "
          "every frame is searched as a whole)",
          0, G_MAXINT64 / 1000, DEFAULT_RESCAN_INTERVAL, playing));
  g_object_class_install_property (klass, PROP_LABEL,
      g_param_spec_string ("label", "Label",
          "What the cascade finds: the type of the regions of interest on the video pad",
          DEFAULT_LABEL, playing));
  g_object_class_install_property (klass, PROP_DRAW_BOXES,
      g_param_spec_boolean ("draw-boxes", "Draw boxes",
          "Draw a box round each face into the frames of the video pad", DEFAULT_DRAW_BOXES,
          playing));
}
