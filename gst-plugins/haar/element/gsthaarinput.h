/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gsthaarshared.h"

G_BEGIN_DECLS

/* Frames and events arrive, and go to the workers. */

GstFlowReturn gst_haar_face_count_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer);
gboolean gst_haar_face_count_sink_event (GstPad *pad, GstObject *parent, GstEvent *event);
gboolean gst_haar_face_count_sink_query (GstPad *pad, GstObject *parent, GstQuery *query);

G_END_DECLS
