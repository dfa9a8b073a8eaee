/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/gstkafkarenewal.h"
#include "gstkafkaproducerprivate.h"
#include "gstkafkaadmin.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* The first frame waits for the first try; a slow link connects to the controller meanwhile. */
#define LIMIT_MS (5 * GST_KAFKA_PRODUCER_SLICE_MS)
#define LIMIT_TRIES 10

/* With lock. (nullable): the client, to be used without lock until return_handle(); NULL while it
 * is being replaced. */
static rd_kafka_t *
borrow_handle (GstKafkaProducer *self)
{
  if (self->rk)
    self->rk_users++;
  return self->rk;
}

/* With lock */
static void
return_handle (GstKafkaProducer *self)
{
  self->rk_users--;
  g_cond_broadcast (&self->changed);
}

gboolean
gst_kafka_producer_query_topic (
    GstKafkaProducer *self, const gchar *topic, rd_kafka_resp_err_t *topic_err)
{
  gboolean answered = FALSE, renew;
  rd_kafka_t *rk;

  g_mutex_lock (&self->lock);
  if ((rk = borrow_handle (self))) {
    renew = self->access == GST_KAFKA_ACCESS_CONNECTION_LOST;
    g_mutex_unlock (&self->lock);
    if (renew)
      gst_kafka_renew_password (rk, self->element);
    answered = gst_kafka_query_topic (rk, topic, 5 * GST_KAFKA_PRODUCER_SLICE_MS, topic_err);
    g_mutex_lock (&self->lock);
    if (answered && !self->connected)
      GST_INFO_OBJECT (self->element, "the cluster at %s answers", self->servers);
    self->connected |= answered;
    return_handle (self);
  }
  g_mutex_unlock (&self->lock);
  return answered;
}

/* TRUE: the topic exists now, and records may follow. */
static gboolean
create_topic (GstKafkaProducer *self)
{
  const GstKafkaProducerConfig *c = &self->config;
  g_autofree gchar *detail = NULL;
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__STATE;
  rd_kafka_t *rk;

  g_mutex_lock (&self->lock);
  if ((rk = borrow_handle (self))) {
    g_mutex_unlock (&self->lock);
    err = gst_kafka_create_topic (rk, self->topic, c->partitions, c->replication_factor,
        10 * GST_KAFKA_PRODUCER_SLICE_MS, &detail);
    g_mutex_lock (&self->lock);
    return_handle (self);
    if (err)
      gst_kafka_fault_note (&self->fault, err, detail ? detail : rd_kafka_err2str (err));
  }
  g_mutex_unlock (&self->lock);
  if (err)
    GST_DEBUG_OBJECT (self->element, "topic \"%s\" isn't created yet (%s): trying again",
        self->topic, detail ? detail : rd_kafka_err2name (err));
  else
    GST_INFO_OBJECT (self->element, "topic \"%s\" exists, or was created with %d partitions",
        self->topic, c->partitions);
  return !err;
}

rd_kafka_resp_err_t
gst_kafka_producer_query_batch_limit (GstKafkaProducer *self, gint timeout_ms, guint64 *limit)
{
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__STATE;
  rd_kafka_t *rk;

  g_mutex_lock (&self->lock);
  if ((rk = borrow_handle (self))) {
    g_mutex_unlock (&self->lock);
    err = gst_kafka_query_batch_limit (rk, self->topic, timeout_ms, limit);
    g_mutex_lock (&self->lock);
    return_handle (self);
  }
  g_mutex_unlock (&self->lock);
  return err;
}

static void
release (GstKafkaProducer *self)
{
  g_mutex_lock (&self->lock);
  self->held = FALSE;
  gst_kafka_producer_fit_batches (self);
  gst_kafka_producer_hand_over_all (self);
  g_mutex_unlock (&self->lock);
}

/* Without lock */
static void
fail_contact (GstKafkaProducer *self)
{
  g_autofree gchar *detail = NULL, *tried = NULL;
  g_autoptr (GError) error = NULL;
  rd_kafka_resp_err_t err;
  gboolean first;

  g_mutex_lock (&self->lock);
  err = gst_kafka_producer_explain_error (self, RD_KAFKA_RESP_ERR__TIMED_OUT, &detail);
  first = gst_kafka_producer_take_failure (self);
  g_mutex_unlock (&self->lock);
  tried = gst_kafka_producer_name_attempt (self->topic, self->servers);
  error = gst_kafka_error_new (tried, err, detail, GST_RESOURCE_ERROR_OPEN_WRITE);
  if (first)
    gst_kafka_producer_fail (self, error, "no contact with the cluster");
}

/* With lock */
static gboolean
is_active (GstKafkaProducer *self)
{
  return !self->stopping && self->health == GST_KAFKA_PRODUCER_WORKING;
}

/* With lock. FALSE: the producer is stopping or has failed. */
static gboolean
sleep_a_slice (GstKafkaProducer *self)
{
  gint64 until = g_get_monotonic_time () + GST_KAFKA_PRODUCER_SLICE_MS * G_TIME_SPAN_MILLISECOND;

  while (is_active (self) && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  return is_active (self);
}

/* FALSE: the producer is stopping or has failed. */
static gboolean
wait_for_contact (GstKafkaProducer *self, gint64 deadline)
{
  gboolean refused, ended, hopeless;

  g_mutex_lock (&self->lock);
  refused = gst_kafka_error_is_refusal (gst_kafka_fault_get (&self->fault, NULL));
  ended = !sleep_a_slice (self);
  hopeless = !self->connected && (refused || g_get_monotonic_time () >= deadline);
  g_mutex_unlock (&self->lock);
  if (!ended && hopeless)
    fail_contact (self);
  return !ended && !hopeless;
}

static void
report_missing_topic (GstKafkaProducer *self)
{
  GST_ELEMENT_INFO (self->element, RESOURCE, NOT_FOUND,
      ("Waiting for the topic \"%s\", which doesn't exist yet", self->topic), (NULL));
}

/* TRUE: the limit for batches is known, or there is no use in asking again. */
static gboolean
settle_limit (GstKafkaProducer *self, guint *tries)
{
  return self->config.each_names_topic || gst_kafka_producer_learn_batch_limit (self, LIMIT_MS) ||
         ++*tries == LIMIT_TRIES;
}

gpointer
gst_kafka_producer_make_contact (gpointer user_data)
{
  GstKafkaProducer *self = user_data;
  gint64 deadline = GST_CLOCK_TIME_IS_VALID (self->config.connect_timeout)
                        ? g_get_monotonic_time () + self->config.connect_timeout / GST_USECOND
                        : G_MAXINT64;
  const gchar *topic = self->config.each_names_topic ? NULL : self->topic;
  rd_kafka_resp_err_t topic_err;
  gboolean reported = FALSE, made = FALSE, settled = FALSE;
  guint tries = 0;

  do {
    if (self->config.create_topic && !made && !(made = create_topic (self)))
      continue;
    if (!gst_kafka_producer_query_topic (self, topic, &topic_err))
      continue;
    settled = !topic_err && settle_limit (self, &tries);
    release (self);
    if (settled)
      return NULL;
    if (!topic_err)
      continue;
    gst_kafka_fault_note (&self->fault, topic_err, NULL);
    if (!reported && topic_err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
      report_missing_topic (self);
    reported = TRUE;
  } while (wait_for_contact (self, deadline));
  return NULL;
}
