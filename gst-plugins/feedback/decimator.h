/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Lets frames through at any rate up to their own, as evenly as they come: over any span of time the number let
 * through is within one of rate times time. All zero is a decimator that has seen no frame. */
typedef struct {
  gboolean started;
  gdouble last;   /* s, time of the frame before */
  gdouble credit; /* frames */
} Decimator;

/**
 * decimator_take:
 * @now: s, the time of the frame
 * @rate: frames/s to let through
 * @source_rate: frames/s that come in, as far as known; else 0
 *
 * Returns: whether the frame goes on
 */
gboolean decimator_take (Decimator *self, gdouble now, gdouble rate, gdouble source_rate);
/* A frame that was taken isn't sent after all: the next one goes in its place. */
void decimator_give_back (Decimator *self);

G_END_DECLS
