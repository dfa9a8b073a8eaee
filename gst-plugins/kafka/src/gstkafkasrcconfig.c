/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasrcconfig.h"
#include "client/gstkafkaclient.h"
#include "client/gstkafkatopics.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* Bytes of a fetch response in addition to its messages. */
#define RESPONSE_OVERHEAD (1024 * 1024)

static gchar *
random_group (void)
{
  g_autofree gchar *uuid = g_uuid_string_random ();

  return g_strconcat ("kafkasrc-", uuid, NULL);
}

static gchar *
number (guint64 value)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT, value);
}

static rd_kafka_conf_t *
new_conf (GstElement *element, GstKafkaSettings *common, const GstKafkaSrcSettings *own,
    const GstKafkaConsumerSettings *settings, GError **error)
{
  g_autofree gchar *group = NULL, *instance = NULL;
  g_autofree gchar *queue_kbytes = NULL, *fetch_bytes = NULL, *partition_bytes = NULL;
  g_autofree gchar *receive_bytes = NULL, *receive_buffer = NULL;
  guint64 prefetch;

  GST_OBJECT_LOCK (element);
  group = settings->group ? g_strdup (own->group_id) : random_group ();
  instance = g_strdup (own->group_instance_id ? own->group_instance_id : "");
  prefetch = own->max_prefetch;
  receive_buffer = number (own->socket_receive_buffer_bytes);
  GST_OBJECT_UNLOCK (element);
  /* Memory holds at most the queue's limit plus one fetch, because the limit is checked before each
   * fetch. Small fetches reuse memory that is mapped and in the processor's caches; over a long
   * link large fetches are faster. Large fetches from one partition delay the messages of the other
   * partitions. */
  queue_kbytes = number (prefetch / 8 * 7 / 1024);
  fetch_bytes = number (prefetch / 8);
  partition_bytes = number (prefetch / 32);
  /* A broker sends a whole batch, even if the batch is larger than the size of the fetch. */
  receive_bytes =
      number (MIN (settings->message_max_bytes + prefetch + RESPONSE_OVERHEAD, G_MAXINT));
  {
    const GstKafkaOption options[] = {
        {"group.id", group, TRUE},
        {"group.instance.id", instance, TRUE},
        {"enable.auto.offset.store", "false", TRUE},
        {"enable.auto.commit", "false", TRUE},
        {"enable.partition.eof", "true", TRUE},
        /* librdkafka has a single policy for a position before the oldest message and for one after
         * the newest. With auto.offset.reset=error, librdkafka reports a position that doesn't
         * exist, and the element decides. */
        {"auto.offset.reset", "error", TRUE},
        {"auto.commit.interval.ms", "1000", FALSE},
        {"session.timeout.ms", "6000", FALSE, TRUE},
        {"heartbeat.interval.ms", "1500", FALSE, TRUE},
        {"partition.assignment.strategy", "cooperative-sticky", FALSE, TRUE},
        {"topic.metadata.refresh.interval.ms", "10000", FALSE},
        {"topic.blacklist",
            gst_kafka_topics_have_pattern (settings->topics) ? GST_KAFKA_TOPICS_INTERNAL : "",
            FALSE},
        {"socket.receive.buffer.bytes", receive_buffer, FALSE},
        {"reconnect.backoff.max.ms", "2000", FALSE},
        {"fetch.wait.max.ms", "100", FALSE},
        {"queued.max.messages.kbytes", queue_kbytes, FALSE},
        /* The option message.max.bytes is for producers, but librdkafka requires it to be below
         * fetch.max.bytes. */
        {"message.max.bytes", "1000", FALSE},
        {"fetch.max.bytes", fetch_bytes, FALSE},
        {"fetch.message.max.bytes", partition_bytes, FALSE},
        {"receive.message.max.bytes", receive_bytes, TRUE},
        {"check.crcs", "true", FALSE},
        /* The pause (ms) between two requests while the end of a damaged batch is searched. */
        {"fetch.error.backoff.ms", "100", FALSE},
        /* librdkafka before 2.2 lacks the option fetch.queue.backoff.ms, so the consumer wakes the
         * fetcher itself. */
        {rd_kafka_version () >= 0x02020000 ? "fetch.queue.backoff.ms" : NULL, "20", FALSE},
        {NULL, NULL, FALSE},
    };

    return gst_kafka_conf_new (common, element, options, error);
  }
}

static void
take_range (const GstKafkaSrcSettings *own, GstKafkaRange *range)
{
  range->committed = own->group_id != NULL;
  range->earliest = own->replay || own->auto_offset_reset == GST_KAFKA_RESET_EARLIEST;
  range->reset = own->auto_offset_reset;
  range->start_offset = own->start_offset;
  range->start_time = own->start_time;
  range->stop_at_end = own->eos_at_end || own->replay;
  range->end_offset = own->end_offset;
  range->end_time = own->end_time;
}

/* with the object lock */
static gboolean
check (const GstKafkaSrcSettings *own, GError **error)
{
  const gchar *wrong = NULL;

  if (own->group_id && !*own->group_id)
    wrong = "group-id is empty.";
  else if (own->group_instance_id && !own->group_id)
    wrong = "group-instance-id needs a group-id.";
  else if (own->group_id && own->replay)
    wrong = "A replay reads without other members: it takes no group-id.";
  else if (own->auto_offset_reset == GST_KAFKA_RESET_ERROR && !own->group_id && !own->replay &&
           own->start_offset < 0 && !GST_CLOCK_TIME_IS_VALID (own->start_time))
    wrong = "auto-offset-reset=error needs a group-id, a start-offset or a start-time.";
  else if (own->caps && !gst_caps_is_fixed (own->caps))
    wrong = "caps must be fixed: without ranges and lists, not ANY, not EMPTY.";
  else if (own->end_offset >= 0 && own->end_offset <= MAX (own->start_offset, 0))
    wrong = "Nothing lies between start-offset and end-offset: the end is not after the start.";
  else if (GST_CLOCK_TIME_IS_VALID (own->end_time) &&
           (own->end_time == 0 ||
               (GST_CLOCK_TIME_IS_VALID (own->start_time) && own->end_time <= own->start_time)))
    wrong =
        "Nothing lies between start-time and end-time: the end is not after the start. Both are "
        "in ns since the Unix epoch.";
  if (wrong)
    g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, wrong);
  return !wrong;
}

/* with the object lock */
static gboolean
take_settings (GstKafkaConsumerSettings *settings, const GstKafkaSettings *common,
    const GstKafkaSrcSettings *own, GError **error)
{
  settings->topics = gst_kafka_topics_parse (common->topic, error);
  if (!settings->topics || !check (own, error))
    return FALSE;
  settings->group = own->group_id != NULL;
  settings->partitions = own->partitions ? g_array_ref (own->partitions) : NULL;
  settings->camera = g_strdup (own->camera);
  settings->fail_on_damage = own->on_error == GST_KAFKA_SRC_FAIL;
  settings->message_max_bytes = own->message_max_bytes;
  settings->access_timeout = common->access_timeout;
  settings->connect_timeout = own->connect_timeout;
  take_range (own, &settings->range);
  return TRUE;
}

/* Logs the settings of this run, except secrets. */
static void
log_settings (GstBaseSrc *element, const GstKafkaConsumerSettings *settings,
    const GstKafkaSrcSettings *own, const rd_kafka_conf_t *conf)
{
  g_autofree gchar *client = gst_kafka_conf_describe (conf);
  g_autofree gchar *group = gst_kafka_conf_dup (conf, "group.id");
  g_autofree gchar *assignor = gst_kafka_conf_dup (conf, "partition.assignment.strategy");

  GST_INFO_OBJECT (element, "%s", client);
  GST_INFO_OBJECT (element, "%s, %s %s, %s, camera %s, max-age %" GST_TIME_FORMAT, settings->where,
      settings->group ? "group" : "no group, as", group, own->replay ? "replay" : assignor,
      settings->camera ? settings->camera : "any", GST_TIME_ARGS (own->max_age));
  GST_INFO_OBJECT (element,
      "start: offset %" G_GINT64_FORMAT " (-1: unset), time %" GST_TIME_FORMAT
      ", else %d (0: latest, 1: earliest, 2: error); end: offset %" G_GINT64_FORMAT
      ", time %" GST_TIME_FORMAT ", at the end of the topic %d",
      own->start_offset, GST_TIME_ARGS (own->start_time), own->auto_offset_reset, own->end_offset,
      GST_TIME_ARGS (own->end_time), own->eos_at_end);
  GST_INFO_OBJECT (element,
      "at most %" G_GUINT64_FORMAT " bytes prefetched, largest message %u bytes, on-error %s, caps "
      "without a header: %" GST_PTR_FORMAT,
      own->max_prefetch, own->message_max_bytes,
      own->on_error == GST_KAFKA_SRC_FAIL ? "fail" : "skip", own->caps);
}

static void
range_init (GstKafkaRange *self)
{
  *self = (GstKafkaRange){.start_offset = -1,
      .end_offset = -1,
      .start_time = GST_CLOCK_TIME_NONE,
      .end_time = GST_CLOCK_TIME_NONE};
  g_snprintf (self->run, sizeof self->run, "%08x%08x", g_random_int (), g_random_int ());
}

/* Returns: (transfer full): empty settings, to be freed with gst_kafka_consumer_settings_free() */
static GstKafkaConsumerSettings *
new_settings (void)
{
  GstKafkaConsumerSettings *self = g_new0 (GstKafkaConsumerSettings, 1);

  range_init (&self->range);
  return self;
}

GstKafkaConsumerSettings *
gst_kafka_src_new_consumer_settings (GstBaseSrc *element, GstKafkaSettings *common,
    GstKafkaSrcSettings *own, rd_kafka_conf_t **conf, GError **error)
{
  GstKafkaConsumerSettings *settings = new_settings ();
  g_autofree gchar *servers = NULL, *topics = NULL;
  gboolean valid;

  GST_OBJECT_LOCK (element);
  valid = take_settings (settings, common, own, error);
  GST_OBJECT_UNLOCK (element);
  if (valid)
    *conf = new_conf (GST_ELEMENT (element), common, own, settings, error);
  if (!valid || !*conf) {
    gst_kafka_consumer_settings_free (settings);
    return NULL;
  }
  settings->pad = gst_object_ref (GST_BASE_SRC_PAD (element));
  servers = gst_kafka_conf_dup (*conf, "bootstrap.servers");
  topics = g_strjoinv (",", settings->topics);
  settings->where = g_strdup_printf ("topic \"%s\" at %s", topics, servers);
  log_settings (element, settings, own, *conf);
  return settings;
}
