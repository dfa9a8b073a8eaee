/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "fogreport.h"
#include "frames/haarorigin.h"
#include "haarcost.h"

G_BEGIN_DECLS

/* Sums up the frames counted since the last report. */
typedef struct _HaarTally HaarTally;

/* @cpus: the number of processors that the workers may keep busy: haar_cpus_available() */
HaarTally *haar_tally_new (const gchar *replica, guint workers, gdouble cpus);
void haar_tally_free (HaarTally *tally);

/**
 * haar_tally_add:
 * @origin: of the frame that was counted
 * @faces: the number of faces in it
 * @cost: of the count
 * @age: s from capture to now; NAN if unknown
 *
 * To be called by one thread.
 *
 * Returns: s for which the frame is taken to have kept a worker busy, see #HaarCosts
 */
gdouble haar_tally_add (
    HaarTally *tally, const HaarOrigin *origin, guint faces, const HaarCost *cost, gdouble age);

/* Counts now and then the threads of other processes that want a processor. To be called for each
 * frame, by the same thread. */
void haar_tally_look_around (HaarTally *tally);

/* (transfer full): the report about the time since the last report. From any thread. A camera
 * that has stopped sending is still listed in the next two reports, and in more of them if it
 * sends frames of a still picture only at long intervals. `busy` includes the time for decoding
 * and sending, because both take the same processors. From the first frame on, `busy` is at
 * least the processor time of the process, multiplied by the number of workers for each
 * processor. */
FogReport *haar_tally_take (HaarTally *tally);

/* How often a report has left out a camera. A report lists at most 4096 cameras, and fewer if
 * their names are long. Cameras that send regularly come first, sorted by the time of their last
 * frame. */
guint64 haar_tally_get_unlisted (HaarTally *tally);

G_END_DECLS
