/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarrecent.h"

#include <stdlib.h>
#include <string.h>

void
haar_recent_add (HaarRecent *self, gdouble value)
{
  self->values[self->next] = value;
  self->next = (self->next + 1) % HAAR_RECENT_MAX;
  self->n = MIN (self->n + 1, HAAR_RECENT_MAX);
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

void
haar_sort (gdouble *values, guint n)
{
  if (n > 0) /* or there may be no array */
    qsort (values, n, sizeof *values, compare);
}

gdouble
haar_quantile (const gdouble *sorted, guint n, gdouble q)
{
  return sorted[(guint) ((gdouble) (n - 1) * q)];
}

gdouble
haar_recent_quantile (const HaarRecent *self, gdouble q)
{
  gdouble sorted[HAAR_RECENT_MAX];

  memcpy (sorted, self->values, self->n * sizeof *sorted);
  haar_sort (sorted, self->n);
  return haar_quantile (sorted, self->n, q);
}
