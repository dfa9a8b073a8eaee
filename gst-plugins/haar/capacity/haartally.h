/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "fogreport.h"
#include "frames/haarlooks.h"
#include "frames/haarorigin.h"
#include "haarcost.h"

G_BEGIN_DECLS

/* A HaarTally sums up the frames that were counted since the last report. */
typedef struct _HaarTally HaarTally;

/* @cpus: the number of processors that the workers may keep busy: haar_cpus_available() */
HaarTally *haar_tally_new (const gchar *replica, guint workers, gdouble cpus);
void haar_tally_free (HaarTally *tally);

/**
 * haar_tally_add:
 * @origin: the headers of the counted frame
 * @faces: the number of faces in it
 * @cost: the cost of the count
 * @age: time from capture to now, s; NAN if unknown
 *
 * Adds a counted frame to the next report. Must be called by one thread only.
 *
 * Returns: the time in s for which the frame would keep a worker busy in a saturated run, see
 * #HaarCosts
 */
gdouble haar_tally_add (
    HaarTally *tally, const HaarOrigin *origin, guint faces, const HaarCost *cost, gdouble age);

/* Adds @look, made of a frame of @camera, to the next report. To be called after haar_tally_add()
 * for this frame. */
void haar_tally_note_look (HaarTally *tally, const gchar *camera, const HaarLook *look);

/* From time to time, counts the threads of other processes that want a processor. Must be called
 * for each frame, by the thread that calls haar_tally_add(). */
void haar_tally_look_around (HaarTally *tally);

/* Returns: (transfer full): a new report about the time since the previous report. From any thread.
 * A camera that has stopped sending is still listed in the next two reports, and in more reports if
 * it sent frames of a still picture only at long intervals. `busy` includes the time for decoding
 * and sending, because decoding and sending use the same processors as counting. From the first
 * frame on, `busy` is at least the processor time of the process, multiplied by the number of
 * workers for each processor. */
FogReport *haar_tally_take (HaarTally *tally);

/* Returns how often a report has left out a camera. A report lists at most 4096 cameras, and fewer
 * if their names are long. The report prefers cameras that sent more than one frame, and among them
 * those whose last frame is the newest. */
guint64 haar_tally_get_unlisted (HaarTally *tally);

G_END_DECLS
