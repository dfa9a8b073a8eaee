/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The cameras that share the fog, and what each may take of it: water-filling by weight between its min and max. */
typedef struct _FairShare FairShare;

typedef struct {
  gdouble min;    /* frames/s */
  gdouble max;    /* frames/s; 0 if unknown */
  gdouble weight; /* 0 counts as 1 */
} FairShareTerms;

/* @camera: the one whose share is asked for; always there */
FairShare *fair_share_new (const gchar *camera, const FairShareTerms *terms);
void fair_share_free (FairShare *self);
void fair_share_set_terms (FairShare *self, const FairShareTerms *terms);
/* Another camera was listed in a report of the round @round (a running number of all replicas' reports, divided by
 * the number of replicas); rounds take @interval s. If no report lists it any more it gives its share away, in the
 * second round without it, or later if its frames are rare. Its name may be the own one: ignored. */
void fair_share_see (FairShare *self, const gchar *camera, const FairShareTerms *terms,
    gdouble round, gdouble interval);
guint fair_share_count (const FairShare *self);
/* Frames/s that all of them together want. */
gdouble fair_share_demand (const FairShare *self);
/* The own camera's part of @rate (frames/s) in the round @round: never below its min, never above its max. */
gdouble fair_share_of (FairShare *self, gdouble rate, gdouble round);

G_END_DECLS
