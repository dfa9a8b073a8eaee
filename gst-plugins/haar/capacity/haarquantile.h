/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdlib.h>

#include <glib.h>

G_BEGIN_DECLS

static inline gint
haar_compare_doubles (gconstpointer a, gconstpointer b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

/* Ascending. @values: the values; may be NULL if @n is 0. */
static inline void
haar_sort (gdouble *values, guint n)
{
  if (n > 0)
    qsort (values, n, sizeof *values, haar_compare_doubles);
}

/* Returns the value that the fraction @q, 0 to 1, of @n sorted values doesn't exceed. The number @n
 * of values must be at least 1. */
static inline gdouble
haar_quantile (const gdouble *sorted, guint n, gdouble q)
{
  return sorted[(guint) ((gdouble) (n - 1) * q)];
}

G_END_DECLS
