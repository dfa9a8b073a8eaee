/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "fogreport.h"

G_BEGIN_DECLS

/* What was counted since the last report. Its functions may be called from any thread. */
typedef struct _HaarTally HaarTally;

HaarTally *haar_tally_new (const gchar *replica, guint workers);
void haar_tally_free (HaarTally *tally);

/**
 * haar_tally_add:
 * @frame: that was counted
 * @faces: found in it
 * @busy: s that it took
 * @age: s from capture to now; NAN if unknown
 */
void haar_tally_add (HaarTally *tally, GstBuffer *frame, guint faces, gdouble busy, gdouble age);
/* (transfer full): the report of the time from the last one, or from the beginning, until now. A camera that
 * fell silent stays in the next two reports. */
FogReport *haar_tally_take (HaarTally *tally);

G_END_DECLS
