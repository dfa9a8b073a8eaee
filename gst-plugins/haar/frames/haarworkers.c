/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarworkers.h"

#include "fogthread.h"

/* time (us) for which haar_workers_free() waits until the threads have ended */
#define END_TIMEOUT (2 * G_TIME_SPAN_SECOND)

typedef enum {
  WAITING,   /* the entry waits for a worker */
  WORKED_ON, /* a worker is at work on the entry */
  READY,     /* no work is left on the entry, so it can be popped */
  ABANDONED, /* a flush came while a worker was at work on the entry; the worker frees it */
} State;

typedef enum {
  TAKING,   /* items are taken */
  FLUSHING, /* a flush is in progress: no item is accepted or returned */
  /* haar_workers_free() was called: the threads end, and no item is accepted, worked on or
   * returned */
  QUITTING,
} Mode;

typedef struct {
  gpointer item;
  State state;
  gboolean needs_work;
} Entry;

struct _HaarWorkers {
  const HaarWorkersClass *klass;
  guint limit;        /* bound of n_to_work */
  GPtrArray *threads; /* array of FogThread, which only the owner of the workers uses */

  GMutex lock;   /* guards the fields below; a leaf lock: no work is done, nothing freed under it */
  GCond changed; /* signalled when a field below has changed */
  Mode mode;
  GQueue entries;   /* of Entry, in order */
  guint n_to_work;  /* number of entries that need work, or needed it and aren't popped yet */
  guint n_pushing;  /* number of calls of haar_workers_push() that wait until an entry is popped */
  gboolean popping; /* haar_workers_pop() waits */
  guint refs;       /* number of references: each thread and the owner have one */
};

typedef struct {
  HaarWorkers *workers;
  gpointer tool;
} Worker;

static void
workers_unref (HaarWorkers *self)
{
  gboolean last;

  g_mutex_lock (&self->lock);
  last = --self->refs == 0;
  g_mutex_unlock (&self->lock);
  if (!last)
    return;
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

static void
entry_free (HaarWorkers *self, Entry *entry)
{
  self->klass->free_item (entry->item);
  g_free (entry);
}

/* with the lock */
static Entry *
first_waiting (HaarWorkers *self)
{
  for (GList *l = self->entries.head; l; l = l->next) {
    Entry *entry = l->data;

    if (entry->state == WAITING)
      return entry;
  }
  return NULL;
}

/* with the lock. Waits until an entry needs work. @at_once: (inout): becomes FALSE if the thread
 * had to wait for the entry */
static Entry *
wait_for_work (HaarWorkers *self, gboolean *at_once)
{
  Entry *entry = NULL;

  while (self->mode != QUITTING && !(entry = first_waiting (self))) {
    *at_once = FALSE;
    g_cond_wait (&self->changed, &self->lock);
  }
  if (entry)
    entry->state = WORKED_ON;
  return entry;
}

static gpointer
worker_main (gpointer data)
{
  Worker *worker = data;
  HaarWorkers *self = worker->workers;
  gboolean at_once = FALSE;
  Entry *entry;

  g_mutex_lock (&self->lock);
  while ((entry = wait_for_work (self, &at_once))) {
    g_mutex_unlock (&self->lock);
    self->klass->work (entry->item, worker->tool, at_once);
    at_once = TRUE;
    g_mutex_lock (&self->lock);
    if (entry->state == ABANDONED) {
      g_mutex_unlock (&self->lock);
      entry_free (self, entry);
      g_mutex_lock (&self->lock);
      continue;
    }
    entry->state = READY;
    g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  self->klass->free_tool (worker->tool);
  g_free (worker);
  workers_unref (self);
  return NULL;
}

static gboolean
start_worker (HaarWorkers *self, gpointer tool, GError **error)
{
  Worker *worker = g_new (Worker, 1);
  FogThread *thread;

  *worker = (Worker){self, tool};
  g_mutex_lock (&self->lock);
  self->refs++;
  g_mutex_unlock (&self->lock);
  thread = fog_thread_new ("haar-worker", worker_main, worker, error);
  if (thread) {
    g_ptr_array_add (self->threads, thread);
    return TRUE;
  }
  workers_unref (self);
  g_free (worker);
  return FALSE;
}

HaarWorkers *
haar_workers_new (const HaarWorkersClass *klass, GPtrArray *tools, GError **error)
{
  guint started = 0;
  HaarWorkers *self = g_new0 (HaarWorkers, 1);

  self->klass = klass;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->entries);
  self->limit = tools->len + 1;
  self->threads = g_ptr_array_new ();
  self->refs = 1;
  while (started < tools->len && start_worker (self, g_ptr_array_index (tools, started), error))
    started++;
  if (started == tools->len)
    return self;
  for (guint i = started; i < tools->len; i++)
    klass->free_tool (g_ptr_array_index (tools, i));
  haar_workers_free (self);
  return NULL;
}

void
haar_workers_free (HaarWorkers *self)
{
  gint64 deadline = g_get_monotonic_time () + END_TIMEOUT;

  haar_workers_set_flushing (self, TRUE);
  g_mutex_lock (&self->lock);
  self->mode = QUITTING;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < self->threads->len; i++)
    fog_thread_end (g_ptr_array_index (self->threads, i), deadline);
  g_ptr_array_unref (self->threads);
  workers_unref (self);
}

/* with the lock */
static gboolean
append (HaarWorkers *self, gpointer item, gboolean needs_work)
{
  Entry *entry;

  if (self->mode != TAKING)
    return FALSE;
  entry = g_new (Entry, 1);
  entry->item = item;
  entry->state = needs_work ? WAITING : READY;
  entry->needs_work = needs_work;
  g_queue_push_tail (&self->entries, entry);
  self->n_to_work += needs_work;
  g_cond_broadcast (&self->changed);
  return TRUE;
}

gboolean
haar_workers_push (HaarWorkers *self, gpointer item)
{
  gboolean pushed;

  g_mutex_lock (&self->lock);
  self->n_pushing++;
  while (self->mode == TAKING && self->n_to_work >= self->limit)
    g_cond_wait (&self->changed, &self->lock);
  self->n_pushing--;
  pushed = append (self, item, TRUE);
  g_mutex_unlock (&self->lock);
  if (!pushed)
    self->klass->free_item (item);
  return pushed;
}

gboolean
haar_workers_push_ready (HaarWorkers *self, gpointer item)
{
  gboolean pushed;

  g_mutex_lock (&self->lock);
  pushed = append (self, item, FALSE);
  g_mutex_unlock (&self->lock);
  if (!pushed)
    self->klass->free_item (item);
  return pushed;
}

/* with the lock */
static gboolean
head_is_ready (HaarWorkers *self)
{
  Entry *head = g_queue_peek_head (&self->entries);

  return head && head->state == READY;
}

gpointer
haar_workers_pop (HaarWorkers *self)
{
  Entry *entry = NULL;
  gpointer item = NULL;

  g_mutex_lock (&self->lock);
  self->popping = TRUE;
  g_cond_broadcast (&self->changed);
  while (self->mode == TAKING && !head_is_ready (self))
    g_cond_wait (&self->changed, &self->lock);
  if (self->mode == TAKING)
    entry = g_queue_pop_head (&self->entries);
  self->popping = FALSE;
  if (entry) {
    item = entry->item;
    self->n_to_work -= entry->needs_work;
    g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  g_free (entry);
  return item;
}

gboolean
haar_workers_drain (HaarWorkers *self)
{
  gboolean drained;

  g_mutex_lock (&self->lock);
  while (self->mode == TAKING && !(self->popping && g_queue_is_empty (&self->entries)))
    g_cond_wait (&self->changed, &self->lock);
  drained = self->mode == TAKING;
  g_mutex_unlock (&self->lock);
  return drained;
}

/* with the lock. Removes all entries, and returns those that the caller frees; a worker frees the
 * entry that it is at work on. */
static GSList *
abandon_all (HaarWorkers *self)
{
  GSList *gone = NULL;
  Entry *entry;

  while ((entry = g_queue_pop_head (&self->entries))) {
    if (entry->state == WORKED_ON)
      entry->state = ABANDONED;
    else
      gone = g_slist_prepend (gone, entry);
  }
  self->n_to_work = 0;
  return gone;
}

void
haar_workers_set_flushing (HaarWorkers *self, gboolean flushing)
{
  GSList *gone = NULL;

  g_mutex_lock (&self->lock);
  self->mode = flushing ? FLUSHING : TAKING;
  if (flushing)
    gone = abandon_all (self);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  for (GSList *l = gone; l; l = l->next)
    entry_free (self, l->data);
  g_slist_free (gone);
}

guint
haar_workers_get_waiting (HaarWorkers *self)
{
  guint n;

  g_mutex_lock (&self->lock);
  n = self->n_to_work;
  g_mutex_unlock (&self->lock);
  return n;
}

guint
haar_workers_get_queued (HaarWorkers *self)
{
  guint n;

  g_mutex_lock (&self->lock);
  n = self->n_pushing;
  for (GList *l = self->entries.head; l; l = l->next)
    n += ((Entry *) l->data)->state == WAITING;
  g_mutex_unlock (&self->lock);
  return n;
}
