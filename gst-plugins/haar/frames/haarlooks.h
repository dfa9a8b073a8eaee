/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pictures/foglook.h"

G_BEGIN_DECLS

/* What the pictures of each camera say about the camera. Only one frame a second of each camera is
 * looked at, which is enough to notice a covered lens, and costs little CPU time. Any thread may
 * use a HaarLooks. */
typedef struct _HaarLooks HaarLooks;

typedef struct {
  gdouble brightness, detail; /* as in FogLook */
  gdouble frozen;             /* time for which the picture has been bit-identical, s */
} HaarLook;

HaarLooks *haar_looks_new (void);
HaarLooks *haar_looks_ref (HaarLooks *looks);
void haar_looks_unref (HaarLooks *looks);

/**
 * haar_looks_take:
 * @camera: (nullable): the frame's camera; frames without a camera aren't looked at
 * @now: monotonic time, us
 * @look: (out): set only if %TRUE is returned
 *
 * Returns: %TRUE if this frame was looked at
 */
gboolean haar_looks_take (
    HaarLooks *looks, const gchar *camera, const FogLuma *luma, gint64 now, HaarLook *look);

G_END_DECLS
