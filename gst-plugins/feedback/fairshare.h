/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Divides the fog's capacity among the cameras (weighted water-filling): each gets its weight times
 * a level that is the same for all, but no less than its min and no more than its max. */
typedef struct _FairShare FairShare;

/* frames/s: the maximum of a camera that claims a higher one counts as unknown. */
#define FAIR_SHARE_HIGHEST 10000.0

typedef struct {
  gdouble min;    /* frames/s */
  gdouble max;    /* frames/s; 0 if unknown */
  gdouble weight; /* 0 counts as 1 */
} FairShareTerms;

/* @camera: this camera, whose share is computed; it is never forgotten */
FairShare *fair_share_new (const gchar *camera, const FairShareTerms *terms);
void fair_share_free (FairShare *self);
void fair_share_set_terms (FairShare *self, const FairShareTerms *terms);
/* Notes that a report has listed a camera. @round: the number of reports of all replicas so far,
 * divided by the number of replicas; a round takes @interval s. A camera that no report lists any
 * more is forgotten in the second round without it, or later if its frames are rare. An entry about
 * this camera itself is ignored. */
void fair_share_see (FairShare *self, const gchar *camera, const FairShareTerms *terms,
    gdouble round, gdouble interval);
/* Returns the number of cameras, this one included. */
guint fair_share_count (const FairShare *self);
/* Returns the rate that all cameras want together, in frames/s. Of its own maximum, this camera
 * wants only the part @activity. */
gdouble fair_share_demand (const FairShare *self, gdouble activity);
/* Returns this camera's share of @rate (frames/s) in the round @round. */
gdouble fair_share_of (FairShare *self, gdouble rate, gdouble round);

G_END_DECLS
