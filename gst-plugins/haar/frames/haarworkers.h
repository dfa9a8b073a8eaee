/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Threads that work on items side by side. The items come out in the order in which they went
 * in. */
typedef struct _HaarWorkers HaarWorkers;

typedef struct {
  /* Called in a worker's thread. @tool: the worker's own. @at_once: TRUE if the worker didn't have
   * to wait for this item after the previous one */
  void (*work) (gpointer item, gpointer tool, gboolean at_once);
  GDestroyNotify free_item;
  GDestroyNotify free_tool;
} HaarWorkersClass;

/* Starts one worker for each of @tools (transfer full elements). At most one item more than there
 * are workers is inside: with fewer a worker would idle, with more the items would get old. Returns
 * NULL if the system doesn't give so many threads. */
HaarWorkers *haar_workers_new (const HaarWorkersClass *klass, GPtrArray *tools, GError **error);
/* Waits for the workers, but no longer than 2 s. A worker that takes longer cleans up when it is
 * done. */
void haar_workers_free (HaarWorkers *workers);

/* Waits for room. Returns FALSE while flushing; then @item was freed. */
gboolean haar_workers_push (HaarWorkers *workers, gpointer item);
/* Adds an item that needs no work but keeps its position. Waits for nothing. FALSE as above. */
gboolean haar_workers_push_ready (HaarWorkers *workers, gpointer item);
/* Returns: (nullable) (transfer full): the next item, after waiting until it is ready; NULL while
 * flushing. */
gpointer haar_workers_pop (HaarWorkers *workers);
/* Waits until all items have been popped and the next pop has begun: then the last item is done
 * with. FALSE: flushing. */
gboolean haar_workers_drain (HaarWorkers *workers);

/* @flushing: TRUE: all waits end and all items are freed; FALSE: new items are accepted again. */
void haar_workers_set_flushing (HaarWorkers *workers, gboolean flushing);
/* Returns the number of items in the queue that need or needed work. */
guint haar_workers_get_waiting (HaarWorkers *workers);
/* Returns the number of items that no worker has begun with, including those whose push waits for
 * room. */
guint haar_workers_get_queued (HaarWorkers *workers);

G_END_DECLS
