/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The limit that determines a camera's rate. */
typedef enum {
  RATE_BOUND_CAMERA,  /* no limit: the camera sends the rate that it wants */
  RATE_BOUND_FOG,     /* the replicas' capacity; also while none has reported */
  RATE_BOUND_LINK,    /* the link to Kafka */
  RATE_BOUND_MINIMUM, /* min_rate, which is above the rate that fog and link take */
  RATE_BOUND_COUNT,
} RateBound;

/* "camera", "fog", "link" or "minimum" */
const gchar *rate_bound_name (RateBound bound);

G_END_DECLS
