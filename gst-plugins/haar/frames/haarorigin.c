/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarorigin.h"

#include <math.h>

/* The largest number that a reader of reports accepts. */
#define MAX_RATE 1e6

static gdouble
read_rate (GstBuffer *frame, const gchar *name)
{
  gdouble number;

  return gst_kafka_meta_get_header_double (frame, name, &number) && number >= 0 &&
                 number <= MAX_RATE
             ? number
             : NAN;
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
}

void
haar_origin_clear (HaarOrigin *origin)
{
  g_clear_pointer (&origin->headers, g_ptr_array_unref);
}
