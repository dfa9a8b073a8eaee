/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Records the growth of a number over time, such as the end of a partition, or the `seq` of a
 * camera. From the record, these functions compute the number's rate of growth, and the lag of a
 * reader, in messages and in time. */
typedef struct _LiveProgress LiveProgress;

LiveProgress *live_progress_new (void);
void live_progress_free (LiveProgress *self);

/* Records that the number was @end at the time @now (ms). */
void live_progress_add (LiveProgress *self, gint64 now, gint64 end);

/**
 * live_progress_get_lag:
 * @committed: the offset that the group has committed, that is, the offset after its last message
 * @tolerance: time (ms); messages that came within this time don't count as waiting, because a
 *   group commits only now and then
 * @seconds: (out): the least time for which the oldest waiting message has waited; 0: no message
 *   waits
 *
 * Returns: the number of messages that wait
 */
gint64 live_progress_get_lag (
    const LiveProgress *self, gint64 now, gint64 committed, gint64 tolerance, gdouble *seconds);

/* Returns the rate of growth (1/s) over the last @window samples; NAN: not known yet. */
gdouble live_progress_get_rate (const LiveProgress *self, guint window);
/* Returns the number in the newest sample; -1: no sample yet. */
gint64 live_progress_get_end (const LiveProgress *self);

G_END_DECLS
