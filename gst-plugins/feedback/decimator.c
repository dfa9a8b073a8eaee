/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decimator.h"

/* What a gap in the input may save up: more would be a burst after it. */
#define MAX_CREDIT 2.0

/* Half a frame of the source early beats half a frame late, and jitter of the time stamps doesn't show. */
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
    /* Time that stands still or runs back (a new segment): as if one frame had passed. */
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
