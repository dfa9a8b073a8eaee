/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "haarjob.h"

G_BEGIN_DECLS

/* What the workers of a run are equipped with. */
typedef struct {
  const gchar *cascade; /* file or name */
  gboolean trusted;     /* an unknown cascade may go into an engine that can't check it */
  const gchar *engine;  /* name, or "auto" */
  guint n_workers;
} HaarEquipment;

/**
 * haar_equip:
 * @engine: the name of the one that was chosen
 * @error: a #GstResourceError for a person
 *
 * Returns: (nullable) (transfer full): a HaarTool for each worker, which the array doesn't own
 */
GPtrArray *haar_equip (const HaarEquipment *equipment, const gchar **engine, GError **error);
void haar_tool_free (HaarTool *tool);

G_END_DECLS
