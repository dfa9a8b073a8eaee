/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Chooses the partition of each frame: chooses a replica by smooth weighted round robin, and then
 * one of the replica's partitions, in turn. */
typedef struct _Placement Placement;

/* The bound of partition numbers; partitions with higher numbers are never chosen. A limit is
 * necessary, because the numbers come from the network, and a table of all of them could fill the
 * memory. */
#define PLACEMENT_PARTITIONS 65536

/* @seed: a number that is different for each camera, so that the cameras begin with different
 * replicas */
Placement *placement_new (guint32 seed);
void placement_free (Placement *self);
/* Returns: a number for the replica, valid until it is removed. A new replica has no partition and
 * no weight. */
guint placement_add (Placement *self);
void placement_remove (Placement *self, guint replica);
/* Assigns @partitions to @replica, and takes them from other replicas. The time for this call grows
 * with the number of partitions, not with the number of replicas. */
void placement_set_partitions (
    Placement *self, guint replica, const gint *partitions, guint n_partitions);
void placement_set_weight (Placement *self, guint replica, gdouble weight);
/* Returns -1 if no replica has both a partition and a weight. */
gint placement_next (Placement *self);

G_END_DECLS
