/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livebudget.h"

gboolean
live_budget_allows (LiveBudget *self, gint64 now, guint64 bytes)
{
  gdouble seconds = (gdouble) (now - self->time) / 1000;

  if (self->time == 0)
    self->room = LIVE_BUDGET_BURST;
  else if (seconds > 0)
    self->room += LIVE_BUDGET_RATE * seconds;
  self->room = MIN (self->room - (gdouble) (bytes - self->bytes), LIVE_BUDGET_BURST);
  /* The debt is limited, so that reading doesn't rest for minutes after one very large message. */
  self->room = MAX (self->room, -LIVE_BUDGET_BURST);
  self->time = now;
  self->bytes = bytes;
  if (self->room < 0)
    self->resting = TRUE;
  else if (self->room >= LIVE_BUDGET_BURST / 2)
    self->resting = FALSE;
  return !self->resting;
}
