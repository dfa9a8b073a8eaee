/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* The samples of one component within an area of a frame. */
typedef struct {
  guint8 *data;    /* the first sample */
  gint row, pixel; /* distance in bytes between rows, and between samples of a row */
} FogSamples;

/* @area: the area of the frame, in samples of this component. Returns FALSE if some samples lie
 * outside of the mapped memory. The check is necessary, because a frame's metas and sizes come from
 * other elements, and may be wrong. */
gboolean fog_samples_find (const GstVideoFrame *frame, guint component,
    const GstVideoRectangle *area, FogSamples *samples);

G_END_DECLS
