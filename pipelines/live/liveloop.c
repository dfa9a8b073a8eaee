/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveloop.h"

#include <glib-unix.h>

static gboolean
quit (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_CONTINUE;
}

void
live_loop_run (GMainLoop *loop, guint interval, GSourceFunc tick, gpointer data)
{
  const guint sources[] = {g_timeout_add (interval, tick, data),
      g_unix_signal_add (SIGINT, quit, loop), g_unix_signal_add (SIGTERM, quit, loop)};

  g_main_loop_run (loop);
  /* The sources are removed now, because functions that free the other parts of a program may still
   * iterate the main context. */
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
}
