/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Values of the property `stats` that one plugin writes and another one reads. */

#define FOG_HISTOGRAM_BOUNDS 13

/* Upper bounds of the histogram's buckets, s. The histogram has one more bucket, without an upper
 * bound, for longer times. */
extern const gdouble fog_histogram_bounds[FOG_HISTOGRAM_BOUNDS];

/* Counts of the measured times in each bucket. Begins with zeros. */
typedef struct {
  guint64 counts[FOG_HISTOGRAM_BOUNDS + 1];
  gdouble sum; /* s */
} FogHistogram;

/* @time: the measured time, s; NAN (unknown) is ignored */
void fog_histogram_add (FogHistogram *self, gdouble time);
/* Sets field @name of @s to a structure `histogram` with the fields `counts` (GstValueArray of
 * guint64) and `sum` (double, s). */
void fog_histogram_to_field (const FogHistogram *self, GstStructure *s, const gchar *name);
/* Reads such a structure. FALSE: it isn't one. */
gboolean fog_histogram_from_structure (FogHistogram *self, const GstStructure *s);

/* The limit that determines a camera's rate. */
typedef enum {
  RATE_BOUND_CAMERA, /* no limit: the camera sends at the rate that it wants */
  /* the capacity of the replicas; also the limit while no replica has reported */
  RATE_BOUND_FOG,
  RATE_BOUND_LINK,    /* the link to Kafka */
  RATE_BOUND_MINIMUM, /* the minimum rate, because fog or link take only a lower rate */
  RATE_BOUND_COUNT,
} RateBound;

/* "camera", "fog", "link" or "minimum" */
const gchar *rate_bound_name (RateBound bound);

G_END_DECLS
