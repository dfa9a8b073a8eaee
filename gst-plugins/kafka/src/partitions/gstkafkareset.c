/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkareset.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* ms: the time by which timestamps may be out of order. Messages of several producers, and messages
 * that are sent late, aren't sorted by time in the log. */
#define DISORDER 60000

static gint64
policy_offset (GstKafkaSrcOffsetReset policy, gint64 low, gint64 high)
{
  return policy == GST_KAFKA_RESET_EARLIEST ? low : high;
}

GstKafkaReset
gst_kafka_reset_decide (GstKafkaSrcOffsetReset policy, gint64 from, gint64 low, gint64 high)
{
  GstKafkaReset reset = {.from = from, .to = from, .high = high, .lost = 0};

  if (from < 0) {
    reset.reason = GST_KAFKA_RESET_UNSET;
    reset.to = policy_offset (policy, low, high);
  } else if (low >= 0 && from < low) {
    reset.reason = GST_KAFKA_RESET_DELETED;
    reset.to = low;
    reset.lost = low - from;
  } else if (high >= 0 && from > high) {
    reset.reason = GST_KAFKA_RESET_BEYOND;
    reset.to = policy_offset (policy, low, high);
  }
  return reset;
}

gboolean
gst_kafka_reset_was_asked (gint64 offset, gint64 place, gint64 high)
{
  return place < 0 || (offset >= place && offset <= MAX (place, high));
}

/* Queries the oldest offset left (@which: RD_KAFKA_OFFSET_BEGINNING), the offset after the newest
 * message (RD_KAFKA_OFFSET_END), or the first offset at a time (@which: ms since the Unix epoch).
 * rd_kafka_query_watermark_offsets() isn't used, because it ignores its timeout and waits for
 * socket.timeout.ms or longer if the broker doesn't answer. */
static rd_kafka_resp_err_t
ask_offset (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 which, gint timeout_ms,
    gint64 *offset)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (1);
  rd_kafka_topic_partition_t *one = rd_kafka_topic_partition_list_add (list, topic, partition);
  rd_kafka_resp_err_t err;

  one->offset = which;
  err = rd_kafka_offsets_for_times (rk, list, timeout_ms);
  if (!err)
    err = one->err;
  *offset = one->offset;
  rd_kafka_topic_partition_list_destroy (list);
  return err;
}

static rd_kafka_resp_err_t
ask_bounds (
    rd_kafka_t *rk, const gchar *topic, gint partition, gint timeout_ms, gint64 *low, gint64 *high)
{
  rd_kafka_resp_err_t err =
      ask_offset (rk, topic, partition, RD_KAFKA_OFFSET_BEGINNING, timeout_ms, low);

  return err ? err : ask_offset (rk, topic, partition, RD_KAFKA_OFFSET_END, timeout_ms, high);
}

rd_kafka_resp_err_t
gst_kafka_reset_ask (GstKafkaSrcOffsetReset policy, rd_kafka_t *rk, const gchar *topic,
    gint partition, gint64 from, gboolean refused, gint timeout_ms, GstKafkaReset *reset)
{
  gint64 low, high;
  rd_kafka_resp_err_t err = ask_bounds (rk, topic, partition, timeout_ms, &low, &high);

  if (err)
    return err;
  *reset = gst_kafka_reset_decide (policy, from, low, high);
  if (reset->reason == GST_KAFKA_RESET_NONE && refused) {
    reset->reason = GST_KAFKA_RESET_BEYOND;
    reset->to = policy_offset (policy, low, high);
  }
  GST_DEBUG ("%s: %s [%d]: offset %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
             " becomes %" G_GINT64_FORMAT,
      rd_kafka_name (rk), topic, partition, from, low, high, reset->to);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t
gst_kafka_reset_ask_replaced (GstKafkaSrcOffsetReset policy, rd_kafka_t *rk, const gchar *topic,
    gint partition, gint64 from, gint64 time, gint timeout_ms, GstKafkaReset *reset)
{
  gint64 low, high, to = -1;
  rd_kafka_resp_err_t err = ask_bounds (rk, topic, partition, timeout_ms, &low, &high);

  if (!err && time >= 0)
    err = ask_offset (rk, topic, partition, MAX (time - DISORDER, 0), timeout_ms, &to);
  if (err)
    return err;
  *reset = (GstKafkaReset){.reason = GST_KAFKA_RESET_REPLACED,
      .from = from,
      .to = to >= 0 ? to : policy_offset (policy, low, high),
      .high = high,
      .lost = -1};
  GST_DEBUG ("%s: %s [%d]: another log, of %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
             ": offset %" G_GINT64_FORMAT " becomes %" G_GINT64_FORMAT,
      rd_kafka_name (rk), topic, partition, low, high, from, reset->to);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

gboolean
gst_kafka_reset_is_error (const GstKafkaReset *self, GstKafkaSrcOffsetReset policy)
{
  return policy == GST_KAFKA_RESET_ERROR && self->reason != GST_KAFKA_RESET_NONE;
}

static gchar *
describe_deleted (const GstKafkaReset *self, const gchar *topic, gint partition)
{
  if (self->lost < 0 && self->to == self->high)
    return g_strdup_printf ("No message is left in partition %d of topic \"%s\" before offset "
                            "%" G_GINT64_FORMAT ": those since start-time are deleted.",
        partition, topic, self->to);
  if (self->lost < 0)
    return g_strdup_printf (
        "start-time is older than the oldest message left in partition %d of topic \"%s\", at "
        "offset %" G_GINT64_FORMAT ": messages in between are deleted.",
        partition, topic, self->to);
  return g_strdup_printf ("Offsets %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                          " of partition %d of topic \"%s\" are deleted: %" G_GINT64_FORMAT
                          " offsets are lost.",
      self->from, self->to - 1, partition, topic, self->lost);
}

gchar *
gst_kafka_reset_describe (const GstKafkaReset *self, const gchar *topic, gint partition)
{
  if (self->reason == GST_KAFKA_RESET_DELETED)
    return describe_deleted (self, topic, partition);
  if (self->reason == GST_KAFKA_RESET_BEYOND && self->from < 0)
    return g_strdup_printf (
        "start-time is beyond the newest message of partition %d of topic \"%s\".", partition,
        topic);
  if (self->reason == GST_KAFKA_RESET_BEYOND)
    return g_strdup_printf ("Offset %" G_GINT64_FORMAT
                            " is beyond the newest message of partition %d of topic \"%s\".",
        self->from, partition, topic);
  if (self->reason == GST_KAFKA_RESET_REPLACED)
    return g_strdup_printf (
        "Partition %d of topic \"%s\" has other messages than before: the topic "
        "was created again, or a broker has lost its newest messages.",
        partition, topic);
  return g_strdup_printf (
      "The group has committed no offset in partition %d of topic \"%s\".", partition, topic);
}

static const gchar *
get_remedy (const GstKafkaReset *self)
{
  if (self->reason == GST_KAFKA_RESET_DELETED)
    return "Raise the topic's retention.ms or retention.bytes, or read sooner.";
  if (self->reason == GST_KAFKA_RESET_BEYOND && self->from < 0)
    return "Check start-time (ns since the Unix epoch).";
  if (self->reason == GST_KAFKA_RESET_BEYOND)
    return "Check whether the topic was created again, and set the group's offsets or "
           "start-offset.";
  if (self->reason == GST_KAFKA_RESET_REPLACED)
    return "Former messages that weren't read yet are lost.";
  return "Set the group's offsets, start-offset or start-time.";
}

GError *
gst_kafka_reset_to_error (const GstKafkaReset *self, const gchar *topic, gint partition)
{
  g_autofree gchar *what = gst_kafka_reset_describe (self, topic, partition);

  return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
      "%s auto-offset-reset=error ends the stream. %s", what, get_remedy (self));
}

static void
log_error (rd_kafka_t *rk, rd_kafka_error_t *error)
{
  if (!error)
    return;
  GST_WARNING ("%s: %s", rd_kafka_name (rk), rd_kafka_error_string (error));
  rd_kafka_error_destroy (error);
}

void
gst_kafka_reset_reassign (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (1);

  rd_kafka_topic_partition_list_add (list, topic, partition)->offset = offset;
  log_error (rk, rd_kafka_incremental_unassign (rk, list));
  log_error (rk, rd_kafka_incremental_assign (rk, list));
  rd_kafka_topic_partition_list_destroy (list);
}

void
gst_kafka_reset_seek (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (1);

  rd_kafka_topic_partition_list_add (list, topic, partition)->offset = offset;
  GST_DEBUG ("%s: asking for offset %" G_GINT64_FORMAT " of partition %d of %s", rd_kafka_name (rk),
      offset, partition, topic);
  log_error (rk, rd_kafka_seek_partitions (rk, list, 0));
  rd_kafka_topic_partition_list_destroy (list);
}

gint64
gst_kafka_reset_get_high (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 known)
{
  gint64 low, high;

  return rd_kafka_get_watermark_offsets (rk, topic, partition, &low, &high) ? known
                                                                            : MAX (high, known);
}

void
gst_kafka_reset_warn (
    const GstKafkaReset *self, GstElement *element, const gchar *topic, gint partition)
{
  g_autofree gchar *what = gst_kafka_reset_describe (self, topic, partition);

  GST_ELEMENT_WARNING_WITH_DETAILS (element, RESOURCE, READ,
      ("%s Reading goes on at offset %" G_GINT64_FORMAT ". %s", what, self->to, get_remedy (self)),
      ("from offset %" G_GINT64_FORMAT, self->from),
      ("topic", G_TYPE_STRING, topic, "partition", G_TYPE_INT, partition, "from", G_TYPE_INT64,
          self->from, "to", G_TYPE_INT64, self->to, "lost", G_TYPE_INT64, self->lost, NULL));
}
