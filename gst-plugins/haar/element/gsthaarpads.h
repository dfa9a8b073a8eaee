/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* What several pads have in common. */

GST_DEBUG_CATEGORY_EXTERN (gst_haar_face_count_debug);

/* (transfer full): the start of a stream of this element on @pad.
 * @upstream (nullable): the stream-start event whose group it joins */
GstEvent *gst_haar_make_stream_start (
    GstElement *element, GstPad *pad, const gchar *name, GstEvent *upstream);
/* Answers a caps query of @pad with what the peer of @other (nullable) takes, as frames go from one
 * to the other as they are. */
void gst_haar_answer_caps (GstPad *pad, GstPad *other, GstQuery *query);
/* Answers a latency query with that of upstream and the time of @frames more frames. */
gboolean gst_haar_answer_latency (GstPad *sinkpad, guint frames, GstQuery *query);

G_END_DECLS
