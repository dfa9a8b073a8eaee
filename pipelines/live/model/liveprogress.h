/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How far a running number had got when: the end of a partition, the `seq` of a camera. From it,
 * how fast it grows, and how far somebody else is behind, in numbers and in time. */
typedef struct _LiveProgress LiveProgress;

LiveProgress *live_progress_new (void);
void live_progress_free (LiveProgress *self);

/* It had got to @end at time @now, ms. */
void live_progress_add (LiveProgress *self, gint64 now, gint64 end);

/**
 * live_progress_get_lag:
 * @committed: the offset after the last message that the group is done with
 * @tolerance: ms: what came within is on its way, and doesn't wait; a group commits now and then
 *   only
 * @seconds: (out): for how long the first message that waits has been there, at least; 0 if none
 *   does
 *
 * Returns: messages that wait
 */
gint64 live_progress_get_lag (
    const LiveProgress *self, gint64 now, gint64 committed, gint64 tolerance, gdouble *seconds);

/* Numbers/s over the last @window samples; NAN: not known yet. */
gdouble live_progress_get_rate (const LiveProgress *self, guint window);
/* Where it got to last; -1: no sample yet. */
gint64 live_progress_get_end (const LiveProgress *self);

G_END_DECLS
