/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "erasekafka.h"

#include <gio/gio.h>
#include <string.h>

#include "doctorclient.h"
#include "sources/livetopic.h"
#include "toolstime.h"

/* ms */
#define REMOVE_TIME 30000

static void
partition_free (gpointer data)
{
  ErasePartition *self = data;

  g_array_unref (self->offsets);
  g_free (self);
}

void
erase_topic_free (EraseTopic *self)
{
  g_ptr_array_unref (self->partitions);
  g_free (self);
}

/* --- what is there --- */

static ErasePartition *
ensure_partition (EraseTopic *self, gint32 number)
{
  ErasePartition *partition;

  for (guint i = 0; i < self->partitions->len; i++) {
    partition = g_ptr_array_index (self->partitions, i);
    if (partition->partition == number)
      return partition;
  }
  partition = g_new0 (ErasePartition, 1);
  partition->partition = number;
  partition->offsets = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_ptr_array_add (self->partitions, partition);
  return partition;
}

static gboolean
note_message (GstSample *sample, gpointer data)
{
  EraseTopic *self = data;
  g_autoptr (LiveFrame) message = live_frame_new (sample, g_get_real_time () / 1000);
  gint64 captured = (gint64) (clip_get_capture_time (gst_sample_get_buffer (sample)) / GST_MSECOND);
  ErasePartition *partition;

  if (!message || captured < self->range->from || captured >= self->range->to)
    return TRUE;
  partition = ensure_partition (self, message->place.partition);
  g_array_append_val (partition->offsets, message->place.offset);
  partition->newest = MAX (partition->newest, captured);
  self->found++;
  return TRUE;
}

/* Returns: (nullable) (transfer full): a Kafka client with the settings of a kafkasrc that reads
 * @source. */
static DoctorClient *
new_client (const LiveSource *source, GError **error)
{
  GstElement *pipeline = live_topic_make_pipeline (source, error);
  const DoctorClientWish wish = {RD_KAFKA_CONSUMER, NULL, NULL};
  g_autoptr (GstElement) kafkasrc = NULL;
  DoctorClient *client;

  if (!pipeline)
    return NULL;
  kafkasrc = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  client = doctor_client_new (kafkasrc, &wish, error);
  gst_object_unref (pipeline);
  return client;
}

static gboolean
fail (DoctorClient *client, const gchar *tried, rd_kafka_resp_err_t err, GError **error)
{
  g_autofree gchar *why = doctor_client_explain (client, tried, err);

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, why);
  return FALSE;
}

static gboolean
learn_prefix (EraseTopic *self, ErasePartition *partition, DoctorClient *client, GError **error)
{
  gint64 high;
  rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets (client->rk, self->source->topic,
      partition->partition, &partition->low, &high, DOCTOR_ANSWER_TIME);

  if (err)
    return fail (client, "ask for the oldest message", err, error);
  partition->removable = erase_count_prefix (partition->offsets, partition->low);
  self->removable += partition->removable;
  if (partition->removable < partition->offsets->len)
    self->newest = MAX (self->newest, partition->newest);
  return TRUE;
}

static gboolean
learn_prefixes (EraseTopic *self, GError **error)
{
  g_autoptr (DoctorClient) client = new_client (self->source, error);
  gboolean learned = client != NULL;

  for (guint i = 0; learned && i < self->partitions->len; i++)
    learned = learn_prefix (self, g_ptr_array_index (self->partitions, i), client, error);
  return learned;
}

EraseTopic *
erase_topic_new (const LiveSource *source, const ClipRange *range, GError **error)
{
  g_autoptr (EraseTopic) self = g_new0 (EraseTopic, 1);
  const ClipRange wide = {range->camera, MAX (range->from - CLIP_MOST_AHEAD, 0), CLIP_NO_END, NULL};

  self->source = source;
  self->range = range;
  self->partitions = g_ptr_array_new_with_free_func (partition_free);
  if (!clip_read (source, &wide, note_message, self, error) || !learn_prefixes (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

/* --- removing --- */

static rd_kafka_topic_partition_list_t *
list_prefixes (const EraseTopic *self)
{
  rd_kafka_topic_partition_list_t *list =
      rd_kafka_topic_partition_list_new ((gint) self->partitions->len);

  for (guint i = 0; i < self->partitions->len; i++) {
    const ErasePartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition->removable)
      rd_kafka_topic_partition_list_add (list, self->source->topic, partition->partition)->offset =
          partition->low + partition->removable;
  }
  return list;
}

static rd_kafka_resp_err_t
read_answer (rd_kafka_event_t *event)
{
  const rd_kafka_topic_partition_list_t *list;

  if (!event)
    return RD_KAFKA_RESP_ERR__TIMED_OUT;
  if (rd_kafka_event_error (event))
    return rd_kafka_event_error (event);
  list = rd_kafka_DeleteRecords_result_offsets (rd_kafka_event_DeleteRecords_result (event));
  for (gint i = 0; i < list->cnt; i++)
    if (list->elems[i].err)
      return list->elems[i].err;
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
delete_records (DoctorClient *client, const rd_kafka_topic_partition_list_t *list)
{
  rd_kafka_DeleteRecords_t *wish = rd_kafka_DeleteRecords_new (list);
  rd_kafka_AdminOptions_t *options =
      rd_kafka_AdminOptions_new (client->rk, RD_KAFKA_ADMIN_OP_DELETERECORDS);
  rd_kafka_queue_t *queue = rd_kafka_queue_new (client->rk);
  rd_kafka_event_t *event;
  rd_kafka_resp_err_t err;

  rd_kafka_AdminOptions_set_request_timeout (options, REMOVE_TIME, NULL, 0);
  rd_kafka_DeleteRecords (client->rk, &wish, 1, options, queue);
  event = rd_kafka_queue_poll (queue, REMOVE_TIME + 1000);
  err = read_answer (event);
  g_clear_pointer (&event, rd_kafka_event_destroy);
  rd_kafka_queue_destroy (queue);
  rd_kafka_AdminOptions_destroy (options);
  rd_kafka_DeleteRecords_destroy (wish);
  return err;
}

gboolean
erase_topic_remove (EraseTopic *self, GError **error)
{
  g_autoptr (DoctorClient) client = NULL;
  rd_kafka_topic_partition_list_t *list;
  rd_kafka_resp_err_t err;

  if (!self->removable)
    return TRUE;
  if (!(client = new_client (self->source, error)))
    return FALSE;
  list = list_prefixes (self);
  err = delete_records (client, list);
  rd_kafka_topic_partition_list_destroy (list);
  return !err ||
         fail (client, "remove messages (it takes the right Delete on the topic)", err, error);
}

/* --- what remains --- */

static gboolean
read_number (GHashTable *config, const gchar *name, gint64 *number)
{
  const gchar *text = config ? g_hash_table_lookup (config, name) : NULL;

  return text && g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, number, NULL);
}

static gchar *
describe_time (const EraseTopic *self, GHashTable *config)
{
  const gchar *policy = config ? g_hash_table_lookup (config, "cleanup.policy") : NULL;
  gint64 retention, segment;

  if (policy && !strstr (policy, "delete"))
    return g_strdup ("until newer messages with the same keys come: its cleanup.policy is compact");
  if (!read_number (config, "retention.ms", &retention) ||
      !read_number (config, "segment.ms", &segment))
    return g_strdup ("until retention.ms of the topic has passed; the user may not ask for it");
  return erase_describe_end (self->newest, retention, segment);
}

gchar *
erase_topic_describe_rest (const EraseTopic *self)
{
  g_autoptr (DoctorClient) client = new_client (self->source, NULL);
  g_autoptr (GHashTable) config =
      client ? doctor_client_get_config (client->rk, RD_KAFKA_RESOURCE_TOPIC, self->source->topic)
             : NULL;

  return describe_time (self, config);
}
