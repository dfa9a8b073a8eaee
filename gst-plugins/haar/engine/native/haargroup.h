/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/haarengine.h"

G_BEGIN_DECLS

/* A place of the cascade's window in which every stage passed. */
typedef struct {
  HaarRect rect;
  gdouble strength; /* see haar_exact_strength() */
} HaarWindow;

/* Appends to @boxes (of HaarBox) what @windows (of HaarWindow) show. Like cv::groupRectangles()
 * with eps 0.2: more than @min_neighbors windows that nearly agree become one box, of their mean
 * size and with the sum of their strengths; fewer ones are left out. With 0 each window is a
 * box. */
void haar_group_windows (const GArray *windows, gint min_neighbors, GArray *boxes);
/* Like the last step of cv::CascadeClassifier: cuts the boxes at the edges of the picture. */
void haar_clip_boxes (GArray *boxes, gint width, gint height);

G_END_DECLS
