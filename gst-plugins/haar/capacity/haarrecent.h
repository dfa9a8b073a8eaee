/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Ascending. */
void haar_sort (gdouble *values, guint n);
/* The number that the share @q of them, 0 to 1, isn't above. There must be one. */
gdouble haar_quantile (const gdouble *sorted, guint n, gdouble q);

#define HAAR_RECENT_MAX 64

/* The latest numbers of a series, at most %HAAR_RECENT_MAX; begins with zeros. */
typedef struct {
  gdouble values[HAAR_RECENT_MAX];
  guint n, next;
} HaarRecent;

void haar_recent_add (HaarRecent *self, gdouble value);
/* haar_quantile() of them. */
gdouble haar_recent_quantile (const HaarRecent *self, gdouble q);

G_END_DECLS
