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
 * 0 each window becomes a box. Boxes are clipped at the edges of the picture, which has @width and
 * @height, like in the last step of cv::CascadeClassifier. */
void haar_group_windows (
    const GArray *windows, gint min_neighbors, gint width, gint height, GArray *boxes);

G_END_DECLS
