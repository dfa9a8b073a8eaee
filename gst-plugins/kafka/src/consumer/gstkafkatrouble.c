/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/gstkafkarenewal.h"
#include "gstkafkaconsumerprivate.h"
#include "gstkafkadiscovery.h"
#include "client/gstkafkaclient.h"

#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

#define ASK_AGAIN_TIME (1 * G_TIME_SPAN_SECOND)
/* us: the time in which librdkafka may still find the new address of the group's coordinator */
#define FOLLOW_TIME (10 * G_TIME_SPAN_SECOND)
/* us: the time for which an error counts as present: librdkafka doesn't report the same error again
 * for 30 s, a try to connect takes up to 30 s, and the wait before the next try up to 10 s */
#define ERROR_TIME (90 * G_TIME_SPAN_SECOND)
#define MAX_DOUBTS 3
/* us: if the pause between two checks was longer than this, the streaming thread was busy
 * downstream. The streaming thread checks for silence once a second. */
#define AWAY_TIME (3 * G_TIME_SPAN_SECOND)

/* --- lost access --- */

/* With self->lock. Returns TRUE if the missing right was never granted. */
static gboolean
is_start (GstKafkaConsumer *self, GstKafkaRefused what, const gchar *topic)
{
  if (what == GST_KAFKA_REFUSED_CLIENT)
    return !self->known_topics;
  if (what == GST_KAFKA_REFUSED_GROUP)
    return self->rebalances == 0;
  if (!topic || g_hash_table_size (self->read_topics) == 0)
    return g_hash_table_size (self->read_topics) == 0;
  /* A topic that is created while the element runs may get its rights a moment later. */
  return !g_hash_table_contains (self->read_topics, topic) &&
         (!self->known_topics || g_hash_table_contains (self->known_topics, topic));
}

static void
warn_of_refusal (GstKafkaConsumer *self, rd_kafka_resp_err_t err, const gchar *detail)
{
  g_autofree gchar *tried = g_strdup_printf ("read from %s any more", self->settings->where);
  g_autoptr (GError) error = gst_kafka_error_new (tried, err, detail, GST_RESOURCE_ERROR_READ);
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (!element)
    return;
  GST_ELEMENT_WARNING (element, RESOURCE, NOT_AUTHORIZED,
      ("%s Waiting for access to come back, for %" G_GUINT64_FORMAT " s at most (access-timeout).",
          error->message, self->settings->access_timeout / GST_SECOND),
      ("%s", rd_kafka_err2name (err)));
  gst_object_unref (element);
}

void
gst_kafka_consumer_refuse (GstKafkaConsumer *self, GstKafkaRefused what, const gchar *topic,
    rd_kafka_resp_err_t err, const gchar *detail)
{
  gboolean first, start;

  g_mutex_lock (&self->lock);
  start = is_start (self, what, topic);
  first = !self->refused && !self->failed && !self->stopping &&
          !gst_kafka_is_same_loss (self->granted_since);
  self->refused |= what;
  if (first) {
    self->refused_since = g_get_monotonic_time ();
    self->refusal = err;
    g_free (self->refusal_detail);
    self->refusal_detail = g_strdup (detail);
  }
  g_mutex_unlock (&self->lock);
  GST_INFO_OBJECT (self->settings->pad, "access refused%s: %s: %s", start ? " at the start" : "",
      rd_kafka_err2name (err), detail);
  if (start)
    gst_kafka_consumer_fail (self, err, detail);
  else if (first)
    warn_of_refusal (self, err, detail);
}

/* with self->lock */
static void
grant (GstKafkaConsumer *self, GstKafkaRefused what)
{
  GstKafkaRefused before = self->refused;

  self->refused &= ~what;
  if (!before || self->refused)
    return;
  self->granted_since = g_get_monotonic_time ();
  GST_INFO_OBJECT (self->settings->pad, "access is back after %.1f s",
      (self->granted_since - self->refused_since) / (gdouble) G_USEC_PER_SEC);
}

void
gst_kafka_consumer_grant (GstKafkaConsumer *self, GstKafkaRefused what)
{
  g_mutex_lock (&self->lock);
  grant (self, what);
  g_mutex_unlock (&self->lock);
}

gboolean
gst_kafka_consumer_is_refused (GstKafkaConsumer *self)
{
  gboolean refused;

  g_mutex_lock (&self->lock);
  refused = self->refused != 0;
  g_mutex_unlock (&self->lock);
  return refused;
}

/* with self->lock */
static gboolean
is_any_refused (GPtrArray *partitions)
{
  for (guint i = 0; i < partitions->len; i++)
    if (((GstKafkaPartition *) g_ptr_array_index (partitions, i))->refused)
      return TRUE;
  return FALSE;
}

/* With self->lock. Notes that the partition could be read. */
static void
grant_partition (GstKafkaConsumer *self, GstKafkaPartition *partition)
{
  if (!partition->granted)
    g_hash_table_add (self->read_topics, g_strdup (partition->topic));
  partition->granted = TRUE;
  if (!partition->refused)
    return;
  partition->refused = FALSE;
  if (!is_any_refused (self->partitions))
    grant (self, GST_KAFKA_REFUSED_PARTITION);
}

/* With self->lock. Requests the refused partitions again, because librdkafka reports a refused
 * partition only once, and doesn't report that access is back if there are no new messages. A seek
 * makes librdkafka report the refusal again. */
static void
ask_for_partitions (GstKafkaConsumer *self)
{
  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition->refused && gst_kafka_partition_get_place (partition) >= 0)
      gst_kafka_reset_seek (self->rk, partition->topic, partition->partition,
          gst_kafka_partition_get_place (partition));
  }
  if (!is_any_refused (self->partitions))
    grant (self, GST_KAFKA_REFUSED_PARTITION);
}

static void
renew_password (GstKafkaConsumer *self)
{
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (element)
    gst_kafka_renew_password (self->rk, element);
  gst_clear_object (&element);
}

/* The topics are queried by gst_kafka_consumer_discover() and gst_kafka_consumer_look_again(),
 * which also use what the answer says about them. */
static void
ask_again (GstKafkaConsumer *self)
{
  GstKafkaRefused refused;

  self->asked_for_access = g_get_monotonic_time ();
  GST_DEBUG_OBJECT (self->settings->pad, "asking for access again, after %.1f s",
      (self->asked_for_access - self->refused_since) / (gdouble) G_USEC_PER_SEC);
  g_mutex_lock (&self->lock);
  ask_for_partitions (self);
  refused = self->refused;
  g_mutex_unlock (&self->lock);
  if (refused & GST_KAFKA_REFUSED_CLIENT)
    renew_password (self);
}

void
gst_kafka_consumer_watch_access (GstKafkaConsumer *self)
{
  gint64 now = g_get_monotonic_time (), since = 0;
  g_autofree gchar *detail = NULL;
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

  g_mutex_lock (&self->lock);
  if (self->refused) {
    since = self->refused_since;
    err = self->refusal;
    detail = g_strdup (self->refusal_detail);
  }
  g_mutex_unlock (&self->lock);
  if (!since)
    return;
  if ((GstClockTime) (now - since) * GST_USECOND >= self->settings->access_timeout)
    gst_kafka_consumer_fail (self, err, detail);
  else if (now - self->asked_for_access >= ASK_AGAIN_TIME)
    ask_again (self);
}

/* --- the coordinator --- */

/* librdkafka looks for the coordinator's address only if the coordinator's id changes. If the same
 * broker returns at another address, librdkafka (2.0.2 and 2.12.0 were tried) still connects to the
 * old one, and the member is out of its group without an error. */

void
gst_kafka_consumer_note_coordinator (GstKafkaConsumer *self, const gchar *reason)
{
  static const gchar prefix[] = "GroupCoordinator: ";
  const gchar *address = reason + strlen (prefix), *end;

  if (!g_str_has_prefix (reason, prefix) || !(end = strstr (address, ": ")))
    return;
  g_mutex_lock (&self->lock);
  g_free (self->coordinator);
  self->coordinator = g_strndup (address, end - address);
  self->coordinator_failed = g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_consumer_forget_coordinator (GstKafkaConsumer *self)
{
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->coordinator, g_free);
  g_mutex_unlock (&self->lock);
  self->coordinator_moved = 0;
}

/* Returns: (transfer full) (nullable): the address at which the coordinator couldn't be reached, if
 * this member has lost its partitions */
static gchar *
dup_lost_coordinator (GstKafkaConsumer *self)
{
  gchar *address;

  g_mutex_lock (&self->lock);
  address = self->partitions->len > 0 ? NULL : g_strdup (self->coordinator);
  g_mutex_unlock (&self->lock);
  return address;
}

/* Returns: (transfer full) (nullable): the present address of the broker that had @address before;
 * %NULL if the address is the same, or isn't known */
static gchar *
find_new_address (GstKafkaConsumer *self, const gchar *address, const rd_kafka_metadata_t *metadata)
{
  gpointer id;

  if (!g_hash_table_lookup_extended (self->brokers, address, NULL, &id))
    return NULL;
  for (gint i = 0; i < metadata->broker_cnt; i++) {
    g_autofree gchar *now = gst_kafka_discovery_name_broker (&metadata->brokers[i]);

    if (metadata->brokers[i].id == GPOINTER_TO_INT (id) && !g_str_equal (now, address))
      return g_steal_pointer (&now);
  }
  return NULL;
}

static void
fail_moved (GstKafkaConsumer *self, const gchar *before, const gchar *now)
{
  g_autoptr (GError) error = g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
      "The broker that coordinates the group has moved from %s to %s, and librdkafka %s doesn't "
      "follow. Start the pipeline again.",
      before, now, rd_kafka_version_str ());

  gst_kafka_consumer_end_with (self, error, self->settings->where);
}

/* Ends the run if the coordinator has had another address than @before for a while. Returns TRUE if
 * a broker answers. */
static gboolean
look_for_new_address (GstKafkaConsumer *self, const gchar *before, gint64 now)
{
  const rd_kafka_metadata_t *metadata;
  g_autofree gchar *after = NULL;

  if (rd_kafka_metadata (self->rk, 0, NULL, &metadata, GST_KAFKA_ANSWER_MS))
    return FALSE;
  after = find_new_address (self, before, metadata);
  gst_kafka_discovery_note_brokers (self->brokers, metadata);
  rd_kafka_metadata_destroy (metadata);
  GST_DEBUG_OBJECT (self->settings->pad, "the coordinator was at %s, is at %s", before,
      after ? after : "the same");
  if (!after || !self->coordinator_moved)
    self->coordinator_moved = after ? now : 0;
  else if (now - self->coordinator_moved >= FOLLOW_TIME)
    fail_moved (self, before, after);
  return TRUE;
}

/* Returns TRUE if the coordinator has given this client an id, which librdkafka forgets when the
 * session times out. With group.protocol=consumer librdkafka chooses the id itself, so the result
 * is always TRUE. */
static gboolean
is_member (GstKafkaConsumer *self)
{
  gchar *id = rd_kafka_memberid (self->rk);
  gboolean member = id && *id;

  if (id)
    rd_kafka_mem_free (self->rk, id);
  return member;
}

static void
report_exclusion (GstKafkaConsumer *self, const gchar *address, GstKafkaNews news, gint64 lasted)
{
  GstElement *element = gst_kafka_consumer_get_element (self);
  gdouble seconds = lasted / (gdouble) G_USEC_PER_SEC;

  if (element && news == GST_KAFKA_NEWS_BEGIN)
    GST_ELEMENT_WARNING (element, RESOURCE, OPEN_READ,
        ("The broker that coordinates the group hasn't been reached at %s for %.0f s, although "
         "other brokers answer: %s. The stream waits, because this member is out of its group. "
         "Check that this broker runs, and that no firewall keeps this machine from it. A broker "
         "that "
         "has just started takes members back after it has loaded its groups, and a member with "
         "group-instance-id waits for the other members.",
            address, seconds, self->settings->where),
        (NULL));
  else if (element && news == GST_KAFKA_NEWS_END)
    GST_ELEMENT_INFO (element, RESOURCE, OPEN_READ,
        ("The broker that coordinates the group is reached again after %.1f s: %s", seconds,
            self->settings->where),
        ("reached again"));
  gst_clear_object (&element);
}

/* Returns TRUE if librdkafka has lately failed to reach the coordinator, or since the warning about
 * that. Otherwise an old error doesn't show that the coordinator is away now. */
static gboolean
has_coordinator_failed (GstKafkaConsumer *self, gint64 now)
{
  gboolean failed;

  g_mutex_lock (&self->lock);
  failed = self->exclusion.began || now - self->coordinator_failed < ERROR_TIME;
  g_mutex_unlock (&self->lock);
  return failed;
}

/* Notes whether this member is out of its group because its coordinator isn't reached at @address
 * (nullable). @answered: another broker has just answered. The lack of any broker, or of a right,
 * has a report of its own. */
static void
note_exclusion (GstKafkaConsumer *self, const gchar *address, gboolean answered, gint64 now)
{
  gboolean out = address && has_coordinator_failed (self, now) && !is_member (self);
  gboolean explained = out && (self->coordinator_moved || gst_kafka_consumer_is_refused (self) ||
                                  gst_kafka_outage_is_suspected (&self->outage));
  GstKafkaNews news = GST_KAFKA_NEWS_NONE;
  gint64 began;

  if (!out)
    self->excluded = 0;
  else if (!self->excluded || !answered || gst_kafka_outage_is_reported (&self->outage))
    self->excluded = now;
  g_mutex_lock (&self->lock);
  if (!explained)
    news = gst_kafka_episode_note (&self->exclusion, self->excluded, now, &began);
  g_mutex_unlock (&self->lock);
  if (news != GST_KAFKA_NEWS_NONE)
    report_exclusion (self, address, news, now - began);
}

void
gst_kafka_consumer_look_for_coordinator (GstKafkaConsumer *self)
{
  gint64 now = g_get_monotonic_time ();
  g_autofree gchar *address = NULL;
  gboolean answered;

  if (gst_kafka_consumer_assigns_itself (self) || now - self->coordinator_at < ASK_AGAIN_TIME)
    return;
  self->coordinator_at = now;
  address = dup_lost_coordinator (self);
  answered = address && look_for_new_address (self, address, now);
  note_exclusion (self, address, answered, now);
}

/* --- outages --- */

void
gst_kafka_consumer_note_contact (GstKafkaConsumer *self, gboolean answered)
{
  gboolean receives = gst_kafka_connections_have_received (self->fault->connections);

  if (!answered)
    GST_DEBUG_OBJECT (self->settings->pad, "a query isn't answered; data %s",
        receives ? "comes all the same" : "doesn't come either");
  gst_kafka_outage_note_answer (&self->outage, answered || receives, g_get_monotonic_time ());
}

gboolean
gst_kafka_consumer_has_contact (GstKafkaConsumer *self)
{
  const rd_kafka_metadata_t *metadata;
  gboolean answered;

  if (!gst_kafka_outage_is_suspected (&self->outage))
    return TRUE;
  gst_kafka_connections_mark (self->fault->connections);
  answered = !rd_kafka_metadata (self->rk, 0, NULL, &metadata, GST_KAFKA_ANSWER_MS);
  if (answered) {
    rd_kafka_metadata_destroy (metadata);
    gst_kafka_fault_forget (self->fault);
  }
  gst_kafka_consumer_note_contact (self, answered);
  return answered;
}

/* A loss of access, which has a warning of its own, isn't an outage: a broker has answered. */
void
gst_kafka_consumer_look_for_outage (GstKafkaConsumer *self)
{
  GstElement *element = gst_kafka_consumer_get_element (self);
  gint64 now = g_get_monotonic_time ();
  g_autofree gchar *cause = NULL;

  if (gst_kafka_consumer_is_refused (self))
    gst_kafka_outage_note_answer (&self->outage, TRUE, now);
  gst_kafka_fault_get (self->fault, &cause);
  if (element && self->known_topics && !gst_kafka_consumer_is_stopping (self))
    gst_kafka_outage_report (&self->outage, element, GST_RESOURCE_ERROR_OPEN_READ,
        self->settings->where,
        "The stream waits, and continues at its position when a broker answers.", cause, now);
  gst_clear_object (&element);
}

/* --- other errors --- */

static gboolean
is_warned (GstKafkaConsumer *self, rd_kafka_resp_err_t err)
{
  gboolean warned;

  g_mutex_lock (&self->lock);
  warned = !g_hash_table_add (self->warned, GINT_TO_POINTER (err));
  g_mutex_unlock (&self->lock);
  return warned;
}

static void
warn_once (GstKafkaConsumer *self, rd_kafka_resp_err_t err, const gchar *detail)
{
  g_autofree gchar *tried = g_strdup_printf ("read without trouble from %s", self->settings->where);
  g_autoptr (GError) error = gst_kafka_error_new (tried, err, detail, GST_RESOURCE_ERROR_READ);
  GstElement *element;

  GST_INFO_OBJECT (self->settings->pad, "%s: %s", rd_kafka_err2name (err), detail);
  if (gst_kafka_error_is_passing (err) || is_warned (self, err))
    return;
  element = gst_kafka_consumer_get_element (self);
  if (element)
    GST_ELEMENT_WARNING (
        element, RESOURCE, READ, ("%s", error->message), ("%s", rd_kafka_err2name (err)));
  gst_clear_object (&element);
}

static void
fail_for_good (GstKafkaConsumer *self)
{
  gchar said[512] = "";
  rd_kafka_resp_err_t err = rd_kafka_fatal_error (self->rk, said, sizeof said);

  gst_kafka_consumer_fail (self, err ? err : RD_KAFKA_RESP_ERR__FATAL, said);
}

static GstKafkaRefused
kind_of_refusal (rd_kafka_resp_err_t err)
{
  if (err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
    return GST_KAFKA_REFUSED_GROUP;
  if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    return GST_KAFKA_REFUSED_TOPIC;
  return GST_KAFKA_REFUSED_CLIENT;
}

void
gst_kafka_consumer_take_error (
    GstKafkaConsumer *self, rd_kafka_resp_err_t err, const gchar *topic, const gchar *detail)
{
  GstKafkaRefused what = kind_of_refusal (err);

  if (err == RD_KAFKA_RESP_ERR__FATAL)
    fail_for_good (self);
  else if (what == GST_KAFKA_REFUSED_GROUP && !self->settings->group)
    GST_DEBUG_OBJECT (self->settings->pad, "%s: without a group it doesn't matter", detail);
  else if (gst_kafka_error_is_refusal (err))
    gst_kafka_consumer_refuse (self, what, topic, err, detail);
  else
    warn_once (self, err, detail);
}

/* --- errors of one partition --- */

static void
refuse_partition (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  const gchar *topic = rd_kafka_topic_name (message->rkt);
  /* The text names the topic, because a pattern or a list may name many topics. */
  g_autofree gchar *detail =
      g_strdup_printf ("topic \"%s\": %s", topic, rd_kafka_message_errstr (message));
  GstKafkaPartition *partition;

  g_mutex_lock (&self->lock);
  partition = gst_kafka_partitions_find (self->partitions, topic, message->partition);
  if (partition)
    partition->refused = TRUE;
  g_mutex_unlock (&self->lock);
  if (partition)
    gst_kafka_consumer_refuse (self, GST_KAFKA_REFUSED_PARTITION, topic, message->err, detail);
}

static void
fail_too_large (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  g_autofree gchar *detail =
      g_strdup_printf ("message %" G_GINT64_FORMAT " of partition %d has %" G_GSIZE_FORMAT
                       " bytes, message-max-bytes allows %" G_GUINT64_FORMAT,
          message->offset, message->partition, message->len, self->settings->message_max_bytes);

  gst_kafka_consumer_fail (self, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, detail);
}

static void
fail_damaged (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  g_autofree gchar *detail =
      g_strdup_printf ("the batch at offset %" G_GINT64_FORMAT
                       " of partition %d of topic \"%s\" is damaged (%s), or "
                       "compressed with zstd and larger than "
                       "message-max-bytes",
          message->offset, message->partition, rd_kafka_topic_name (message->rkt),
          gst_kafka_damage_describe (message));

  gst_kafka_consumer_fail (self, message->err ? message->err : RD_KAFKA_RESP_ERR__BAD_MSG, detail);
}

static void
warn_damaged (GstKafkaConsumer *self, const gchar *topic, gint partition, gint64 from, gint64 good)
{
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (element)
    gst_kafka_damage_warn (element, topic, partition, from, good);
  gst_clear_object (&element);
}

/* with self->lock */
static gint64
get_high (GstKafkaConsumer *self, const GstKafkaPartition *partition)
{
  return gst_kafka_reset_get_high (
      self->rk, partition->topic, partition->partition, partition->high);
}

/* Called with self->lock. Returns TRUE if the damaged batch was skipped, from @from up to before
 * @good. */
static gboolean
go_on_searching (GstKafkaConsumer *self, GstKafkaPartition *partition, gint64 *from, gint64 *good)
{
  partition->heard = g_get_monotonic_time ();
  partition->drained = FALSE;
  gst_kafka_reset_seek (self->rk, partition->topic, partition->partition, partition->damage.tried);
  if (!gst_kafka_damage_take_found (&partition->damage, from, good))
    return FALSE;
  partition->position = *good;
  partition->high = MAX (partition->high, partition->position);
  self->damaged += *good - *from;
  /* The skipped messages count as done, so that the group continues after them. */
  gst_kafka_ledger_add (partition->ledger, *good - 1);
  gst_kafka_ledger_decide (partition->ledger, *good - 1, GST_KAFKA_ACK_DONE, 0);
  return TRUE;
}

/* Called with self->lock. Returns: (nullable): the partition, unless its messages have to be
 * dropped */
static GstKafkaPartition *
find_partition (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  GstKafkaPartition *partition = gst_kafka_partitions_find (
      self->partitions, rd_kafka_topic_name (message->rkt), message->partition);

  return partition && !partition->leaving && !partition->astray ? partition : NULL;
}

static void
take_damage (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  GstKafkaPartition *partition;
  gboolean found = FALSE;
  gint64 from, good;

  GST_INFO_OBJECT (self->settings->pad, "%s", gst_kafka_damage_describe (message));
  if (self->settings->fail_on_damage) {
    fail_damaged (self, message);
    return;
  }
  g_mutex_lock (&self->lock);
  partition = find_partition (self, message);
  if (partition) {
    gst_kafka_damage_note_bad (
        &partition->damage, message->offset, partition->position, get_high (self, partition));
    found = go_on_searching (self, partition, &from, &good);
  }
  g_mutex_unlock (&self->lock);
  if (found)
    warn_damaged (self, rd_kafka_topic_name (message->rkt), message->partition, from, good);
}

/* Handles a message, or a partition's end, that can be read. Returns TRUE if the message was read
 * to find the end of a damaged batch. */
static gboolean
take_sound (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  GstKafkaPartition *partition;
  gboolean searched = FALSE, found = FALSE;
  gint64 from, good;

  g_mutex_lock (&self->lock);
  partition = find_partition (self, message);
  if (partition) {
    partition->heard = g_get_monotonic_time ();
    partition->drained = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    partition->silence_told = FALSE;
    grant_partition (self, partition);
    if (!message->err)
      partition->doubts = 0;
    searched = gst_kafka_damage_is_searched (&partition->damage);
  }
  if (searched) {
    gst_kafka_damage_note_good (&partition->damage, get_high (self, partition));
    found = go_on_searching (self, partition, &from, &good);
  }
  g_mutex_unlock (&self->lock);
  if (found)
    warn_damaged (self, rd_kafka_topic_name (message->rkt), message->partition, from, good);
  return searched || !partition;
}

/* The functions below handle a partition that has been silent for too long, because librdkafka
 * reports nothing about a batch whose magic byte or length is damaged. */

void
gst_kafka_consumer_note_answer (GstKafkaConsumer *self, gboolean answered)
{
  g_mutex_lock (&self->lock);
  if (!answered)
    self->answering = 0;
  else if (!self->answering)
    self->answering = g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);
}

/* Called with self->lock. Returns the time in us in which existing messages could have come and
 * didn't. */
static gint64
get_silence (GstKafkaConsumer *self, const GstKafkaPartition *partition, gint64 now)
{
  gint64 place = gst_kafka_partition_get_place (partition);

  if (partition->leaving || partition->astray || partition->refused || partition->drained ||
      place < 0 || place >= get_high (self, partition) ||
      (partition->end >= 0 && place >= partition->end))
    return 0;
  return now - MAX (partition->heard, MAX (self->empty, self->answering));
}

/* with self->lock */
static gboolean
is_too_silent (GstKafkaConsumer *self, const GstKafkaPartition *partition, gint64 now)
{
  gint64 silence = get_silence (self, partition, now);

  if (gst_kafka_damage_is_searched (&partition->damage))
    return silence >= GST_KAFKA_SEARCH_TIME;
  return silence >= GST_KAFKA_SILENCE_TIME && !partition->silence_told;
}

/* With self->lock. Returns: (nullable): a partition that has been silent for too long */
static GstKafkaPartition *
find_silent (GstKafkaConsumer *self, gint64 now)
{
  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (is_too_silent (self, partition, now))
      return partition;
  }
  return NULL;
}

static void
warn_of_silence (GstKafkaConsumer *self, const gchar *topic, gint partition, gint64 place)
{
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (element)
    gst_kafka_damage_warn_of_silence (element, topic, partition, place);
  gst_clear_object (&element);
}

static void
take_silence (GstKafkaConsumer *self, gint64 now)
{
  GstKafkaPartition *partition;
  g_autofree gchar *topic = NULL;
  gboolean found = FALSE, searched = FALSE;
  gint64 from, good, place = -1;
  gint number = 0;

  g_mutex_lock (&self->lock);
  partition = find_silent (self, now);
  if (partition) {
    topic = g_strdup (partition->topic);
    number = partition->partition;
    place = gst_kafka_partition_get_place (partition);
    searched = gst_kafka_damage_is_searched (&partition->damage);
    partition->silence_told = TRUE;
  }
  if (searched) {
    gst_kafka_damage_note_bad (
        &partition->damage, partition->damage.bad, partition->position, get_high (self, partition));
    found = go_on_searching (self, partition, &from, &good);
  }
  g_mutex_unlock (&self->lock);
  if (found)
    warn_damaged (self, topic, number, from, good);
  else if (topic && !searched)
    warn_of_silence (self, topic, number, place);
}

void
gst_kafka_consumer_look_for_silence (GstKafkaConsumer *self)
{
  gint64 now = g_get_monotonic_time ();
  gboolean answering, left, away = now - self->looked > AWAY_TIME;

  if (self->kept || now - self->looked < G_TIME_SPAN_SECOND)
    return;
  self->looked = now;
  g_mutex_lock (&self->lock);
  answering = self->answering != 0;
  left = !self->queue || rd_kafka_queue_length (self->queue) > 0;
  g_mutex_unlock (&self->lock);
  if (left || away)
    self->empty = 0;
  else if (!self->empty)
    self->empty = now;
  if (self->empty && answering)
    take_silence (self, now);
}

/* Returns TRUE if a message's offset is beyond the partition's end. No CRC covers the first offset
 * of a batch, so only an offset beyond the end shows that the first offset is damaged. librdkafka
 * is asked for the end only once a batch, because each such call takes librdkafka's locks. */
static gboolean
is_beyond (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  GstKafkaPartition *partition;
  gboolean beyond;

  g_mutex_lock (&self->lock);
  partition = find_partition (self, message);
  if (partition && message->offset >= partition->newest)
    partition->newest = get_high (self, partition);
  beyond = partition && partition->newest >= 0 && message->offset >= partition->newest;
  g_mutex_unlock (&self->lock);
  return beyond;
}

/* A new leader may know of fewer messages than the former leader had delivered, so that
 * librdkafka's number of the newest message falls while messages wait in the queue. Returns TRUE if
 * the message is fetched again, together with the number of the newest message from the same
 * leader. */
static gboolean
fetch_again (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  GstKafkaPartition *partition;
  gboolean again;

  g_mutex_lock (&self->lock);
  partition = find_partition (self, message);
  again = partition && !gst_kafka_damage_is_searched (&partition->damage) &&
          gst_kafka_partition_get_place (partition) >= 0 && partition->doubts++ < MAX_DOUBTS;
  if (again) {
    GST_DEBUG_OBJECT (self->settings->pad,
        "message %" G_GINT64_FORMAT " of partition %d of %s lies beyond the newest one: again",
        message->offset, partition->partition, partition->topic);
    gst_kafka_reset_seek (self->rk, partition->topic, partition->partition,
        gst_kafka_partition_get_place (partition));
  }
  g_mutex_unlock (&self->lock);
  return again;
}

static void
take_beyond (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  if (!fetch_again (self, message))
    take_damage (self, message);
}

gboolean
gst_kafka_consumer_take_trouble (GstKafkaConsumer *self, const rd_kafka_message_t *message)
{
  switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      if (is_beyond (self, message))
        take_beyond (self, message);
      else if (message->len <= self->settings->message_max_bytes)
        return take_sound (self, message);
      else
        fail_too_large (self, message);
      return TRUE;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      return take_sound (self, message);
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return FALSE;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      refuse_partition (self, message);
      return TRUE;
    default:
      if (gst_kafka_damage_is_error (message->err))
        take_damage (self, message);
      else
        gst_kafka_consumer_take_error (self, message->err, NULL, rd_kafka_message_errstr (message));
      return TRUE;
  }
}
