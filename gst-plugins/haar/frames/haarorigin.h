/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkameta.h"

G_BEGIN_DECLS

/* The data of a frame's headers. The headers are read once, when the frame arrives. */
typedef struct {
  GPtrArray *headers; /* the headers, which own the texts of `id`; NULL if the frame has none */
  GstKafkaFrameId id;
  /* The bounds of the camera's rate, frames/s, and its weight. NAN: the header is absent or
   * absurd. */
  gdouble rate_min, rate_max, rate_weight;
  /* The camera's headers about frames that it didn't send, because they show nothing new. */
  /* the longest time between two frames while the picture stands still, ns; 0: no frame is left
   * out */
  guint64 still_interval;
  guint64 still_frames;   /* number of frames that weren't sent since the frame before */
  guint64 still_time;     /* the time for which the frame before stood for these frames, ns */
  gboolean still_changed; /* flag: this frame shows a change */
} HaarOrigin;

void haar_origin_read (HaarOrigin *origin, GstBuffer *frame);
void haar_origin_clear (HaarOrigin *origin);

G_END_DECLS
