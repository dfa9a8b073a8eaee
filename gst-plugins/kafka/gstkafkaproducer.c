/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaproducer.h"
#include "gstkafkaadmin.h"
#include "gstkafkaclient.h"
#include "gstkafkapace.h"

#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* How long one call into the client may last; every wait below is cut into such pieces. */
#define SLICE_MS 100
/* stop() has 5 s: to get reports of what was purged, then to end the client. */
#define PURGE_BOUND (1 * G_USEC_PER_SEC)
/* Buffers that a leaky queue lets into the client however slow the link is. */
#define LEAST_WINDOW 2
#define STOP_GRACE (G_USEC_PER_SEC / 2)
#define DESTROY_BOUND (2 * G_USEC_PER_SEC)

typedef struct {
  guint64 delivered, delivered_bytes;
  guint64 dropped_upstream, dropped_downstream, undeliverable;
  guint64 rebuilds, resent;
  GstClockTime latency; /* smoothed, hand-over to report */
} Counters;

struct _GstKafkaProducer {
  GstElement *element;
  rd_kafka_conf_t *conf; /* to make handles from */
  gchar *topic, *tried;
  GstKafkaProducerConfig config;
  GThread *poller, *connector;

  GMutex lock;
  GCond changed;
  /* with lock, all below; none of it is held while a message is posted or a buffer let go */
  rd_kafka_t *rk;      /* NULL while it is replaced */
  guint rk_users;      /* calls into rk under way on other threads than the poller */
  GQueue waiting;      /* not handed over, by number */
  GQueue in_flight;    /* handed over, not reported */
  gboolean disordered; /* waiting has records that came back */
  guint64 waiting_bytes, in_flight_bytes;
  guint64 next_number, next_turn;
  GstKafkaBounds bounds;
  gboolean flushing, stopping, connected;
  gboolean failing, failed; /* an error is decided on; it has been posted */
  GstKafkaFault fault;      /* since the last delivery */
  Counters counters;
  GstKafkaPace pace;
  gboolean
      held; /* nothing is handed over before the topic is made: brokers would make it their way */
};

/* The queue; with lock */

static gsize
record_size (const GstKafkaRecord *record)
{
  return record->map.size;
}

static guint
total_buffers (GstKafkaProducer *self)
{
  return self->waiting.length + self->in_flight.length;
}

static guint64
total_bytes (GstKafkaProducer *self)
{
  return self->waiting_bytes + self->in_flight_bytes;
}

static gint
compare_numbers (gconstpointer a, gconstpointer b, gpointer unused)
{
  const GstKafkaRecord *x = a, *y = b;

  return x->number < y->number ? -1 : x->number > y->number;
}

static void
push_waiting (GstKafkaProducer *self, GstKafkaRecord *record)
{
  self->waiting_bytes += record_size (record);
  g_queue_push_tail_link (&self->waiting, &record->link);
}

/* A record that came back from the client goes to its old place. */
static void
take_back (GstKafkaProducer *self, GstKafkaRecord *record)
{
  push_waiting (self, record);
  self->disordered = TRUE;
}

static void
restore_order (GstKafkaProducer *self)
{
  if (self->disordered)
    g_queue_sort (&self->waiting, compare_numbers, NULL);
  self->disordered = FALSE;
}

static GstKafkaRecord *
pop_waiting (GstKafkaProducer *self)
{
  GstKafkaRecord *record;

  restore_order (self);
  if (!self->waiting.head)
    return NULL;
  record = g_queue_pop_head_link (&self->waiting)->data;
  self->waiting_bytes -= record_size (record);
  return record;
}

static void
push_in_flight (GstKafkaProducer *self, GstKafkaRecord *record)
{
  self->in_flight_bytes += record_size (record);
  g_queue_push_tail_link (&self->in_flight, &record->link);
}

static void
remove_in_flight (GstKafkaProducer *self, GstKafkaRecord *record)
{
  self->in_flight_bytes -= record_size (record);
  g_queue_unlink (&self->in_flight, &record->link);
}

/* Since when the oldest record that a full queue is about has been there. What was handed over can't be
 * dropped any more, so a leaky queue looks at the rest. */
static gint64
oldest_queued (GstKafkaProducer *self)
{
  GList *oldest = self->waiting.head;

  if (self->bounds.leaky != GST_KAFKA_LEAKY_DOWNSTREAM && self->in_flight.head)
    oldest = self->in_flight.head;
  return oldest ? ((GstKafkaRecord *) oldest->data)->queued : G_MAXINT64;
}

static gboolean
has_room (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  const GstKafkaBounds *b = &self->bounds;
  gint64 oldest = oldest_queued (self);

  /* Whatever its size, one may always go. */
  if (!total_buffers (self))
    return TRUE;
  if (b->bytes && total_bytes (self) + record_size (record) > b->bytes)
    return FALSE;
  if (b->buffers && total_buffers (self) >= b->buffers)
    return FALSE;
  return !b->time || oldest == G_MAXINT64 ||
         (GstClockTime) (g_get_monotonic_time () - oldest) * GST_USECOND < b->time;
}

/* A leaky queue keeps out of the client, where nothing can be dropped any more, what the link doesn't need
 * to be busy, and at least half of its bounds. */
static gboolean
may_hand_over (GstKafkaProducer *self)
{
  const GstKafkaBounds *b = &self->bounds;

  if (self->held)
    return FALSE;
  if (b->leaky != GST_KAFKA_LEAKY_DOWNSTREAM || !self->in_flight.length)
    return TRUE;
  if (b->buffers && self->in_flight.length >= MAX (1, b->buffers / 2))
    return FALSE;
  if (b->bytes && self->in_flight_bytes >= b->bytes / 2)
    return FALSE;
  return self->in_flight.length < LEAST_WINDOW ||
         self->in_flight_bytes < gst_kafka_pace_window (&self->pace);
}

static gboolean
is_overdue (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  return GST_CLOCK_TIME_IS_VALID (self->config.delivery_timeout) &&
         (GstClockTime) (g_get_monotonic_time () - record->queued) * GST_USECOND >=
             self->config.delivery_timeout;
}

/* Outcomes */

/* With lock: only the first one is told. */
static gboolean
take_failure (GstKafkaProducer *self)
{
  gboolean first = !self->failing && !self->stopping;

  self->failing = TRUE;
  return first;
}

/* Without lock. Who waits learns of the failure after it has been posted, or upstream's complaint about its
 * consequence would come first. */
static void
fail (GstKafkaProducer *self, const GError *error, const gchar *debug)
{
  gst_kafka_post_error (self->element, error, debug);
  g_mutex_lock (&self->lock);
  self->failed = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static void
fail_with (GstKafkaProducer *self, rd_kafka_resp_err_t err, const gchar *detail,
    GstResourceError fallback, const gchar *debug)
{
  g_autoptr (GError) error = gst_kafka_error_new (self->tried, err, detail, fallback);

  fail (self, error, debug);
}

/* What the library said last tells more than that a message timed out. */
static rd_kafka_resp_err_t
telling_error (GstKafkaProducer *self, rd_kafka_resp_err_t err, gchar **detail)
{
  *detail = NULL;
  if (err != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && err != RD_KAFKA_RESP_ERR__TIMED_OUT)
    return err;
  if (!self->fault.err)
    return err;
  *detail = g_strdup (self->fault.detail);
  return self->fault.err;
}

/* Without lock; takes over @record, which is in no queue any more. */
static void
give_up (GstKafkaProducer *self, GstKafkaRecord *record, rd_kafka_resp_err_t err)
{
  g_autofree gchar *detail = NULL;
  g_autofree gchar *debug = g_strdup_printf ("record %" G_GUINT64_FORMAT " of %" G_GSIZE_FORMAT
                                             " bytes, %s, partition %d: %s",
      record->number, record_size (record), record->topic ? record->topic : self->topic,
      record->partition, rd_kafka_err2name (err));
  gboolean skip = self->config.skip_failed;
  gboolean first;

  g_mutex_lock (&self->lock);
  self->counters.undeliverable++;
  err = telling_error (self, err, &detail);
  first = skip ? !self->stopping : take_failure (self);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  gst_kafka_record_free (record, skip ? GST_KAFKA_ACK_DONE : GST_KAFKA_ACK_FAILED);
  if (first && skip)
    GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE,
        ("Skipped a buffer: could not %s: %s", self->tried,
            detail ? detail : rd_kafka_err2str (err)),
        ("%s", debug));
  else if (first)
    fail_with (self, err, detail, GST_RESOURCE_ERROR_WRITE, debug);
}

/* Another try can mend it, on this handle or the next. */
static gboolean
is_retriable (rd_kafka_t *rk, rd_kafka_resp_err_t err)
{
  switch (err) {
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__STATE:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return TRUE;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return FALSE;
    default:
      /* Whatever the dying client says of the rest. */
      return rd_kafka_fatal_error (rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
  }
}

/* With lock */
static void
count_delivery (GstKafkaProducer *self, GstKafkaRecord *record)
{
  Counters *c = &self->counters;
  gint64 now = g_get_monotonic_time ();
  GstClockTime latency = (now - record->sent) * GST_USECOND;

  c->delivered++;
  c->delivered_bytes += record_size (record);
  c->latency = c->latency ? (7 * c->latency + latency) / 8 : latency;
  gst_kafka_pace_delivered (&self->pace, now, record_size (record), now - record->sent);
  self->connected = TRUE;
  gst_kafka_fault_clear (&self->fault);
}

/* On the poller's thread, from rd_kafka_poll(). */
static void
report_delivery (rd_kafka_t *rk, const rd_kafka_message_t *message, gpointer user_data)
{
  GstKafkaProducer *self = user_data;
  GstKafkaRecord *record = message->_private;
  gboolean retry;

  g_mutex_lock (&self->lock);
  remove_in_flight (self, record);
  retry = message->err && !self->failing && is_retriable (rk, message->err) &&
          !is_overdue (self, record);
  if (retry) {
    take_back (self, record);
    self->counters.resent++;
  } else if (!message->err) {
    count_delivery (self, record);
  }
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  if (!message->err)
    gst_kafka_record_free (record, GST_KAFKA_ACK_DONE);
  else if (!retry)
    give_up (self, record, message->err);
}

static void
note_error (rd_kafka_t *rk, gint err, const gchar *reason, gpointer user_data)
{
  GstKafkaProducer *self = user_data;

  GST_INFO_OBJECT (self->element, "client: %s: %s", rd_kafka_err2name (err), reason);
  g_mutex_lock (&self->lock);
  gst_kafka_fault_note (&self->fault, err, reason);
  g_mutex_unlock (&self->lock);
}

/* Handing over */

/* With lock. Returns a record (in no queue) that the client refuses for good, or NULL. */
static GstKafkaRecord *
hand_over (GstKafkaProducer *self, rd_kafka_resp_err_t *err)
{
  while (self->rk && !self->failing && self->waiting.head && may_hand_over (self)) {
    GstKafkaRecord *record = pop_waiting (self);

    /* First in the queue: a report may come before the call returns. */
    push_in_flight (self, record);
    record->turn = self->next_turn++;
    *err = gst_kafka_record_produce (record, self->rk, self->topic);
    if (!*err)
      continue;
    remove_in_flight (self, record);
    if (!is_retriable (self->rk, *err) || is_overdue (self, record))
      return record;
    take_back (self, record);
    break;
  }
  return NULL;
}

/* With lock, which is dropped meanwhile if there is bad news. */
static void
hand_over_all (GstKafkaProducer *self)
{
  rd_kafka_resp_err_t err;
  GstKafkaRecord *refused;

  while ((refused = hand_over (self, &err))) {
    g_mutex_unlock (&self->lock);
    give_up (self, refused, err);
    g_mutex_lock (&self->lock);
  }
}

/* With lock, which is dropped meanwhile. */
static void
drop (GstKafkaProducer *self, GstKafkaRecord *record, guint64 *counter)
{
  (*counter)++;
  GST_LOG_OBJECT (
      self->element, "queue is full: dropping record %" G_GUINT64_FORMAT, record->number);
  g_mutex_unlock (&self->lock);
  gst_kafka_record_free (record, GST_KAFKA_ACK_DONE);
  g_mutex_lock (&self->lock);
}

/* With lock, for a full queue. TRUE: look again; FALSE: the new one is to be dropped. */
static gboolean
make_room (GstKafkaProducer *self)
{
  GstKafkaRecord *oldest;

  switch (self->bounds.leaky) {
    case GST_KAFKA_LEAKY_NONE:
      g_cond_wait_until (&self->changed, &self->lock,
          g_get_monotonic_time () + SLICE_MS * G_TIME_SPAN_MILLISECOND);
      return TRUE;
    case GST_KAFKA_LEAKY_DOWNSTREAM:
      if (!(oldest = pop_waiting (self)))
        return FALSE;
      drop (self, oldest, &self->counters.dropped_downstream);
      return TRUE;
    default:
      return FALSE;
  }
}

/* With lock. An application that is told of an error stops the pipeline; given a moment for it, upstream
 * need not add an error of its own about ours. */
static GstKafkaPush
wait_for_stop (GstKafkaProducer *self)
{
  gint64 until = g_get_monotonic_time () + STOP_GRACE;

  while (!self->flushing && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  return self->flushing ? GST_KAFKA_PUSH_FLUSHING : GST_KAFKA_PUSH_FAILED;
}

static GstKafkaPush
push_locked (GstKafkaProducer *self, GstKafkaRecord *record)
{
  while (!self->failed && !self->flushing && !has_room (self, record)) {
    if (!make_room (self)) {
      drop (self, record, &self->counters.dropped_upstream);
      return GST_KAFKA_PUSH_OK;
    }
  }
  if (self->flushing)
    return GST_KAFKA_PUSH_FLUSHING;
  if (self->failed)
    return wait_for_stop (self);
  record->number = self->next_number++;
  gst_kafka_pace_pushed (&self->pace);
  push_waiting (self, record);
  hand_over_all (self);
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

/* The poller */

static rd_kafka_t *
new_handle (GstKafkaProducer *self, GError **error)
{
  rd_kafka_conf_t *conf = rd_kafka_conf_dup (self->conf);
  gchar said[512];
  rd_kafka_t *rk = rd_kafka_new (RD_KAFKA_PRODUCER, conf, said, sizeof said);

  if (rk)
    return rk;
  rd_kafka_conf_destroy (conf);
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "Could not set up a Kafka client: %s. Check config-file, client-properties and the "
      "element's properties.",
      said);
  return NULL;
}

/* Without lock; @rk is of the poller's thread alone. */
static void
purge (GstKafkaProducer *self, rd_kafka_t *rk)
{
  gint64 deadline = g_get_monotonic_time () + PURGE_BOUND;

  rd_kafka_purge (rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  while (rd_kafka_outq_len (rk) > 0 && g_get_monotonic_time () < deadline)
    rd_kafka_poll (rk, 10);
}

/* With lock: what the ended client never reported. */
static void
take_back_unreported (GstKafkaProducer *self)
{
  while (self->in_flight.head) {
    GstKafkaRecord *record = self->in_flight.head->data;

    remove_in_flight (self, record);
    take_back (self, record);
    self->counters.resent++;
  }
}

static void
replace_handle (GstKafkaProducer *self, const gchar *reason)
{
  g_autoptr (GError) error = NULL;
  rd_kafka_t *old, *fresh;
  gboolean first;

  GST_WARNING_OBJECT (self->element, "client ended (%s): replacing it", reason);
  g_mutex_lock (&self->lock);
  old = g_steal_pointer (&self->rk);
  while (self->rk_users)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
  purge (self, old);
  rd_kafka_destroy (old);
  fresh = new_handle (self, &error);
  g_mutex_lock (&self->lock);
  take_back_unreported (self);
  self->rk = fresh;
  self->counters.rebuilds++;
  first = !fresh && take_failure (self);
  g_mutex_unlock (&self->lock);
  if (first)
    fail (self, error, reason);
}

/* With lock: records that nothing takes (a topic that isn't made) get old here. */
static GstKafkaRecord *
pop_overdue (GstKafkaProducer *self)
{
  GstKafkaRecord *record;

  restore_order (self);
  record = self->waiting.head ? self->waiting.head->data : NULL;
  return record && is_overdue (self, record) ? pop_waiting (self) : NULL;
}

static void
serve (GstKafkaProducer *self)
{
  GstKafkaRecord *overdue;
  gchar reason[512];

  rd_kafka_poll (self->rk, SLICE_MS);
  if (rd_kafka_fatal_error (self->rk, reason, sizeof reason))
    replace_handle (self, reason);
  g_mutex_lock (&self->lock);
  hand_over_all (self);
  overdue = pop_overdue (self);
  g_mutex_unlock (&self->lock);
  if (overdue)
    give_up (self, overdue, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
}

static gboolean
goes_on (GstKafkaProducer *self)
{
  gboolean on;

  g_mutex_lock (&self->lock);
  on = !self->stopping && self->rk;
  g_mutex_unlock (&self->lock);
  return on;
}

/* Only this thread changes rk, so it alone reads it without lock. */
static gpointer
poll_reports (gpointer user_data)
{
  GstKafkaProducer *self = user_data;

  while (goes_on (self))
    serve (self);
  if (self->rk)
    purge (self, self->rk);
  return NULL;
}

/* The first contact */

/* Asks for the topic once. TRUE: the cluster answered. */
static gboolean
query_topic (GstKafkaProducer *self, rd_kafka_t *rk, rd_kafka_resp_err_t *topic_err)
{
  const struct rd_kafka_metadata *metadata;
  rd_kafka_topic_t *topic = rd_kafka_topic_new (rk, self->topic, NULL);
  rd_kafka_resp_err_t err;

  if (!topic) {
    *topic_err = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
    return TRUE;
  }
  err = rd_kafka_metadata (rk, 0, topic, &metadata, 5 * SLICE_MS);
  rd_kafka_topic_destroy (topic);
  if (err)
    return FALSE;
  *topic_err =
      metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  rd_kafka_metadata_destroy (metadata);
  return TRUE;
}

/* With lock, of which @rk is used without; NULL while it is replaced. */
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

static gboolean
query_with_handle (GstKafkaProducer *self, rd_kafka_resp_err_t *topic_err)
{
  gboolean answered = FALSE;
  rd_kafka_t *rk;

  g_mutex_lock (&self->lock);
  if ((rk = borrow_handle (self))) {
    g_mutex_unlock (&self->lock);
    answered = query_topic (self, rk, topic_err);
    g_mutex_lock (&self->lock);
    self->connected |= answered;
    return_handle (self);
  }
  g_mutex_unlock (&self->lock);
  return answered;
}

/* TRUE: the topic is there, and records may follow. */
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
    err = gst_kafka_create_topic (
        rk, self->topic, c->partitions, c->replication_factor, 10 * SLICE_MS, &detail);
    g_mutex_lock (&self->lock);
    return_handle (self);
    if (err)
      gst_kafka_fault_note (&self->fault, err, detail ? detail : rd_kafka_err2str (err));
  }
  self->held = err != RD_KAFKA_RESP_ERR_NO_ERROR;
  g_mutex_unlock (&self->lock);
  return !err;
}

/* Without lock */
static void
fail_contact (GstKafkaProducer *self)
{
  g_autofree gchar *detail = NULL;
  rd_kafka_resp_err_t err;
  gboolean first;

  g_mutex_lock (&self->lock);
  err = telling_error (self, RD_KAFKA_RESP_ERR__TIMED_OUT, &detail);
  first = take_failure (self);
  g_mutex_unlock (&self->lock);
  if (first)
    fail_with (self, err, detail, GST_RESOURCE_ERROR_OPEN_WRITE, "no contact with the cluster");
}

/* With lock. FALSE: it has ended. */
static gboolean
sleep_a_slice (GstKafkaProducer *self)
{
  gint64 until = g_get_monotonic_time () + SLICE_MS * G_TIME_SPAN_MILLISECOND;

  while (
      !self->stopping && !self->failing && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  return !self->stopping && !self->failing;
}

/* FALSE: it has ended, or gave up. */
static gboolean
wait_for_contact (GstKafkaProducer *self, gint64 deadline)
{
  gboolean refused, ended, hopeless;

  g_mutex_lock (&self->lock);
  refused = gst_kafka_error_is_refusal (self->fault.err);
  ended = !sleep_a_slice (self);
  hopeless = !self->connected && (refused || g_get_monotonic_time () >= deadline);
  g_mutex_unlock (&self->lock);
  if (!ended && hopeless)
    fail_contact (self);
  return !ended && !hopeless;
}

static void
tell_missing_topic (GstKafkaProducer *self)
{
  GST_ELEMENT_INFO (self->element, RESOURCE, NOT_FOUND,
      ("Waiting for the topic \"%s\", which doesn't exist yet", self->topic), (NULL));
}

static gpointer
make_contact (gpointer user_data)
{
  GstKafkaProducer *self = user_data;
  gint64 deadline = GST_CLOCK_TIME_IS_VALID (self->config.connect_timeout)
                        ? g_get_monotonic_time () + self->config.connect_timeout / GST_USECOND
                        : G_MAXINT64;
  rd_kafka_resp_err_t topic_err = RD_KAFKA_RESP_ERR_NO_ERROR;
  gboolean told = FALSE, made = FALSE;

  do {
    if (self->config.create_topic && !made && !(made = create_topic (self)))
      continue;
    if (!query_with_handle (self, &topic_err))
      continue;
    if (!topic_err)
      return NULL;
    if (!told && topic_err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
      tell_missing_topic (self);
    told = TRUE;
  } while (wait_for_contact (self, deadline));
  return NULL;
}

/* Life */

GstKafkaProducer *
gst_kafka_producer_new (GstElement *element, rd_kafka_conf_t *conf,
    const GstKafkaProducerConfig *config, GError **error)
{
  GstKafkaProducer *self = g_new0 (GstKafkaProducer, 1);
  g_autofree gchar *servers = gst_kafka_conf_dup (conf, "bootstrap.servers");

  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->waiting);
  g_queue_init (&self->in_flight);
  self->element = element;
  self->conf = conf;
  self->config = *config;
  self->topic = g_strdup (config->topic);
  self->config.topic = self->topic;
  self->held = config->create_topic;
  gst_kafka_pace_init (&self->pace, g_get_monotonic_time ());
  self->tried = g_strdup_printf ("publish to topic \"%s\" at %s", self->topic, servers);
  rd_kafka_conf_set_opaque (conf, self);
  rd_kafka_conf_set_dr_msg_cb (conf, report_delivery);
  rd_kafka_conf_set_error_cb (conf, note_error);
  if (!(self->rk = new_handle (self, error))) {
    gst_kafka_producer_stop (self);
    return NULL;
  }
  self->poller = g_thread_new ("kafkasink-poll", poll_reports, self);
  self->connector = g_thread_new ("kafkasink-conn", make_contact, self);
  return self;
}

static void
free_queue (GQueue *queue)
{
  GList *link;

  while ((link = g_queue_pop_head_link (queue)))
    gst_kafka_record_free (link->data, GST_KAFKA_ACK_FAILED);
}

static void
free_producer (GstKafkaProducer *self)
{
  if (self->rk)
    rd_kafka_destroy (self->rk);
  free_queue (&self->in_flight);
  rd_kafka_conf_destroy (self->conf);
  gst_kafka_fault_clear (&self->fault);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->topic);
  g_free (self->tried);
  g_free (self);
}

/* A client that doesn't end in time is left to itself, with the buffers that it may still read. */
typedef struct {
  GstKafkaProducer *producer;
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
end_producer (gpointer user_data)
{
  Ending *ending = user_data;

  free_producer (ending->producer);
  g_mutex_lock (&ending->lock);
  ending->done = TRUE;
  g_cond_signal (&ending->changed);
  g_mutex_unlock (&ending->lock);
  ending_unref (ending);
  return NULL;
}

static void
end_producer_in_time (GstKafkaProducer *self)
{
  Ending *ending = g_new0 (Ending, 1);
  gint64 deadline = g_get_monotonic_time () + DESTROY_BOUND;

  g_mutex_init (&ending->lock);
  g_cond_init (&ending->changed);
  ending->refs = 2;
  ending->producer = self;
  g_thread_unref (g_thread_new ("kafkasink-end", end_producer, ending));
  g_mutex_lock (&ending->lock);
  while (!ending->done && g_cond_wait_until (&ending->changed, &ending->lock, deadline))
    ;
  if (!ending->done)
    GST_WARNING ("a client doesn't end: leaving it behind");
  g_mutex_unlock (&ending->lock);
  ending_unref (ending);
}

static void
join_threads (GstKafkaProducer *self)
{
  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&self->connector, g_thread_join);
  g_clear_pointer (&self->poller, g_thread_join);
}

void
gst_kafka_producer_stop (GstKafkaProducer *self)
{
  join_threads (self);
  free_queue (&self->waiting);
  for (GList *l = self->in_flight.head; l; l = l->next)
    gst_kafka_meta_mark (((GstKafkaRecord *) l->data)->buffer, GST_KAFKA_ACK_FAILED);
  end_producer_in_time (self);
}

void
gst_kafka_producer_set_bounds (GstKafkaProducer *self, const GstKafkaBounds *bounds)
{
  g_mutex_lock (&self->lock);
  self->bounds = *bounds;
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

/* With lock */
static gint64
oldest_undelivered (GstKafkaProducer *self, gint64 now)
{
  GList *oldest = self->in_flight.head ? self->in_flight.head : self->waiting.head;

  return oldest ? ((GstKafkaRecord *) oldest->data)->queued : now;
}

gboolean
gst_kafka_producer_throttle (GstKafkaProducer *self, gdouble *interval, gdouble *proportion)
{
  gint64 now = g_get_monotonic_time ();
  gboolean throttle;

  g_mutex_lock (&self->lock);
  throttle = gst_kafka_pace_throttle (
      &self->pace, now, oldest_undelivered (self, now), interval, proportion);
  g_mutex_unlock (&self->lock);
  return throttle;
}

GstKafkaPush
gst_kafka_producer_drain (GstKafkaProducer *self, gint64 deadline)
{
  GstKafkaPush ret = GST_KAFKA_PUSH_OK;

  g_mutex_lock (&self->lock);
  while (!self->failed && !self->flushing && total_buffers (self) && ret == GST_KAFKA_PUSH_OK)
    if (!g_cond_wait_until (&self->changed, &self->lock, deadline))
      ret = GST_KAFKA_PUSH_TIMED_OUT;
  if (self->failed)
    ret = GST_KAFKA_PUSH_FAILED;
  else if (self->flushing)
    ret = GST_KAFKA_PUSH_FLUSHING;
  g_mutex_unlock (&self->lock);
  return ret;
}

void
gst_kafka_producer_fail_undrained (GstKafkaProducer *self)
{
  g_autofree gchar *detail = NULL;
  g_autofree gchar *debug = NULL;
  rd_kafka_resp_err_t err;
  gboolean first;

  g_mutex_lock (&self->lock);
  err = telling_error (self, RD_KAFKA_RESP_ERR__TIMED_OUT, &detail);
  debug = g_strdup_printf ("%u buffers of %" G_GUINT64_FORMAT
                           " bytes undelivered at the end of drain-timeout",
      total_buffers (self), total_bytes (self));
  first = take_failure (self);
  g_mutex_unlock (&self->lock);
  if (first)
    fail_with (self, err, detail ? detail : debug, GST_RESOURCE_ERROR_WRITE, debug);
}

static GstStructure *
counters_to_structure (
    const Counters *c, guint waiting, guint in_flight, guint64 bytes, gboolean connected)
{
  return gst_structure_new ("kafkasink-stats", "delivered", G_TYPE_UINT64, c->delivered,
      "delivered-bytes", G_TYPE_UINT64, c->delivered_bytes, "waiting", G_TYPE_UINT, waiting,
      "in-flight", G_TYPE_UINT, in_flight, "queued-bytes", G_TYPE_UINT64, bytes, "dropped-upstream",
      G_TYPE_UINT64, c->dropped_upstream, "dropped-downstream", G_TYPE_UINT64,
      c->dropped_downstream, "undeliverable", G_TYPE_UINT64, c->undeliverable, "resent",
      G_TYPE_UINT64, c->resent, "rebuilds", G_TYPE_UINT64, c->rebuilds, "latency", G_TYPE_UINT64,
      c->latency, "connected", G_TYPE_BOOLEAN, connected, NULL);
}

GstStructure *
gst_kafka_producer_stats (GstKafkaProducer *self)
{
  const Counters none = {0};
  GstStructure *s;

  if (!self)
    return counters_to_structure (&none, 0, 0, 0, FALSE);
  g_mutex_lock (&self->lock);
  s = counters_to_structure (&self->counters, self->waiting.length, self->in_flight.length,
      total_bytes (self), self->connected);
  g_mutex_unlock (&self->lock);
  return s;
}
