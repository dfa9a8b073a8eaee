/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  CAMERA_CLOCK_UNKNOWN, /* the camera hasn't said its time yet */
  CAMERA_CLOCK_TRUSTED,
  CAMERA_CLOCK_DISTRUSTED, /* it differs too much from the own clock */
} CameraClockState;

/* Decides whether a camera's clock is right. */
typedef struct {
  CameraClockState state;
  GstClockTimeDiff difference; /* of the camera's clock to the own one, ns; positive: ahead */
} CameraClock;

/**
 * camera_clock_see:
 * @camera: the camera's time of a frame, ns since 1900 as in NTP
 * @own: the own clock's time of that frame, ns since the Unix epoch
 * @tolerance: ns; a clock that was distrusted has to come within three quarters of it
 *
 * The difference holds the time that a frame takes to arrive.
 *
 * Returns: whether the state has changed
 */
gboolean camera_clock_see (
    CameraClock *self, GstClockTime camera, GstClockTime own, GstClockTime tolerance);

G_END_DECLS
