/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* 
 *
 * Whether the streaming threads of this process get on.
 *
 * A buffer that a source hands on comes back (the push returns) when it was processed, or taken by
 * a queue. So a thread inside a push works, and one outside of any waits for data: it is idle,
 * however long that lasts. A push that neither returns nor leads to another is overdue. One inside
 * an element of class Sink/Network may well wait for a server that is away; the element bounds that
 * itself, ends with an error, and no restart would help before: the stage waits. Any other overdue
 * push is a stall, and so is a camera (class Source/Video) that gives no frame. */

typedef enum {
  STAGE_STARTING, /* not yet playing, or no longer */
  STAGE_IDLE,     /* no buffer is on its way */
  STAGE_WORKING,
  STAGE_WAITING, /* for a server */
  STAGE_STALLED,
} StageState;

typedef struct {
  StageState state;
  gdouble seconds; /* that it has stalled or waited for; 0 in other states */
  gchar *element;  /* that it stalled or waits in, or NULL; to be freed */
} StageVerdict;

typedef struct {
  gdouble stall;  /* s without progress until a push or a camera has stalled */
  gdouble start;  /* s that it may take to play */
  gdouble server; /* s that a sink may wait for its server until that is a stall too */
} StageLimits;

/* Of the calling thread. Times are monotonic, in us. */
void stage_activity_enter (GstPad *pad, gint64 now);
void stage_activity_leave (gint64 now);
void stage_activity_end (GstPad *pad); /* no more frames are to come from it: EOS */

/* @cameras: elements that owe frames while playing; @since: when it began to play, or to start.
 * Clear the verdict after use. */
StageVerdict stage_activity_judge (
    GList *cameras, gboolean playing, gint64 since, const StageLimits *limits, gint64 now);
void stage_verdict_clear (StageVerdict *verdict);

/* Handed on so far by all elements that push from a thread of their own: sources, queues. */
guint64 stage_activity_get_buffers (void);

const gchar *stage_state_name (StageState state);

G_END_DECLS
