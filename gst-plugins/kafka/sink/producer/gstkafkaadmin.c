/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaadmin.h"

typedef void (*Send) (rd_kafka_t *rk, gpointer wanted, const rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue);

/* (transfer full) (nullable): the answer to what @send asks for, within @timeout_ms */
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

rd_kafka_resp_err_t
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

/* (nullable): the value of the setting @name */
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

rd_kafka_resp_err_t
gst_kafka_query_batch_limit (rd_kafka_t *rk, const gchar *topic, gint timeout_ms, guint64 *bytes)
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

gboolean
gst_kafka_query_topic (
    rd_kafka_t *rk, const gchar *topic, gint timeout_ms, rd_kafka_resp_err_t *topic_err)
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
