/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* The first sample of a component within an area, and the way to the others. */
typedef struct {
  guint8 *data;
  gint row, pixel; /* bytes to the next */
} HaarSamples;

/* FALSE: not every sample of @component in @area (in the component's own samples) lies within what was mapped: metas
 * and sizes come from outside. */
gboolean haar_samples_find (const GstVideoFrame *frame, guint component,
    const GstVideoRectangle *area, HaarSamples *samples);

G_END_DECLS
