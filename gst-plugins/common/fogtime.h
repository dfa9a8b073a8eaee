/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Now, in ns since the Unix epoch. */
GstClockTime fog_time_now (void);

/* Of @buffer's PTS; %GST_CLOCK_TIME_NONE if it has none, lies outside of @segment, or the stream isn't in TIME. */
GstClockTime fog_running_time (const GstSegment *segment, GstBuffer *buffer);

/**
 * fog_time_of_capture:
 * @element: whose clock and base time map running time to the wall clock
 * @segment: that @buffer belongs to
 * @buffer: a frame, or what was made from one
 *
 * Looks at the `capture-time` header, then at a #GstReferenceTimestampMeta of `timestamp/x-unix`, then at
 * the buffer's running time.
 *
 * Returns: ns since the Unix epoch, or %GST_CLOCK_TIME_NONE if nothing tells
 */
GstClockTime fog_time_of_capture (
    GstElement *element, const GstSegment *segment, GstBuffer *buffer);

G_END_DECLS
