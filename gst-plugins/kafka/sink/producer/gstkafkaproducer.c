/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/gstkafkaclient.h"
#include "client/gstkafkarenewal.h"
#include "fogthread.h"
#include "gstkafkaproducerprivate.h"

#include <glib.h>
#include <librdkafka/rdkafka.h>

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* --- failing --- */

gboolean
gst_kafka_producer_take_failure (GstKafkaProducer *self)
{
  gboolean first = self->health == GST_KAFKA_PRODUCER_WORKING;

  if (first)
    self->health = GST_KAFKA_PRODUCER_FAILING;
  return first && !self->stopping;
}

void
gst_kafka_producer_fail_at (GstKafkaProducer *self, const GError *error, const gchar *debug,
    const gchar *file, const gchar *function, gint line)
{
  gst_element_message_full (self->element, GST_MESSAGE_ERROR, error->domain, error->code,
      g_strdup (error->message), g_strdup (debug), file, function, line);
  g_mutex_lock (&self->lock);
  self->health = GST_KAFKA_PRODUCER_FAILED;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

rd_kafka_resp_err_t
gst_kafka_producer_explain_error (GstKafkaProducer *self, rd_kafka_resp_err_t err, gchar **detail)
{
  rd_kafka_resp_err_t fault;

  *detail = NULL;
  if (err != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && err != RD_KAFKA_RESP_ERR__TIMED_OUT)
    return err;
  fault = gst_kafka_fault_get (self->fault, detail);
  /* librdkafka's own time-outs say no more than that a message wasn't acknowledged in time. */
  if (fault && !gst_kafka_error_is_timeout (fault))
    return fault;
  g_clear_pointer (detail, g_free);
  return err;
}

gchar *
gst_kafka_producer_name_attempt (const gchar *topic, const gchar *servers)
{
  return g_strdup_printf ("publish to topic \"%s\" at %s", topic, servers);
}

#define SKIP_TIME (10 * G_USEC_PER_SEC)

/* The cause of a skip for buffers that the element itself refuses; all other causes are
 * librdkafka's error codes. */
#define CAUSE_REFUSED G_MAXINT

/* With lock. Returns TRUE if a warning about this cause is due. @others: (out): the number of
 * buffers skipped without a warning since the last warning */
static gboolean
note_skip (GstKafkaProducer *self, gint cause, guint64 *others)
{
  gint64 now = g_get_monotonic_time ();

  if (now - self->skips.since >= SKIP_TIME) {
    g_hash_table_remove_all (self->skips.told);
    self->skips.since = now;
  }
  if (!g_hash_table_add (self->skips.told, GINT_TO_POINTER (cause))) {
    self->skips.untold++;
    return FALSE;
  }
  *others = self->skips.untold;
  self->skips.untold = 0;
  return TRUE;
}

void
gst_kafka_producer_report_skip (
    GstKafkaProducer *self, gint cause, const GError *error, const gchar *debug)
{
  guint64 others = 0;
  gboolean news;

  g_mutex_lock (&self->lock);
  news = note_skip (self, cause, &others);
  g_mutex_unlock (&self->lock);
  if (news && others > 0)
    GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE,
        ("Skipped a buffer, and %" G_GUINT64_FORMAT " others since the last warning. %s", others,
            error->message),
        ("%s", debug ? debug : "refused"));
  else if (news)
    GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE, ("Skipped a buffer. %s", error->message),
        ("%s", debug ? debug : "refused"));
}

/* Called without lock, at the end of the stream or of the run. Posts the number of buffers skipped
 * without a warning. */
static void
report_other_skips (GstKafkaProducer *self)
{
  guint64 others, all;

  g_mutex_lock (&self->lock);
  others = self->skips.untold;
  self->skips.untold = 0;
  all = self->counters.undeliverable;
  g_mutex_unlock (&self->lock);
  if (others > 0)
    GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE,
        ("Skipped %" G_GUINT64_FORMAT " other buffers since the last warning, %" G_GUINT64_FORMAT
         " in all (undeliverable in stats).",
            others, all),
        (NULL));
}

void
gst_kafka_producer_refuse (GstKafkaProducer *self, const GError *error)
{
  gboolean skip = self->config.skip_failed;
  gboolean first;

  g_mutex_lock (&self->lock);
  self->counters.undeliverable++;
  first = skip || gst_kafka_producer_take_failure (self);
  g_mutex_unlock (&self->lock);
  if (first && skip)
    gst_kafka_producer_report_skip (self, CAUSE_REFUSED - error->code, error, NULL);
  else if (first)
    gst_kafka_producer_fail (self, error, NULL);
}

/* --- questions to the cluster --- */

typedef void (*Send) (rd_kafka_t *rk, gpointer wanted, const rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue);

/* Returns: (transfer full) (nullable): the answer to the request that @send sends, within
 * @timeout_ms */
static rd_kafka_event_t *
ask (rd_kafka_t *rk, rd_kafka_admin_op_t operation, Send send, gpointer wanted, gint timeout_ms)
{
  rd_kafka_queue_t *queue = rd_kafka_queue_new (rk);
  rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new (rk, operation);
  rd_kafka_event_t *event;

  rd_kafka_AdminOptions_set_request_timeout (options, timeout_ms, NULL, 0);
  send (rk, wanted, options, queue);
  event = rd_kafka_queue_poll (queue, timeout_ms);
  rd_kafka_AdminOptions_destroy (options);
  rd_kafka_queue_destroy (queue);
  return event;
}

static void
send_new_topic (rd_kafka_t *rk, gpointer wanted, const rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue)
{
  rd_kafka_NewTopic_t *topic = wanted;

  rd_kafka_CreateTopics (rk, &topic, 1, options, queue);
}

static void
send_describe (rd_kafka_t *rk, gpointer wanted, const rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue)
{
  rd_kafka_ConfigResource_t *resource = wanted;

  rd_kafka_DescribeConfigs (rk, &resource, 1, options, queue);
}

static rd_kafka_resp_err_t
result_of (rd_kafka_event_t *event, gchar **detail)
{
  const rd_kafka_topic_result_t **topics;
  rd_kafka_resp_err_t err;
  size_t count;

  if (!event)
    return RD_KAFKA_RESP_ERR__TIMED_OUT;
  if ((err = rd_kafka_event_error (event))) {
    *detail = g_strdup (rd_kafka_event_error_string (event));
    return err;
  }
  topics = rd_kafka_CreateTopics_result_topics (rd_kafka_event_CreateTopics_result (event), &count);
  if (count != 1)
    return RD_KAFKA_RESP_ERR__BAD_MSG;
  err = rd_kafka_topic_result_error (topics[0]);
  if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  if (err)
    *detail = g_strdup (rd_kafka_topic_result_error_string (topics[0]));
  return err;
}

/* Waits up to @timeout_ms for the cluster to create @topic. An existing topic isn't an error. The
 * brokers use their defaults if @partitions or @replication_factor is -1. @detail: (out)
 * (nullable): the brokers' error text. */
static rd_kafka_resp_err_t
gst_kafka_create_topic (rd_kafka_t *rk, const gchar *topic, gint partitions,
    gint replication_factor, gint timeout_ms, gchar **detail)
{
  gchar said[256];
  rd_kafka_NewTopic_t *wanted =
      rd_kafka_NewTopic_new (topic, partitions, replication_factor, said, sizeof said);
  rd_kafka_event_t *event;
  rd_kafka_resp_err_t err;

  *detail = NULL;
  if (!wanted) {
    *detail = g_strdup (said);
    return RD_KAFKA_RESP_ERR__INVALID_ARG;
  }
  event = ask (rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, send_new_topic, wanted, timeout_ms);
  err = result_of (event, detail);
  g_clear_pointer (&event, rd_kafka_event_destroy);
  rd_kafka_NewTopic_destroy (wanted);
  return err;
}

/* Returns: (nullable): the value of the setting @name */
static const gchar *
find_setting (const rd_kafka_ConfigResource_t *resource, const gchar *name)
{
  size_t count;
  const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs (resource, &count);

  for (size_t i = 0; i < count; i++)
    if (g_str_equal (rd_kafka_ConfigEntry_name (entries[i]), name))
      return rd_kafka_ConfigEntry_value (entries[i]);
  return NULL;
}

static rd_kafka_resp_err_t
limit_of (const rd_kafka_ConfigResource_t *resource, guint64 *bytes)
{
  rd_kafka_resp_err_t err = rd_kafka_ConfigResource_error (resource);
  const gchar *value = err ? NULL : find_setting (resource, "max.message.bytes");

  if (value && g_ascii_string_to_unsigned (value, 10, 1, G_MAXINT, bytes, NULL))
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  return err ? err : RD_KAFKA_RESP_ERR__NOENT;
}

/* @event: (nullable) */
static rd_kafka_resp_err_t
described_limit (rd_kafka_event_t *event, guint64 *bytes)
{
  rd_kafka_resp_err_t err = event ? rd_kafka_event_error (event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
  const rd_kafka_ConfigResource_t **resources;
  size_t count;

  if (err)
    return err;
  resources = rd_kafka_DescribeConfigs_result_resources (
      rd_kafka_event_DescribeConfigs_result (event), &count);
  return count == 1 ? limit_of (resources[0], bytes) : RD_KAFKA_RESP_ERR__BAD_MSG;
}

/* Queries for up to @timeout_ms how many @bytes a batch for @topic may have (max.message.bytes).
 * The query needs the right DescribeConfigs on the topic. The error RD_KAFKA_RESP_ERR__NOENT means
 * that the topic has no such setting. */
static rd_kafka_resp_err_t
query_batch_limit (rd_kafka_t *rk, const gchar *topic, gint timeout_ms, guint64 *bytes)
{
  rd_kafka_ConfigResource_t *wanted = rd_kafka_ConfigResource_new (RD_KAFKA_RESOURCE_TOPIC, topic);
  rd_kafka_event_t *event =
      ask (rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, send_describe, wanted, timeout_ms);
  rd_kafka_resp_err_t err = described_limit (event, bytes);

  g_clear_pointer (&event, rd_kafka_event_destroy);
  rd_kafka_ConfigResource_destroy (wanted);
  return err;
}

static rd_kafka_resp_err_t
topic_error (const struct rd_kafka_metadata *metadata)
{
  return metadata->topic_cnt == 1 ? metadata->topics[0].err
                                  : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

/* Queries the cluster for its metadata, for up to @timeout_ms. Returns TRUE if the cluster
 * answered. @topic: (nullable): the topic to query; @topic_err: (out): the topic's error, 0 if the
 * topic exists. */
static gboolean
query_topic (rd_kafka_t *rk, const gchar *topic, gint timeout_ms, rd_kafka_resp_err_t *topic_err)
{
  const struct rd_kafka_metadata *metadata;
  rd_kafka_topic_t *asked = topic ? rd_kafka_topic_new (rk, topic, NULL) : NULL;
  rd_kafka_resp_err_t err;

  *topic_err = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (topic && !asked) {
    *topic_err = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
    return TRUE;
  }
  err = rd_kafka_metadata (rk, 0, asked, &metadata, timeout_ms);
  if (asked)
    rd_kafka_topic_destroy (asked);
  if (err)
    return FALSE;
  if (topic)
    *topic_err = topic_error (metadata);
  rd_kafka_metadata_destroy (metadata);
  return TRUE;
}

/* --- the connector's thread --- */

/* The times (ms) that the first and the longest try to reach the cluster may take. Each try waits
 * twice as long as the one before, because over a long link an answer may take longer than the
 * first try; stop() waits until the running try ends. */
#define FIRST_TRY_MS (5 * GST_KAFKA_PRODUCER_SLICE_MS)
#define LONGEST_TRY_MS GST_KAFKA_ANSWER_MS
#define LIMIT_TRIES 10

/* Called with the lock. Returns: (nullable): librdkafka's client, to be used without the lock until
 * return_handle(); NULL while the client is being replaced. */
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

/* With lock */
static gboolean
is_active (GstKafkaProducer *self)
{
  return !self->stopping && self->health == GST_KAFKA_PRODUCER_WORKING;
}

static gboolean
has_to_end (gpointer producer)
{
  GstKafkaProducer *self = producer;
  gboolean active;

  g_mutex_lock (&self->lock);
  active = is_active (self);
  g_mutex_unlock (&self->lock);
  return !active;
}

typedef struct {
  GstKafkaProducer *producer; /* lives until the query has returned `rk` */
  rd_kafka_t *rk;
  gchar *topic; /* (nullable) */
  gint timeout_ms;
  gboolean answered;
  rd_kafka_resp_err_t topic_err;
} TopicQuery;

static void
topic_query_free (gpointer data)
{
  TopicQuery *self = data;

  g_free (self->topic);
  g_free (self);
}

/* Runs on a thread of its own. Stopping the element doesn't wait for this thread, so the function
 * must not use the element. */
static gpointer
run_topic_query (gpointer data)
{
  TopicQuery *query = data;
  GstKafkaProducer *self = query->producer;
  gboolean heard;

  gst_kafka_connections_mark (self->fault->connections);
  query->answered = query_topic (query->rk, query->topic, query->timeout_ms, &query->topic_err);
  heard = query->answered || gst_kafka_connections_have_received (self->fault->connections);
  gst_kafka_outage_note_answer (&self->outage, heard, g_get_monotonic_time ());
  g_mutex_lock (&self->lock);
  g_cond_signal (&self->suspicion);
  return_handle (self);
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* Without lock. @rk: a borrowed handle, which is given back by run_topic_query() */
static gboolean
ask_cluster (GstKafkaProducer *self, rd_kafka_t *rk, const gchar *topic, gint timeout_ms,
    rd_kafka_resp_err_t *topic_err)
{
  TopicQuery *asked = g_new0 (TopicQuery, 1);
  gboolean answered = FALSE;
  FogThread *query;

  *asked = (TopicQuery){self, rk, g_strdup (topic), timeout_ms};
  query = fog_thread_start ("kafka-query", run_topic_query, asked, topic_query_free);
  if (fog_thread_wait (query, has_to_end, self)) {
    answered = asked->answered;
    *topic_err = asked->topic_err;
  }
  fog_thread_release (query);
  return answered;
}

gboolean
gst_kafka_producer_query_topic (
    GstKafkaProducer *self, const gchar *topic, gint timeout_ms, rd_kafka_resp_err_t *topic_err)
{
  gboolean answered, renew;
  rd_kafka_t *rk;

  g_mutex_lock (&self->lock);
  rk = borrow_handle (self);
  renew = self->access == GST_KAFKA_ACCESS_CONNECTION_LOST;
  g_mutex_unlock (&self->lock);
  if (!rk)
    return FALSE;
  if (renew)
    gst_kafka_renew_password (rk, self->element);
  answered = ask_cluster (self, rk, topic, timeout_ms, topic_err);
  g_mutex_lock (&self->lock);
  if (answered && !self->connected)
    GST_INFO_OBJECT (self->element, "the cluster at %s answers", self->servers);
  self->connected |= answered;
  g_mutex_unlock (&self->lock);
  return answered;
}

/* Returns TRUE if the topic exists now, so records may be sent. */
static gboolean
create_topic (GstKafkaProducer *self, gint timeout_ms)
{
  const GstKafkaProducerConfig *c = &self->config;
  g_autofree gchar *detail = NULL;
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__STATE;
  rd_kafka_t *rk;

  g_mutex_lock (&self->lock);
  if ((rk = borrow_handle (self))) {
    g_mutex_unlock (&self->lock);
    err = gst_kafka_create_topic (
        rk, self->topic, c->partitions, c->replication_factor, timeout_ms, &detail);
    g_mutex_lock (&self->lock);
    return_handle (self);
    if (err)
      gst_kafka_fault_note (self->fault, err, detail ? detail : rd_kafka_err2str (err));
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
    err = query_batch_limit (rk, self->topic, timeout_ms, limit);
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

/* With lock. Returns FALSE if the producer is stopping or has failed. */
static gboolean
sleep_a_slice (GstKafkaProducer *self)
{
  gint64 until = g_get_monotonic_time () + GST_KAFKA_PRODUCER_SLICE_MS * G_TIME_SPAN_MILLISECOND;

  while (is_active (self) && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  return is_active (self);
}

/* Without lock. A loss of access, which has a warning of its own, isn't an outage, because a broker
 * that refuses access has answered. */
static void
report_outage (GstKafkaProducer *self)
{
  gint64 now = g_get_monotonic_time ();
  g_autofree gchar *cause = NULL;
  gboolean refused, active;
  const gchar *meanwhile;

  g_mutex_lock (&self->lock);
  refused = self->access != GST_KAFKA_ACCESS_GRANTED;
  active = is_active (self) && self->connected;
  meanwhile = gst_kafka_producer_describe_wait (self);
  g_mutex_unlock (&self->lock);
  if (refused)
    gst_kafka_outage_note_answer (&self->outage, TRUE, now);
  gst_kafka_fault_get (self->fault, &cause);
  if (active)
    gst_kafka_outage_report (&self->outage, self->element, GST_RESOURCE_ERROR_OPEN_WRITE,
        self->servers, meanwhile, cause, now);
}

/* Returns FALSE if the producer is stopping or has failed. */
static gboolean
wait_for_contact (GstKafkaProducer *self, gint64 deadline)
{
  gboolean refused, ended, hopeless;

  report_outage (self);
  g_mutex_lock (&self->lock);
  refused = gst_kafka_error_is_refusal (gst_kafka_fault_get (self->fault, NULL));
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

/* Returns TRUE if the limit for batches is known, or if another query would be useless. */
static gboolean
settle_limit (GstKafkaProducer *self, gint timeout_ms, guint *tries)
{
  return self->config.each_names_topic || gst_kafka_producer_learn_batch_limit (self, timeout_ms) ||
         ++*tries == LIMIT_TRIES;
}

/* Makes the first contact with the cluster. Runs on the connector's thread, without lock. */
static void
make_contact (GstKafkaProducer *self)
{
  /* With a spool the first contact has no deadline, because the spool keeps the records. */
  gint64 deadline = GST_CLOCK_TIME_IS_VALID (self->config.connect_timeout) && !self->config.spool
                        ? g_get_monotonic_time () + self->config.connect_timeout / GST_USECOND
                        : G_MAXINT64;
  const gchar *topic = self->config.each_names_topic ? NULL : self->topic;
  rd_kafka_resp_err_t topic_err;
  gboolean reported = FALSE, made = FALSE, settled = FALSE;
  gint patience_ms = FIRST_TRY_MS / 2;
  guint tries = 0;

  do {
    patience_ms = MIN (2 * patience_ms, LONGEST_TRY_MS);
    if (self->config.create_topic && !made && !(made = create_topic (self, patience_ms)))
      continue;
    if (!gst_kafka_producer_query_topic (self, topic, patience_ms, &topic_err)) {
      GST_DEBUG_OBJECT (self->element, "no answer from %s within %d ms: asking again",
          self->servers, patience_ms);
      continue;
    }
    settled = !topic_err && settle_limit (self, patience_ms, &tries);
    release (self);
    if (settled)
      return;
    if (!topic_err)
      continue;
    gst_kafka_fault_note (self->fault, topic_err, NULL);
    if (topic_err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
      gst_kafka_producer_note_missing_topic (self);
    if (!reported && topic_err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
      report_missing_topic (self);
    reported = TRUE;
  } while (wait_for_contact (self, deadline));
}

/* Waits until an error of librdkafka gives reason to suspect an outage. Returns FALSE if the
 * producer is stopping or has failed. */
static gboolean
wait_for_suspicion (GstKafkaProducer *self)
{
  gboolean active;

  g_mutex_lock (&self->lock);
  while (!self->stopping && !gst_kafka_outage_is_suspected (&self->outage))
    g_cond_wait (&self->suspicion, &self->lock);
  active = is_active (self);
  g_mutex_unlock (&self->lock);
  return active;
}

/* Queries the brokers until one answers, and reports an outage if none answers for 10 s. */
static void
ask_for_contact (GstKafkaProducer *self)
{
  rd_kafka_resp_err_t unused;
  gboolean active = TRUE;

  while (active && gst_kafka_outage_is_suspected (&self->outage)) {
    gst_kafka_producer_query_topic (self, NULL, GST_KAFKA_ANSWER_MS, &unused);
    report_outage (self);
    g_mutex_lock (&self->lock);
    active = sleep_a_slice (self);
    g_mutex_unlock (&self->lock);
  }
}

/* Runs on the connector's thread, without lock. An outage may begin and end while make_contact()
 * waits for the topic to be created, so the end of an outage is reported also after
 * make_contact(). */
static gpointer
keep_contact (gpointer user_data)
{
  GstKafkaProducer *self = user_data;

  make_contact (self);
  do {
    ask_for_contact (self);
    report_outage (self);
  } while (wait_for_suspicion (self));
  return NULL;
}

#define STOP_GRACE (G_USEC_PER_SEC / 2)
/* The time (us) in which librdkafka's client has to end: stop() may take 5 s, and up to PURGE_BOUND
 * of them have passed before the client is destroyed. */
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

/* Drops @record and counts it in @counter. Called with the lock, which is released while the record
 * is freed. */
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

/* Called with the lock, while the queue is full. Returns TRUE if there may be room now; FALSE if
 * the new record has to be dropped. */
static gboolean
make_room (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  GstKafkaRecord *oldest;

  switch (
      gst_kafka_producer_spools (self, record) ? GST_KAFKA_LEAKY_NONE : self->queue.bounds.leaky) {
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

/* With lock. Waits until the application has stopped the pipeline, as applications do when they see
 * an error, so that upstream doesn't post a second error about the failed push. */
static GstKafkaPush
wait_for_stop (GstKafkaProducer *self)
{
  gint64 until = g_get_monotonic_time () + STOP_GRACE;

  while (!self->flushing && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  return self->flushing ? GST_KAFKA_PUSH_FLUSHING : GST_KAFKA_PUSH_FAILED;
}

/* With lock */
static gboolean
has_room (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  return gst_kafka_send_queue_has_room (&self->queue, record, g_get_monotonic_time ()) &&
         gst_kafka_producer_spool_has_room (self);
}

/* With lock */
static GstKafkaPush
push_locked (GstKafkaProducer *self, GstKafkaRecord *record)
{
  gint64 begun = g_get_monotonic_time ();

  gst_kafka_producer_watch_spool (self);
  while (self->health != GST_KAFKA_PRODUCER_FAILED && !self->flushing && !has_room (self, record)) {
    self->full = TRUE;
    if (!make_room (self, record)) {
      drop (self, record, &self->counters.dropped_upstream);
      return GST_KAFKA_PUSH_OK;
    }
  }
  if (self->flushing)
    return GST_KAFKA_PUSH_FLUSHING;
  if (self->health == GST_KAFKA_PRODUCER_FAILED)
    return wait_for_stop (self);
  if (self->full)
    GST_DEBUG_OBJECT (self->element, "the queue has room again: waited for %.3f s",
        (g_get_monotonic_time () - begun) / (gdouble) G_USEC_PER_SEC);
  self->full = FALSE;
  gst_kafka_pace_pushed (&self->queue.pace);
  if (gst_kafka_producer_spools (self, record) && gst_kafka_spool_takes_new (self->config.spool)) {
    gst_kafka_producer_spool (self, record);
    return GST_KAFKA_PUSH_OK;
  }
  record->number = self->next_number++;
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
note_error (rd_kafka_t *rk, gint err, const gchar *reason, gpointer fault)
{
  GstKafkaProducer *self = gst_kafka_fault_get_user_data (fault);

  GST_INFO_OBJECT (self->element, "librdkafka reports %s: %s", rd_kafka_err2name (err), reason);
  err = gst_kafka_fault_note (self->fault, err, reason);
  if (gst_kafka_error_is_refusal (err))
    gst_kafka_producer_lose_connection (self, err, reason);
  g_mutex_lock (&self->lock);
  if (gst_kafka_outage_note_error (&self->outage, err, g_get_monotonic_time ()))
    g_cond_signal (&self->suspicion);
  g_mutex_unlock (&self->lock);
}

/* Returns the value of librdkafka's option linger.ms, in us. */
static gint64
get_linger (const rd_kafka_conf_t *conf)
{
  g_autofree gchar *ms = gst_kafka_conf_dup (conf, "linger.ms");

  return (gint64) (g_ascii_strtod (ms, NULL) * G_TIME_SPAN_MILLISECOND);
}

GstKafkaProducer *
gst_kafka_producer_new (GstElement *element, rd_kafka_conf_t *conf,
    const GstKafkaProducerConfig *config, GError **error)
{
  GstKafkaProducer *self = g_new0 (GstKafkaProducer, 1);

  self->fault = gst_kafka_fault_new (self, config->congestion_control);
  gst_kafka_outage_init (&self->outage);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_cond_init (&self->suspicion);
  gst_kafka_send_queue_init (&self->queue);
  self->reported = g_ptr_array_new ();
  self->skips.told = g_hash_table_new (NULL, NULL);
  self->delivered_topics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->element = element;
  self->conf = conf;
  /* the strings in @config belong to the caller, so the strings that are needed later are copied */
  self->config = *config;
  self->topic = g_strdup (config->topic);
  self->held = !config->each_names_topic;
  self->queue.spools = config->spool != NULL;
  self->astray = -1;
  self->servers = gst_kafka_conf_dup (conf, "bootstrap.servers");
  self->linger = get_linger (conf);
  gst_kafka_producer_init_batches (self);
  rd_kafka_conf_set_dr_msg_cb (conf, gst_kafka_producer_note_report);
  rd_kafka_conf_set_error_cb (conf, note_error);
  if (!(self->rk = gst_kafka_producer_new_handle (self, error))) {
    gst_kafka_producer_stop (self);
    return NULL;
  }
  self->poller = g_thread_new ("kafkasink-poll", gst_kafka_producer_poll_reports, self);
  self->connector = g_thread_new ("kafkasink-conn", keep_contact, self);
  return self;
}

/* Saves undelivered records in the spool, after the threads have ended. */
static void
save_undelivered (GstKafkaProducer *self)
{
  g_mutex_lock (&self->lock);
  gst_kafka_producer_spool_all (self);
  g_mutex_unlock (&self->lock);
}

static void
free_queue (GQueue *queue)
{
  GList *link;

  while ((link = g_queue_pop_head_link (queue)))
    gst_kafka_record_free (link->data, GST_KAFKA_ACK_FAILED);
}

/* Destroys librdkafka's client before the buffers are released, because the client may still read
 * them. First waits for a query that a stop has interrupted, because the query still uses the
 * client. */
static gpointer
free_producer (gpointer producer)
{
  GstKafkaProducer *self = producer;

  g_mutex_lock (&self->lock);
  while (self->rk_users)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
  if (self->rk)
    rd_kafka_destroy (self->rk);
  free_queue (&self->queue.in_flight);
  g_ptr_array_unref (self->reported);
  g_hash_table_unref (self->delivered_topics);
  g_hash_table_unref (self->skips.told);
  g_clear_pointer (&self->unacked.sent, rd_kafka_topic_partition_list_destroy);
  g_free (self->refusal_detail);
  rd_kafka_conf_destroy (self->conf);
  gst_kafka_fault_unref (self->fault);
  gst_kafka_outage_clear (&self->outage);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_cond_clear (&self->suspicion);
  g_free (self->topic);
  g_free (self->servers);
  g_free (self);
  return NULL;
}

/* Returns TRUE if a query that the stop has interrupted still runs. */
static gboolean
is_queried (GstKafkaProducer *self)
{
  gboolean queried;

  g_mutex_lock (&self->lock);
  queried = self->rk_users > 0;
  g_mutex_unlock (&self->lock);
  return queried;
}

/* Frees the producer's memory and its client on a thread of their own. Waits for this thread,
 * unless a query is still running, which may take up to GST_KAFKA_ANSWER_MS. */
static void
end_producer (GstKafkaProducer *self)
{
  GstElement *element = self->element;
  gboolean queried = is_queried (self);
  gint64 bound = queried ? 0 : DESTROY_BOUND;
  FogThread *thread = fog_thread_new ("kafka-end", free_producer, self, NULL);

  if (!fog_thread_end (thread, g_get_monotonic_time () + bound) && !queried)
    GST_WARNING_OBJECT (element, "the client doesn't end within %d s: abandoning it",
        (gint) (DESTROY_BOUND / G_USEC_PER_SEC));
}

static void
join_threads (GstKafkaProducer *self)
{
  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  gst_kafka_connections_set_closing (self->fault->connections, TRUE);
  g_cond_broadcast (&self->changed);
  g_cond_signal (&self->suspicion);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&self->connector, g_thread_join);
  g_clear_pointer (&self->poller, g_thread_join);
}

void
gst_kafka_producer_stop (GstKafkaProducer *self)
{
  GstElement *element = self->element;

  join_threads (self);
  if (self->config.spool)
    save_undelivered (self);
  report_other_skips (self);
  GST_INFO_OBJECT (element,
      "stopped: %" G_GUINT64_FORMAT " delivered, %u not, %" G_GUINT64_FORMAT " dropped, "
      "%" G_GUINT64_FORMAT " undeliverable",
      self->counters.delivered, gst_kafka_send_queue_buffers (&self->queue),
      self->counters.dropped_upstream + self->counters.dropped_downstream,
      self->counters.undeliverable);
  free_queue (&self->queue.waiting);
  for (GList *l = self->queue.in_flight.head; l; l = l->next)
    gst_kafka_meta_mark (((GstKafkaRecord *) l->data)->buffer, GST_KAFKA_ACK_FAILED);
  end_producer (self);
}

void
gst_kafka_producer_set_bounds (GstKafkaProducer *self, const GstKafkaBounds *bounds)
{
  g_mutex_lock (&self->lock);
  self->queue.bounds = *bounds;
  if (self->config.spool)
    gst_kafka_spool_set_memory (self->config.spool, bounds->bytes / 2);
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

/* With lock. @age: the age of the oldest undelivered buffer, us */
static void
log_pace (GstKafkaProducer *self, gint64 age)
{
  const GstKafkaPace *pace = &self->queue.pace;

  GST_DEBUG_OBJECT (self->element,
      "%s %.2f buffers/s: %.2f came, the oldest has waited for %.3f s, %u wait, the link takes "
      "%.0f bytes/s",
      pace->throttling ? "asking for" : "throttling ends at", pace->rate, pace->came,
      age / (gdouble) G_USEC_PER_SEC, gst_kafka_send_queue_buffers (&self->queue),
      pace->bytes_per_second);
}

gboolean
gst_kafka_producer_throttle (GstKafkaProducer *self, gdouble *interval, gdouble *proportion)
{
  gint64 now = g_get_monotonic_time (), since;
  const GstKafkaRecord *oldest;
  gboolean throttle, before;
  gdouble rate;

  /* With a spool, upstream isn't throttled: the disk takes the buffers that exceed the link's
   * rate. */
  if (self->config.spool)
    return FALSE;
  g_mutex_lock (&self->lock);
  before = self->queue.pace.throttling;
  rate = self->queue.pace.rate;
  oldest = gst_kafka_send_queue_oldest (&self->queue);
  since = oldest ? oldest->queued : now;
  throttle = gst_kafka_pace_throttle (&self->queue.pace, now, since, interval, proportion);
  if (throttle != before || (throttle && self->queue.pace.rate != rate))
    log_pace (self, now - since);
  g_mutex_unlock (&self->lock);
  return throttle;
}

/* With lock. Returns TRUE if nothing is left to deliver. Returns FALSE also while an error is about
 * to be posted, because drain() waits until the error is posted. */
static gboolean
is_drained (GstKafkaProducer *self, gint64 deadline)
{
  return !gst_kafka_producer_awaits_spool (self, deadline) &&
         !gst_kafka_send_queue_buffers (&self->queue) && !self->lost && !self->unconfirmed &&
         self->health == GST_KAFKA_PRODUCER_WORKING;
}

/* With lock. Returns FALSE after the deadline has passed. Waits for short times, because nothing
 * signals that the spool has too many buffers for a drain, or that the poller has ended. */
static gboolean
wait_to_drain (GstKafkaProducer *self, gint64 deadline)
{
  gint64 slice = g_get_monotonic_time () + GST_KAFKA_PRODUCER_SLICE_MS * G_TIME_SPAN_MILLISECOND;

  g_cond_wait_until (&self->changed, &self->lock, MIN (slice, deadline));
  return g_get_monotonic_time () < deadline;
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
  while (self->health != GST_KAFKA_PRODUCER_FAILED && !self->flushing &&
         !is_drained (self, deadline) && ret == GST_KAFKA_PUSH_OK)
    if (!wait_to_drain (self, deadline))
      ret = GST_KAFKA_PUSH_TIMED_OUT;
  if (ret == GST_KAFKA_PUSH_TIMED_OUT && self->config.spool && gst_kafka_producer_spool_all (self))
    ret = GST_KAFKA_PUSH_OK;
  self->draining = FALSE;
  if (self->health == GST_KAFKA_PRODUCER_FAILED)
    ret = GST_KAFKA_PUSH_FAILED;
  else if (self->flushing)
    ret = GST_KAFKA_PUSH_FLUSHING;
  GST_INFO_OBJECT (self->element, "%s: %u buffers are undelivered",
      ret == GST_KAFKA_PUSH_OK ? "drained" : "not drained",
      gst_kafka_send_queue_buffers (&self->queue));
  g_mutex_unlock (&self->lock);
  if (ret == GST_KAFKA_PUSH_OK && self->config.spool)
    gst_kafka_spool_report_rest (self->config.spool);
  report_other_skips (self);
  return ret;
}

/* Returns: (transfer full) (nullable): the topic of the oldest undelivered record, if records have
 * topics of their own */
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

/* Lets the poller's thread query @topic, and waits for the answer, or until a flush. */
static void
doubt (GstKafkaProducer *self, const gchar *topic)
{
  gint64 deadline = g_get_monotonic_time () + GST_KAFKA_ANSWER_MS * G_TIME_SPAN_MILLISECOND;

  g_mutex_lock (&self->lock);
  g_free (self->doubted);
  self->doubted = g_strdup (topic);
  while (self->doubted && !self->flushing && wait_to_drain (self, deadline))
    ;
  g_clear_pointer (&self->doubted, g_free);
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_producer_fail_undrained (GstKafkaProducer *self)
{
  g_autofree gchar *topic = oldest_topic (self), *tried = NULL, *detail = NULL, *debug = NULL;
  g_autoptr (GError) error = NULL;
  rd_kafka_resp_err_t err;
  gboolean first;

  /* If all records have one topic, make_contact() has queried it already. */
  if (topic)
    doubt (self, topic);
  g_mutex_lock (&self->lock);
  err = gst_kafka_producer_explain_error (self, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, &detail);
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
    guint64 bytes, guint64 batch_bytes, gboolean connected, gboolean waits, guint64 throttle_time)
{
  return gst_structure_new ("kafkasink-stats", "delivered", G_TYPE_UINT64, c->delivered,
      "delivered-bytes", G_TYPE_UINT64, c->delivered_bytes, "waiting", G_TYPE_UINT, waiting,
      "in-flight", G_TYPE_UINT, in_flight, "queued-bytes", G_TYPE_UINT64, bytes, "dropped-upstream",
      G_TYPE_UINT64, c->dropped_upstream, "dropped-downstream", G_TYPE_UINT64,
      c->dropped_downstream, "undeliverable", G_TYPE_UINT64, c->undeliverable, "resent",
      G_TYPE_UINT64, c->resent, "rebuilds", G_TYPE_UINT64, c->rebuilds, "latency", G_TYPE_UINT64,
      c->latency, "refused-batches", G_TYPE_UINT64, c->refused_batches, "batch-bytes",
      G_TYPE_UINT64, batch_bytes, "lost-connections", G_TYPE_UINT64, c->lost_connections,
      "connected", G_TYPE_BOOLEAN, connected, "waits-for-access", G_TYPE_BOOLEAN, waits,
      "throttle-time", G_TYPE_UINT64, throttle_time, NULL);
}

GstStructure *
gst_kafka_producer_stats (GstKafkaProducer *self)
{
  const GstKafkaProducerCounters none = {0};
  GstStructure *s;

  if (!self) {
    s = counters_to_structure (&none, 0, 0, 0, 0, FALSE, FALSE, 0);
    gst_kafka_spool_add_stats (NULL, s);
    return s;
  }
  g_mutex_lock (&self->lock);
  s = counters_to_structure (&self->counters, self->queue.waiting.length,
      self->queue.in_flight.length, gst_kafka_send_queue_bytes (&self->queue), self->batch_bytes,
      self->connected && !gst_kafka_outage_is_reported (&self->outage),
      self->access != GST_KAFKA_ACCESS_GRANTED, gst_kafka_fault_get_throttle_time (self->fault));
  g_mutex_unlock (&self->lock);
  gst_kafka_spool_add_stats (self->config.spool, s);
  return s;
}
