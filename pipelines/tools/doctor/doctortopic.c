/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/gstkafkaerror.h"
#include "doctorclient.h"
#include "doctorcluster.h"
#include "doctorjudge.h"
#include "sink/gstkafkasinksettings.h"

/* Longest time (ms) to wait for the messages of partitions, and for an answer about a group. */
#define READ_TIME 6000

static gchar *
make_about (const DoctorTopicUse *self)
{
  return g_strdup_printf ("topic %s", self->name);
}

/* Returns: (nullable): the first element that writes the topic, or else the first element that
 * reads it */
static const DoctorUse *
find_use (const DoctorTopicUse *self, gboolean writes)
{
  for (guint i = 0; i < self->uses->len; i++) {
    const DoctorUse *use = g_ptr_array_index (self->uses, i);

    if (use->writes == writes)
      return use;
  }
  return NULL;
}

/* --- what the stages want --- */

static void
wish_for_writer (DoctorWish *wish, GstElement *element)
{
  g_autofree gchar *key = NULL, *spool = NULL;
  guint64 spool_time;
  guint largest;
  gint acks;

  g_object_get (element, "message-max-bytes", &largest, "key", &key, "acks", &acks, "spool", &spool,
      "spool-time", &spool_time, NULL);
  wish->writes = MAX (wish->writes, largest);
  wish->keyless |= !key;
  wish->acks_all |= acks == GST_KAFKA_ACKS_ALL;
  if (spool)
    wish->spooled = (gint64) (spool_time / GST_SECOND);
}

static void
wish_for_reader (DoctorWish *wish, const DoctorUse *use, const DoctorSystem *system)
{
  guint largest;

  g_object_get (use->element, "message-max-bytes", &largest, NULL);
  wish->reads = wish->reads ? MIN (wish->reads, largest) : largest;
  if (use->group)
    wish->replicas = MAX (wish->replicas, g_str_equal (use->stage, "fog") ? system->replicas : 1);
}

static void
wish_for_keeping (DoctorWish *wish, const gchar *topic, const DoctorSystem *system)
{
  const struct {
    const gchar *topic, *name;
    gint64 keep;
  } all[] = {{system->frames, "KEEP_FRAMES", system->keep_frames},
      {system->events, "KEEP_EVENTS", system->keep_events},
      {system->reports, "KEEP_REPORTS", system->keep_reports}};

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    if (g_str_equal (topic, all[i].topic) && all[i].keep >= 0) {
      wish->keep = all[i].keep;
      wish->how = all[i].name;
    }
}

static DoctorWish
make_wish (const DoctorTopicUse *self)
{
  DoctorWish wish = {.keep = -1, .spooled = -1};

  for (guint i = 0; i < self->uses->len; i++) {
    const DoctorUse *use = g_ptr_array_index (self->uses, i);

    if (use->writes)
      wish_for_writer (&wish, use->element);
    else
      wish_for_reader (&wish, use, self->system);
  }
  wish_for_keeping (&wish, self->name, self->system);
  return wish;
}

/* --- what it is --- */

static DoctorTopic
describe (const rd_kafka_metadata_topic_t *topic, gint brokers)
{
  DoctorTopic self = {.name = topic->topic, .brokers = brokers, .partitions = topic->partition_cnt};

  for (gint i = 0; i < topic->partition_cnt; i++) {
    const rd_kafka_metadata_partition_t *partition = &topic->partitions[i];

    self.copies = i ? MIN (self.copies, partition->replica_cnt) : partition->replica_cnt;
    self.in_sync = i ? MIN (self.in_sync, partition->isr_cnt) : partition->isr_cnt;
    self.leaderless += partition->leader < 0;
  }
  return self;
}

static void
refuse_topic (const DoctorTopicUse *self, rd_kafka_resp_err_t err, DoctorFindings *findings)
{
  g_autofree gchar *about = make_about (self);
  g_autofree gchar *create = g_strdup_printf (
      "kafka-topics.sh --create --topic %s --partitions %d, or run k8s/base/topics.sh.", self->name,
      MAX (self->system->replicas, 1));

  if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    doctor_add (findings, DOCTOR_BAD, about, "The stages that use the topic fail at their start.",
        "Grant the user Describe on the topic, and Read or Write (kafka-acls.sh).",
        "The user may not see the topic.");
  else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    doctor_add (findings, DOCTOR_BAD, about,
        "Readers wait for it; a broker that makes topics by itself makes too few partitions.",
        create, "It isn't there.");
  else
    doctor_add (findings, DOCTOR_BAD, about, "The stages that use the topic don't work.", NULL,
        "%s.", rd_kafka_err2str (err));
}

static void
judge (const DoctorTopicUse *self, DoctorClient *client, const rd_kafka_metadata_topic_t *described,
    DoctorFindings *findings)
{
  DoctorTopic topic = describe (described, self->cluster->brokers);
  DoctorWish wish = make_wish (self);
  g_autoptr (GHashTable) config = NULL;

  /* the settings aren't queried, because librdkafka may send the request to any broker, even to one
   * that can't be reached */
  if (!self->cluster->usable)
    return;
  config = doctor_client_get_config (client->rk, RD_KAFKA_RESOURCE_TOPIC, self->name);
  topic.config = config;
  doctor_judge_topic (&topic, &wish, findings);
}

static DoctorClient *
new_client (const DoctorTopicUse *self, rd_kafka_type_t type, const gchar *group, GError **error)
{
  const DoctorUse *use = g_ptr_array_index (self->uses, 0);
  const DoctorClientWish wish = {type, NULL, group};

  return doctor_client_new (use->element, &wish, error);
}

static void
note_no_answer (const DoctorTopicUse *self, DoctorClient *client, const gchar *tried,
    rd_kafka_resp_err_t err, DoctorFindings *findings)
{
  g_autofree gchar *about = make_about (self);
  g_autofree gchar *why = doctor_client_explain (client, tried, err);

  doctor_add (findings, DOCTOR_BAD, about, "The stages that use the topic don't work.",
      "See whether all brokers are up and reached from here.", "%s", why);
}

void
doctor_topic_check (gpointer data, DoctorFindings *findings)
{
  const DoctorTopicUse *self = data;
  g_autoptr (DoctorClient) client = new_client (self, RD_KAFKA_CONSUMER, NULL, NULL);
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t err;

  g_return_if_fail (client);
  if ((err = doctor_client_ask (client, self->name, &metadata))) {
    note_no_answer (self, client, "ask for it", err, findings);
    return;
  }
  if (metadata->topic_cnt != 1 || metadata->topics[0].err)
    refuse_topic (self,
        metadata->topic_cnt == 1 ? metadata->topics[0].err
                                 : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        findings);
  else
    judge (self, client, &metadata->topics[0], findings);
  rd_kafka_metadata_destroy (metadata);
}

/* --- the right to read, and the newest message --- */

/* State of reading the last message of each partition of a topic. */
typedef struct {
  gint left;     /* number of partitions whose end isn't reached yet */
  gint64 newest; /* time of the newest message, ms since the Unix epoch; 0: none */
  rd_kafka_resp_err_t err;
} Reading;

/* Notes a message or an error. An error without a topic is ignored, because it isn't about the
 * right to read the topic, but perhaps about the right to the group, which another check tests. */
static void
take_message (Reading *self, const rd_kafka_message_t *message)
{
  rd_kafka_timestamp_type_t type;

  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
    self->left--;
  else if (message->err && message->rkt)
    self->err = message->err;
  else if (!message->err)
    self->newest = MAX (self->newest, rd_kafka_message_timestamp (message, &type));
}

static void
read_to_ends (Reading *self, rd_kafka_t *rk)
{
  gint64 deadline = g_get_monotonic_time () + READ_TIME * G_TIME_SPAN_MILLISECOND;

  while (self->left > 0 && !self->err && g_get_monotonic_time () < deadline) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll (rk, 200);

    if (!message)
      continue;
    take_message (self, message);
    rd_kafka_message_destroy (message);
  }
}

/* Assigns all partitions to the consumer, each from its last message on. */
static gint
assign_ends (rd_kafka_t *rk, const rd_kafka_metadata_topic_t *topic)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (topic->partition_cnt);

  for (gint i = 0; i < topic->partition_cnt; i++)
    rd_kafka_topic_partition_list_add (list, topic->topic, topic->partitions[i].id)->offset =
        RD_KAFKA_OFFSET_TAIL (1);
  rd_kafka_assign (rk, list);
  rd_kafka_topic_partition_list_destroy (list);
  return topic->partition_cnt;
}

static void
judge_reading (const DoctorTopicUse *self, DoctorClient *client, const Reading *reading,
    DoctorFindings *findings)
{
  g_autofree gchar *about = make_about (self);

  if (reading->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    doctor_add (findings, DOCTOR_BAD, about, "The stages that read the topic fail at their start.",
        "Grant the user Read on the topic (kafka-acls.sh).", "The user may not read the topic.");
  else if (reading->err || reading->left)
    note_no_answer (self, client, "read it",
        reading->err ? reading->err : RD_KAFKA_RESP_ERR__TIMED_OUT, findings);
  else
    doctor_add (findings, DOCTOR_GOOD, about, NULL, NULL, "It can be read.");
  if (reading->newest)
    doctor_judge_newest (
        about, (gdouble) (reading->newest - g_get_real_time () / 1000) / 1000, findings);
}

static void
check_read (const DoctorTopicUse *self, const rd_kafka_metadata_topic_t *topic,
    DoctorClient *client, DoctorFindings *findings)
{
  Reading reading = {0};

  reading.left = assign_ends (client->rk, topic);
  read_to_ends (&reading, client->rk);
  judge_reading (self, client, &reading, findings);
}

/* --- the right to write --- */

static void
judge_writing (const DoctorTopicUse *self, DoctorClient *client, DoctorFindings *findings)
{
  g_autofree gchar *about = make_about (self);

  if (!client->reported || gst_kafka_error_is_timeout (client->delivered))
    note_no_answer (self, client, "write to it", RD_KAFKA_RESP_ERR__TIMED_OUT, findings);
  else if (client->delivered == RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS)
    doctor_add (findings, DOCTOR_GOOD, about, NULL, NULL, "It can be written.");
  else if (client->delivered == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    doctor_add (findings, DOCTOR_BAD, about,
        "The stages that write to the topic fail at their start.",
        "Grant the user Write on the topic (kafka-acls.sh).",
        "The user may not write to the topic.");
  else
    doctor_add (findings, DOCTOR_NOTE, about, NULL, NULL,
        "The test didn't show whether the topic can be written to: the broker answers with %s.",
        rd_kafka_err2name (client->delivered));
}

static void
check_write (const DoctorTopicUse *self, DoctorFindings *findings)
{
  g_autoptr (DoctorClient) client = new_client (self, RD_KAFKA_PRODUCER, NULL, NULL);
  gint64 deadline = g_get_monotonic_time () + READ_TIME * G_TIME_SPAN_MILLISECOND;

  g_return_if_fail (client);
  rd_kafka_producev (client->rk, RD_KAFKA_V_TOPIC (self->name), RD_KAFKA_V_PARTITION (0),
      RD_KAFKA_V_VALUE ("", 0), RD_KAFKA_V_KEY ("fog-doctor", 10), RD_KAFKA_V_END);
  while (!client->reported && g_get_monotonic_time () < deadline)
    rd_kafka_poll (client->rk, 200);
  judge_writing (self, client, findings);
}

/* --- the right to a group --- */

/* Tests the right to a group by a commit for a partition that doesn't exist. Returns: (nullable):
 * the event with the answer; NULL if no answer came */
static rd_kafka_event_t *
commit_nothing (const DoctorTopicUse *self, const gchar *group, rd_kafka_t *rk)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (1);
  rd_kafka_AdminOptions_t *options =
      rd_kafka_AdminOptions_new (rk, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS);
  rd_kafka_queue_t *queue = rd_kafka_queue_new (rk);
  rd_kafka_AlterConsumerGroupOffsets_t *commit;
  rd_kafka_event_t *event;

  rd_kafka_topic_partition_list_add (list, self->name, G_MAXINT32 - 1)->offset = 0;
  commit = rd_kafka_AlterConsumerGroupOffsets_new (group, list);
  rd_kafka_AdminOptions_set_request_timeout (options, DOCTOR_ANSWER_TIME, NULL, 0);
  rd_kafka_AlterConsumerGroupOffsets (rk, &commit, 1, options, queue);
  event = rd_kafka_queue_poll (queue, DOCTOR_ANSWER_TIME + 500);
  rd_kafka_AlterConsumerGroupOffsets_destroy (commit);
  rd_kafka_topic_partition_list_destroy (list);
  rd_kafka_AdminOptions_destroy (options);
  rd_kafka_queue_destroy (queue);
  return event;
}

static rd_kafka_resp_err_t
read_answer (rd_kafka_event_t *event)
{
  const rd_kafka_group_result_t **groups;
  const rd_kafka_topic_partition_list_t *list;
  size_t count;

  if (!event)
    return RD_KAFKA_RESP_ERR__TIMED_OUT;
  if (rd_kafka_event_error (event))
    return rd_kafka_event_error (event);
  groups = rd_kafka_AlterConsumerGroupOffsets_result_groups (
      rd_kafka_event_AlterConsumerGroupOffsets_result (event), &count);
  if (count != 1)
    return RD_KAFKA_RESP_ERR__BAD_MSG;
  if (rd_kafka_group_result_error (groups[0]))
    return rd_kafka_error_code (rd_kafka_group_result_error (groups[0]));
  list = rd_kafka_group_result_partitions (groups[0]);
  return list && list->cnt ? list->elems[0].err : RD_KAFKA_RESP_ERR__BAD_MSG;
}

/* Tries again for some seconds, because the coordinator of a new group isn't ready at once. */
static rd_kafka_resp_err_t
ask_for_group (const DoctorTopicUse *self, const gchar *group, rd_kafka_t *rk)
{
  gint64 deadline = g_get_monotonic_time () + READ_TIME * G_TIME_SPAN_MILLISECOND;
  rd_kafka_resp_err_t err;
  gboolean again;

  do {
    rd_kafka_event_t *event = commit_nothing (self, group, rk);

    err = read_answer (event);
    g_clear_pointer (&event, rd_kafka_event_destroy);
    again = err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && gst_kafka_error_is_passing (err) &&
            g_get_monotonic_time () < deadline;
    if (again)
      g_usleep (200 * G_TIME_SPAN_MILLISECOND);
  } while (again);
  return err;
}

static void
check_group (
    const DoctorTopicUse *self, const gchar *group, DoctorClient *client, DoctorFindings *findings)
{
  rd_kafka_resp_err_t err = ask_for_group (self, group, client->rk);
  g_autofree gchar *about = g_strdup_printf ("group %s", group);

  if (err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
    doctor_add (findings, DOCTOR_BAD, about, "The stage fails at its start.",
        "Grant the user Read on the group (kafka-acls.sh --group).",
        "The user may not join the group.");
  else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    doctor_add (findings, DOCTOR_GOOD, about, NULL, NULL, "It can be joined.");
  else
    doctor_add (findings, gst_kafka_error_is_passing (err) ? DOCTOR_WARN : DOCTOR_NOTE, about,
        "A stage that can't join its group gets no messages.",
        "See whether all brokers are up; the group's coordinator is one of them.",
        "The test didn't show whether the group can be joined: %s.", rd_kafka_err2str (err));
}

static void
check_groups (const DoctorTopicUse *self, DoctorClient *client, DoctorFindings *findings)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < self->uses->len; i++) {
    const DoctorUse *use = g_ptr_array_index (self->uses, i);

    if (use->group && g_hash_table_add (seen, use->group))
      check_group (self, use->group, client, findings);
  }
}

void
doctor_topic_check_rights (gpointer data, DoctorFindings *findings)
{
  const DoctorTopicUse *self = data;
  g_autoptr (DoctorClient) client = new_client (self, RD_KAFKA_CONSUMER, NULL, NULL);
  const struct rd_kafka_metadata *metadata;

  g_return_if_fail (client);
  if (doctor_client_ask (client, self->name, &metadata))
    return; /* doctor_topic_check() has reported it */
  if (metadata->topic_cnt == 1 && !metadata->topics[0].err) {
    if (find_use (self, TRUE))
      check_write (self, findings);
    if (find_use (self, FALSE))
      check_read (self, &metadata->topics[0], client, findings);
    check_groups (self, client, findings);
  }
  rd_kafka_metadata_destroy (metadata);
}
