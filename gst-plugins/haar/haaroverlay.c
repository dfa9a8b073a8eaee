/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haaroverlay.h"

#include "haarengine.h"

/* 8 bits of each component */
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

/* What of the area lies outside of the picture isn't drawn. */
static void
fill (GstVideoFrame *frame, guint component, gint left, gint top, gint right, gint bottom)
{
  const GstVideoFormatInfo *finfo = frame->info.finfo;
  guint8 color = find_color (finfo)[component];
  guint w_sub = finfo->w_sub[component], h_sub = finfo->h_sub[component];
  gint stride = GST_VIDEO_FRAME_COMP_STRIDE (frame, component);
  gint pixel = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component);
  gint width = GST_VIDEO_FRAME_COMP_WIDTH (frame, component);
  gint height = GST_VIDEO_FRAME_COMP_HEIGHT (frame, component);

  for (gint y = MAX (top, 0) >> h_sub; y <= (bottom - 1) >> h_sub && y < height; y++) {
    guint8 *row = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (frame, component) + y * stride;

    for (gint x = MAX (left, 0) >> w_sub; x <= (right - 1) >> w_sub && x < width; x++)
      put (finfo, component, row + x * pixel, color);
  }
}

static void
draw_box (GstVideoFrame *frame, guint component, gint x, gint y, gint w, gint h)
{
  gint line = MAX (2, GST_VIDEO_FRAME_WIDTH (frame) / 320);

  fill (frame, component, x, y, x + w, y + line);
  fill (frame, component, x, y + h - line, x + w, y + h);
  fill (frame, component, x, y, x + line, y + h);
  fill (frame, component, x + w - line, y, x + w, y + h);
}

void
haar_overlay_draw (GstBuffer *buffer, const GstVideoInfo *info, const GArray *rects)
{
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (buffer);
  gint left = crop ? (gint) crop->x : 0, top = crop ? (gint) crop->y : 0;
  GstVideoFrame frame = {0};
  guint n;

  if (!gst_video_frame_map (&frame, info, buffer, GST_MAP_READWRITE))
    return;
  n = MIN (GST_VIDEO_FRAME_N_COMPONENTS (&frame), 3);
  for (guint i = 0; i < rects->len; i++) {
    const HaarRect *r = &g_array_index (rects, HaarRect, i);

    for (guint component = 0; component < n; component++)
      draw_box (&frame, component, left + r->x, top + r->y, r->w, r->h);
  }
  gst_video_frame_unmap (&frame);
}
