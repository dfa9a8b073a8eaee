/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Drops frames so that evenly spaced ones pass at a lower rate. In any span of time the number of
 * frames that pass is the rate times the time, plus or minus one. A new decimator is all zeros. */
typedef struct {
  gboolean started;
  gdouble last;   /* the time of the previous frame, s */
  gdouble credit; /* frames */
} Decimator;

/**
 * decimator_take:
 * @now: the time of the frame, s
 * @rate: the rate at which frames are to pass, frames/s
 * @source_rate: the rate of incoming frames, frames/s; 0: unknown
 *
 * Returns: %TRUE if the frame passes
 */
gboolean decimator_take (Decimator *self, gdouble now, gdouble rate, gdouble source_rate);
/* Gives back the credit of a frame that passed, but isn't sent, so that the next frame passes in
 * its place. */
void decimator_give_back (Decimator *self);

G_END_DECLS
