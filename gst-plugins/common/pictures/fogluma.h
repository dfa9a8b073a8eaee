/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* The raw formats whose faces can be counted: YUV and grey, planar or packed, of 8 to 16 bits;
 * and RGB. */
#define FOG_LUMA_FORMATS                                                                           \
  "{ GRAY8, I420, YV12, NV12, NV21, NV16, NV61, NV24, Y41B, Y42B, Y444, YUV9, YVU9, A420, "        \
  "YUY2, UYVY, YVYU, VYUY, AYUV, VUYA, GRAY16_LE, GRAY16_BE, P010_10LE, P010_10BE, P016_LE, "      \
  "I420_10LE, I422_10LE, Y444_10LE, I420_12LE, I422_12LE, Y444_12LE, "                             \
  "RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR, GBR, RGBP, BGRP }"

/* A frame's luma, 8 bits deep. */
typedef struct {
  const guint8 *data;
  gsize stride;
  gint width, height;
} FogLuma;

typedef enum {
  FOG_LUMA_READY,
  FOG_LUMA_SHORT,     /* the frame's memory is shorter than its caps say */
  FOG_LUMA_NO_MEMORY, /* the memory for the converted frame couldn't be allocated */
} FogLumaResult;

/**
 * fog_luma_of_frame:
 * @frame: mapped for reading
 * @crop: (nullable): the rectangle of @frame that is used
 * @scratch: (inout): the caller's memory, from g_malloc(); the luma is copied there, unless the
 *   frame has its luma as adjacent bytes
 * @luma: the luma, which points into @frame or @scratch; with %FOG_LUMA_NO_MEMORY only the width
 *   and the height are set
 */
FogLumaResult fog_luma_of_frame (
    const GstVideoFrame *frame, const GstVideoCropMeta *crop, guint8 **scratch, FogLuma *luma);

G_END_DECLS
