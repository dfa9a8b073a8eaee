/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cameraclock.h"

/* Time from NTP's epoch (1900) to the Unix epoch (1970). */
#define EPOCH (G_GINT64_CONSTANT (2208988800) * GST_SECOND)
/* Length of an NTP era: NTP's seconds have 32 bits, and begin again at 0 in 2036. */
#define ERA ((GstClockTimeDiff) (G_GINT64_CONSTANT (1) << 32) * GST_SECOND)

/* Returns the difference of the clocks, with the camera's time taken to be in the NTP era in which
 * the difference is the smallest. */
static GstClockTimeDiff
difference_of (GstClockTime camera, GstClockTime own)
{
  GstClockTimeDiff difference = ((gint64) (camera % ERA) - (gint64) ((own + EPOCH) % ERA)) % ERA;

  if (difference > ERA / 2)
    return difference - ERA;
  return difference < -ERA / 2 ? difference + ERA : difference;
}

gboolean
camera_clock_see (CameraClock *self, GstClockTime camera, GstClockTime own, GstClockTime tolerance)
{
  CameraClockState before = self->state;
  GstClockTime bound = before == CAMERA_CLOCK_DISTRUSTED ? tolerance / 4 * 3 : tolerance;

  self->difference = difference_of (camera, own);
  self->state = (GstClockTime) ABS (self->difference) <= bound ? CAMERA_CLOCK_TRUSTED
                                                               : CAMERA_CLOCK_DISTRUSTED;
  return self->state != before;
}
