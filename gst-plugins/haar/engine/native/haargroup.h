/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/haarengine.h"

G_BEGIN_DECLS

/* A window of the picture that passed every stage of the cascade. */
typedef struct {
  HaarRect rect;
  gdouble strength; /* see haar_exact_strength() */
} HaarWindow;

/* Groups @windows (of HaarWindow), and appends the boxes (HaarBox) to @boxes. The result is that of
 * cv::groupRectangles() with eps 0.2: more than @min_neighbors similar windows become one box, with
 * their mean size and the sum of their strengths. Smaller groups are discarded. With @min_neighbors
 * 0 each window becomes a box. */
void haar_group_windows (const GArray *windows, gint min_neighbors, GArray *boxes);
/* Clips the boxes at the edges of the picture, like the last step of cv::CascadeClassifier. */
void haar_clip_boxes (GArray *boxes, gint width, gint height);

G_END_DECLS
