/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

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
