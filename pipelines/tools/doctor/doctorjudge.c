/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctorjudge.h"

#include <math.h>
#include <string.h>

#define ALTER "kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config %s"
/* Smallest difference (s) of clocks that is reported; smaller ones remain even with NTP. */
#define CLOCK_WARN 0.5
#define CLOCK_BAD 5.0
/* The session.timeout.ms of kafkasrc, ms, unless its client-properties set another value. */
#define SESSION_TIMEOUT 6000
/* Largest size (bytes) of the commit metadata that kafkasrc writes. */
#define OFFSET_METADATA 4096

/* Reads a setting. Returns FALSE if the setting is missing, or isn't a number. */
static gboolean
read_number (GHashTable *config, const gchar *name, gint64 *number)
{
  const gchar *text = config ? g_hash_table_lookup (config, name) : NULL;

  return text && g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, number, NULL);
}

/* (nullable) */
static const gchar *
read_text (GHashTable *config, const gchar *name)
{
  return config ? g_hash_table_lookup (config, name) : NULL;
}

static gchar *
alter (const DoctorTopic *topic, const gchar *name, gint64 value)
{
  g_autofree gchar *setting = g_strdup_printf ("%s=%" G_GINT64_FORMAT, name, value);

  return g_strdup_printf (ALTER ".", topic->name, setting);
}

static gchar *
about (const DoctorTopic *topic)
{
  return g_strdup_printf ("topic %s", topic->name);
}

/* --- partitions and their copies --- */

static void
judge_partitions (const DoctorTopic *topic, const DoctorWish *wish, DoctorFindings *findings)
{
  g_autofree gchar *name = about (topic);
  g_autofree gchar *todo = g_strdup_printf (
      "kafka-topics.sh --alter --topic %s --partitions %d.", topic->name, wish->replicas);

  if (topic->partitions < wish->replicas)
    doctor_add (findings, DOCTOR_BAD, name,
        "A partition is read by one replica, so the others get nothing.", todo,
        "It has %d partition%s for %d replicas.", topic->partitions,
        topic->partitions == 1 ? "" : "s", wish->replicas);
  else if (wish->replicas)
    doctor_add (findings, DOCTOR_GOOD, name, NULL, NULL, "%d partition%s, enough for %d replica%s.",
        topic->partitions, topic->partitions == 1 ? "" : "s", wish->replicas,
        wish->replicas == 1 ? "" : "s");
}

static void
judge_leaders (const DoctorTopic *topic, DoctorFindings *findings)
{
  g_autofree gchar *name = about (topic);

  if (topic->leaderless)
    doctor_add (findings, DOCTOR_BAD, name,
        "The messages in these partitions can't be read, and no message can be written to them.",
        "Start the brokers that hold them; kafka-topics.sh --describe --unavailable-partitions "
        "names them.",
        "%d of %d partitions have no leader.", topic->leaderless, topic->partitions);
}

static void
judge_minimum (const DoctorTopic *topic, gint64 least, DoctorFindings *findings)
{
  g_autofree gchar *name = about (topic);
  g_autofree gchar *todo = alter (topic, "min.insync.replicas", MAX (topic->copies - 1, 1));

  if (least > topic->copies)
    doctor_add (findings, DOCTOR_BAD, name, "With acks=all no message is ever accepted.", todo,
        "min.insync.replicas is %" G_GINT64_FORMAT ", but it has only %d cop%s.", least,
        topic->copies, topic->copies == 1 ? "y" : "ies");
  else if (least > topic->in_sync)
    doctor_add (findings, DOCTOR_BAD, name, "With acks=all no message is accepted now.",
        "Start the brokers that are away.",
        "min.insync.replicas is %" G_GINT64_FORMAT ", but only %d cop%s in sync.", least,
        topic->in_sync, topic->in_sync == 1 ? "y is" : "ies are");
  else if (least == topic->copies && least > 1)
    doctor_add (findings, DOCTOR_WARN, name, "A single broker that is away stops all writes.", todo,
        "min.insync.replicas is %" G_GINT64_FORMAT ", as many as it has copies.", least);
}

static void
judge_copies (const DoctorTopic *topic, const DoctorWish *wish, DoctorFindings *findings)
{
  g_autofree gchar *name = about (topic);
  gint64 least;

  if (wish->writes && wish->acks_all && read_number (topic->config, "min.insync.replicas", &least))
    judge_minimum (topic, least, findings);
  if (topic->copies == 1 && topic->brokers > 1)
    doctor_add (findings, DOCTOR_WARN, name,
        "If a broker is lost, the messages that only it has are lost too.",
        "Create it with --replication-factor 3 (kafka-reassign-partitions.sh for one that is "
        "there).",
        "The topic has one copy, although there are %d brokers.", topic->brokers);
  else if (topic->in_sync < topic->copies && !topic->leaderless)
    doctor_add (findings, DOCTOR_WARN, name,
        "The topic survives fewer failures of brokers than it should.",
        "Start the brokers that are away, or wait until they have caught up.",
        "Only %d of %d copies are in sync.", topic->in_sync, topic->copies);
  if (g_strcmp0 (read_text (topic->config, "unclean.leader.election.enable"), "true") == 0)
    doctor_add (findings, DOCTOR_WARN, name,
        "A broker that lacks messages may become leader, and these are lost.",
        "Set unclean.leader.election.enable=false.", "unclean.leader.election.enable is on.");
}

/* --- sizes --- */

static void
judge_written_size (
    const DoctorTopic *topic, guint64 writes, gint64 limit, DoctorFindings *findings)
{
  g_autofree gchar *name = about (topic);
  g_autofree gchar *todo = alter (topic, "max.message.bytes", (gint64) writes);

  if (writes > (guint64) limit)
    doctor_add (findings, DOCTOR_BAD, name, "A frame between these sizes is refused.", todo,
        "max.message.bytes is %" G_GINT64_FORMAT ", but a stage may send %" G_GUINT64_FORMAT
        " bytes (message-max-bytes).",
        limit, writes);
  else
    doctor_add (findings, DOCTOR_GOOD, name, NULL, NULL,
        "The topic takes messages of %" G_GINT64_FORMAT " bytes.", limit);
}

static void
judge_sizes (const DoctorTopic *topic, const DoctorWish *wish, DoctorFindings *findings)
{
  g_autofree gchar *name = about (topic);
  gint64 limit;

  if (!read_number (topic->config, "max.message.bytes", &limit))
    return;
  if (wish->writes)
    judge_written_size (topic, wish->writes, limit, findings);
  if (wish->reads && (guint64) limit > wish->reads)
    doctor_add (findings, DOCTOR_WARN, name, "A larger message ends the reader with an error.",
        "Raise message-max-bytes of kafkasrc (SOURCE_OPTIONS), or lower max.message.bytes.",
        "max.message.bytes is %" G_GINT64_FORMAT ", but a stage reads at most %" G_GUINT64_FORMAT
        " bytes.",
        limit, wish->reads);
}

/* --- retention of messages --- */

static gchar *
span (gint64 s)
{
  if (s % 86400 == 0 && s)
    return g_strdup_printf ("%" G_GINT64_FORMAT " d", s / 86400);
  if (s % 3600 == 0 && s)
    return g_strdup_printf ("%" G_GINT64_FORMAT " h", s / 3600);
  return g_strdup_printf ("%" G_GINT64_FORMAT " s", s);
}

static void
judge_keeping (
    const DoctorTopic *topic, const DoctorWish *wish, gint64 retention, DoctorFindings *findings)
{
  g_autofree gchar *name = about (topic);
  g_autofree gchar *todo = alter (topic, "retention.ms", wish->keep * 1000);
  g_autofree gchar *time = span (MAX (retention, 0) / 1000);
  g_autofree gchar *is = retention < 0 ? g_strdup ("for ever") : g_strconcat ("for ", time, NULL);
  g_autofree gchar *wanted = span (MAX (wish->keep, 0));

  if (wish->keep < 0)
    doctor_add (
        findings, DOCTOR_NOTE, name, NULL, NULL, "It keeps messages %s (retention.ms).", is);
  else if (retention == wish->keep * 1000)
    doctor_add (findings, DOCTOR_GOOD, name, NULL, NULL, "It keeps messages %s, as set.", is);
  else
    doctor_add (findings, DOCTOR_WARN, name,
        retention >= 0 && retention < wish->keep * 1000
            ? "Messages are deleted earlier than they should be."
            : "Messages are kept longer than they should be.",
        todo, "It keeps messages %s, but %s says %s.", is, wish->how, wanted);
}

static void
judge_spool (
    const DoctorTopic *topic, const DoctorWish *wish, gint64 retention, DoctorFindings *findings)
{
  g_autofree gchar *name = about (topic);
  g_autofree gchar *is = span (retention / 1000);

  if (wish->spooled >= 0 && retention >= 0 &&
      (wish->spooled == 0 || wish->spooled * 1000 > retention))
    doctor_add (findings, DOCTOR_NOTE, name,
        "Kafka deletes by the time of capture: what a spool sends later than that is deleted at "
        "once.",
        "Raise retention.ms above the longest outage, or set spool-time (SINK_OPTIONS) below it.",
        "It keeps messages for %s, and the spool may keep them longer.", is);
}

static void
judge_retention (const DoctorTopic *topic, const DoctorWish *wish, DoctorFindings *findings)
{
  const gchar *policy = read_text (topic->config, "cleanup.policy");
  g_autofree gchar *name = about (topic);
  gint64 retention;

  if (policy && strstr (policy, "compact") && wish->writes && wish->keyless)
    doctor_add (findings, DOCTOR_BAD, name, "A compacted topic refuses messages without a key.",
        "Set cleanup.policy=delete, or key (SINK_OPTIONS).", "Its cleanup.policy is %s.", policy);
  if (policy && !strstr (policy, "delete"))
    retention = -1;
  else if (!read_number (topic->config, "retention.ms", &retention))
    return;
  judge_keeping (topic, wish, retention, findings);
  judge_spool (topic, wish, retention, findings);
}

void
doctor_judge_topic (const DoctorTopic *topic, const DoctorWish *wish, DoctorFindings *findings)
{
  g_autofree gchar *name = about (topic);

  judge_partitions (topic, wish, findings);
  judge_leaders (topic, findings);
  judge_copies (topic, wish, findings);
  if (!topic->config) {
    doctor_add (findings, DOCTOR_NOTE, name, NULL,
        "Grant DescribeConfigs on the topic to have its size and retention tested.",
        "The user may not ask for the topic's settings, so size and retention aren't tested.");
    return;
  }
  judge_sizes (topic, wish, findings);
  judge_retention (topic, wish, findings);
}

/* --- brokers --- */

static void
judge_sessions (const gchar *name, GHashTable *config, DoctorFindings *findings)
{
  gint64 least, bytes;

  if (read_number (config, "group.min.session.timeout.ms", &least) && least > SESSION_TIMEOUT)
    doctor_add (findings, DOCTOR_BAD, name,
        "Kafka refuses the session timeout of the stages, so no stage can join its consumer group.",
        "Lower it to 6000, or set session.timeout.ms in KAFKA_CONFIG.",
        "group.min.session.timeout.ms is %" G_GINT64_FORMAT ", above the stages' %d.", least,
        SESSION_TIMEOUT);
  if (read_number (config, "offset.metadata.max.bytes", &bytes) && bytes < OFFSET_METADATA)
    doctor_add (findings, DOCTOR_WARN, name,
        "More frames may be counted again after a restart, and a bad one is found later.",
        "Set offset.metadata.max.bytes=4096, the default.",
        "offset.metadata.max.bytes is %" G_GINT64_FORMAT ".", bytes);
}

void
doctor_judge_broker (const gchar *name, GHashTable *config, gint brokers, gboolean sessions,
    DoctorFindings *findings)
{
  gint64 copies, fetch, largest;

  if (sessions)
    judge_sessions (name, config, findings);
  if (sessions && read_number (config, "offsets.topic.replication.factor", &copies) &&
      copies > brokers)
    doctor_add (findings, DOCTOR_BAD, name,
        "The topic of the groups' offsets can't be made, so no stage joins its group.",
        "Lower it, or start more brokers.",
        "offsets.topic.replication.factor is %" G_GINT64_FORMAT ", but there %s %d broker%s.",
        copies, brokers == 1 ? "is" : "are", brokers, brokers == 1 ? "" : "s");
  if (brokers > 1 && read_number (config, "replica.fetch.max.bytes", &fetch) &&
      read_number (config, "message.max.bytes", &largest) && fetch < largest)
    doctor_add (findings, DOCTOR_WARN, name,
        "Copies of large frames are fetched one by one, and fall behind.",
        "Set replica.fetch.max.bytes to at least message.max.bytes.",
        "replica.fetch.max.bytes is %" G_GINT64_FORMAT
        ", below message.max.bytes (%" G_GINT64_FORMAT ").",
        fetch, largest);
}

gboolean
doctor_is_own_host (const gchar *host)
{
  return g_ascii_strcasecmp (host, "localhost") == 0 || g_str_has_prefix (host, "127.") ||
         g_str_equal (host, "::1") || g_str_equal (host, "0.0.0.0") || g_str_equal (host, "::");
}

/* --- clocks --- */

void
doctor_judge_clock (const gchar *name, gdouble behind, gdouble slack, DoctorFindings *findings)
{
  gdouble least = MAX (fabs (behind) - slack, 0);
  DoctorLevel level = least < CLOCK_WARN  ? DOCTOR_GOOD
                      : least < CLOCK_BAD ? DOCTOR_WARN
                                          : DOCTOR_BAD;

  if (level == DOCTOR_GOOD)
    doctor_add (findings, level, name, NULL, NULL, "The clock agrees with that of this machine.");
  else
    doctor_add (findings, level, name, "Ages of frames, max-age and expiry are wrong by as much.",
        "Run NTP (chrony, systemd-timesyncd) on both.", "Its clock is %.1f s %s this one.", least,
        behind > 0 ? "behind" : "ahead of");
}

void
doctor_judge_newest (const gchar *name, gdouble ahead, DoctorFindings *findings)
{
  if (ahead < CLOCK_WARN)
    return;
  doctor_add (findings, ahead < CLOCK_BAD ? DOCTOR_WARN : DOCTOR_BAD, name,
      "Either the clock of its sender or this one is wrong: ages, max-age and retention are wrong "
      "by as much.",
      "Run NTP (chrony, systemd-timesyncd) on both.", "Its newest message is from %.1f s from now.",
      ahead);
}

/* --- the database --- */

void
doctor_judge_concern (gint w, gint members, DoctorFindings *findings)
{
  const gchar *why = "No write is ever acknowledged.";
  const gchar *todo = "Correct w in the connection string (MONGODB_URI), or add servers.";

  if (members == 0 && w > 1)
    doctor_add (findings, DOCTOR_BAD, "database", why, todo,
        "The write concern is w=%d, but the server is no replica set.", w);
  else if (members && w > members)
    doctor_add (findings, DOCTOR_BAD, "database", why, todo,
        "The write concern is w=%d, but the replica set has %d member%s.", w, members,
        members == 1 ? "" : "s");
  else if (w == 1 && members > 1)
    doctor_add (findings, DOCTOR_WARN, "database",
        "A document that is only on a server that is lost is lost.",
        "Remove w=1 from the connection string: the default is majority.",
        "The write concern is w=1, although the replica set has %d members.", members);
}

/* --- the disk --- */

void
doctor_judge_room (
    const gchar *name, guint64 free, guint64 bound, guint64 used, DoctorFindings *findings)
{
  guint64 wanted = bound > used ? bound - used : 0;
  g_autofree gchar *room = g_format_size (free), *whole = g_format_size (bound);

  if (bound == 0)
    doctor_add (findings, DOCTOR_WARN, name,
        "The spool may fill the disk for all programs that use it.",
        "Set spool-bytes (SINK_OPTIONS).", "spool-bytes is 0, and the disk has %s.", room);
  else if (free < wanted)
    doctor_add (findings, DOCTOR_BAD, name,
        "The oldest frames of an outage are dropped earlier than spool-bytes says.",
        "Free the disk, take a larger one, or lower spool-bytes (SINK_OPTIONS).",
        "The disk has %s free, but spool-bytes is %s.", room, whole);
  else if (free < wanted + bound)
    doctor_add (findings, DOCTOR_WARN, name,
        "A damaged file stays beside the new one, which then has too little room.",
        "Keep twice spool-bytes free.", "The disk has %s free, and spool-bytes is %s.", room,
        whole);
  else
    doctor_add (
        findings, DOCTOR_GOOD, name, NULL, NULL, "The disk has %s free for %s.", room, whole);
}
