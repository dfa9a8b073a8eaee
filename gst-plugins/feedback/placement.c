/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "placement.h"

#include <string.h>

#define NOBODY -1
/* A slot's list of partitions is compacted when it has this many entries of partitions that now
 * belong to other slots. The entries aren't removed at once, so that the time to read a report
 * depends only on the report's own length. */
#define SPARE_ENTRIES 16

typedef struct {
  gboolean used;
  GArray *partitions; /* partitions (gint) of the slot, and some that now belong to other slots */
  guint owned;        /* number of partitions that belong to the slot */
  guint next;         /* index of the partition to choose next */
  gdouble weight;
  /* credit in the weighted round robin: the slot with the most credit is chosen next */
  gdouble current;
} Slot;

struct _Placement {
  guint32 seed;
  gboolean changed; /* flag: the set of slots with a weight has changed */
  GArray *slots;    /* of Slot */
  GArray *owners;   /* gint: the index of each partition's slot, or NOBODY */
};

static void
slot_clear (gpointer slot)
{
  g_array_unref (((Slot *) slot)->partitions);
}

Placement *
placement_new (guint32 seed)
{
  Placement *self = g_new0 (Placement, 1);

  self->seed = seed;
  self->slots = g_array_new (FALSE, TRUE, sizeof (Slot));
  g_array_set_clear_func (self->slots, slot_clear);
  self->owners = g_array_new (FALSE, FALSE, sizeof (gint));
  return self;
}

void
placement_free (Placement *self)
{
  g_array_unref (self->slots);
  g_array_unref (self->owners);
  g_free (self);
}

static Slot *
get_slot (Placement *self, guint replica)
{
  return &g_array_index (self->slots, Slot, replica);
}

guint
placement_add (Placement *self)
{
  Slot slot = {TRUE};

  for (guint i = 0; i < self->slots->len; i++) {
    if (!get_slot (self, i)->used) {
      get_slot (self, i)->used = TRUE;
      return i;
    }
  }
  slot.partitions = g_array_new (FALSE, FALSE, sizeof (gint));
  g_array_append_val (self->slots, slot);
  return self->slots->len - 1;
}

/* --- the partitions of each replica --- */

static gint *
get_owner (Placement *self, gint partition)
{
  static const gint nobody = NOBODY;

  while (self->owners->len <= (guint) partition)
    g_array_append_val (self->owners, nobody);
  return &g_array_index (self->owners, gint, partition);
}

/* Removes the partitions that belong to other slots now from the slot's list. */
static void
compact (Placement *self, guint replica)
{
  Slot *slot = get_slot (self, replica);
  guint kept = 0;

  for (guint i = 0; i < slot->partitions->len; i++) {
    gint partition = g_array_index (slot->partitions, gint, i);

    if (*get_owner (self, partition) == (gint) replica)
      g_array_index (slot->partitions, gint, kept++) = partition;
  }
  g_array_set_size (slot->partitions, kept);
}

static void
release_all (Placement *self, guint replica)
{
  Slot *slot = get_slot (self, replica);

  compact (self, replica);
  for (guint i = 0; i < slot->partitions->len; i++)
    *get_owner (self, g_array_index (slot->partitions, gint, i)) = NOBODY;
  g_array_set_size (slot->partitions, 0);
  slot->owned = 0;
}

static void
take_from (Placement *self, guint replica)
{
  Slot *slot = get_slot (self, replica);

  slot->owned--;
  if (slot->partitions->len > 2 * slot->owned + SPARE_ENTRIES)
    compact (self, replica);
}

static void
claim (Placement *self, guint replica, gint partition)
{
  Slot *slot = get_slot (self, replica);
  gint *owner = get_owner (self, partition), before = *owner;

  if (before == (gint) replica)
    return;
  *owner = (gint) replica;
  if (before != NOBODY)
    take_from (self, before);
  g_array_append_val (slot->partitions, partition);
  slot->owned++;
}

void
placement_remove (Placement *self, guint replica)
{
  Slot *slot = get_slot (self, replica);

  release_all (self, replica);
  slot->used = FALSE;
  slot->weight = slot->current = 0;
}

void
placement_set_partitions (
    Placement *self, guint replica, const gint *partitions, guint n_partitions)
{
  Slot *slot = get_slot (self, replica);

  if (slot->owned == n_partitions && slot->partitions->len == n_partitions &&
      (!n_partitions ||
          memcmp (slot->partitions->data, partitions, n_partitions * sizeof *partitions) == 0))
    return;
  release_all (self, replica);
  for (guint i = 0; i < n_partitions; i++)
    if (partitions[i] >= 0 && partitions[i] < PLACEMENT_PARTITIONS)
      claim (self, replica, partitions[i]);
}

/* --- the choice of the next replica --- */

/* Returns a pseudo-random number from 0 to 1 that depends on the camera and the replica, computed
 * by the final step of the hash function murmur3. */
static gdouble
phase_of (const Placement *self, guint replica)
{
  guint32 x = self->seed + replica * 0x9e3779b9u;

  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return (x ^ (x >> 16)) / 4294967296.0;
}

void
placement_set_weight (Placement *self, guint replica, gdouble weight)
{
  Slot *slot = get_slot (self, replica);

  self->changed = self->changed || (slot->weight > 0) != (weight > 0);
  slot->weight = weight;
}

/* Gives each slot a pseudo-random credit. Without this, all cameras would begin with the same
 * replica, and change to the next replica at the same time. */
static void
shuffle (Placement *self)
{
  gdouble total = 0;

  for (guint i = 0; i < self->slots->len; i++)
    total += get_slot (self, i)->weight;
  for (guint i = 0; i < self->slots->len; i++)
    get_slot (self, i)->current = -phase_of (self, i) * total;
  self->changed = FALSE;
}

gint
placement_next (Placement *self)
{
  Slot *chosen = NULL;
  gdouble total = 0;
  guint replica = 0;

  if (self->changed)
    shuffle (self);
  for (guint i = 0; i < self->slots->len; i++) {
    Slot *slot = get_slot (self, i);

    if (slot->weight <= 0 || slot->owned == 0)
      continue;
    slot->current += slot->weight;
    total += slot->weight;
    if (!chosen || slot->current > chosen->current) {
      chosen = slot;
      replica = i;
    }
  }
  if (!chosen)
    return -1;
  chosen->current -= total;
  if (chosen->partitions->len > chosen->owned)
    compact (self, replica);
  return g_array_index (chosen->partitions, gint, chosen->next++ % chosen->partitions->len);
}
