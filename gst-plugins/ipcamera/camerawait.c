/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "camerawait.h"

#define SHORTEST 1.0 /* s */
#define LONGEST 24.0 /* longest wait without its random part, s */
#define RANDOM_PART 0.25
#define GOOD_TIME 60.0 /* s */

gdouble
camera_wait_take (CameraWait *self, gdouble played, gboolean refused, gdouble random)
{
  gdouble wait = SHORTEST;

  if (played >= GOOD_TIME)
    self->failures = 0;
  for (guint i = 0; i < self->failures && wait < LONGEST; i++)
    wait *= 2;
  self->failures++;
  return (refused ? LONGEST : MIN (wait, LONGEST)) * (1 + RANDOM_PART * random);
}
