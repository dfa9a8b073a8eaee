/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstfeedbackrate.h"

G_BEGIN_DECLS

/* feedbackrate towards its source: what rates it offers, which one it is asked for, what caps both sides see. */

GST_DEBUG_CATEGORY_EXTERN (gst_feedback_rate_debug);

/* Frames/s as its caps say, 0 if they don't. With self->lock. */
gdouble gst_feedback_rate_source_rate (GstFeedbackRate *self);
/* (transfer full): what the pad sink takes, if downstream takes @downstream. */
GstCaps *gst_feedback_rate_sink_caps (GstFeedbackRate *self, GstCaps *downstream);
/* (transfer full): @caps, at a rate that downstream takes if it doesn't take this one. */
GstCaps *gst_feedback_rate_src_caps (GstFeedbackRate *self, GstCaps *caps);
/* Whether the source can do other rates; of the streaming thread, as the next one. */
gboolean gst_feedback_rate_is_adjustable (GstFeedbackRate *self);
/* Asks the source for another rate if that is due. @rate: frames/s that go on; @now: monotonic, us */
void gst_feedback_rate_follow (GstFeedbackRate *self, gdouble rate, gint64 now);

G_END_DECLS
