/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Functions that several pads of haarfacecount use. */

GST_DEBUG_CATEGORY_EXTERN (gst_haar_face_count_debug);

/* Returns: (transfer full): the event that starts a stream on @pad, which is a src pad of this
 * element. @upstream (nullable): the stream-start event from upstream, whose group the new stream
 * joins */
GstEvent *gst_haar_make_stream_start (
    GstElement *element, GstPad *pad, const gchar *name, GstEvent *upstream);
/* Answers a caps query of @pad with the caps that the peer of @other (nullable) accepts, because
 * frames pass from @pad to @other without conversion. */
void gst_haar_answer_caps (GstPad *pad, GstPad *other, GstQuery *query);
/* Answers a latency query with upstream's latency plus the time of @frames more frames. */
gboolean gst_haar_answer_latency (GstPad *sinkpad, guint frames, GstQuery *query);

G_END_DECLS
