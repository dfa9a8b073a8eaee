/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haartotals.h"

#define UNNAMED "(none)"
#define OTHERS "(others)"

typedef struct {
  guint64 frames, faces;
} Total;

struct _HaarTotals {
  GHashTable *cameras; /* name to Total */
};

HaarTotals *
haar_totals_new (void)
{
  HaarTotals *self = g_new0 (HaarTotals, 1);

  self->cameras = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
haar_totals_free (HaarTotals *self)
{
  g_hash_table_unref (self->cameras);
  g_free (self);
}

void
haar_totals_clear (HaarTotals *self)
{
  g_hash_table_remove_all (self->cameras);
}

static Total *
find_total (HaarTotals *self, const gchar *name)
{
  Total *total = g_hash_table_lookup (self->cameras, name);

  if (total)
    return total;
  if (g_hash_table_size (self->cameras) >= HAAR_TOTALS_MAX && !g_str_equal (name, OTHERS))
    return find_total (self, OTHERS);
  total = g_new0 (Total, 1);
  g_hash_table_insert (self->cameras, g_strdup (name), total);
  return total;
}

void
haar_totals_add (HaarTotals *self, const gchar *camera, guint faces)
{
  Total *total = find_total (self, camera ? camera : UNNAMED);

  total->frames++;
  total->faces += faces;
}

void
haar_totals_to_field (const HaarTotals *self, GstStructure *s)
{
  GValue array = G_VALUE_INIT, entry = G_VALUE_INIT;
  GHashTableIter iter;
  gpointer name, value;

  gst_value_array_init (&array, g_hash_table_size (self->cameras));
  g_value_init (&entry, GST_TYPE_STRUCTURE);
  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, &name, &value)) {
    const Total *total = value;

    g_value_take_boxed (
        &entry, gst_structure_new ("camera", "camera", G_TYPE_STRING, name, "frames", G_TYPE_UINT64,
                    total->frames, "faces", G_TYPE_UINT64, total->faces, NULL));
    gst_value_array_append_value (&array, &entry);
  }
  g_value_unset (&entry);
  gst_structure_take_value (s, "cameras", &array);
}
