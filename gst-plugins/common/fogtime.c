/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogtime.h"
#include "gstkafkameta.h"

GstClockTime
fog_time_now (void)
{
  return (GstClockTime) g_get_real_time () * GST_USECOND;
}

GstClockTime
fog_time_of_running_time (GstElement *element, GstClockTime running_time)
{
  GstClock *clock;
  GstClockTime base_time = gst_element_get_base_time (element);
  GstClockTimeDiff age;

  if (!GST_CLOCK_TIME_IS_VALID (running_time) || !(clock = gst_element_get_clock (element)))
    return GST_CLOCK_TIME_NONE;
  age = GST_CLOCK_DIFF (base_time + running_time, gst_clock_get_time (clock));
  gst_object_unref (clock);
  return fog_time_now () - age;
}

GstClockTime
fog_running_time (const GstSegment *segment, GstBuffer *buffer)
{
  if (segment->format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
}

GstClockTime
fog_time_of_capture (GstElement *element, const GstSegment *segment, GstBuffer *buffer)
{
  static GstStaticCaps unix_caps = GST_STATIC_CAPS ("timestamp/x-unix");
  GstReferenceTimestampMeta *meta;
  GstCaps *caps;
  guint64 header;

  if (gst_kafka_meta_get_header_uint64 (buffer, GST_KAFKA_HEADER_CAPTURE_TIME, &header))
    return header;
  caps = gst_static_caps_get (&unix_caps);
  meta = gst_buffer_get_reference_timestamp_meta (buffer, caps);
  gst_caps_unref (caps);
  if (meta)
    return meta->timestamp;
  return fog_time_of_running_time (element, fog_running_time (segment, buffer));
}
