/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Decides whether the streaming threads of this process make progress.
 *
 * When a source pushes a buffer, the push returns after the buffer was processed or queued.
 * Therefore a thread inside a push is working, and a thread outside any push waits for data and
 * is idle, for however long. A push is overdue if it has neither returned nor caused another
 * push for a time limit. An overdue push in an element of class Sink/Network may be waiting for
 * its server, so the stage counts as waiting, because the element limits that time itself and a
 * restart wouldn't help. Any other overdue push is a stall. A camera (class Source/Video) that
 * gives no frames is a stall too. */

typedef enum {
  STAGE_STARTING, /* the pipeline isn't in PLAYING */
  STAGE_IDLE,     /* no thread is inside a push */
  STAGE_WORKING,
  STAGE_WAITING, /* a sink waits for its server */
  STAGE_STALLED,
} StageState;

typedef struct {
  StageState state;
  gdouble seconds; /* time for which the stage has stalled or waited; 0 in other states */
  gchar *element;  /* (nullable) (transfer full): the element that has stalled or waits */
} StageVerdict;

typedef struct {
  gdouble stall;  /* time without progress that counts as a stall, s */
  gdouble start;  /* time that the pipeline may take to play, s */
  gdouble server; /* time that a sink may wait for its server, s; a longer wait counts as a stall */
} StageLimits;

/* Notes that the calling thread enters or leaves a push. @now: monotonic time, us */
void stage_activity_enter (GstPad *pad, gint64 now);
void stage_activity_leave (gint64 now);

/* Judges the state of the stage. @cameras: sources that must give frames in PLAYING; @since:
 * monotonic time (us) when @playing last changed. The caller has to clear the verdict after use. */
StageVerdict stage_activity_judge (
    GList *cameras, gboolean playing, gint64 since, const StageLimits *limits, gint64 now);
void stage_verdict_clear (StageVerdict *verdict);

/* Returns the number of buffers pushed so far by all elements with a streaming thread: sources and
 * queues. */
guint64 stage_activity_get_buffers (void);

const gchar *stage_state_name (StageState state);

G_END_DECLS
