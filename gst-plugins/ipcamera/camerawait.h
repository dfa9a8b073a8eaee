/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The wait before the next attempt to connect to a camera: 1 to 24 s, doubled after each failure,
 * plus a random part of up to a quarter. The random part keeps cameras that failed together from
 * connecting together. */
typedef struct {
  guint failures; /* in a row */
} CameraWait;

/**
 * camera_wait_take:
 * @played: time (s) for which the camera gave frames; after a minute or more the waits begin at 1 s
 *   again
 * @refused: whether the camera refused the password; then the longest wait is returned, because
 *   cameras lock an account that is tried too often
 * @random: a random number from 0 to 1
 *
 * Returns: the wait, s
 */
gdouble camera_wait_take (CameraWait *self, gdouble played, gboolean refused, gdouble random);

G_END_DECLS
