/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveframe.h"

G_BEGIN_DECLS

/* Counts the faces of a frame again, with other settings of haarfacecount. */

typedef struct {
  LivePlace place;
  gchar *cascade; /* the name of an installed one */
  gint neighbors;
  gdouble scale;
} LiveRecount;

/* @error: G_IO_ERROR_INVALID_DATA or INVALID_ARGUMENT: a sentence that names what is wrong */
gboolean live_recount_parse (
    LiveRecount *self, const gchar *text, gsize size, const gchar *const *cascades, GError **error);
void live_recount_clear (LiveRecount *self);

/* Returns: (nullable) (transfer full): JSON. @run: the frames from a keyframe on, up to the one to
 * count;
 * @broker: of its topic, for the line that does the same */
GBytes *live_recount_run (
    const LiveRecount *self, const GPtrArray *run, const LiveBroker *broker, GError **error);

G_END_DECLS
