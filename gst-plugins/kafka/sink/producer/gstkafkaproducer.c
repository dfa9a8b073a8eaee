/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaproducerprivate.h"
#include "client/gstkafkaclient.h"
#include "gstkafkaending.h"
#include "client/gstkafkasocket.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

#define STOP_GRACE (G_USEC_PER_SEC / 2)
/* stop() may take 5 s: PURGE_BOUND, then this much to end the client. */
#define DESTROY_BOUND (2 * G_USEC_PER_SEC)

/* --- taking records --- */

static void
tell_first_drop (GstKafkaProducer *self)
{
  GST_ELEMENT_INFO (self->element, RESOURCE, WRITE,
      ("The queue is full, so buffers are dropped (leaky). dropped-upstream and "
       "dropped-downstream in stats count them."),
      ("buffers are dropped, since the queue is full"));
}

/* With lock, which is released meanwhile. */
static void
drop (GstKafkaProducer *self, GstKafkaRecord *record, guint64 *counter)
{
  gboolean first = self->counters.dropped_upstream + self->counters.dropped_downstream == 0;

  (*counter)++;
  GST_DEBUG_OBJECT (self->element,
      "the queue is full: dropping a buffer, queued %.3f s ago; %u buffers, %" G_GUINT64_FORMAT
      " bytes remain",
      (g_get_monotonic_time () - record->queued) / (gdouble) G_USEC_PER_SEC,
      gst_kafka_send_queue_buffers (&self->queue), gst_kafka_send_queue_bytes (&self->queue));
  g_mutex_unlock (&self->lock);
  if (first)
    tell_first_drop (self);
  gst_kafka_record_free (record, GST_KAFKA_ACK_DONE);
  g_mutex_lock (&self->lock);
}

/* With lock, while the queue is full. TRUE: there may be room now; FALSE: drop the new record. */
static gboolean
make_room (GstKafkaProducer *self)
{
  GstKafkaRecord *oldest;

  switch (self->queue.bounds.leaky) {
    case GST_KAFKA_LEAKY_NONE:
      GST_LOG_OBJECT (self->element,
          "the queue is full (%u waiting, %u in flight): waiting for room",
          self->queue.waiting.length, self->queue.in_flight.length);
      g_cond_wait_until (&self->changed, &self->lock,
          g_get_monotonic_time () + GST_KAFKA_PRODUCER_SLICE_MS * G_TIME_SPAN_MILLISECOND);
      return TRUE;
    case GST_KAFKA_LEAKY_DOWNSTREAM:
      if (!(oldest = gst_kafka_send_queue_pop (&self->queue)))
        return FALSE;
      drop (self, oldest, &self->counters.dropped_downstream);
      return TRUE;
    default:
      return FALSE;
  }
}

/* With lock. An application stops the pipeline when it sees our error. Waiting for that keeps
 * upstream from posting a second error about the failed push. */
static GstKafkaPush
wait_for_stop (GstKafkaProducer *self)
{
  gint64 until = g_get_monotonic_time () + STOP_GRACE;

  while (!self->flushing && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  return self->flushing ? GST_KAFKA_PUSH_FLUSHING : GST_KAFKA_PUSH_FAILED;
}

/* With lock */
static GstKafkaPush
push_locked (GstKafkaProducer *self, GstKafkaRecord *record)
{
  while (self->health != GST_KAFKA_PRODUCER_FAILED && !self->flushing &&
         !gst_kafka_send_queue_has_room (&self->queue, record, g_get_monotonic_time ())) {
    self->full = TRUE;
    if (!make_room (self)) {
      drop (self, record, &self->counters.dropped_upstream);
      return GST_KAFKA_PUSH_OK;
    }
  }
  if (self->flushing)
    return GST_KAFKA_PUSH_FLUSHING;
  if (self->health == GST_KAFKA_PRODUCER_FAILED)
    return wait_for_stop (self);
  self->full = FALSE;
  record->number = self->next_number++;
  gst_kafka_pace_pushed (&self->queue.pace);
  gst_kafka_send_queue_push (&self->queue, record);
  gst_kafka_producer_hand_over_all (self);
  return GST_KAFKA_PUSH_OK;
}

GstKafkaPush
gst_kafka_producer_push (GstKafkaProducer *self, GstKafkaRecord *record)
{
  GstKafkaPush ret;

  g_mutex_lock (&self->lock);
  ret = push_locked (self, record);
  g_mutex_unlock (&self->lock);
  if (ret == GST_KAFKA_PUSH_FAILED)
    gst_kafka_record_free (record, GST_KAFKA_ACK_FAILED);
  return ret;
}

/* --- life --- */

static void
note_error (rd_kafka_t *rk, gint err, const gchar *reason, gpointer user_data)
{
  GstKafkaProducer *self = user_data;

  GST_INFO_OBJECT (self->element, "librdkafka reports %s: %s", rd_kafka_err2name (err), reason);
  err = gst_kafka_fault_note (&self->fault, err, reason);
  if (gst_kafka_error_is_refusal (err))
    gst_kafka_producer_lose_connection (self, err, reason);
}

/* Called on librdkafka's threads. */
static int
open_socket (int domain, int type, int protocol, void *user_data)
{
  GstKafkaProducer *self = user_data;

  return gst_kafka_socket_open (domain, type, protocol, self->congestion_control);
}

GstKafkaProducer *
gst_kafka_producer_new (GstElement *element, rd_kafka_conf_t *conf,
    const GstKafkaProducerConfig *config, GError **error)
{
  GstKafkaProducer *self = g_new0 (GstKafkaProducer, 1);

  gst_kafka_fault_init (&self->fault);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  gst_kafka_send_queue_init (&self->queue);
  self->reported = g_ptr_array_new ();
  self->delivered_topics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->element = element;
  self->conf = conf;
  self->config = *config; /* its strings belong to the caller; those needed are copied below */
  self->topic = g_strdup (config->topic);
  self->congestion_control = g_strdup (config->congestion_control);
  self->held = !config->each_names_topic;
  self->astray = -1;
  self->servers = gst_kafka_conf_dup (conf, "bootstrap.servers");
  gst_kafka_producer_init_batches (self);
  rd_kafka_conf_set_dr_msg_cb (conf, gst_kafka_producer_note_report);
  rd_kafka_conf_set_error_cb (conf, note_error);
  rd_kafka_conf_set_socket_cb (conf, open_socket);
  if (!config->acknowledged)
    rd_kafka_conf_set_closesocket_cb (conf, gst_kafka_producer_close_socket);
  if (!(self->rk = gst_kafka_producer_new_handle (self, error))) {
    gst_kafka_producer_stop (self);
    return NULL;
  }
  self->poller = g_thread_new ("kafkasink-poll", gst_kafka_producer_poll_reports, self);
  self->connector = g_thread_new ("kafkasink-conn", gst_kafka_producer_make_contact, self);
  return self;
}

static void
free_queue (GQueue *queue)
{
  GList *link;

  while ((link = g_queue_pop_head_link (queue)))
    gst_kafka_record_free (link->data, GST_KAFKA_ACK_FAILED);
}

/* Destroys the client first, because it may still read the buffers. */
static void
free_producer (gpointer producer)
{
  GstKafkaProducer *self = producer;

  if (self->rk)
    rd_kafka_destroy (self->rk);
  free_queue (&self->queue.in_flight);
  g_ptr_array_unref (self->reported);
  g_hash_table_unref (self->delivered_topics);
  g_clear_pointer (&self->unacked.sent, rd_kafka_topic_partition_list_destroy);
  g_free (self->refusal_detail);
  rd_kafka_conf_destroy (self->conf);
  gst_kafka_fault_clear (&self->fault);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->topic);
  g_free (self->servers);
  g_free (self->congestion_control);
  g_free (self);
}

static void
join_threads (GstKafkaProducer *self)
{
  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  g_atomic_int_set (&self->unacked.closing, TRUE);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&self->connector, g_thread_join);
  g_clear_pointer (&self->poller, g_thread_join);
}

void
gst_kafka_producer_stop (GstKafkaProducer *self)
{
  GstElement *element = self->element;

  join_threads (self);
  GST_INFO_OBJECT (element,
      "stopped: %" G_GUINT64_FORMAT " delivered, %u not, %" G_GUINT64_FORMAT " dropped, "
      "%" G_GUINT64_FORMAT " undeliverable",
      self->counters.delivered, gst_kafka_send_queue_buffers (&self->queue),
      self->counters.dropped_upstream + self->counters.dropped_downstream,
      self->counters.undeliverable);
  free_queue (&self->queue.waiting);
  for (GList *l = self->queue.in_flight.head; l; l = l->next)
    gst_kafka_meta_mark (((GstKafkaRecord *) l->data)->buffer, GST_KAFKA_ACK_FAILED);
  if (!gst_kafka_end_in_time (free_producer, self, DESTROY_BOUND))
    GST_WARNING_OBJECT (element, "the client doesn't end within %d s: abandoning it",
        (gint) (DESTROY_BOUND / G_USEC_PER_SEC));
}

void
gst_kafka_producer_set_bounds (GstKafkaProducer *self, const GstKafkaBounds *bounds)
{
  g_mutex_lock (&self->lock);
  self->queue.bounds = *bounds;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_producer_set_flushing (GstKafkaProducer *self, gboolean flushing)
{
  g_mutex_lock (&self->lock);
  self->flushing = flushing;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

gboolean
gst_kafka_producer_throttle (GstKafkaProducer *self, gdouble *interval, gdouble *proportion)
{
  gint64 now = g_get_monotonic_time ();
  const GstKafkaRecord *oldest;
  gboolean throttle;

  g_mutex_lock (&self->lock);
  oldest = gst_kafka_send_queue_oldest (&self->queue);
  throttle = gst_kafka_pace_throttle (
      &self->queue.pace, now, oldest ? oldest->queued : now, interval, proportion);
  g_mutex_unlock (&self->lock);
  return throttle;
}

/* With lock. An error that is about to be posted isn't drained:
 * drain() waits until it is posted. */
static gboolean
is_drained (GstKafkaProducer *self)
{
  return !gst_kafka_send_queue_buffers (&self->queue) && !self->lost && !self->unconfirmed &&
         self->health == GST_KAFKA_PRODUCER_WORKING;
}

GstKafkaPush
gst_kafka_producer_drain (GstKafkaProducer *self, gint64 deadline)
{
  GstKafkaPush ret = GST_KAFKA_PUSH_OK;

  g_mutex_lock (&self->lock);
  GST_INFO_OBJECT (self->element, "draining: %u buffers are undelivered, waiting at most %.1f s",
      gst_kafka_send_queue_buffers (&self->queue),
      (deadline - g_get_monotonic_time ()) / (gdouble) G_USEC_PER_SEC);
  self->draining = TRUE;
  while (self->health != GST_KAFKA_PRODUCER_FAILED && !self->flushing && !is_drained (self) &&
         ret == GST_KAFKA_PUSH_OK)
    if (!g_cond_wait_until (&self->changed, &self->lock, deadline))
      ret = GST_KAFKA_PUSH_TIMED_OUT;
  self->draining = FALSE;
  if (self->health == GST_KAFKA_PRODUCER_FAILED)
    ret = GST_KAFKA_PUSH_FAILED;
  else if (self->flushing)
    ret = GST_KAFKA_PUSH_FLUSHING;
  GST_INFO_OBJECT (self->element, "%s: %u buffers are undelivered",
      ret == GST_KAFKA_PUSH_OK ? "drained" : "not drained",
      gst_kafka_send_queue_buffers (&self->queue));
  g_mutex_unlock (&self->lock);
  return ret;
}

/* (transfer full) (nullable): the topic of the oldest undelivered record, if records name theirs */
static gchar *
oldest_topic (GstKafkaProducer *self)
{
  const GstKafkaRecord *oldest;
  gchar *topic;

  g_mutex_lock (&self->lock);
  oldest = gst_kafka_send_queue_oldest (&self->queue);
  topic = oldest ? g_strdup (oldest->topic) : NULL;
  g_mutex_unlock (&self->lock);
  return topic;
}

void
gst_kafka_producer_fail_undrained (GstKafkaProducer *self)
{
  g_autofree gchar *topic = oldest_topic (self), *tried = NULL, *detail = NULL, *debug = NULL;
  g_autoptr (GError) error = NULL;
  rd_kafka_resp_err_t err;
  gboolean first;

  /* If all records have one topic, gst_kafka_producer_make_contact() has queried it already. */
  if (topic && gst_kafka_producer_query_topic (self, topic, &err) && err)
    gst_kafka_fault_note (&self->fault, err, NULL);
  g_mutex_lock (&self->lock);
  err = gst_kafka_producer_explain_error (self, RD_KAFKA_RESP_ERR__TIMED_OUT, &detail);
  debug = g_strdup_printf ("%u buffers of %" G_GUINT64_FORMAT
                           " bytes undelivered at the end of drain-timeout",
      gst_kafka_send_queue_buffers (&self->queue), gst_kafka_send_queue_bytes (&self->queue));
  first = gst_kafka_producer_take_failure (self);
  g_mutex_unlock (&self->lock);
  tried = gst_kafka_producer_name_attempt (topic ? topic : self->topic, self->servers);
  error = gst_kafka_error_new (tried, err, detail ? detail : debug, GST_RESOURCE_ERROR_WRITE);
  if (first)
    gst_kafka_producer_fail (self, error, debug);
}

static GstStructure *
counters_to_structure (const GstKafkaProducerCounters *c, guint waiting, guint in_flight,
    guint64 bytes, guint64 batch_bytes, gboolean connected, gboolean waits)
{
  return gst_structure_new ("kafkasink-stats", "delivered", G_TYPE_UINT64, c->delivered,
      "delivered-bytes", G_TYPE_UINT64, c->delivered_bytes, "waiting", G_TYPE_UINT, waiting,
      "in-flight", G_TYPE_UINT, in_flight, "queued-bytes", G_TYPE_UINT64, bytes, "dropped-upstream",
      G_TYPE_UINT64, c->dropped_upstream, "dropped-downstream", G_TYPE_UINT64,
      c->dropped_downstream, "undeliverable", G_TYPE_UINT64, c->undeliverable, "resent",
      G_TYPE_UINT64, c->resent, "rebuilds", G_TYPE_UINT64, c->rebuilds, "latency", G_TYPE_UINT64,
      c->latency, "refused-batches", G_TYPE_UINT64, c->refused_batches, "batch-bytes",
      G_TYPE_UINT64, batch_bytes, "lost-connections", G_TYPE_UINT64, c->lost_connections,
      "connected", G_TYPE_BOOLEAN, connected, "waits-for-access", G_TYPE_BOOLEAN, waits, NULL);
}

GstStructure *
gst_kafka_producer_stats (GstKafkaProducer *self)
{
  const GstKafkaProducerCounters none = {0};
  GstStructure *s;

  if (!self)
    return counters_to_structure (&none, 0, 0, 0, 0, FALSE, FALSE);
  g_mutex_lock (&self->lock);
  s = counters_to_structure (&self->counters, self->queue.waiting.length,
      self->queue.in_flight.length, gst_kafka_send_queue_bytes (&self->queue), self->batch_bytes,
      self->connected, self->access != GST_KAFKA_ACCESS_GRANTED);
  g_mutex_unlock (&self->lock);
  return s;
}
