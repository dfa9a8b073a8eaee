/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogsamples.h"

/* In P010 and similar formats, both chroma samples of a pixel have 2 bytes. GStreamer 1.22 wrongly
 * says that the second chroma sample begins 1 byte after the first. */
static gsize
find_offset (const GstVideoFrame *frame, guint component, gsize bytes)
{
  gsize offset = (gsize) GST_VIDEO_FRAME_COMP_POFFSET (frame, component);

  return (offset + bytes - 1) / bytes * bytes;
}

gboolean
fog_samples_find (
    const GstVideoFrame *frame, guint component, const GstVideoRectangle *area, FogSamples *samples)
{
  guint plane = GST_VIDEO_FORMAT_INFO_PLANE (frame->info.finfo, component);
  const GstMapInfo *map = &frame->map[frame->map[plane].data ? plane : 0];
  guint8 *start = GST_VIDEO_FRAME_PLANE_DATA (frame, plane);
  gsize bytes = frame->info.finfo->depth[component] > 8 ? 2 : 1;
  gsize offset, last;

  samples->row = GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane);
  samples->pixel = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component);
  if (samples->row < 0 || start < map->data)
    return FALSE;
  offset = find_offset (frame, component, bytes) + (gsize) area->y * (gsize) samples->row +
           (gsize) area->x * (gsize) samples->pixel;
  last = offset + (gsize) (area->h - 1) * (gsize) samples->row +
         (gsize) (area->w - 1) * (gsize) samples->pixel + bytes;
  samples->data = start + offset;
  return (gsize) (start - map->data) + last <= map->size;
}
