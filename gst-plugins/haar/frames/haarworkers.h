/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Threads that work on items side by side. The items are popped in the order in which they were
 * pushed. */
typedef struct _HaarWorkers HaarWorkers;

typedef struct {
  /* Does the work on @item; called in a worker's thread. @tool: the worker's own tool. @at_once:
   * TRUE if the worker got this item right after the previous one, without a wait */
  void (*work) (gpointer item, gpointer tool, gboolean at_once);
  GDestroyNotify free_item;
  GDestroyNotify free_tool;
} HaarWorkersClass;

/* Starts one worker for each of @tools (transfer full elements). At most one item more than there
 * are workers is accepted until one is popped: with fewer items, a worker would idle; with more,
 * the items would get old. Returns NULL if the system can't start a thread for each worker. */
HaarWorkers *haar_workers_new (const HaarWorkersClass *klass, GPtrArray *tools, GError **error);
/* Stops the workers and waits at most 2 s until their threads have ended. The last thread that
 * takes longer than that frees @workers when it ends. */
void haar_workers_free (HaarWorkers *workers);

/* Adds an item, after waiting until the number of items permits it. Returns FALSE while flushing,
 * after freeing @item. */
gboolean haar_workers_push (HaarWorkers *workers, gpointer item);
/* Adds an item that needs no work, but is popped in order with the other items, and waits for
 * nothing. Returns FALSE while flushing, after freeing @item. */
gboolean haar_workers_push_ready (HaarWorkers *workers, gpointer item);
/* Returns: (nullable) (transfer full): the next item, after waiting until it is ready; NULL while
 * flushing. */
gpointer haar_workers_pop (HaarWorkers *workers);
/* Waits until all items have been popped and the next haar_workers_pop() has begun, which shows
 * that the caller of haar_workers_pop() has finished with the last item. Returns FALSE while
 * flushing. */
gboolean haar_workers_drain (HaarWorkers *workers);

/* @flushing: TRUE: all waits end and all items are freed; FALSE: new items are accepted again. */
void haar_workers_set_flushing (HaarWorkers *workers, gboolean flushing);
/* Returns the number of items not popped yet, without those of haar_workers_push_ready(). */
guint haar_workers_get_waiting (HaarWorkers *workers);
/* Returns the number of items that no worker has begun with, including items whose
 * haar_workers_push() still waits. */
guint haar_workers_get_queued (HaarWorkers *workers);

G_END_DECLS
