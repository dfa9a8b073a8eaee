/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ratebound.h"

const gchar *
rate_bound_name (RateBound bound)
{
  static const gchar *const names[RATE_BOUND_COUNT] = {
      [RATE_BOUND_CAMERA] = "camera",
      [RATE_BOUND_FOG] = "fog",
      [RATE_BOUND_LINK] = "link",
      [RATE_BOUND_MINIMUM] = "minimum",
  };

  return names[bound];
}
