/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogluma.h"

#include "fogsamples.h"

static guint
read_deep (const guint8 *sample, gboolean little)
{
  return little ? GST_READ_UINT16_LE (sample) : GST_READ_UINT16_BE (sample);
}

/* The number of samples brighter than a depth allows that are ignored as errors of the sensor: a
 * thousandth of the samples, and at most a quarter of the samples of the smallest face (24 x
 * 24). */
#define STRAY_PART 1000
#define STRAYS_MAX (24 * 24 / 4)

/* Finds the number of bits of GRAY16 samples: 10, 12, 14 or 16. The caps don't contain the depth,
 * so the brightest samples determine it. A few of the brightest samples are ignored, because they
 * may be errors of the sensor. A dark frame of 16 bits is taken for one of fewer bits and becomes
 * brighter, which does no harm, because cascades normalise contrast. */
static guint
find_depth (const FogSamples *from, const FogLuma *luma, gboolean little)
{
  guint above[3] = {0}; /* numbers of samples above the ranges of 10, 12 and 14 bits */
  guint strays = CLAMP ((guint) (luma->width * luma->height) / STRAY_PART, 1, STRAYS_MAX);
  guint depth = 10;

  for (gint y = 0; y < luma->height; y++) {
    const guint8 *sample = from->data + (gsize) y * (gsize) from->row;

    for (gint x = 0; x < luma->width; x++, sample += from->pixel) {
      guint value = read_deep (sample, little);

      above[0] += value >> 10 != 0;
      above[1] += value >> 12 != 0;
      above[2] += value >> 14 != 0;
    }
  }
  while (depth < 16 && above[(depth - 10) / 2] > strays)
    depth += 2;
  return depth;
}

/* Copies the upper 8 bits of each sample. A sample that is brighter than the depth allows becomes
 * white. */
static void
copy_deep (const FogSamples *from, const GstVideoFormatInfo *finfo, const FogLuma *luma, guint8 *to)
{
  gboolean little = GST_VIDEO_FORMAT_INFO_IS_LE (finfo);
  gboolean is_open = GST_VIDEO_FORMAT_INFO_IS_GRAY (finfo) && finfo->depth[0] == 16;
  guint depth = is_open ? find_depth (from, luma, little) : finfo->depth[0];
  guint shift = finfo->shift[0] + depth - 8;

  for (gint y = 0; y < luma->height; y++, to += luma->width) {
    const guint8 *sample = from->data + (gsize) y * (gsize) from->row;

    for (gint x = 0; x < luma->width; x++, sample += from->pixel)
      to[x] = (guint8) MIN (read_deep (sample, little) >> shift, G_MAXUINT8);
  }
}

static void
copy_packed (const FogSamples *from, const FogLuma *luma, guint8 *to)
{
  for (gint y = 0; y < luma->height; y++, to += luma->width) {
    const guint8 *sample = from->data + (gsize) y * (gsize) from->row;

    for (gint x = 0; x < luma->width; x++, sample += from->pixel)
      to[x] = *sample;
  }
}

/* Converts RGB to luma by Rec. 601 with OpenCV's fixed-point arithmetic, so that the same faces are
 * found as with OpenCV's conversion. */
static void
mix_rgb (const FogSamples rgb[3], const FogLuma *luma, guint8 *to)
{
  for (gint y = 0; y < luma->height; y++, to += luma->width) {
    const guint8 *r = rgb[0].data + (gsize) y * (gsize) rgb[0].row;
    const guint8 *g = rgb[1].data + (gsize) y * (gsize) rgb[1].row;
    const guint8 *b = rgb[2].data + (gsize) y * (gsize) rgb[2].row;

    for (gint x = 0; x < luma->width; x++) {
      to[x] = (guint8) ((4899 * *r + 9617 * *g + 1868 * *b + 8192) >> 14);
      r += rgb[0].pixel;
      g += rgb[1].pixel;
      b += rgb[2].pixel;
    }
  }
}

static gboolean
find_area (const GstVideoFrame *frame, const GstVideoCropMeta *crop, GstVideoRectangle *area)
{
  guint width = (guint) GST_VIDEO_FRAME_WIDTH (frame),
        height = (guint) GST_VIDEO_FRAME_HEIGHT (frame);

  *area = (GstVideoRectangle){0, 0, (gint) width, (gint) height};
  if ((guint64) width * height > G_MAXINT)
    return FALSE;
  if (!crop)
    return width > 0 && height > 0;
  if (crop->x >= width || crop->y >= height || !crop->width || !crop->height)
    return FALSE;
  area->x = (gint) crop->x;
  area->y = (gint) crop->y;
  area->w = (gint) MIN (crop->width, width - crop->x);
  area->h = (gint) MIN (crop->height, height - crop->y);
  return TRUE;
}

FogLumaResult
fog_luma_of_frame (
    const GstVideoFrame *frame, const GstVideoCropMeta *crop, guint8 **scratch, FogLuma *luma)
{
  const GstVideoFormatInfo *finfo = frame->info.finfo;
  guint n = GST_VIDEO_FORMAT_INFO_IS_RGB (finfo) ? 3 : 1;
  GstVideoRectangle area;
  FogSamples samples[3];
  guint8 *copy;

  if (!find_area (frame, crop, &area))
    return FOG_LUMA_SHORT;
  for (guint i = 0; i < n; i++)
    if (!fog_samples_find (frame, i, &area, &samples[i]))
      return FOG_LUMA_SHORT;
  luma->width = area.w;
  luma->height = area.h;
  if (n == 1 && samples[0].pixel == 1) {
    luma->data = samples[0].data;
    luma->stride = (gsize) samples[0].row;
    return FOG_LUMA_READY;
  }
  copy = g_try_realloc (*scratch, (gsize) area.w * (gsize) area.h);
  if (!copy)
    return FOG_LUMA_NO_MEMORY;
  *scratch = copy;
  if (n == 3)
    mix_rgb (samples, luma, *scratch);
  else if (finfo->depth[0] > 8)
    copy_deep (&samples[0], finfo, luma, *scratch);
  else
    copy_packed (&samples[0], luma, *scratch);
  luma->data = *scratch;
  luma->stride = (gsize) area.w;
  return FOG_LUMA_READY;
}
