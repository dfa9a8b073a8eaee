/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaending.h"

typedef struct {
  GDestroyNotify end;
  gpointer what;
  gint refs;
  GMutex lock;
  GCond changed;
  gboolean done;
} Ending;

static void
ending_unref (Ending *ending)
{
  if (!g_atomic_int_dec_and_test (&ending->refs))
    return;
  g_mutex_clear (&ending->lock);
  g_cond_clear (&ending->changed);
  g_free (ending);
}

static gpointer
run (gpointer user_data)
{
  Ending *ending = user_data;

  ending->end (ending->what);
  g_mutex_lock (&ending->lock);
  ending->done = TRUE;
  g_cond_signal (&ending->changed);
  g_mutex_unlock (&ending->lock);
  ending_unref (ending);
  return NULL;
}

gboolean
gst_kafka_end_in_time (GDestroyNotify end, gpointer what, gint64 bound)
{
  Ending *ending = g_new0 (Ending, 1);
  gint64 deadline = g_get_monotonic_time () + bound;
  gboolean done;

  g_mutex_init (&ending->lock);
  g_cond_init (&ending->changed);
  ending->refs = 2;
  ending->end = end;
  ending->what = what;
  g_thread_unref (g_thread_new ("kafka-end", run, ending));
  g_mutex_lock (&ending->lock);
  while (!ending->done && g_cond_wait_until (&ending->changed, &ending->lock, deadline))
    ;
  done = ending->done;
  g_mutex_unlock (&ending->lock);
  ending_unref (ending);
  return done;
}
