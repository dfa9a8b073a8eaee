/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gsthaarshared.h"

G_BEGIN_DECLS

/* Reports leave by the reporter's thread, whatever the frames do. */

/* (transfer full): the property stats. */
GstStructure *gst_haar_face_count_make_stats (GstHaarFaceCount *self);
/* A HaarReporterFunc. */
void gst_haar_face_count_report (HaarReporterCall call, gpointer self);
/* FALSE: @s names no partitions. */
gboolean gst_haar_face_count_take_partitions (GstHaarFaceCount *self, const GstStructure *s);
/* How long a stop, or a new beginning, waits for the last report to leave (us). */
#define GST_HAAR_LEAVE_TIMEOUT (300 * G_TIME_SPAN_MILLISECOND)
/* The stream of reports begins again, if it had ended. */
void gst_haar_face_count_restart_reports (GstHaarFaceCount *self);
/* of the pad rate */
gboolean gst_haar_face_count_rate_event (GstPad *pad, GstObject *parent, GstEvent *event);
gboolean gst_haar_face_count_rate_query (GstPad *pad, GstObject *parent, GstQuery *query);

G_END_DECLS
