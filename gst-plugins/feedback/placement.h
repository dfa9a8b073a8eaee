/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which partition the next frame goes to: smooth weighted round robin over replicas, then over the partitions of
 * the one that was chosen. */
typedef struct _Placement Placement;

/* @seed: another one for each camera, so that they don't all begin with the same replica */
Placement *placement_new (guint32 seed);
void placement_free (Placement *self);
/* A number for a replica, valid until it is removed; it has no partition and no weight. */
guint placement_add (Placement *self);
void placement_remove (Placement *self, guint replica);
/* Takes them away from whoever had them: the last word counts. */
void placement_set_partitions (
    Placement *self, guint replica, const gint *partitions, guint n_partitions);
void placement_set_weight (Placement *self, guint replica, gdouble weight);
/* -1: nobody is known who has both a partition and a weight. */
gint placement_next (Placement *self);

G_END_DECLS
