/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The progress of a running number over time: the end of a partition, the `seq` of a camera. It
 * computes how fast such a number grows, and the lag of a reader, in messages and in time. */
typedef struct _LiveProgress LiveProgress;

LiveProgress *live_progress_new (void);
void live_progress_free (LiveProgress *self);

/* Notes that the number was @end at the time @now, ms. */
void live_progress_add (LiveProgress *self, gint64 now, gint64 end);

/**
 * live_progress_get_lag:
 * @committed: the offset after the last message that the group is done with
 * @tolerance: ms: a message that came within this time doesn't count as waiting, because a group
 *   commits only now and then
 * @seconds: (out): for how long the first waiting message has waited, at least; 0: none waits
 *
 * Returns: number of messages that wait
 */
gint64 live_progress_get_lag (
    const LiveProgress *self, gint64 now, gint64 committed, gint64 tolerance, gdouble *seconds);

/* Returns the growth in numbers/s over the last @window samples; NAN: not known yet. */
gdouble live_progress_get_rate (const LiveProgress *self, guint window);
/* Returns the last number; -1: no sample yet. */
gint64 live_progress_get_end (const LiveProgress *self);

G_END_DECLS
