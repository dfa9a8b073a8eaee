/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "fogreport.h"

G_BEGIN_DECLS

/* What was counted since the last report. Its functions may be called from any thread. */
typedef struct _HaarTally HaarTally;

/* @cpus: that the workers may keep busy, of haar_cpus_available() */
HaarTally *haar_tally_new (const gchar *replica, guint workers, gdouble cpus);
void haar_tally_free (HaarTally *tally);

/**
 * haar_tally_add:
 * @frame: that was counted
 * @faces: found in it
 * @busy: s that it took, by the clock on the wall
 * @cpu: s of a processor that it took
 * @age: s from capture to now; NAN if unknown
 *
 * A report's frames/(busy/workers) is what a saturated run would reach. As long as there is time to spare, no
 * frame waits for a processor; with fewer processors than workers, or a quota, each would. So a frame is
 * taken to be at work for as long as it would be then.
 *
 * Returns: that time, in s
 */
gdouble haar_tally_add (
    HaarTally *tally, GstBuffer *frame, guint faces, gdouble busy, gdouble cpu, gdouble age);

/* (transfer full): the report of the time from the last one, or from the beginning, until now. A camera that
 * fell silent stays in the next two reports.
 * What the process does beside counting (decoding, sending) takes the same processors: its workers are busy for at least the part of
 * them that it used in all. */
FogReport *haar_tally_take (HaarTally *tally);

G_END_DECLS
