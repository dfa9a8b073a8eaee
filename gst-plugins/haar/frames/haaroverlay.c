/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haaroverlay.h"

#include "engine/haarengine.h"
#include "pictures/fogsamples.h"

/* The colours of boxes, as samples of 8 bits, one for each component. */
static const guint8 green_rgb[] = {0, 255, 0};
static const guint8 green_yuv[] = {149, 43, 21};
static const guint8 white[] = {255};

/* The largest number of squares along the longer side of a blurred face: too few to recognise
 * anybody. */
#define FACE_SQUARES 5
/* On each side of a box, a margin of its size divided by this number is blurred too, because a box
 * fits a face tightly. */
#define MARGIN 5
/* the smallest side (px) of a square of a blurred face; in every format, such a square has at least
 * one chroma sample */
#define SMALLEST_SQUARE 4

static const guint8 *
find_color (const GstVideoFormatInfo *finfo)
{
  if (GST_VIDEO_FORMAT_INFO_IS_RGB (finfo))
    return green_rgb;
  return GST_VIDEO_FORMAT_INFO_IS_YUV (finfo) ? green_yuv : white;
}

static guint
get (const GstVideoFormatInfo *finfo, guint component, const guint8 *sample)
{
  guint value;

  if (finfo->depth[component] <= 8)
    return *sample;
  value = GST_VIDEO_FORMAT_INFO_IS_LE (finfo) ? GST_READ_UINT16_LE (sample)
                                              : GST_READ_UINT16_BE (sample);
  return value >> finfo->shift[component];
}

static void
put (const GstVideoFormatInfo *finfo, guint component, guint8 *sample, guint value)
{
  if (finfo->depth[component] <= 8)
    *sample = (guint8) value;
  else if (GST_VIDEO_FORMAT_INFO_IS_LE (finfo))
    GST_WRITE_UINT16_LE (sample, value << finfo->shift[component]);
  else
    GST_WRITE_UINT16_BE (sample, value << finfo->shift[component]);
}

/* The samples of one component, for the whole picture. */
typedef struct {
  const GstVideoFormatInfo *finfo;
  guint component;
  gint width, height;
  FogSamples samples;
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
  return fog_samples_find (frame, component, &all, &canvas->samples);
}

/* Returns the rectangle of the component's samples that belong to an area of the picture, in
 * samples. May be empty. */
static HaarRect
find_samples (const Canvas *canvas, gint left, gint top, gint right, gint bottom)
{
  guint w_sub = canvas->finfo->w_sub[canvas->component];
  guint h_sub = canvas->finfo->h_sub[canvas->component];
  gint x = MAX (left, 0) >> w_sub, y = MAX (top, 0) >> h_sub;

  return (HaarRect){x, y, MAX (MIN (((right - 1) >> w_sub) + 1, canvas->width) - x, 0),
      MAX (MIN (((bottom - 1) >> h_sub) + 1, canvas->height) - y, 0)};
}

static guint8 *
find_sample (const Canvas *canvas, gint x, gint y)
{
  return canvas->samples.data + (gsize) y * (gsize) canvas->samples.row +
         (gsize) x * (gsize) canvas->samples.pixel;
}

static void
fill_samples (const Canvas *canvas, const HaarRect *area, guint value)
{
  for (gint y = area->y; y < area->y + area->h; y++)
    for (gint x = area->x; x < area->x + area->w; x++)
      put (canvas->finfo, canvas->component, find_sample (canvas, x, y), value);
}

/* --- boxes --- */

/* Draws the part of the area that lies within the picture. */
static void
fill (const Canvas *canvas, gint left, gint top, gint right, gint bottom)
{
  HaarRect area = find_samples (canvas, left, top, right, bottom);
  guint color = find_color (canvas->finfo)[canvas->component];

  fill_samples (canvas, &area, color << (canvas->finfo->depth[canvas->component] - 8));
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
haar_overlay_draw (GstBuffer *buffer, const GstVideoInfo *info, const GArray *boxes)
{
  GstVideoFrame frame = {0};
  guint n;

  if (!gst_video_frame_map (&frame, info, buffer, GST_MAP_READWRITE))
    return;
  n = MIN (GST_VIDEO_FRAME_N_COMPONENTS (&frame), 3);
  for (guint component = 0; component < n; component++) {
    Canvas canvas;

    for (guint i = 0; find_canvas (&frame, component, &canvas) && i < boxes->len; i++)
      draw_box (&canvas, MAX (2, GST_VIDEO_FRAME_WIDTH (&frame) / 320),
          &g_array_index (boxes, HaarBox, i).rect);
  }
  gst_video_frame_unmap (&frame);
}

/* --- blur --- */

static void
flatten (const Canvas *canvas, const HaarRect *area)
{
  guint64 sum = 0, n = (guint64) area->w * (guint64) area->h;

  for (gint y = area->y; y < area->y + area->h; y++)
    for (gint x = area->x; x < area->x + area->w; x++)
      sum += get (canvas->finfo, canvas->component, find_sample (canvas, x, y));
  if (n > 0)
    fill_samples (canvas, area, (guint) ((sum + n / 2) / n));
}

/* Returns the side of a square in px: a power of two, so that faces of similar sizes have the same
 * squares. */
static gint
find_square (const HaarRect *face)
{
  gint square = SMALLEST_SQUARE;

  while (square * FACE_SQUARES < MAX (face->w, face->h))
    square *= 2;
  return square;
}

/* Blurs a face with squares on a grid that begins at the picture's corner. Squares that moved with
 * the face's box, by a few pixels from frame to frame, would show more of the face with each
 * frame. */
static void
blur_face (const Canvas *canvas, const HaarRect *face)
{
  gint square = find_square (face), wide = face->w / MARGIN, high = face->h / MARGIN;
  gint left = MAX (face->x - wide, 0) / square * square;
  gint top = MAX (face->y - high, 0) / square * square;

  for (gint y = top; y < face->y + face->h + high; y += square)
    for (gint x = left; x < face->x + face->w + wide; x += square) {
      HaarRect area = find_samples (canvas, x, y, x + square, y + square);

      flatten (canvas, &area);
    }
}

/* Returns the format that has alpha in place of the unused byte of each pixel, such as RGBA for
 * RGBx. The unused byte is blurred too, because a converter may have left a copy of the face in
 * it. */
static GstVideoFormat
find_full_format (GstVideoFormat format)
{
  switch (format) {
    case GST_VIDEO_FORMAT_RGBx:
      return GST_VIDEO_FORMAT_RGBA;
    case GST_VIDEO_FORMAT_BGRx:
      return GST_VIDEO_FORMAT_BGRA;
    case GST_VIDEO_FORMAT_xRGB:
      return GST_VIDEO_FORMAT_ARGB;
    case GST_VIDEO_FORMAT_xBGR:
      return GST_VIDEO_FORMAT_ABGR;
    default:
      return format;
  }
}

static gboolean
blur_faces (const GstVideoFrame *frame, const GArray *boxes)
{
  for (guint component = 0; component < GST_VIDEO_FRAME_N_COMPONENTS (frame); component++) {
    Canvas canvas;

    if (!find_canvas (frame, component, &canvas))
      return FALSE;
    for (guint i = 0; i < boxes->len; i++)
      blur_face (&canvas, &g_array_index (boxes, HaarBox, i).rect);
  }
  return TRUE;
}

gboolean
haar_overlay_blur (GstBuffer *buffer, const GstVideoInfo *info, const GArray *boxes)
{
  GstVideoFrame frame = {0};
  gboolean blurred;

  if (!gst_video_frame_map (&frame, info, buffer, GST_MAP_READWRITE))
    return FALSE;
  frame.info.finfo = gst_video_format_get_info (find_full_format (GST_VIDEO_INFO_FORMAT (info)));
  blurred = blur_faces (&frame, boxes);
  gst_video_frame_unmap (&frame);
  return blurred;
}
