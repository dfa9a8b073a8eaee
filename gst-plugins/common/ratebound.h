/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What bounds a camera's rate. */
typedef enum {
  RATE_BOUND_CAMERA,  /* nothing: it sends the rate that it wants */
  RATE_BOUND_FOG,     /* the replicas' capacity, or none has reported yet */
  RATE_BOUND_LINK,    /* the link to Kafka */
  RATE_BOUND_MINIMUM, /* min_rate, which is more than fog and link take */
  RATE_BOUND_COUNT,
} RateBound;

/* "camera", "fog", "link" or "minimum" */
const gchar *rate_bound_name (RateBound bound);

G_END_DECLS
