/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Threads that work on items side by side; what goes in comes out in the same order. */
typedef struct _HaarWorkers HaarWorkers;

typedef struct {
  /* In a worker's thread. @tool is that worker's own. @at_once: this item was there when it was done with another. */
  void (*work) (gpointer item, gpointer tool, gboolean at_once);
  GDestroyNotify free_item;
  GDestroyNotify free_tool;
} HaarWorkersClass;

/* One worker for each of @tools (transfer full elements), started at once. At most one item more than there
 * are workers waits for its turn or its work, so that none idles and nothing gets old. %NULL: the system gives
 * no such number of threads. */
HaarWorkers *haar_workers_new (const HaarWorkersClass *klass, GPtrArray *tools, GError **error);
/* Waits for the workers, but no longer than 2 s: one that is deep in a huge picture cleans up later. */
void haar_workers_free (HaarWorkers *workers);

/* Waits for room. FALSE: flushing, and @item is freed. */
gboolean haar_workers_push (HaarWorkers *workers, gpointer item);
/* An item that needs no work but keeps its place; waits for nothing. */
gboolean haar_workers_push_ready (HaarWorkers *workers, gpointer item);
/* (nullable) (transfer full): waits for the next item in order to be ready; %NULL: flushing. */
gpointer haar_workers_pop (HaarWorkers *workers);
/* Until everything that was pushed has been popped, and the next pop begun. FALSE: flushing. */
gboolean haar_workers_drain (HaarWorkers *workers);

/* TRUE: all waits end, all items go. FALSE: items are taken again. */
void haar_workers_set_flushing (HaarWorkers *workers, gboolean flushing);
/* Items pushed and not popped. */
guint haar_workers_get_waiting (HaarWorkers *workers);
/* Items that no worker has begun with, those of pushes that wait for room included. */
guint haar_workers_get_queued (HaarWorkers *workers);

G_END_DECLS
