/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaposition.h"
#include "client/gstkafkaerror.h"
#include "client/gstkafkaclient.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* us: the time for which a query is repeated. A broker that has just started refuses requests
 * until its partitions have leaders. */
#define PATIENCE (6 * G_TIME_SPAN_SECOND)
#define RETRY_TIME (100 * G_TIME_SPAN_MILLISECOND)

/* Returns: (transfer full) (nullable): the offsets at @time, or NULL with @err if the brokers don't
 * answer */
static rd_kafka_topic_partition_list_t *
ask_offsets_once (rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list, gint64 time,
    rd_kafka_resp_err_t *err)
{
  rd_kafka_topic_partition_list_t *answer = rd_kafka_topic_partition_list_copy (list);

  for (gint i = 0; i < answer->cnt; i++)
    answer->elems[i].offset = time;
  *err = rd_kafka_offsets_for_times (rk, answer, GST_KAFKA_ANSWER_MS);
  for (gint i = 0; !*err && i < answer->cnt; i++)
    *err = answer->elems[i].err;
  if (*err)
    g_clear_pointer (&answer, rd_kafka_topic_partition_list_destroy);
  return answer;
}

/* Returns: (transfer full) (nullable): the offsets at @time (ms since the Unix epoch, or a logical
 * offset, which the protocol treats as a time). @patience: the time in us for which the query is
 * repeated */
static rd_kafka_topic_partition_list_t *
ask_offsets (rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list, gint64 time,
    gint64 patience, rd_kafka_resp_err_t *err)
{
  gint64 deadline = g_get_monotonic_time () + patience;
  rd_kafka_topic_partition_list_t *answer;

  while (!(answer = ask_offsets_once (rk, list, time, err)) && gst_kafka_error_is_passing (*err) &&
         g_get_monotonic_time () + RETRY_TIME < deadline) {
    GST_DEBUG ("%s: asking for offsets again: %s", rd_kafka_name (rk), rd_kafka_err2name (*err));
    g_usleep (RETRY_TIME);
  }
  return answer;
}

static void
ask_high (rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list, gint64 patience,
    GstKafkaPosition *positions)
{
  rd_kafka_resp_err_t err;
  rd_kafka_topic_partition_list_t *answer =
      ask_offsets (rk, list, RD_KAFKA_OFFSET_END, patience, &err);

  if (!answer)
    return;
  for (gint i = 0; i < list->cnt; i++)
    positions[i].high = answer->elems[i].offset;
  rd_kafka_topic_partition_list_destroy (answer);
}

static void
ask_low (rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions)
{
  rd_kafka_resp_err_t err;
  rd_kafka_topic_partition_list_t *answer =
      ask_offsets (rk, list, RD_KAFKA_OFFSET_BEGINNING, 0, &err);

  if (!answer)
    return;
  for (gint i = 0; i < list->cnt; i++)
    positions[i].low = answer->elems[i].offset;
  rd_kafka_topic_partition_list_destroy (answer);
}

static void
take_suspicion (const GstKafkaRange *self, const rd_kafka_topic_partition_t *committed,
    GstKafkaSuspicion *suspicion)
{
  g_autofree gchar *text =
      committed->metadata ? g_strndup (committed->metadata, committed->metadata_size) : NULL;

  gst_kafka_suspicion_from_text (suspicion, text, committed->offset, self->run);
}

/* Queries the group's committed offsets. Without an answer librdkafka chooses the starts, because
 * it queries the group itself. */
static void
ask_committed (const GstKafkaRange *self, rd_kafka_t *rk,
    const rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions)
{
  rd_kafka_topic_partition_list_t *answer = rd_kafka_topic_partition_list_copy (list);
  gboolean known = !rd_kafka_committed (rk, answer, GST_KAFKA_ANSWER_MS);

  for (gint i = 0; i < list->cnt; i++) {
    if (!known || answer->elems[i].err) {
      positions[i].committed = TRUE;
      positions[i].start = RD_KAFKA_OFFSET_INVALID;
    } else if (answer->elems[i].offset >= 0) {
      positions[i].committed = TRUE;
      positions[i].start = answer->elems[i].offset;
      take_suspicion (self, &answer->elems[i], &positions[i].suspicion);
    }
  }
  rd_kafka_topic_partition_list_destroy (answer);
}

static gint64
to_ms (GstClockTime time)
{
  return (gint64) (time / GST_MSECOND + (time % GST_MSECOND != 0));
}

/* Returns TRUE if all messages of the partition were deleted, and the requested start time has
 * passed, so that some of the deleted messages may be after it. */
static gboolean
is_emptied (const GstKafkaRange *self, const GstKafkaPosition *position)
{
  return position->low > 0 && position->low == position->high &&
         self->start_time < (GstClockTime) g_get_real_time () * GST_USECOND;
}

/* Sets the start to the first offset found for the start time. If that is the oldest message left,
 * or no message is left, messages after the start time may have been deleted. */
static void
place_by_time (const GstKafkaRange *self, GstKafkaPosition *position, gint64 found)
{
  position->start = found;
  if (found < 0 ? is_emptied (self, position) : found > 0 && found == position->low)
    position->reset = (GstKafkaReset){.reason = GST_KAFKA_RESET_DELETED,
        .from = -1,
        .to = position->low,
        .high = position->high,
        .lost = -1};
}

static void
place_without_offset (const GstKafkaRange *self, GstKafkaPosition *position)
{
  if (self->earliest)
    position->start = position->low >= 0 ? position->low : RD_KAFKA_OFFSET_BEGINNING;
  else
    position->start = RD_KAFKA_OFFSET_END;
  if (!self->earliest && self->reset == GST_KAFKA_RESET_ERROR)
    position->reset.reason = GST_KAFKA_RESET_UNSET;
}

static gboolean
has_messages (const GstKafkaPosition *position)
{
  return position->low >= 0 && position->high > position->low;
}

/* Returns TRUE if the partitions have messages, but no message at or after the start time. */
static gboolean
is_beyond_all (const rd_kafka_topic_partition_list_t *answer, const GstKafkaPosition *positions)
{
  gboolean messages = FALSE;

  for (gint i = 0; i < answer->cnt; i++) {
    if (answer->elems[i].offset >= 0)
      return FALSE;
    messages |= has_messages (&positions[i]);
  }
  return messages;
}

/* With `latest` the start stays at the end of the log: the next message that is published is
 * after the start time. */
static void
place_beyond (const GstKafkaRange *self, GstKafkaPosition *position)
{
  position->start = RD_KAFKA_OFFSET_END;
  if (self->reset == GST_KAFKA_RESET_LATEST || !has_messages (position))
    return;
  position->start = position->low;
  position->reset = (GstKafkaReset){
      .reason = GST_KAFKA_RESET_BEYOND, .from = -1, .to = position->low, .high = position->high};
}

static rd_kafka_resp_err_t
ask_start (const GstKafkaRange *self, rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list,
    GstKafkaPosition *positions)
{
  gboolean by_time = GST_CLOCK_TIME_IS_VALID (self->start_time);
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_topic_partition_list_t *answer = NULL;
  gboolean beyond;

  if (by_time)
    answer = ask_offsets (rk, list, to_ms (self->start_time), PATIENCE, &err);
  beyond = answer && is_beyond_all (answer, positions);
  for (gint i = 0; i < list->cnt; i++) {
    if (positions[i].committed || list->elems[i].offset == RD_KAFKA_OFFSET_BEGINNING)
      continue;
    if (beyond)
      place_beyond (self, &positions[i]);
    else if (answer)
      place_by_time (self, &positions[i], answer->elems[i].offset);
    else if (self->start_offset >= 0)
      positions[i].start = self->start_offset;
    else
      place_without_offset (self, &positions[i]);
  }
  g_clear_pointer (&answer, rd_kafka_topic_partition_list_destroy);
  return by_time ? err : RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
ask_end_time (const GstKafkaRange *self, rd_kafka_t *rk,
    const rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions)
{
  rd_kafka_resp_err_t err;
  gboolean past = gst_kafka_range_is_over (self);
  rd_kafka_topic_partition_list_t *answer =
      ask_offsets (rk, list, to_ms (self->end_time), PATIENCE, &err);

  if (!answer)
    return err;
  for (gint i = 0; i < list->cnt; i++) {
    positions[i].end = answer->elems[i].offset;
    if (positions[i].end < 0)
      positions[i].end = past ? positions[i].high : -1;
  }
  rd_kafka_topic_partition_list_destroy (answer);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
ask_end (const GstKafkaRange *self, rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list,
    GstKafkaPosition *positions)
{
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

  if (GST_CLOCK_TIME_IS_VALID (self->end_time))
    err = ask_end_time (self, rk, list, positions);
  for (gint i = 0; i < list->cnt; i++) {
    if (self->end_offset >= 0)
      positions[i].end = self->end_offset;
    if (self->stop_at_end && positions[i].high < 0)
      err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (self->stop_at_end && (positions[i].end < 0 || positions[i].end > positions[i].high))
      positions[i].end = positions[i].high;
  }
  return err;
}

rd_kafka_resp_err_t
gst_kafka_range_resolve (const GstKafkaRange *self, rd_kafka_t *rk,
    rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions)
{
  rd_kafka_resp_err_t err;

  if (list->cnt == 0)
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  for (gint i = 0; i < list->cnt; i++) {
    positions[i] =
        (GstKafkaPosition){.start = list->elems[i].offset, .low = -1, .high = -1, .end = -1};
    gst_kafka_suspicion_init (&positions[i].suspicion);
  }
  if (self->committed)
    ask_committed (self, rk, list, positions);
  ask_low (rk, list, positions);
  ask_high (rk, list, self->stop_at_end ? PATIENCE : 0, positions);
  err = ask_start (self, rk, list, positions);
  if (!err)
    err = ask_end (self, rk, list, positions);
  for (gint i = 0; i < list->cnt; i++) {
    if (positions[i].start == RD_KAFKA_OFFSET_END && positions[i].high >= 0)
      positions[i].start = positions[i].high;
    if (positions[i].start == RD_KAFKA_OFFSET_BEGINNING && positions[i].low >= 0)
      positions[i].start = positions[i].low;
    list->elems[i].offset = positions[i].start;
  }
  return err;
}

static gboolean
is_empty (const GstKafkaRange *self, const GstKafkaPosition *positions, gint count)
{
  gboolean messages = FALSE;

  if (self->end_offset < 0 && !GST_CLOCK_TIME_IS_VALID (self->end_time))
    return FALSE;
  for (gint i = 0; i < count; i++) {
    const GstKafkaPosition *at = &positions[i];

    if (at->committed || at->end < 0 || at->start < 0 || at->start < at->end)
      return FALSE;
    messages |= has_messages (at);
  }
  return messages;
}

void
gst_kafka_range_warn_if_empty (
    const GstKafkaRange *self, const GstKafkaPosition *positions, gint count, GstElement *element)
{
  if (!is_empty (self, positions, count))
    return;
  GST_ELEMENT_WARNING (element, RESOURCE, READ,
      ("No message is read: in each partition reading would begin at or after its end (%s). Times "
       "are in ns since the Unix epoch; without start-offset and start-time, auto-offset-reset "
       "decides where reading begins.",
          self->end_offset >= 0 ? "end-offset" : "end-time"),
      ("%d partitions; the first: from offset %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
       "; it has %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
          count, positions[0].start, positions[0].end, positions[0].low, positions[0].high));
}

gboolean
gst_kafka_range_excludes (const GstKafkaRange *self, gint64 timestamp)
{
  return GST_CLOCK_TIME_IS_VALID (self->end_time) && timestamp >= to_ms (self->end_time);
}

gboolean
gst_kafka_range_is_over (const GstKafkaRange *self)
{
  return GST_CLOCK_TIME_IS_VALID (self->end_time) &&
         self->end_time < (GstClockTime) g_get_real_time () * GST_USECOND;
}

void
gst_kafka_range_find_ends (const GstKafkaRange *self, rd_kafka_t *rk,
    const rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions)
{
  for (gint i = 0; i < list->cnt; i++)
    positions[i] = (GstKafkaPosition){.start = -1, .high = -1, .end = -1};
  ask_high (rk, list, 0, positions);
  ask_end_time (self, rk, list, positions);
}
