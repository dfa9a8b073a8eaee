/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarorigin.h"

#include "fogreport.h"

#include <math.h>

/* The largest rate or weight that readers of reports accept; headers with larger numbers are
 * ignored. */
#define MAX_RATE 1e6
/* the longest interval (ns) between frames of a still picture that is accepted, because a longer
 * one would keep a camera that is gone in the reports for hours */
#define LONGEST_STILL_INTERVAL (FOG_REPORT_STILL_INTERVAL * GST_SECOND)

static gdouble
read_rate (GstBuffer *frame, const gchar *name)
{
  gdouble number;

  return gst_kafka_meta_get_header_double (frame, name, &number) && number >= 0 &&
                 number <= MAX_RATE
             ? number
             : NAN;
}

/* Returns the number in the header @name; 0 if the header is absent, or its number is above
 * @most. */
static guint64
read_count (GstBuffer *frame, const gchar *name, guint64 most)
{
  guint64 number;

  return gst_kafka_meta_get_header_uint64 (frame, name, &number) && number <= most ? number : 0;
}

static void
read_still (HaarOrigin *origin, GstBuffer *frame)
{
  origin->still_interval =
      read_count (frame, GST_KAFKA_HEADER_STILL_INTERVAL, LONGEST_STILL_INTERVAL);
  if (!origin->still_interval)
    return;
  origin->still_frames = read_count (frame, GST_KAFKA_HEADER_STILL_FRAMES, G_MAXINT32);
  origin->still_time = read_count (frame, GST_KAFKA_HEADER_STILL_TIME, G_MAXINT64);
  origin->still_changed =
      g_strcmp0 (gst_kafka_meta_get_header (frame, GST_KAFKA_HEADER_STILL_CHANGED), "true") == 0;
}

void
haar_origin_read (HaarOrigin *origin, GstBuffer *frame)
{
  GPtrArray *headers = gst_kafka_meta_get_headers (frame);

  origin->headers = headers ? g_ptr_array_ref (headers) : NULL;
  gst_kafka_meta_read_frame_id (frame, &origin->id);
  origin->rate_min = read_rate (frame, GST_KAFKA_HEADER_RATE_MIN);
  origin->rate_max = read_rate (frame, GST_KAFKA_HEADER_RATE_MAX);
  origin->rate_weight = read_rate (frame, GST_KAFKA_HEADER_RATE_WEIGHT);
  read_still (origin, frame);
}

void
haar_origin_clear (HaarOrigin *origin)
{
  g_clear_pointer (&origin->headers, g_ptr_array_unref);
}
