/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decimator.h"

/* The largest credit, in frames. Credit grows while no frames come, so without a limit a burst of
 * frames would pass afterwards. */
#define MAX_CREDIT 2.0

/* Returns the credit with which a frame passes. The credit is less than one frame, because a frame
 * that passes half a period of the source early is better than one that passes half a period late,
 * and because the jitter of time stamps then has no effect. */
static gdouble
threshold (gdouble rate, gdouble source_rate)
{
  return source_rate > 0 ? 1 - MIN (rate / source_rate, 1) / 2 : 0.999;
}

gboolean
decimator_take (Decimator *self, gdouble now, gdouble rate, gdouble source_rate)
{
  gdouble elapsed = now - self->last;

  if (!self->started) {
    self->credit = 1;
    elapsed = 0;
  } else if (elapsed <= 0 && source_rate > 0) {
    /* If time stands still, or runs backwards because a new segment has begun, one period of the
     * source counts as passed. */
    elapsed = 1 / source_rate;
  }
  self->started = TRUE;
  self->last = now;
  self->credit = MIN (self->credit + MAX (elapsed, 0) * rate, MAX_CREDIT);
  if (self->credit < threshold (rate, source_rate))
    return FALSE;
  self->credit -= 1;
  return TRUE;
}

void
decimator_give_back (Decimator *self)
{
  self->credit = MIN (self->credit + 1, MAX_CREDIT);
}
