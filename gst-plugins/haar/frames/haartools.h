/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarjob.h"

G_BEGIN_DECLS

/* The parameters for creating the tools of a run's workers. */
typedef struct {
  const gchar *cascade; /* the cascade: a file, or the name of an installed one */
  /* an engine that can't check a cascade may also load a cascade that OpenCV doesn't ship */
  gboolean trusted;
  /* an engine's name; "auto"; or "none": the tools count regions that another element found */
  const gchar *engine;
  guint n_workers;
  /* the names of the engines that refused the cascade, and their reasons, are appended here */
  GString *refused;
} HaarEquipment;

/**
 * haar_tools_new:
 * @engine: (out): the name of the engine that was chosen
 * @error: a #GstResourceError, with a message for users
 *
 * Returns: (nullable) (transfer full): a HaarTool for each worker, which freeing the array doesn't
 * free
 */
GPtrArray *haar_tools_new (const HaarEquipment *equipment, const gchar **engine, GError **error);
/* May be called from any thread. */
void haar_tool_free (HaarTool *tool);

G_END_DECLS
