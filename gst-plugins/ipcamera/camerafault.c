/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "camerafault.h"

#include <string.h>

gchar *
camera_fault_explain (const GError *error, const gchar *debug)
{
  const gchar *line = debug ? strrchr (debug, '\n') : NULL;

  return g_strconcat (error->message, line ? " " : "", line ? line + 1 : "", NULL);
}
