/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Passes frames at any rate up to their own, evenly spaced. In any span of time the decimator
 * passes as many frames as rate times time, give or take one. Begins with zeros. */
typedef struct {
  gboolean started;
  gdouble last;   /* the time of the previous frame, s */
  gdouble credit; /* frames */
} Decimator;

/**
 * decimator_take:
 * @now: the time of the frame, s
 * @rate: the rate to pass, frames/s
 * @source_rate: the rate of incoming frames, frames/s; 0: unknown
 *
 * Returns: %TRUE if the frame passes
 */
gboolean decimator_take (Decimator *self, gdouble now, gdouble rate, gdouble source_rate);
/* Call it if a frame that passed isn't sent after all: then the next one passes in its place. */
void decimator_give_back (Decimator *self);

G_END_DECLS
