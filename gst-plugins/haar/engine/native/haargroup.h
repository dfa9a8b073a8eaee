/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/haarengine.h"

G_BEGIN_DECLS

/* As cv::groupRectangles() with eps 0.2: windows that nearly agree become one of their mean size, if there are
 * more than min_neighbors of them. With 0 they are left as they are. */
void haar_group_rects (GArray *rects, gint min_neighbors);
/* As cv::CascadeClassifier does at the end: cut at the picture's edges. */
void haar_clip_rects (GArray *rects, gint width, gint height);

G_END_DECLS
