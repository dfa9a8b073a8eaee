/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gsthaarshared.h"

G_BEGIN_DECLS

/* What the element's pads have in common. */

/* (nullable) (transfer full): what @pad, a field of @self, points to. */
GstPad *gst_haar_face_count_ref_pad (GstHaarFaceCount *self, GstPad **pad);
gboolean gst_haar_face_count_is_linked (GstHaarFaceCount *self, GstPad **pad);
/* (transfer full): the beginning of a stream of ours on @pad. @upstream (nullable): whose group it joins. */
GstEvent *gst_haar_face_count_make_stream_start (
    GstHaarFaceCount *self, GstPad *pad, const gchar *name, GstEvent *upstream);
/* The caps query of the sink and video pads. */
void gst_haar_face_count_answer_caps (GstHaarFaceCount *self, GstPad *pad, GstQuery *query);

G_END_DECLS
