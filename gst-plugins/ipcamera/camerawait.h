/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How long to wait before a camera is tried again: 1 to 30 s, twice as long each time, and a random
 * part more, so that cameras that failed together don't come back together. */
typedef struct {
  guint failures; /* in a row */
} CameraWait;

/**
 * camera_wait_take:
 * @played: s for which the camera gave frames; a minute or more makes the waits short again
 * @refused: it refused the password: the longest wait, because cameras lock an account that is
 *   tried too often
 * @random: 0 to 1
 *
 * Returns: s
 */
gdouble camera_wait_take (CameraWait *self, gdouble played, gboolean refused, gdouble random);

G_END_DECLS
