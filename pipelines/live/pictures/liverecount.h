/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveframe.h"

G_BEGIN_DECLS

/* Counts the faces of a frame again, with other settings of haarfacecount. */

typedef struct {
  LivePlace place;
  gchar *cascade; /* file name of an installed cascade */
  gint neighbors;
  gdouble scale;
} LiveRecount;

/* Reads a request. @error: G_IO_ERROR_INVALID_DATA or INVALID_ARGUMENT, with a sentence that says
 * what is wrong */
gboolean live_recount_parse (
    LiveRecount *self, const gchar *text, gsize size, const gchar *const *cascades, GError **error);
void live_recount_clear (LiveRecount *self);

/* Returns: (nullable) (transfer full): the new count as JSON. @run: the frames from a keyframe up
 * to the frame to count; @broker: the broker of its topic, for the command line in the JSON */
GBytes *live_recount_run (
    const LiveRecount *self, const GPtrArray *run, const LiveBroker *broker, GError **error);

G_END_DECLS
