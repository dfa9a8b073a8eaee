/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Returns: (nullable) (transfer floating): an rtspsrc whose property `user-pw` can't be read, so
 * that no dot file and no log of properties shows the password; %NULL if rtspsrc isn't
 * installed. */
GstElement *gst_camera_rtsp_new (void);

G_END_DECLS
