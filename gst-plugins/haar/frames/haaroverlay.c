/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haaroverlay.h"

#include "engine/haarengine.h"
#include "haarsamples.h"

/* Samples of 8 bits, one for each component. */
static const guint8 green_rgb[] = {0, 255, 0};
static const guint8 green_yuv[] = {149, 43, 21};
static const guint8 white[] = {255};

static const guint8 *
find_color (const GstVideoFormatInfo *finfo)
{
  if (GST_VIDEO_FORMAT_INFO_IS_RGB (finfo))
    return green_rgb;
  return GST_VIDEO_FORMAT_INFO_IS_YUV (finfo) ? green_yuv : white;
}

static void
put (const GstVideoFormatInfo *finfo, guint component, guint8 *sample, guint8 color)
{
  guint value;

  if (finfo->depth[component] <= 8) {
    *sample = color;
    return;
  }
  value = (guint) color << (finfo->depth[component] - 8 + finfo->shift[component]);
  if (GST_VIDEO_FORMAT_INFO_IS_LE (finfo))
    GST_WRITE_UINT16_LE (sample, value);
  else
    GST_WRITE_UINT16_BE (sample, value);
}

/* One component of the whole picture. */
typedef struct {
  const GstVideoFormatInfo *finfo;
  guint component;
  gint width, height;
  HaarSamples samples;
} Canvas;

static gboolean
find_canvas (const GstVideoFrame *frame, guint component, Canvas *canvas)
{
  GstVideoRectangle all = {0, 0, GST_VIDEO_FRAME_COMP_WIDTH (frame, component),
      GST_VIDEO_FRAME_COMP_HEIGHT (frame, component)};

  canvas->finfo = frame->info.finfo;
  canvas->component = component;
  canvas->width = all.w;
  canvas->height = all.h;
  return haar_samples_find (frame, component, &all, &canvas->samples);
}

/* Draws the part of the area that lies within the picture. */
static void
fill (const Canvas *canvas, gint left, gint top, gint right, gint bottom)
{
  const GstVideoFormatInfo *finfo = canvas->finfo;
  guint8 color = find_color (finfo)[canvas->component];
  guint w_sub = finfo->w_sub[canvas->component], h_sub = finfo->h_sub[canvas->component];

  for (gint y = MAX (top, 0) >> h_sub; y <= (bottom - 1) >> h_sub && y < canvas->height; y++) {
    guint8 *row = canvas->samples.data + (gsize) y * (gsize) canvas->samples.row;

    for (gint x = MAX (left, 0) >> w_sub; x <= (right - 1) >> w_sub && x < canvas->width; x++)
      put (finfo, canvas->component, row + x * canvas->samples.pixel, color);
  }
}

static void
draw_box (const Canvas *canvas, gint line, const HaarRect *r)
{
  gint right = r->x + r->w, bottom = r->y + r->h;

  fill (canvas, r->x, r->y, right, r->y + line);
  fill (canvas, r->x, bottom - line, right, bottom);
  fill (canvas, r->x, r->y, r->x + line, bottom);
  fill (canvas, right - line, r->y, right, bottom);
}

void
haar_overlay_draw (GstBuffer *buffer, const GstVideoInfo *info, const GArray *rects)
{
  GstVideoFrame frame = {0};
  guint n;

  if (!gst_video_frame_map (&frame, info, buffer, GST_MAP_READWRITE))
    return;
  n = MIN (GST_VIDEO_FRAME_N_COMPONENTS (&frame), 3);
  for (guint component = 0; component < n; component++) {
    Canvas canvas;

    for (guint i = 0; find_canvas (&frame, component, &canvas) && i < rects->len; i++)
      draw_box (&canvas, MAX (2, GST_VIDEO_FRAME_WIDTH (&frame) / 320),
          &g_array_index (rects, HaarRect, i));
  }
  gst_video_frame_unmap (&frame);
}
