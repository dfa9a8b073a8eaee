/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fogluma.h"

G_BEGIN_DECLS

/* What a picture says about its camera: whether the lens is covered, or the picture frozen. */
typedef struct {
  gdouble brightness; /* mean of the luma, 0 to 255 */
  /* Contrast (levels of luma) between neighbouring blocks of 8 x 8 px where it is greatest, minus
   * the contrast that noise or a gradient causes. A covered lens has almost no contrast, whatever
   * the brightness and the noise; one lamp at night is enough for much contrast. */
  gdouble detail;
  guint64 mark; /* hash of the luma: pictures with the same mark count as bit-identical */
} FogLook;

/* Returns FALSE if the picture is too small, or memory can't be allocated. */
gboolean fog_look_at (FogLook *look, const FogLuma *luma);

G_END_DECLS
