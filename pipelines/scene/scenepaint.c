/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scenepaint.h"

#include <math.h>

/* The square around the head in the portrait, as fractions of the portrait's side. */
#define HEAD_X 0.258
#define HEAD_Y 0.010
#define HEAD_SIZE 0.371
/* The outline of the head: an ellipse, as fractions of the square around the head. The head is
 * opaque inside the ellipse, and transparent outside. */
#define OUTLINE_X 0.50
#define OUTLINE_Y 0.50
#define OUTLINE_RADIUS_X 0.43
#define OUTLINE_RADIUS_Y 0.50
#define OUTLINE_SOFTNESS 0.12 /* of the radius */

#define LOAD_TIMEOUT (10 * GST_SECOND)

typedef struct {
  GstBuffer *picture; /* I420, square */
  GstVideoInfo info;
  guint8 *alpha[2]; /* opacity of each pixel, 0 to 255, for the luma and for the chroma planes */
} Patch;

struct _ScenePainter {
  GstVideoInfo info;
  GstBuffer *ground;
  Patch patches[SCENE_STEPS];
};

/* Sets @error to the reason why @pipeline has no picture. */
static void
take_error (GstElement *pipeline, GError **error)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message) {
    gst_message_parse_error (message, error, NULL);
    gst_message_unref (message);
  } else {
    g_set_error_literal (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, "It holds no picture.");
  }
  gst_object_unref (bus);
}

GstSample *
scene_load_portrait (const gchar *location, GError **error)
{
  GstElement *pipeline = gst_parse_launch_full ("filesrc name=file ! jpegdec ! videoconvert ! "
                                                "video/x-raw,format=I420 ! fakesink name=sink",
      NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  GstElement *file, *sink;
  GstSample *picture = NULL;

  if (!pipeline)
    return NULL;
  file = gst_bin_get_by_name (GST_BIN (pipeline), "file");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_set (file, "location", location, NULL);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  if (gst_element_get_state (pipeline, NULL, NULL, LOAD_TIMEOUT) == GST_STATE_CHANGE_SUCCESS)
    g_object_get (sink, "last-sample", &picture, NULL);
  if (!picture)
    take_error (pipeline, error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (file);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  return picture;
}

static guint8
outline_alpha (gdouble x, gdouble y)
{
  gdouble dx = (x - OUTLINE_X) / OUTLINE_RADIUS_X, dy = (y - OUTLINE_Y) / OUTLINE_RADIUS_Y;
  gdouble depth = (1 - sqrt (dx * dx + dy * dy)) / OUTLINE_SOFTNESS;

  return (guint8) (255 * CLAMP (depth, 0, 1) + 0.5);
}

static guint8 *
outline_new (gint size)
{
  guint8 *alpha = g_malloc (size * size);

  for (gint y = 0; y < size; y++)
    for (gint x = 0; x < size; x++)
      alpha[y * size + x] = outline_alpha ((x + 0.5) / size, (y + 0.5) / size);
  return alpha;
}

static void
scale_head (Patch *patch, GstVideoInfo *from, GstVideoFrame *portrait)
{
  GstVideoFrame frame;
  GstVideoConverter *converter = gst_video_converter_new (from, &patch->info,
      gst_structure_new ("options", GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT,
          (gint) (from->width * HEAD_X), GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT,
          (gint) (from->height * HEAD_Y), GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT,
          (gint) (from->width * HEAD_SIZE), GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT,
          (gint) (from->height * HEAD_SIZE), NULL));

  gst_video_frame_map (&frame, &patch->info, patch->picture, GST_MAP_WRITE);
  gst_video_converter_frame (converter, portrait, &frame);
  gst_video_frame_unmap (&frame);
  gst_video_converter_free (converter);
}

static void
patch_init (Patch *patch, gint size, GstVideoInfo *from, GstVideoFrame *portrait)
{
  gst_video_info_set_format (&patch->info, GST_VIDEO_FORMAT_I420, size, size);
  patch->picture = gst_buffer_new_allocate (NULL, patch->info.size, NULL);
  patch->alpha[0] = outline_new (size);
  patch->alpha[1] = outline_new (size / 2);
  scale_head (patch, from, portrait);
}

/* Returns a sample of the background: noise on slowly changing shades, which gives an encoder some
 * work, and doesn't look like a face. */
static guint8
ground_at (gint component, gdouble x, gdouble y, GRand *rand)
{
  if (component > 0)
    return 128 + (component == 1 ? -6 : 5) * sin (2 * x + component);
  return 104 + 22 * sin (3.1 * x + 1.7 * y) + 14 * sin (2.3 * y - 4.7 * x + 1) +
         g_rand_int_range (rand, -7, 8);
}

static void
weave_ground (ScenePainter *painter)
{
  GstVideoFrame frame;
  GRand *rand = g_rand_new_with_seed (1);

  painter->ground = gst_buffer_new_allocate (NULL, painter->info.size, NULL);
  gst_video_frame_map (&frame, &painter->info, painter->ground, GST_MAP_WRITE);
  for (gint c = 0; c < 3; c++) {
    guint8 *row = GST_VIDEO_FRAME_COMP_DATA (&frame, c);
    gint width = GST_VIDEO_FRAME_COMP_WIDTH (&frame, c);
    gint height = GST_VIDEO_FRAME_COMP_HEIGHT (&frame, c);

    for (gint y = 0; y < height; y++, row += GST_VIDEO_FRAME_COMP_STRIDE (&frame, c))
      for (gint x = 0; x < width; x++)
        row[x] = ground_at (c, x / (gdouble) height, y / (gdouble) height, rand);
  }
  gst_video_frame_unmap (&frame);
  g_rand_free (rand);
}

ScenePainter *
scene_painter_new (const SceneScript *script, GstSample *portrait)
{
  ScenePainter *painter = g_new0 (ScenePainter, 1);
  GstVideoInfo from;
  GstVideoFrame frame;

  gst_video_info_set_format (&painter->info, GST_VIDEO_FORMAT_I420, script->width, script->height);
  weave_ground (painter);
  gst_video_info_from_caps (&from, gst_sample_get_caps (portrait));
  gst_video_frame_map (&frame, &from, gst_sample_get_buffer (portrait), GST_MAP_READ);
  for (guint i = 0; i < SCENE_STEPS; i++)
    patch_init (&painter->patches[i], scene_head_size (script, i), &from, &frame);
  gst_video_frame_unmap (&frame);
  return painter;
}

void
scene_painter_free (ScenePainter *painter)
{
  for (guint i = 0; i < SCENE_STEPS; i++) {
    gst_buffer_unref (painter->patches[i].picture);
    g_free (painter->patches[i].alpha[0]);
    g_free (painter->patches[i].alpha[1]);
  }
  gst_buffer_unref (painter->ground);
  g_free (painter);
}

static void
blend_row (guint8 *restrict to, const guint8 *restrict from, const guint8 *restrict alpha, gint n)
{
  for (gint i = 0; i < n; i++)
    to[i] = (to[i] * (255 - alpha[i]) + from[i] * alpha[i] + 127) / 255;
}

static void
blend_plane (GstVideoFrame *frame, GstVideoFrame *picture, const guint8 *alpha, gint plane,
    const SceneHead *head)
{
  gint shift = plane > 0, size = head->size >> shift;
  gint stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane);
  guint8 *to = GST_VIDEO_FRAME_PLANE_DATA (frame, plane);
  const guint8 *from = GST_VIDEO_FRAME_PLANE_DATA (picture, plane);

  to += (head->y >> shift) * stride + (head->x >> shift);
  for (gint y = 0; y < size; y++) {
    blend_row (to, from, alpha, size);
    to += stride;
    from += GST_VIDEO_FRAME_PLANE_STRIDE (picture, plane);
    alpha += size;
  }
}

static void
paint_head (Patch *patch, GstVideoFrame *frame, const SceneHead *head)
{
  GstVideoFrame picture;

  gst_video_frame_map (&picture, &patch->info, patch->picture, GST_MAP_READ);
  for (gint plane = 0; plane < 3; plane++)
    blend_plane (frame, &picture, patch->alpha[plane > 0], plane, head);
  gst_video_frame_unmap (&picture);
}

void
scene_painter_paint (
    ScenePainter *painter, GstVideoFrame *frame, const SceneHead *heads, guint n_heads)
{
  GstVideoFrame ground;

  gst_video_frame_map (&ground, &painter->info, painter->ground, GST_MAP_READ);
  gst_video_frame_copy (frame, &ground);
  gst_video_frame_unmap (&ground);
  for (guint i = 0; i < n_heads; i++)
    paint_head (&painter->patches[heads[i].step], frame, &heads[i]);
}
