/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Divides the fog's capacity among the cameras by weighted water-filling: each camera gets its
 * weight multiplied by a level that is the same for all cameras, but no less than the camera's
 * minimum and no more than its maximum. */
typedef struct _FairShare FairShare;

/* The highest maximum (frames/s) that a camera may claim; a higher one counts as an unknown
 * maximum. */
#define FAIR_SHARE_HIGHEST 10000.0

typedef struct {
  gdouble min;    /* frames/s */
  gdouble max;    /* frames/s; 0 if unknown */
  gdouble weight; /* 0 counts as 1 */
} FairShareTerms;

/* @camera: name of this camera, whose share is computed, and which is never forgotten */
FairShare *fair_share_new (const gchar *camera, const FairShareTerms *terms);
void fair_share_free (FairShare *self);
void fair_share_set_terms (FairShare *self, const FairShareTerms *terms);
/* Notes that a report has listed a camera. @round: the number of reports of all replicas so far,
 * divided by the number of replicas. @interval: the time that a round takes, s. A camera that no
 * report lists any more is forgotten after two or three rounds of reports, or later if its frames
 * are rare. A call about this camera itself is ignored. */
void fair_share_see (FairShare *self, const gchar *camera, const FairShareTerms *terms,
    gdouble round, gdouble interval);
/* Returns the number of cameras, this one included. */
guint fair_share_count (const FairShare *self);
/* Returns the rate that all cameras want together, in frames/s. @activity: the fraction of its
 * maximum that this camera wants. */
gdouble fair_share_demand (const FairShare *self, gdouble activity);
/* Returns this camera's share of @rate (frames/s) in the round @round. */
gdouble fair_share_of (FairShare *self, gdouble rate, gdouble round);

G_END_DECLS
