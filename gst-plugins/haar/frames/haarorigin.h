/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkameta.h"

G_BEGIN_DECLS

/* What a frame's headers say about it. It is read once, when the frame arrives. */
typedef struct {
  GPtrArray *headers; /* owns the texts of `id`; NULL if the frame has no headers */
  GstKafkaFrameId id;
  /* The bounds of the camera's rate, frames/s, and its weight. NAN: the header is absent or
   * absurd. */
  gdouble rate_min, rate_max, rate_weight;
  /* The camera's headers about frames that it didn't send, because they show nothing new. */
  /* ns: the longest time between two frames while the picture stands still; 0: no frame is left
   * out */
  guint64 still_interval;
  guint64 still_frames;   /* number of frames that weren't sent since the frame before */
  guint64 still_time;     /* ns: the time for which the frame before stood for them */
  gboolean still_changed; /* this frame shows something else */
} HaarOrigin;

void haar_origin_read (HaarOrigin *origin, GstBuffer *frame);
void haar_origin_clear (HaarOrigin *origin);

G_END_DECLS
