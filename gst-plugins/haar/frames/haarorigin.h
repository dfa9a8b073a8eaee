/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkameta.h"

G_BEGIN_DECLS

/* The values of a frame's headers, which are read once, when the frame arrives. */
typedef struct {
  GPtrArray *headers; /* the headers, which own the texts of `id`; NULL if the frame has none */
  GstKafkaFrameId id;
  /* The lowest and the highest rate of the camera, frames/s, and its weight; NAN if the header is
   * absent, negative or too large. */
  gdouble rate_min, rate_max, rate_weight;
  /* The camera's headers about frames that it didn't send, because they show nothing new. */
  /* the longest time between two frames while the picture stands still, ns; 0: no frame is left
   * out */
  guint64 still_interval;
  /* number of frames that the camera didn't send since the frame before this one */
  guint64 still_frames;
  /* time (ns) that the frames that weren't sent span, in which the picture was that of the frame
   * before */
  guint64 still_time;
  gboolean still_changed; /* TRUE if this frame shows a change */
} HaarOrigin;

void haar_origin_read (HaarOrigin *origin, GstBuffer *frame);
void haar_origin_clear (HaarOrigin *origin);

G_END_DECLS
