/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Passes frames at any rate up to their own, evenly spaced. In any span of time it passes as many
 * frames as rate times time, give or take one. Begins with zeros. */
typedef struct {
  gboolean started;
  gdouble last;   /* s: the time of the frame before */
  gdouble credit; /* frames */
} Decimator;

/**
 * decimator_take:
 * @now: s, the time of the frame
 * @rate: frames/s that are to pass
 * @source_rate: frames/s that come in; 0: unknown
 *
 * Returns: %TRUE if the frame passes
 */
gboolean decimator_take (Decimator *self, gdouble now, gdouble rate, gdouble source_rate);
/* A frame that passed isn't sent after all: the next one passes in its place. */
void decimator_give_back (Decimator *self);

G_END_DECLS
