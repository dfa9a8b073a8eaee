/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "haarjob.h"

G_BEGIN_DECLS

/* What the workers of a run need. */
typedef struct {
  const gchar *cascade; /* a file, or the name of an installed one */
  gboolean trusted;     /* an engine that can't check a cascade may load an unknown one */
  const gchar *engine;  /* its name, or "auto" */
  guint n_workers;
  GString *refused; /* gets the names of engines that refused the cascade, and why */
} HaarEquipment;

/**
 * haar_equip:
 * @engine: (out): the name of the engine that was chosen
 * @error: a #GstResourceError, with a text for a person
 *
 * Returns: (nullable) (transfer full): a HaarTool for each worker, which the array doesn't own
 */
GPtrArray *haar_equip (const HaarEquipment *equipment, const gchar **engine, GError **error);
/* From any thread. */
void haar_tool_free (HaarTool *tool);

G_END_DECLS
