/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Returns the present time, in ns since the Unix epoch. */
GstClockTime fog_time_now (void);

/* Returns the running time of @buffer's PTS, ns. Returns %GST_CLOCK_TIME_NONE if the buffer has no
 * PTS, lies outside of @segment, or the segment's format isn't TIME. */
GstClockTime fog_running_time (const GstSegment *segment, GstBuffer *buffer);

/* Returns the wall-clock time, in ns since the Unix epoch, at which @element's clock and base time
 * have the running time @running_time. Returns %GST_CLOCK_TIME_NONE if there is no clock, or
 * @running_time is %GST_CLOCK_TIME_NONE. */
GstClockTime fog_time_of_running_time (GstElement *element, GstClockTime running_time);

/**
 * fog_time_of_capture:
 * @element: element whose clock and base time map the running time to the wall clock
 * @segment: the segment of @buffer
 * @buffer: a frame, or a buffer that was made from one
 *
 * Uses the first of these times that is present: the header `capture-time`, a
 * #GstReferenceTimestampMeta of `timestamp/x-unix`, the buffer's running time.
 *
 * Returns: the capture time in ns since the Unix epoch, or %GST_CLOCK_TIME_NONE if the buffer has
 * none of these times
 */
GstClockTime fog_time_of_capture (
    GstElement *element, const GstSegment *segment, GstBuffer *buffer);

G_END_DECLS
