/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/haarengine.h"

G_BEGIN_DECLS

/* Like cv::groupRectangles() with eps 0.2: more than @min_neighbors rectangles that nearly agree
 * become one, of their mean size; fewer ones are removed. With 0 nothing changes. */
void haar_group_rects (GArray *rects, gint min_neighbors);
/* Like the last step of cv::CascadeClassifier: cuts the rectangles at the edges of the picture. */
void haar_clip_rects (GArray *rects, gint width, gint height);

G_END_DECLS
