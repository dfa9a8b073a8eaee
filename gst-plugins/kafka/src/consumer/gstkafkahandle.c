/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkahandle.h"

#include <gst/gst.h>
#include <stdlib.h>

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* librdkafka before 2.3 aborts when it destroys a cooperative member that has joined its group and
 * was never assigned partitions: https://github.com/confluentinc/librdkafka/issues/4312. */
#define DESTROY_MENDED 0x02030000

struct _GstKafkaHandle {
  gatomicrefcount refs;
  rd_kafka_t *rk;
  GstKafkaFault *fault; /* librdkafka's threads use it until the client is destroyed */
  gboolean assigned, closed, would_abort;
  gint without_metadata; /* atomic: TRUE if the brokers have refused metadata for its length */
};

GstKafkaHandle *
gst_kafka_handle_new (rd_kafka_t *rk, GstKafkaFault *fault)
{
  GstKafkaHandle *self = g_new0 (GstKafkaHandle, 1);

  g_atomic_ref_count_init (&self->refs);
  self->rk = rk;
  self->fault = gst_kafka_fault_ref (fault);
  return self;
}

GstKafkaHandle *
gst_kafka_handle_ref (GstKafkaHandle *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

static gboolean
would_abort (GstKafkaHandle *self)
{
  return rd_kafka_version () < DESTROY_MENDED && !self->assigned &&
         g_strcmp0 (rd_kafka_rebalance_protocol (self->rk), "COOPERATIVE") == 0;
}

static gpointer
destroy (gpointer handle)
{
  GstKafkaHandle *self = handle;

  if (self->would_abort || (!self->closed && would_abort (self))) {
    GST_WARNING (
        "%s: not destroyed, since librdkafka %s would abort: its threads and connections stay",
        rd_kafka_name (self->rk), rd_kafka_version_str ());
    g_free (self);
    return NULL;
  }
  /* rd_kafka_destroy() would close the consumer first, which takes over a minute with a frozen
   * broker. */
  rd_kafka_destroy_flags (self->rk, self->closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  gst_kafka_fault_unref (self->fault);
  g_free (self);
  return NULL;
}

void
gst_kafka_handle_unref (GstKafkaHandle *self)
{
  GThread *thread;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  thread = g_thread_try_new ("kafka-destroy", destroy, self, NULL);
  if (thread)
    g_thread_unref (thread);
  else
    destroy (self);
}

void
gst_kafka_handle_unref_and_wait (GstKafkaHandle *self)
{
  if (g_atomic_ref_count_dec (&self->refs))
    destroy (self);
}

void
gst_kafka_handle_set_assigned (GstKafkaHandle *self)
{
  self->assigned = TRUE;
}

/* The longest time (ms) from an interruption to the moment when the waiting thread notices it. */
#define SLICE_MS 10

/* The time limit of a wait, and a function that ends the wait earlier. */
typedef struct {
  gint64 deadline;                       /* monotonic us */
  FogThreadIsInterrupted is_interrupted; /* (nullable) */
  gpointer user_data;
} Patience;

static gboolean
is_over (const Patience *self)
{
  return g_get_monotonic_time () >= self->deadline ||
         (self->is_interrupted && self->is_interrupted (self->user_data));
}

/* Returns FALSE if the brokers didn't answer. */
static gboolean
commit_once (GstKafkaHandle *self, const rd_kafka_topic_partition_list_t *offsets,
    const Patience *patience, rd_kafka_resp_err_t *err)
{
  rd_kafka_queue_t *queue = rd_kafka_queue_new (self->rk);
  rd_kafka_event_t *event = NULL;

  /* rd_kafka_commit() isn't used, because it would wait without a time limit. */
  if (rd_kafka_commit_queue (self->rk, offsets, queue, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR)
    while (!(event = rd_kafka_queue_poll (queue, SLICE_MS)) && !is_over (patience))
      ;
  rd_kafka_queue_destroy (queue);
  if (!event)
    return FALSE;
  *err = rd_kafka_event_error (event);
  if (*err)
    GST_WARNING (
        "%s: a commit failed: %s", rd_kafka_name (self->rk), rd_kafka_event_error_string (event));
  rd_kafka_event_destroy (event);
  return TRUE;
}

static void
remove_metadata (rd_kafka_topic_partition_list_t *offsets)
{
  for (gint i = 0; i < offsets->cnt; i++) {
    g_clear_pointer (&offsets->elems[i].metadata, free);
    offsets->elems[i].metadata_size = 0;
  }
}

static Patience
patience_of (gint timeout_ms, FogThreadIsInterrupted is_interrupted, gpointer user_data)
{
  return (Patience){
      g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND, is_interrupted, user_data};
}

gboolean
gst_kafka_handle_commit (GstKafkaHandle *self, rd_kafka_topic_partition_list_t *offsets,
    gint timeout_ms, FogThreadIsInterrupted is_interrupted, gpointer user_data)
{
  Patience patience = patience_of (timeout_ms, is_interrupted, user_data);
  rd_kafka_resp_err_t err;

  if (!commit_once (self, offsets, &patience, &err))
    return FALSE;
  if (err != RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE)
    return TRUE;
  g_atomic_int_set (&self->without_metadata, TRUE);
  remove_metadata (offsets);
  patience = patience_of (timeout_ms, is_interrupted, user_data);
  return commit_once (self, offsets, &patience, &err);
}

gboolean
gst_kafka_handle_is_without_metadata (GstKafkaHandle *self)
{
  return g_atomic_int_get (&self->without_metadata);
}

gboolean
gst_kafka_handle_close (GstKafkaHandle *self, gint timeout_ms)
{
  gint64 deadline = g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND;
  rd_kafka_queue_t *queue = rd_kafka_queue_new (self->rk);
  rd_kafka_error_t *error;

  self->would_abort = would_abort (self);
  error = rd_kafka_consumer_close_queue (self->rk, queue);
  if (error)
    rd_kafka_error_destroy (error);
  else
    while (!rd_kafka_consumer_closed (self->rk) && g_get_monotonic_time () < deadline)
      rd_kafka_queue_poll_callback (queue, 20);
  self->closed = rd_kafka_consumer_closed (self->rk);
  rd_kafka_queue_destroy (queue);
  return self->closed;
}
