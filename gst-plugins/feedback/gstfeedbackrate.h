/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_FEEDBACK_RATE (gst_feedback_rate_get_type ())
G_DECLARE_FINAL_TYPE (GstFeedbackRate, gst_feedback_rate, GST, FEEDBACK_RATE, GstElement)
GST_ELEMENT_REGISTER_DECLARE (feedbackrate)

G_END_DECLS
