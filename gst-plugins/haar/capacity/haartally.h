/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "fogreport.h"
#include "frames/haarorigin.h"
#include "haarcost.h"

G_BEGIN_DECLS

/* What was counted since the last report. Its functions may be called from any thread. */
typedef struct _HaarTally HaarTally;

/* @cpus: that the workers may keep busy, of haar_cpus_available() */
HaarTally *haar_tally_new (const gchar *replica, guint workers, gdouble cpus);
void haar_tally_free (HaarTally *tally);

/**
 * haar_tally_add:
 * @origin: of the frame that was counted
 * @faces: found in it
 * @cost: of the count
 * @age: s from capture to now; NAN if unknown
 *
 * Returns: s for which it is taken to have kept a worker busy, see #HaarCosts
 */
gdouble haar_tally_add (
    HaarTally *tally, const HaarOrigin *origin, guint faces, const HaarCost *cost, gdouble age);

/* Now and then looks who else wants the processors; to be called for each frame, by one thread. */
void haar_tally_look_around (HaarTally *tally);

/* (transfer full): the report of the time from the last one, or from the beginning, until now. A camera that
 * fell silent stays in the next two reports.
 * What the process does beside counting (decoding, sending) takes the same processors: its workers are busy for at least the part of
 * them that it used in all, from the first frame on. */
FogReport *haar_tally_take (HaarTally *tally);

G_END_DECLS
