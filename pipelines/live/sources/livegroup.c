/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livegroup.h"

#include <math.h>
#include <string.h>

#include "client/gstkafkaclient.h"
#include "liverounds.h"
#include "model/liveprogress.h"

#define INTERVAL G_USEC_PER_SEC
#define ANSWER_TIME 2000 /* ms */
/* Number of rounds after which the thread queries the topic's partitions again. */
#define METADATA_ROUNDS 10
#define RATE_SAMPLES 5
/* Time (ms) for which a message doesn't count as waiting, because a group commits only once a
 * second. */
#define TOLERANCE 1600

struct _LiveGroup {
  GstKafkaFault *fault; /* the client's opaque */
  const LiveSource *source;
  LiveModel *model;
  LiveTopicRole role;
  LiveBackend backend;
  GstElement *element; /* element whose name is in the log messages of the Kafka client */
  rd_kafka_t *rk;
  GPtrArray *ends; /* array of LiveProgress, one for each partition */
  guint round;
  LiveRounds *queries;
};

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

static gboolean
is_missing (rd_kafka_resp_err_t err)
{
  return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

static rd_kafka_topic_partition_list_t *
list_partitions (LiveGroup *self, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list =
      rd_kafka_topic_partition_list_new ((gint) self->ends->len);

  for (guint i = 0; i < self->ends->len; i++)
    rd_kafka_topic_partition_list_add (list, self->source->topic, (gint32) i)->offset = offset;
  return list;
}

/* Queries the number of partitions, which may change: the topic may be created later, get more
 * partitions, or be deleted and created again. */
static rd_kafka_resp_err_t
learn_partitions (LiveGroup *self)
{
  rd_kafka_topic_t *topic = rd_kafka_topic_new (self->rk, self->source->topic, NULL);
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t err = rd_kafka_metadata (self->rk, 0, topic, &metadata, ANSWER_TIME);

  rd_kafka_topic_destroy (topic);
  if (err)
    return err;
  if (metadata->topic_cnt == 1) {
    guint n = (guint) metadata->topics[0].partition_cnt;

    err = metadata->topics[0].err;
    g_ptr_array_set_size (self->ends, (gint) MIN (self->ends->len, n));
    while (self->ends->len < n)
      g_ptr_array_add (self->ends, live_progress_new ());
  }
  rd_kafka_metadata_destroy (metadata);
  return is_missing (err) ? err : RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
learn_ends (LiveGroup *self)
{
  rd_kafka_topic_partition_list_t *list = list_partitions (self, RD_KAFKA_OFFSET_END);
  rd_kafka_resp_err_t err = rd_kafka_offsets_for_times (self->rk, list, ANSWER_TIME);
  gint64 now = now_ms ();

  for (gint i = 0; !err && i < list->cnt; i++)
    if (!list->elems[i].err && list->elems[i].offset >= 0)
      live_progress_add (g_ptr_array_index (self->ends, i), now, list->elems[i].offset);
  rd_kafka_topic_partition_list_destroy (list);
  return err;
}

static void
add_partition (LiveBacklog *backlog, const LiveProgress *end, gint64 committed)
{
  gdouble lag;
  gint64 waiting;

  if (committed < 0)
    return; /* the group has never committed an offset of this partition */
  waiting = live_progress_get_lag (end, now_ms (), committed, TOLERANCE, &lag);
  backlog->waiting = MAX (backlog->waiting, 0) + waiting;
  backlog->lag = isfinite (backlog->lag) ? MAX (backlog->lag, lag) : lag;
}

/* Computes the backlog of the group. The number of waiting messages is unknown if the user has no
 * right to query the group's offsets. */
static void
learn_backlog (LiveGroup *self, LiveBacklog *backlog)
{
  rd_kafka_topic_partition_list_t *list = list_partitions (self, RD_KAFKA_OFFSET_INVALID);
  rd_kafka_resp_err_t err = rd_kafka_committed (self->rk, list, ANSWER_TIME);
  gdouble rate = 0;

  *backlog = (LiveBacklog){-1, NAN, NAN};
  for (gint i = 0; i < list->cnt; i++) {
    const LiveProgress *end = g_ptr_array_index (self->ends, i);

    rate += live_progress_get_rate (end, RATE_SAMPLES);
    if (!err && !list->elems[i].err)
      add_partition (backlog, end, list->elems[i].offset);
  }
  backlog->rate = list->cnt ? rate : (gdouble) NAN;
  rd_kafka_topic_partition_list_destroy (list);
}

static rd_kafka_resp_err_t
ask (LiveGroup *self, LiveBacklog *backlog)
{
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

  if (self->round++ % METADATA_ROUNDS == 0 || self->ends->len == 0)
    err = learn_partitions (self);
  if (!err && self->ends->len)
    err = learn_ends (self);
  if (err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
    err = learn_partitions (self);
  if (!err && self->ends->len)
    learn_backlog (self, backlog);
  return err;
}

/* Returns: (transfer full): the reason why Kafka hasn't answered */
static gchar *
dup_trouble (LiveGroup *self, rd_kafka_resp_err_t err)
{
  gchar *detail = NULL, *internals;

  if (!gst_kafka_fault_get (self->fault, &detail) || !detail)
    detail = g_strdup (rd_kafka_err2str (err));
  /* Without what librdkafka adds: " (after 0ms in state CONNECT, 1 identical error(s)
   * suppressed)". */
  internals = strstr (detail, " (after ");
  if (internals)
    *internals = '\0';
  return detail;
}

static void
note_answer (LiveGroup *self, gboolean missing)
{
  gst_kafka_fault_forget (self->fault);
  live_model_set_missing (self->model, self->role, missing ? self->source->topic : NULL, now_ms ());
}

/* Reports whether the topic exists, and whether Kafka answers. An error about a missing topic means
 * that Kafka has answered. */
static void
tell_trouble (LiveGroup *self, rd_kafka_resp_err_t err)
{
  g_autofree gchar *trouble = NULL;

  if (!err || is_missing (err))
    note_answer (self, is_missing (err));
  else
    trouble = dup_trouble (self, err);
  if (self->backend != LIVE_BACKENDS)
    live_model_set_trouble (self->model, self->backend, trouble, now_ms ());
}

static void
query (gpointer data)
{
  LiveGroup *self = data;
  LiveBacklog backlog = {-1, NAN, NAN};
  gint64 asked = now_ms ();
  rd_kafka_resp_err_t err = ask (self, &backlog);

  /* Callbacks note why. */
  rd_kafka_poll (self->rk, 0);
  if (err)
    self->round = 0;
  if ((!err || is_missing (err)) && self->backend == LIVE_KAFKA)
    live_model_confirm_kafka (self->model, asked);
  live_model_set_backlog (self->model, self->role, &backlog);
  tell_trouble (self, err);
}

static void
note_error (rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
  gst_kafka_fault_note (opaque, err, reason);
}

/* Makes the client's configuration from the same config-file as the stage that reads the topic, so
 * that errors in it are found here too. */
static rd_kafka_conf_t *
make_conf (LiveGroup *self, GError **error)
{
  const GstKafkaOption options[] = {
      {"group.id", self->source->group, TRUE},
      {"enable.auto.commit", "false", TRUE},
      {"reconnect.backoff.max.ms", "2000", FALSE},
      {NULL, NULL, FALSE},
  };
  GstKafkaSettings settings;
  rd_kafka_conf_t *conf;

  gst_kafka_settings_init (&settings);
  g_free (settings.bootstrap_servers);
  settings.bootstrap_servers = g_strdup (self->source->servers);
  settings.config_file = g_strdup (self->source->config_file);
  conf = gst_kafka_conf_new (&settings, self->element, options, error);
  gst_kafka_settings_clear (&settings);
  if (conf)
    rd_kafka_conf_set_error_cb (conf, note_error);
  return conf;
}

LiveGroup *
live_group_new (const LiveSource *source, LiveModel *model, LiveTopicRole role, LiveBackend backend,
    GError **error)
{
  LiveGroup *self = g_new0 (LiveGroup, 1);
  rd_kafka_conf_t *conf;

  self->fault = gst_kafka_fault_new (NULL, NULL);
  self->source = source;
  self->model = model;
  self->role = role;
  self->backend = backend;
  self->ends = g_ptr_array_new_with_free_func ((GDestroyNotify) live_progress_free);
  self->element = gst_object_ref_sink (gst_bin_new (source->group));
  conf = make_conf (self, error);
  self->rk = conf ? gst_kafka_client_new (RD_KAFKA_CONSUMER, conf, self->fault, error) : NULL;
  if (!self->rk) {
    live_group_free (self);
    return NULL;
  }
  self->queries = live_rounds_new (source->group, INTERVAL, query, self);
  return self;
}

void
live_group_free (LiveGroup *self)
{
  live_rounds_free (self->queries);
  if (self->rk)
    rd_kafka_destroy_flags (self->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  gst_object_unref (self->element);
  g_ptr_array_unref (self->ends);
  gst_kafka_fault_unref (self->fault);
  g_free (self);
}
