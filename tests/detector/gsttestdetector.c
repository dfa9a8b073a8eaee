/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An element that simulates an object detector: it attaches the objects that a property lists to
 * each frame. The objects are attached as DL Streamer's elements attach them, or as GStreamer's
 * analytics metadata. */
#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

#define GST_TYPE_TEST_DETECTOR (gst_test_detector_get_type ())
G_DECLARE_FINAL_TYPE (GstTestDetector, gst_test_detector, GST, TEST_DETECTOR, GstBaseTransform)

struct _GstTestDetector {
  GstBaseTransform parent;

  /* with the object lock */
  GstCaps *found; /* one structure for each object; the structure's name is the object's label */
  gboolean regions, analytics;
  guint64 work; /* ns a frame */
};

enum { PROP_FOUND = 1, PROP_REGIONS, PROP_ANALYTICS, PROP_WORK, PROP_MODEL };

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_TYPE (GstTestDetector, gst_test_detector, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DECLARE (testdetector);
GST_ELEMENT_REGISTER_DEFINE (testdetector, "testdetector", GST_RANK_NONE, GST_TYPE_TEST_DETECTOR)

static gint
side_of (const GstStructure *object, const gchar *name)
{
  gint value = 0;

  gst_structure_get_int (object, name, &value);
  return value;
}

static void
add_region (GstBuffer *frame, const GstStructure *object)
{
  GstVideoRegionOfInterestMeta *region = gst_buffer_add_video_region_of_interest_meta (frame,
      gst_structure_get_name (object), (guint) side_of (object, "x"), (guint) side_of (object, "y"),
      (guint) side_of (object, "w"), (guint) side_of (object, "h"));
  gdouble confidence;

  if (gst_structure_get_double (object, "confidence", &confidence))
    gst_video_region_of_interest_meta_add_param (
        region, gst_structure_new ("detection", "confidence", G_TYPE_DOUBLE, confidence, "label_id",
                    G_TYPE_INT, 1, NULL));
}

static void
add_object (GstBuffer *frame, const GstStructure *object)
{
#ifdef HAVE_ANALYTICS
  GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta (frame);
  gdouble confidence = 0;

  if (!meta)
    meta = gst_buffer_add_analytics_relation_meta (frame);
  gst_structure_get_double (object, "confidence", &confidence);
  gst_analytics_relation_meta_add_od_mtd (meta,
      g_quark_from_string (gst_structure_get_name (object)), side_of (object, "x"),
      side_of (object, "y"), side_of (object, "w"), side_of (object, "h"), (gfloat) confidence,
      NULL);
#else
  g_assert_not_reached ();
#endif
}

static GstFlowReturn
gst_test_detector_transform_ip (GstBaseTransform *transform, GstBuffer *frame)
{
  GstTestDetector *self = GST_TEST_DETECTOR (transform);
  gint64 end = g_get_monotonic_time (), left;

  GST_OBJECT_LOCK (self);
  end += (gint64) self->work / 1000;
  for (guint i = 0; self->found && i < gst_caps_get_size (self->found); i++) {
    if (self->regions)
      add_region (frame, gst_caps_get_structure (self->found, i));
    if (self->analytics)
      add_object (frame, gst_caps_get_structure (self->found, i));
  }
  GST_OBJECT_UNLOCK (self);
  while ((left = end - g_get_monotonic_time ()) > 0)
    g_usleep ((gulong) left);
  return GST_FLOW_OK;
}

static void
gst_test_detector_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstTestDetector *self = GST_TEST_DETECTOR (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_FOUND)
    gst_caps_replace (&self->found, (GstCaps *) gst_value_get_caps (value));
  else if (id == PROP_REGIONS)
    self->regions = g_value_get_boolean (value);
  else if (id == PROP_ANALYTICS)
    self->analytics = g_value_get_boolean (value);
  else if (id == PROP_WORK)
    self->work = g_value_get_uint64 (value);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_test_detector_finalize (GObject *object)
{
  gst_clear_caps (&GST_TEST_DETECTOR (object)->found);
  G_OBJECT_CLASS (gst_test_detector_parent_class)->finalize (object);
}

static void
gst_test_detector_init (GstTestDetector *self)
{
  self->regions = TRUE;
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}

static void
gst_test_detector_class_init (GstTestDetectorClass *klass)
{
  const GParamFlags flags = G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_test_detector_set_property;
  object_class->finalize = gst_test_detector_finalize;
  GST_BASE_TRANSFORM_CLASS (klass)->transform_ip = gst_test_detector_transform_ip;
  g_object_class_install_property (object_class, PROP_FOUND,
      g_param_spec_boxed (
          "found", "Found", "face,x=1,y=2,w=3,h=4,confidence=0.9; …", GST_TYPE_CAPS, flags));
  g_object_class_install_property (object_class, PROP_REGIONS,
      g_param_spec_boolean ("regions", "Regions", "As regions of interest", TRUE, flags));
  g_object_class_install_property (object_class, PROP_ANALYTICS,
      g_param_spec_boolean ("analytics", "Analytics", "As GStreamer's analytics", FALSE, flags));
  g_object_class_install_property (object_class, PROP_WORK,
      g_param_spec_uint64 ("work", "Work", "Time for a frame (ns)", 0, G_MAXINT64, 0, flags));
  g_object_class_install_property (object_class, PROP_MODEL,
      g_param_spec_string ("model", "Model", "As DL Streamer's; ignored", NULL, flags));
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Detector of the tests",
      "Filter/Analyzer/Video", "Attaches the objects that its property lists",
      "The gst-fog authors");
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (testdetector, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, testdetector, "A detector for tests",
    plugin_init, PACKAGE_VERSION, "LGPL", GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
