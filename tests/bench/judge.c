/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "judge.h"

#include <math.h>
#include <string.h>

/* Labels of faces are squares, or higher than wide. */
static gboolean
matches (const HaarRect *found, const HaarRect *truth)
{
  gdouble side = (truth->w + truth->h) / 2.;
  gdouble dx = found->x + found->w / 2.0 - truth->x - truth->w / 2.0;
  gdouble dy = found->y + found->h / 2.0 - truth->y - truth->h / 2.0;
  gdouble ratio = found->w / side;

  return hypot (dx, dy) < 0.4 * side && ratio > 0.5 && ratio < 2;
}

guint
judge_boxes (const GArray *found, const GArray *truth, gboolean *right)
{
  gboolean seen[JUDGE_MAX] = {FALSE};
  guint n = 0;

  g_assert (found->len <= JUDGE_MAX && truth->len <= JUDGE_MAX);
  memset (right, 0, JUDGE_MAX * sizeof *right);
  for (guint i = 0; i < found->len; i++)
    for (guint j = 0; j < truth->len && !right[i]; j++) {
      right[i] = !seen[j] && matches (&g_array_index (found, HaarBox, i).rect,
                                 &g_array_index (truth, HaarRect, j));
      seen[j] |= right[i];
      n += right[i];
    }
  return n;
}
