/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Sets the number of threads that OpenCV uses for a picture in this process. */
void haar_set_opencv_threads (guint n);
/* Whether OpenCV prints errors. */
void haar_set_opencv_silent (gboolean silent);

G_END_DECLS
