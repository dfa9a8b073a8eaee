/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsjournal.h"

#include <gst/gst.h>
#include <string.h>
#include <unistd.h>

#include "alertsclient.h"
#include "client/gstkafkaerror.h"
#include "livejson.h"
#include "sources/liverounds.h"

#define WAIT_TIME (G_USEC_PER_SEC / 5)
/* Largest number of records in a transaction. */
#define MAX_BATCH 1000
/* All records are written to this partition, so that they become durable in the order in which they
 * were decided. */
#define PARTITION 0

typedef struct {
  gchar *key;
  gchar *text; /* (nullable) */
  gsize size;
  guint64 version;
  gboolean pulse; /* flag: the record is the journal's own, and isn't reported */
} Record;

struct _AlertsJournal {
  /* must be the first field, because callbacks cast it back to the journal */
  AlertsClient client;
  const LiveSource *source;
  gchar *tried;
  gchar *pulse_key;
  guint pending;   /* number of records that alerts_journal_poll() hasn't reported yet */
  gboolean failed; /* no record becomes durable any more */
  LiveRounds *rounds;
  gint ending;        /* atomic */
  GPtrArray *batch;   /* used only by the thread: records of the present transaction */
  gboolean stopped;   /* used only by the thread: no record is written any more */
  GMutex lock;        /* guards all fields below */
  GQueue waiting;     /* of Record */
  GPtrArray *written; /* of Record: durable records that aren't reported yet */
  GError *refused;    /* (nullable): why no record becomes durable any more */
};

static void
record_free (gpointer data)
{
  Record *self = data;

  g_free (self->key);
  g_free (self->text);
  g_free (self);
}

static gboolean
is_ending (AlertsJournal *self)
{
  return g_atomic_int_get (&self->ending);
}

/* --- errors --- */

/* Returns whether an error of a transaction is permanent, because the same records would fail
 * again. */
static gboolean
is_lasting (rd_kafka_resp_err_t err)
{
  switch (err) {
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__STATE:
      return TRUE;
    default:
      return gst_kafka_error_is_refusal (err);
  }
}

static GError *
explain (AlertsJournal *self, rd_kafka_resp_err_t err)
{
  if (err == RD_KAFKA_RESP_ERR__FENCED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY,
        "Another process of the group \"%s\" at %s has taken over the alerts, so this process "
        "ends. Run one process for each group: end this one for good, or give it an ALERTS_GROUP "
        "and an ALERTS_STATE_TOPIC of its own.",
        self->source->group, self->source->servers);
  if (err == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
        "Kafka at %s refuses the transactional id \"%s\". Allow it: kafka-acls.sh "
        "--bootstrap-server %s --add --allow-principal User:NAME --operation Describe --operation "
        "Write --transactional-id %s",
        self->source->servers, self->source->group, self->source->servers, self->source->group);
  return alerts_client_explain (&self->client, self->tried, err);
}

/* Returns the code of @error (transfer full), and for a fatal error the code of its cause. */
static rd_kafka_resp_err_t
take_code (AlertsJournal *self, rd_kafka_error_t *error, gboolean *fatal)
{
  rd_kafka_resp_err_t err = rd_kafka_error_code (error),
                      cause = rd_kafka_fatal_error (self->client.rk, NULL, 0);

  *fatal = cause || rd_kafka_error_is_fatal (error);
  g_info ("transaction of %s: %s", self->source->group, rd_kafka_error_string (error));
  rd_kafka_error_destroy (error);
  return cause ? cause : err;
}

static void
refuse (AlertsJournal *self, rd_kafka_resp_err_t err)
{
  g_mutex_lock (&self->lock);
  self->refused = explain (self, err);
  g_mutex_unlock (&self->lock);
}

/* --- transactions --- */

/* Calls a function of librdkafka repeatedly until it succeeds or fails for good. After a call that
 * ended by its time limit, the next call continues the work. */
static rd_kafka_error_t *
call (AlertsJournal *self, rd_kafka_error_t *(*function) (rd_kafka_t *rk, int timeout))
{
  rd_kafka_error_t *error = function (self->client.rk, GST_KAFKA_ANSWER_MS);

  while (error && rd_kafka_error_is_retriable (error) && !is_ending (self)) {
    alerts_client_complain (&self->client, self->tried, rd_kafka_error_code (error));
    rd_kafka_error_destroy (error);
    rd_kafka_poll (self->client.rk, 0);
    g_usleep (WAIT_TIME);
    error = function (self->client.rk, GST_KAFKA_ANSWER_MS);
  }
  return error;
}

static rd_kafka_error_t *
produce (AlertsJournal *self, const Record *record)
{
  rd_kafka_vu_t values[] = {
      {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = self->source->topic},
      {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = PARTITION},
      {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {record->key, strlen (record->key)}},
      {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {record->text, record->size}},
      {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
  };

  return rd_kafka_produceva (self->client.rk, values, G_N_ELEMENTS (values));
}

static rd_kafka_error_t *
write_batch (AlertsJournal *self)
{
  rd_kafka_error_t *error = rd_kafka_begin_transaction (self->client.rk);

  for (guint i = 0; !error && i < self->batch->len; i++)
    error = produce (self, g_ptr_array_index (self->batch, i));
  return error ? error : call (self, rd_kafka_commit_transaction);
}

/* Returns whether the transaction that failed with @error (transfer full) was aborted, so that it
 * can be repeated. */
static gboolean
recover (AlertsJournal *self, rd_kafka_error_t *error)
{
  gboolean fatal;
  rd_kafka_resp_err_t err = take_code (self, error, &fatal);

  if (is_ending (self))
    return FALSE;
  if (!fatal && !is_lasting (err)) {
    alerts_client_complain (&self->client, self->tried, err);
    error = call (self, rd_kafka_abort_transaction);
    if (!error) {
      g_usleep (WAIT_TIME);
      return TRUE;
    }
    err = take_code (self, error, &fatal);
  }
  refuse (self, err);
  return FALSE;
}

/* --- the thread --- */

/* Adds a record that only shows which process runs. */
static void
add_pulse (AlertsJournal *self)
{
  Record *record = g_new0 (Record, 1);
  JsonBuilder *json = live_json_new ();
  g_autoptr (GBytes) text = NULL;
  gconstpointer data;

  live_json_text (json, "host", g_get_host_name ());
  live_json_int (json, "process", getpid ());
  text = live_json_end (json);
  data = g_bytes_get_data (text, &record->size);
  record->text = g_memdup2 (data, record->size);
  record->key = g_strdup (self->pulse_key);
  record->pulse = TRUE;
  g_ptr_array_add (self->batch, record);
}

static void
take_waiting (AlertsJournal *self)
{
  g_mutex_lock (&self->lock);
  while (self->batch->len < MAX_BATCH && self->waiting.length)
    g_ptr_array_add (self->batch, g_queue_pop_head (&self->waiting));
  g_mutex_unlock (&self->lock);
}

static void
note_written (AlertsJournal *self)
{
  alerts_client_recover (&self->client, self->tried);
  g_mutex_lock (&self->lock);
  g_ptr_array_extend_and_steal (self->written, self->batch);
  g_mutex_unlock (&self->lock);
  self->batch = g_ptr_array_new_with_free_func (record_free);
}

static gboolean
has_work (AlertsJournal *self)
{
  return self->batch->len && !self->stopped && !is_ending (self);
}

/* Writes all records that wait, or the journal's own record if no record waits. */
static void
write_records (gpointer data)
{
  AlertsJournal *self = data;

  rd_kafka_poll (self->client.rk, 0);
  take_waiting (self);
  if (!self->batch->len)
    add_pulse (self);
  for (; has_work (self); take_waiting (self)) {
    rd_kafka_error_t *error = write_batch (self);

    if (!error)
      note_written (self);
    else
      self->stopped = !recover (self, error);
  }
}

/* --- the other side --- */

void
alerts_journal_put (
    AlertsJournal *self, const gchar *key, const gchar *text, gsize size, guint64 version)
{
  Record *record = g_new0 (Record, 1);

  record->key = g_strdup (key);
  record->text = text ? g_strndup (text, size) : NULL;
  record->size = size;
  record->version = version;
  self->pending++;
  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->waiting, record);
  g_mutex_unlock (&self->lock);
  live_rounds_wake (self->rounds);
}

gboolean
alerts_journal_poll (AlertsJournal *self, AlertsWritten written, gpointer data, GError **error)
{
  g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func (record_free);

  g_mutex_lock (&self->lock);
  g_ptr_array_extend_and_steal (records, g_steal_pointer (&self->written));
  self->written = g_ptr_array_new_with_free_func (record_free);
  if (self->refused) {
    self->failed = TRUE;
    g_propagate_error (error, g_steal_pointer (&self->refused));
  }
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < records->len; i++) {
    const Record *record = g_ptr_array_index (records, i);

    if (record->pulse)
      continue;
    self->pending--;
    written (record->key, record->version, data);
  }
  return !self->failed;
}

gboolean
alerts_journal_is_durable (AlertsJournal *self)
{
  return self->pending == 0 && !self->failed;
}

gboolean
alerts_journal_is_busy (AlertsJournal *self)
{
  return self->pending > MAX_BATCH;
}

/* --- life --- */

AlertsJournal *
alerts_journal_new (const LiveSource *source, GError **error)
{
  const GstKafkaOption options[] = {
      {"transactional.id", source->group, TRUE},
      {"linger.ms", "5", FALSE},
      {"reconnect.backoff.max.ms", "2000", FALSE},
      {NULL, NULL, FALSE},
  };
  AlertsJournal *self = g_new0 (AlertsJournal, 1);

  self->source = source;
  self->tried = g_strdup_printf (
      "keep the state of alerts in the topic \"%s\" at %s", source->topic, source->servers);
  self->pulse_key = g_strdup_printf ("process %s", source->group);
  self->batch = g_ptr_array_new_with_free_func (record_free);
  self->written = g_ptr_array_new_with_free_func (record_free);
  g_mutex_init (&self->lock);
  if (alerts_client_open (&self->client, source, RD_KAFKA_PRODUCER, options, NULL, error))
    return self;
  alerts_journal_free (self);
  return NULL;
}

gboolean
alerts_journal_take_over (AlertsJournal *self, GError **error)
{
  rd_kafka_error_t *failed = call (self, rd_kafka_init_transactions);
  gboolean fatal;

  if (failed) {
    g_propagate_error (error, explain (self, take_code (self, failed, &fatal)));
    return FALSE;
  }
  alerts_client_recover (&self->client, self->tried);
  self->rounds = live_rounds_new ("journal", ALERTS_JOURNAL_PULSE, write_records, self);
  return TRUE;
}

void
alerts_journal_free (AlertsJournal *self)
{
  g_atomic_int_set (&self->ending, TRUE);
  live_rounds_free (self->rounds);
  alerts_client_close (&self->client);
  g_queue_clear_full (&self->waiting, record_free);
  g_ptr_array_unref (self->batch);
  g_ptr_array_unref (self->written);
  g_clear_error (&self->refused);
  g_mutex_clear (&self->lock);
  g_free (self->pulse_key);
  g_free (self->tried);
  g_free (self);
}
