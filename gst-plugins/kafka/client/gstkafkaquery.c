/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaquery.h"

/* The longest time (us) from an interruption to the moment when the waiting thread notices it. */
#define SLICE (10 * G_TIME_SPAN_MILLISECOND)

struct _GstKafkaQuery {
  gatomicrefcount refs; /* reference count: one for the caller, one for the thread */
  GstKafkaQueryFunc func;
  gpointer data;
  GDestroyNotify free;
  GMutex lock; /* guards the field `answered` */
  GCond changed;
  gboolean answered;
};

void
gst_kafka_query_free (GstKafkaQuery *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  self->free (self->data);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

static gpointer
run (gpointer query)
{
  GstKafkaQuery *self = query;

  self->func (self->data);
  g_mutex_lock (&self->lock);
  self->answered = TRUE;
  g_cond_signal (&self->changed);
  g_mutex_unlock (&self->lock);
  gst_kafka_query_free (self);
  return NULL;
}

GstKafkaQuery *
gst_kafka_query_new (GstKafkaQueryFunc func, gpointer data, GDestroyNotify free)
{
  GstKafkaQuery *self = g_new0 (GstKafkaQuery, 1);
  GThread *thread;

  g_atomic_ref_count_init (&self->refs);
  g_atomic_ref_count_inc (&self->refs);
  self->func = func;
  self->data = data;
  self->free = free;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  thread = g_thread_try_new ("kafka-query", run, self, NULL);
  if (thread)
    g_thread_unref (thread);
  else
    run (self);
  return self;
}

gboolean
gst_kafka_query_is_answered (GstKafkaQuery *self)
{
  gboolean answered;

  g_mutex_lock (&self->lock);
  answered = self->answered;
  g_mutex_unlock (&self->lock);
  return answered;
}

gboolean
gst_kafka_query_wait (
    GstKafkaQuery *self, GstKafkaQueryIsInterrupted is_interrupted, gpointer user_data)
{
  gboolean answered;

  g_mutex_lock (&self->lock);
  while (!self->answered && !is_interrupted (user_data))
    g_cond_wait_until (&self->changed, &self->lock, g_get_monotonic_time () + SLICE);
  answered = self->answered;
  g_mutex_unlock (&self->lock);
  return answered;
}
