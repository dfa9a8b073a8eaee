/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  CAMERA_CLOCK_UNKNOWN, /* the camera hasn't sent its time yet */
  CAMERA_CLOCK_TRUSTED,
  CAMERA_CLOCK_DISTRUSTED, /* the camera's clock differs too much from this machine's */
} CameraClockState;

/* Decides whether a camera's clock is used, by its difference from this machine's clock. */
typedef struct {
  CameraClockState state;
  GstClockTimeDiff difference; /* ns by which the camera's clock is ahead of this machine's */
} CameraClock;

/**
 * camera_clock_see:
 * @camera: the camera's time of a frame, ns since 1900 as in NTP
 * @own: this machine's time of that frame, ns since the Unix epoch
 * @tolerance: largest difference of a trusted clock, ns; a clock that is distrusted has to come
 *   within three quarters of @tolerance
 *
 * The difference of the clocks includes the time that a frame takes to arrive.
 *
 * Returns: whether the state has changed
 */
gboolean camera_clock_see (
    CameraClock *self, GstClockTime camera, GstClockTime own, GstClockTime tolerance);

G_END_DECLS
