/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-scenesrc
 * @title: scenesrc
 * @short_description: a camera that sees a known number of faces
 *
 * Simulates a webcam in front of which faces appear, move and disappear, 0 to 4 at a time. The
 * GstKafkaMeta of every frame has the number of its faces in the header `scene-faces`, and the time
 * since the scene began (ns) in `scene-time`, so that a count made anywhere downstream can be
 * compared with the true number. The scene depends only on #GstSceneSrc:seed and the time.
 *
 * As a webcam does, the element offers a few frame rates, changes its rate when downstream asks for
 * another one, and drops frames while downstream is busy.
 *
 * ## Example
 * |[
 * gst-launch-1.0 -e scenesrc ! videoconvert ! autovideosink
 * gst-launch-1.0 scenesrc is-live=false num-buffers=300 ! jpegenc ! kafkasink topic=camera
 * ]|
 *
 * Since: 0.1
 */
#include "gstscenesrc.h"

#include <gst/video/video.h>

#include "fogtime.h"
#include "gstkafkameta.h"
#include "scene.h"
#include "scenepaint.h"

#define DEFAULT_IS_LIVE TRUE
#define DEFAULT_MAX_FACES SCENE_MAX_FACES
#define DEFAULT_SEED 1
#define DEFAULT_WIDTH 640
#define DEFAULT_HEIGHT 480
#define DEFAULT_FPS 30

GST_DEBUG_CATEGORY_STATIC (scene_src_debug);
#define GST_CAT_DEFAULT scene_src_debug

enum {
  PROP_0,
  PROP_LOCATION,
  PROP_SEED,
  PROP_MAX_FACES,
  PROP_IS_LIVE,
  PROP_STATS,
};

struct _GstSceneSrc {
  GstPushSrc parent;

  /* values of the properties, guarded by the object lock */
  gchar *location;
  guint64 seed;
  guint max_faces;

  /* counters, guarded by the object lock */
  guint64 frames;
  guint64 faces;
  guint64 missed;

  /* used only by the streaming thread, and by start and stop */
  GstSample *portrait;
  ScenePainter *painter;
  SceneScript script;
  GstVideoInfo info;
  GstCaps *unix_caps;
  GstClockTime begin; /* running time of the scene's first frame */
  GstClockTime next;  /* time of the next frame since the scene began */
  /* time since the scene began at which the present frame rate was set; `rate_frames` counts the
   * frames since then, so that rounding errors don't add up */
  GstClockTime rate_start;
  guint64 rate_frames;
  gboolean discont;
};

/**
 * GstSceneSrc!src:
 *
 * The pad pushes I420 frames of the size and at the rate that downstream chooses; 640x480 at 30
 * frames/s if downstream takes all sizes and rates.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
        GST_STATIC_CAPS ("video/x-raw, format=(string)I420, width=(int)[320, 3840], "
                         "height=(int)[240, 2160], framerate=(fraction){5, 10, 15, 20, 25, 30}, "
                         "pixel-aspect-ratio=(fraction)1/1, interlace-mode=(string)progressive"));

G_DEFINE_FINAL_TYPE (GstSceneSrc, gst_scene_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE (scenesrc, "scenesrc", GST_RANK_NONE, GST_TYPE_SCENE_SRC)

static void
reset_counts (GstSceneSrc *self)
{
  GST_OBJECT_LOCK (self);
  self->frames = self->faces = self->missed = 0;
  self->script.seed = self->seed;
  self->script.max_faces = self->max_faces;
  GST_OBJECT_UNLOCK (self);
  self->begin = GST_CLOCK_TIME_NONE;
  self->next = self->rate_start = 0;
  self->rate_frames = 0;
  self->discont = TRUE;
}

static gboolean
gst_scene_src_start (GstBaseSrc *base)
{
  GstSceneSrc *self = GST_SCENE_SRC (base);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *location = NULL;

  g_object_get (self, "location", &location, NULL);
  self->portrait = scene_load_portrait (location ? location : "", &error);
  if (!self->portrait) {
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ,
        ("Can't make faces of the portrait \"%s\": %s Set location= to a JPEG file that holds it.",
            location ? location : "", error->message),
        (NULL));
    return FALSE;
  }
  reset_counts (self);
  return TRUE;
}

static gboolean
gst_scene_src_stop (GstBaseSrc *base)
{
  GstSceneSrc *self = GST_SCENE_SRC (base);

  g_clear_pointer (&self->painter, scene_painter_free);
  g_clear_pointer (&self->portrait, gst_sample_unref);
  return TRUE;
}

static GstCaps *
gst_scene_src_fixate (GstBaseSrc *base, GstCaps *caps)
{
  GstStructure *s;

  caps = gst_caps_make_writable (gst_caps_truncate (caps));
  s = gst_caps_get_structure (caps, 0);
  gst_structure_fixate_field_nearest_int (s, "width", DEFAULT_WIDTH);
  gst_structure_fixate_field_nearest_int (s, "height", DEFAULT_HEIGHT);
  gst_structure_fixate_field_nearest_fraction (s, "framerate", DEFAULT_FPS, 1);
  return GST_BASE_SRC_CLASS (gst_scene_src_parent_class)->fixate (base, caps);
}

static gboolean
gst_scene_src_set_caps (GstBaseSrc *base, GstCaps *caps)
{
  GstSceneSrc *self = GST_SCENE_SRC (base);
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, caps))
    return FALSE;
  if (!self->painter || info.width != self->script.width || info.height != self->script.height) {
    g_clear_pointer (&self->painter, scene_painter_free);
    self->script.width = info.width;
    self->script.height = info.height;
    self->painter = scene_painter_new (&self->script, self->portrait);
  }
  self->info = info;
  self->rate_start = self->next;
  self->rate_frames = 0;
  gst_base_src_set_blocksize (base, info.size);
  GST_INFO_OBJECT (self, "now %" GST_PTR_FORMAT, caps);
  return TRUE;
}

static GstClockTime
frame_time (GstSceneSrc *self, guint64 frame)
{
  return self->rate_start +
         gst_util_uint64_scale (frame, GST_SECOND * (guint64) self->info.fps_d, self->info.fps_n);
}

/* Returns the time since the scene's first frame was due, by the clock; NONE if the element isn't
 * live, or has no clock. */
static GstClockTime
scene_time_now (GstSceneSrc *self)
{
  GstClock *clock;
  GstClockTime now;

  if (!gst_base_src_is_live (GST_BASE_SRC (self)))
    return GST_CLOCK_TIME_NONE;
  clock = gst_element_get_clock (GST_ELEMENT (self));
  if (!clock)
    return GST_CLOCK_TIME_NONE;
  /* the scene stands still in a pause, because the pipeline moves its base time by the length of
   * the pause */
  now = gst_clock_get_time (clock) - gst_element_get_base_time (GST_ELEMENT (self));
  gst_object_unref (clock);
  if (!GST_CLOCK_TIME_IS_VALID (self->begin))
    self->begin = now;
  return now - self->begin;
}

/* Skips the frames that a camera would have taken while downstream was busy. */
static void
miss_late_frames (GstSceneSrc *self, GstClockTime now)
{
  guint64 due = gst_util_uint64_scale (
      now - self->rate_start, self->info.fps_n, GST_SECOND * (guint64) self->info.fps_d);
  guint64 late = due > self->rate_frames ? due - self->rate_frames : 0;

  /* one late frame isn't skipped, because a camera buffers one frame */
  if (late < 2)
    return;
  self->rate_frames += late;
  self->discont = TRUE;
  GST_OBJECT_LOCK (self);
  self->missed += late;
  GST_OBJECT_UNLOCK (self);
}

static void
stamp_truth (GstSceneSrc *self, GstBuffer *buffer, guint faces)
{
  gchar count[12], time[24];

  g_snprintf (count, sizeof count, "%u", faces);
  g_snprintf (time, sizeof time, "%" G_GUINT64_FORMAT, GST_BUFFER_PTS (buffer));
  gst_kafka_meta_set_headers (buffer, "scene-faces", count, "scene-time", time, NULL);
}

static void
stamp_time (GstSceneSrc *self, GstBuffer *buffer, GstClockTime now)
{
  GstClockTime capture = fog_time_now ();

  GST_BUFFER_OFFSET (buffer) = self->frames;
  GST_BUFFER_PTS (buffer) = frame_time (self, self->rate_frames++);
  self->next = frame_time (self, self->rate_frames);
  GST_BUFFER_DURATION (buffer) = self->next - GST_BUFFER_PTS (buffer);
  if (self->discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->discont = FALSE;
  if (GST_CLOCK_TIME_IS_VALID (now))
    capture += GST_CLOCK_DIFF (now, GST_BUFFER_PTS (buffer));
  gst_buffer_add_reference_timestamp_meta (buffer, self->unix_caps, capture, GST_CLOCK_TIME_NONE);
}

static GstFlowReturn
gst_scene_src_fill (GstPushSrc *push, GstBuffer *buffer)
{
  GstSceneSrc *self = GST_SCENE_SRC (push);
  GstClockTime now = scene_time_now (self);
  SceneHead heads[SCENE_MAX_FACES];
  GstVideoFrame frame;
  guint faces;

  if (GST_CLOCK_TIME_IS_VALID (now) && now > self->rate_start)
    miss_late_frames (self, now);
  stamp_time (self, buffer, now);
  faces = scene_at (&self->script, GST_BUFFER_PTS (buffer), heads);
  stamp_truth (self, buffer, faces);
  if (!gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_WRITE)) {
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT,
        ("Downstream gave a buffer that a frame of %dx%d can't be painted in.", self->info.width,
            self->info.height),
        ("%" GST_PTR_FORMAT, buffer));
    return GST_FLOW_ERROR;
  }
  scene_painter_paint (self->painter, &frame, heads, faces);
  gst_video_frame_unmap (&frame);
  GST_OBJECT_LOCK (self);
  self->frames++;
  self->faces += faces;
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

/* Makes the base class wait until the time of each frame before it pushes the frame. */
static void
gst_scene_src_get_times (
    GstBaseSrc *base, GstBuffer *buffer, GstClockTime *start, GstClockTime *end)
{
  gboolean live = gst_base_src_is_live (base);

  *start = live ? GST_BUFFER_PTS (buffer) : GST_CLOCK_TIME_NONE;
  *end = live ? GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer) : GST_CLOCK_TIME_NONE;
}

static gboolean
gst_scene_src_is_seekable (GstBaseSrc *base)
{
  return FALSE;
}

static GstStructure *
make_stats (GstSceneSrc *self)
{
  /* with the object lock */
  return gst_structure_new ("application/x-scene-stats", "frames", G_TYPE_UINT64, self->frames,
      "faces", G_TYPE_UINT64, self->faces, "missed", G_TYPE_UINT64, self->missed, NULL);
}

static void
gst_scene_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstSceneSrc *self = GST_SCENE_SRC (object);

  if (id == PROP_IS_LIVE) {
    gst_base_src_set_live (GST_BASE_SRC (self), g_value_get_boolean (value));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_free (self->location);
      self->location = g_value_dup_string (value);
      break;
    case PROP_SEED:
      self->seed = g_value_get_uint64 (value);
      break;
    case PROP_MAX_FACES:
      self->max_faces = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_scene_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstSceneSrc *self = GST_SCENE_SRC (object);

  if (id == PROP_IS_LIVE) {
    g_value_set_boolean (value, gst_base_src_is_live (GST_BASE_SRC (self)));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, self->location);
      break;
    case PROP_SEED:
      g_value_set_uint64 (value, self->seed);
      break;
    case PROP_MAX_FACES:
      g_value_set_uint (value, self->max_faces);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, make_stats (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_scene_src_finalize (GObject *object)
{
  GstSceneSrc *self = GST_SCENE_SRC (object);

  g_free (self->location);
  gst_caps_unref (self->unix_caps);
  G_OBJECT_CLASS (gst_scene_src_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  /**
   * GstSceneSrc:location:
   *
   * The JPEG file of the portrait that the faces are made of. If the file can't be read, the
   * element posts the error RESOURCE/OPEN_READ at the start. The default is a file that is
   * delivered with the element.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_LOCATION,
      g_param_spec_string ("location", "Location",
          "JPEG file of the portrait that the faces are made of", SCENE_PORTRAIT, ready));
  /**
   * GstSceneSrc:seed:
   *
   * The number that determines the scene: with the same seed, the same faces are shown at the same
   * times, so a test knows how many there are.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_SEED,
      g_param_spec_uint64 ("seed", "Seed",
          "Which scene is played: the same seed shows the same faces at the same times", 0,
          G_MAXUINT64, DEFAULT_SEED, ready));
  /**
   * GstSceneSrc:max-faces:
   *
   * The largest number of faces in a frame. Each number from 0 to this one is shown in turn. The
   * default is the largest value of the property.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_MAX_FACES,
      g_param_spec_uint ("max-faces", "Most faces",
          "The most faces to be seen at a time; each number from 0 to this has its turn", 0,
          SCENE_MAX_FACES, DEFAULT_MAX_FACES, ready));
  /**
   * GstSceneSrc:is-live:
   *
   * Whether each frame is pushed at its time, as a camera does, which is the default. If it is
   * false, frames are pushed as fast as downstream takes them.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_IS_LIVE,
      g_param_spec_boolean ("is-live", "Is live",
          "Give each frame at its time, as a camera does; otherwise as fast as it is taken",
          DEFAULT_IS_LIVE, ready));
  /**
   * GstSceneSrc:stats:
   *
   * The counts since the start: `frames` (uint64) pushed, `faces` (uint64) in these frames, and
   * `missed` (uint64), the frames dropped because downstream was busy.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "frames given, faces in them, frames missed since downstream was busy",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_scene_src_class_init (GstSceneSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  object_class->set_property = gst_scene_src_set_property;
  object_class->get_property = gst_scene_src_get_property;
  object_class->finalize = gst_scene_src_finalize;
  install_properties (object_class);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Scene source", "Source/Video",
      "A camera that sees a known number of faces", "The gst-fog authors");
  base_class->start = gst_scene_src_start;
  base_class->stop = gst_scene_src_stop;
  base_class->fixate = gst_scene_src_fixate;
  base_class->set_caps = gst_scene_src_set_caps;
  base_class->get_times = gst_scene_src_get_times;
  base_class->is_seekable = gst_scene_src_is_seekable;
  GST_PUSH_SRC_CLASS (klass)->fill = gst_scene_src_fill;
  GST_DEBUG_CATEGORY_INIT (
      scene_src_debug, "scenesrc", 0, "A camera that sees a known number of faces");
}

static void
gst_scene_src_init (GstSceneSrc *self)
{
  self->location = g_strdup (SCENE_PORTRAIT);
  self->seed = DEFAULT_SEED;
  self->max_faces = DEFAULT_MAX_FACES;
  self->unix_caps = gst_caps_new_empty_simple ("timestamp/x-unix");
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_live (GST_BASE_SRC (self), DEFAULT_IS_LIVE);
}
