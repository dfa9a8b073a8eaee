/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaerror.h"

#include <string.h>

/* Older versions of librdkafka repeat the client's nonce in the last message of a SCRAM exchange,
 * which Kafka 4 refuses. */
#define SCRAM_MENDED 0x02060100
#define SETTLE_TIME (10 * G_TIME_SPAN_SECOND)

/* --- kinds --- */

static gboolean
is_unreachable (rd_kafka_resp_err_t err)
{
  return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
         err == RD_KAFKA_RESP_ERR__RESOLVE;
}

gboolean
gst_kafka_error_is_timeout (rd_kafka_resp_err_t err)
{
  return err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
         err == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE || err == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

gboolean
gst_kafka_error_is_unanswered (rd_kafka_resp_err_t err)
{
  return is_unreachable (err) || gst_kafka_error_is_timeout (err);
}

gboolean
gst_kafka_error_is_refusal (rd_kafka_resp_err_t err)
{
  switch (err) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return TRUE;
    default:
      return FALSE;
  }
}

gboolean
gst_kafka_is_same_loss (gint64 granted)
{
  return granted && g_get_monotonic_time () - granted < SETTLE_TIME;
}

gboolean
gst_kafka_error_is_passing (rd_kafka_resp_err_t err)
{
  switch (err) {
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return TRUE;
    default:
      return gst_kafka_error_is_unanswered (err);
  }
}

/* --- messages --- */

static GstResourceError
error_code (rd_kafka_resp_err_t err, GstResourceError fallback)
{
  if (gst_kafka_error_is_refusal (err))
    return GST_RESOURCE_ERROR_NOT_AUTHORIZED;
  switch (err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return GST_RESOURCE_ERROR_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return GST_RESOURCE_ERROR_SETTINGS;
    default:
      return fallback;
  }
}

static gboolean
is_scram_refused (const gchar *detail)
{
  return detail && strstr (detail, "invalid credentials with SASL mechanism SCRAM");
}

static gchar *
scram_hint (void)
{
  return g_strdup_printf (
      "Check sasl.username and sasl.password (config-file). With SCRAM this librdkafka, %s, is "
      "refused by Kafka 4 even if the password is right, since it sends its nonce twice: take "
      "librdkafka 2.6.1 or later, or sasl.mechanism=PLAIN over TLS",
      rd_kafka_version_str ());
}

static const gchar *
hint_of_refusal (rd_kafka_resp_err_t err)
{
  if (err == RD_KAFKA_RESP_ERR__SSL)
    return "Check security.protocol, ssl.ca.location and both ends' certificates (config-file)";
  if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    return "Ask for the user's rights (ACLs) on the topic, or correct the topic's name: brokers "
           "also "
           "answer so about a topic that doesn't exist, if the user lacks the right Describe";
  if (err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
      err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
    return "Ask for the user's rights (ACLs) on the cluster";
  return "Check sasl.mechanism, sasl.username and sasl.password (config-file)";
}

static const gchar *
hint_of_unreachable (const gchar *detail)
{
  if (detail && (strstr (detail, "security.protocol") || strstr (detail, "SSL")))
    return "Check that a broker runs at bootstrap-servers, and security.protocol (config-file)";
  return "Check that a broker runs at bootstrap-servers";
}

/* A leader without enough replicas in sync refuses messages until they time out. */
static gboolean
may_lack_replicas (rd_kafka_resp_err_t err)
{
  return err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || err == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT ||
         err == RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS ||
         err == RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
}

static const gchar *
error_hint (rd_kafka_resp_err_t err, const gchar *detail)
{
  if (gst_kafka_error_is_refusal (err))
    return hint_of_refusal (err);
  if (is_unreachable (err))
    return hint_of_unreachable (detail);
  if (may_lack_replicas (err))
    return "Check that the brokers are up, that the link is fast enough, and that the topic has as "
           "many replicas in sync as its min.insync.replicas requires (acks=all)";
  if (gst_kafka_error_is_timeout (err))
    return "Check that the brokers are up and the link is fast enough";
  switch (err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return "Create the topic (kafka-topics --create), or correct topic and partition";
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return "A topic's name has 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', and differs from the "
             "names of other topics in more than '.' and '_'";
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
      return "Set this machine's clock, or raise message.timestamp.after.max.ms on the topic";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return "Raise message-max-bytes here and max.message.bytes on the topic";
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return "A compacted topic takes only messages with a key: set key";
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
      return "Copy the partition from another replica and check the broker's disk, or pass over "
             "what is damaged with on-error=skip";
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return "Another member of the group has the same group-instance-id: give each its own";
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return "Give all members of the group the same partition.assignment.strategy";
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
      return "Keep session.timeout.ms within the brokers' group.min.session.timeout.ms and "
             "group.max.session.timeout.ms";
    case RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED:
      return "The group has as many members as the brokers' group.max.size allows";
    default:
      return "See the debug category rdkafka for more (GST_DEBUG=rdkafka:6)";
  }
}

GError *
gst_kafka_error_new (
    const gchar *tried, rd_kafka_resp_err_t err, const gchar *detail, GstResourceError fallback)
{
  g_autofree gchar *hint = is_scram_refused (detail) && rd_kafka_version () < SCRAM_MENDED
                               ? scram_hint ()
                               : g_strdup (error_hint (err, detail));

  return g_error_new (GST_RESOURCE_ERROR, error_code (err, fallback), "Could not %s: %s. %s.",
      tried, detail && *detail ? detail : rd_kafka_err2str (err), hint);
}
