/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <json-glib/json-glib.h>

#include "doctorfindings.h"
#include "doctorjudge.h"
#include "doctorrun.h"

static GHashTable *
make_config (const gchar *first, ...)
{
  GHashTable *config = g_hash_table_new (g_str_hash, g_str_equal);
  va_list list;

  va_start (list, first);
  for (const gchar *name = first; name; name = va_arg (list, const gchar *))
    g_hash_table_insert (config, (gpointer) name, va_arg (list, gpointer));
  va_end (list);
  return config;
}

/* Returns a topic without a fault, with three copies on three brokers. */
static DoctorTopic
good_topic (GHashTable *config)
{
  return (DoctorTopic){"camera", 3, 12, 3, 3, 0, config};
}

static DoctorWish
good_wish (void)
{
  return (DoctorWish){10, 1000000, 134217728, TRUE, TRUE, 3600, -1, "KEEP_FRAMES"};
}

/* Checks that the findings contain @text at the level @level; if @text is NULL, that no finding is
 * worse than a note. */
static void
expect (DoctorFindings *findings, const gchar *level, const gchar *text)
{
  g_autofree gchar *all = doctor_findings_to_text (findings, DOCTOR_GOOD);
  g_auto (GStrv) lines = g_strsplit (all, "\n", -1);
  gboolean found = !text && !doctor_findings_have (findings, DOCTOR_WARN);

  for (guint i = 0; text && lines[i]; i++)
    found |= g_str_has_prefix (lines[i], level) && strstr (lines[i], text);
  fail_unless (found, "no %s \"%s\" in:\n%s", level, text, all);
}

static void
expect_topic (
    const DoctorTopic *topic, const DoctorWish *wish, const gchar *level, const gchar *text)
{
  g_autoptr (DoctorFindings) findings = doctor_findings_new ();

  doctor_judge_topic (topic, wish, findings);
  expect (findings, level, text);
}

GST_START_TEST (test_topic)
{
  g_autoptr (GHashTable) config = make_config ("max.message.bytes", "8388608", "retention.ms",
      "3600000", "cleanup.policy", "delete", "min.insync.replicas", "2", NULL);
  DoctorTopic topic = good_topic (config);
  DoctorWish wish = good_wish ();

  expect_topic (&topic, &wish, NULL, NULL);
  wish.replicas = 13;
  expect_topic (&topic, &wish, "bad", "12 partitions for 13 replicas");
  wish = good_wish ();
  topic.leaderless = 1;
  expect_topic (&topic, &wish, "bad", "1 of 12 partitions have no leader");
  topic = good_topic (config);
  topic.in_sync = 2;
  expect_topic (&topic, &wish, "warn", "Only 2 of 3 copies are in sync");
  topic.in_sync = 1;
  expect_topic (&topic, &wish, "bad", "only 1 copy is in sync");
  wish.acks_all = FALSE;
  expect_topic (&topic, &wish, "warn", "Only 1 of 3");
  wish = good_wish ();
  topic.copies = topic.in_sync = 2;
  expect_topic (&topic, &wish, "warn", "as many as it has copies");
  topic.copies = topic.in_sync = 1;
  expect_topic (&topic, &wish, "bad", "but it has only 1 copy");
  expect_topic (&topic, &wish, "warn", "one copy, although there are 3 brokers");
  topic = good_topic (NULL);
  expect_topic (&topic, &wish, "note", "may not ask");
}
GST_END_TEST;

GST_START_TEST (test_topic_settings)
{
  g_autoptr (GHashTable) config = make_config (
      "max.message.bytes", "1048588", "retention.ms", "3600000", "cleanup.policy", "delete", NULL);
  DoctorTopic topic = good_topic (config);
  DoctorWish wish = good_wish ();

  wish.writes = 8000000;
  expect_topic (&topic, &wish, "bad", "a stage may send 8000000 bytes");
  wish = good_wish ();
  wish.reads = 1000000;
  expect_topic (&topic, &wish, "warn", "a stage reads at most 1000000 bytes");
  wish = good_wish ();
  wish.spooled = 0;
  expect_topic (&topic, &wish, "note", "the spool may keep them longer");
  wish.spooled = 3600;
  expect_topic (&topic, &wish, NULL, NULL);
  wish.spooled = -1;
  wish.keep = 3601;
  expect_topic (&topic, &wish, "warn", "KEEP_FRAMES says 3601 s. Messages are deleted earlier");
  wish.keep = 60;
  expect_topic (&topic, &wish, "warn", "Messages are kept longer");
  wish.keep = -1;
  expect_topic (&topic, &wish, "note", "It keeps messages for 1 h");
  g_hash_table_insert (config, "retention.ms", "-1");
  wish.keep = 3600;
  expect_topic (&topic, &wish, "warn", "It keeps messages for ever, but KEEP_FRAMES says 1 h");
  g_hash_table_insert (config, "cleanup.policy", "compact");
  expect_topic (&topic, &wish, "bad", "cleanup.policy is compact");
  wish.keyless = FALSE;
  expect_topic (&topic, &wish, "warn", "for ever");
  g_hash_table_insert (config, "retention.ms", "many");
  g_hash_table_insert (config, "cleanup.policy", "delete");
  g_hash_table_insert (config, "max.message.bytes", "");
  expect_topic (&topic, &wish, NULL, NULL);
  g_hash_table_insert (config, "unclean.leader.election.enable", "true");
  expect_topic (&topic, &wish, "warn", "unclean");
}
GST_END_TEST;

static void
expect_broker (const gchar *name, const gchar *value, gint brokers, gboolean sessions,
    const gchar *level, const gchar *text)
{
  g_autoptr (GHashTable) config =
      make_config ("offsets.topic.replication.factor", "3", "group.min.session.timeout.ms", "6000",
          "replica.fetch.max.bytes", "1048576", "message.max.bytes", "1048588", NULL);
  g_autoptr (DoctorFindings) findings = doctor_findings_new ();

  g_hash_table_insert (config, "replica.fetch.max.bytes", "1048588");
  if (name)
    g_hash_table_insert (config, (gpointer) name, (gpointer) value);
  doctor_judge_broker ("broker 1", config, brokers, sessions, findings);
  expect (findings, level, text);
}

GST_START_TEST (test_broker)
{
  expect_broker (NULL, NULL, 3, TRUE, NULL, NULL);
  expect_broker (NULL, NULL, 2, TRUE, "bad", "there are 2 brokers");
  expect_broker (NULL, NULL, 1, TRUE, "bad", "there is 1 broker");
  expect_broker (NULL, NULL, 1, FALSE, NULL, NULL);
  expect_broker ("group.min.session.timeout.ms", "6001", 3, TRUE, "bad", "6001, above");
  expect_broker ("message.max.bytes", "9000000", 3, TRUE, "warn", "below message.max.bytes");
  expect_broker ("offset.metadata.max.bytes", "100", 3, TRUE, "warn", "offset.metadata");
}
GST_END_TEST;

GST_START_TEST (test_own_host)
{
  fail_unless (doctor_is_own_host ("LOCALHOST") && doctor_is_own_host ("127.0.1.1") &&
               doctor_is_own_host ("::1") && doctor_is_own_host ("0.0.0.0"));
  fail_if (doctor_is_own_host ("kafka") || doctor_is_own_host ("10.0.0.1") ||
           doctor_is_own_host ("") || doctor_is_own_host ("localhost.example.org"));
}
GST_END_TEST;

static void
expect_clock (gdouble behind, gdouble slack, const gchar *level, const gchar *text)
{
  g_autoptr (DoctorFindings) findings = doctor_findings_new ();

  doctor_judge_clock ("database", behind, slack, findings);
  expect (findings, level, text);
}

GST_START_TEST (test_clock)
{
  g_autoptr (DoctorFindings) findings = doctor_findings_new ();

  expect_clock (0.3, 0, "good", "agrees");
  expect_clock (-0.3, 0, "good", "agrees");
  expect_clock (3, 2.8, "good", "agrees");
  expect_clock (2, 0.1, "warn", "1.9 s behind");
  expect_clock (-8, 1, "bad", "7.0 s ahead of");
  doctor_judge_newest ("topic camera", -3600, findings);
  doctor_judge_newest ("topic camera", 0.2, findings);
  fail_if (doctor_findings_have (findings, DOCTOR_NOTE));
  doctor_judge_newest ("topic camera", 1, findings);
  expect (findings, "warn", "1.0 s from now");
  doctor_judge_newest ("topic camera", 3600, findings);
  expect (findings, "bad", "3600.0 s from now");
}
GST_END_TEST;

static void
expect_concern (gint w, gint members, const gchar *level, const gchar *text)
{
  g_autoptr (DoctorFindings) findings = doctor_findings_new ();

  doctor_judge_concern (w, members, findings);
  expect (findings, level, text);
}

GST_START_TEST (test_concern)
{
  expect_concern (-3, 0, NULL, NULL);
  expect_concern (-3, 3, NULL, NULL);
  expect_concern (1, 0, NULL, NULL);
  expect_concern (2, 0, "bad", "w=2, but the server is no replica set");
  expect_concern (3, 3, NULL, NULL);
  expect_concern (4, 3, "bad", "has 3 members");
  expect_concern (1, 3, "warn", "w=1, although");
}
GST_END_TEST;

static void
expect_room (guint64 free, guint64 bound, guint64 used, const gchar *level, const gchar *text)
{
  g_autoptr (DoctorFindings) findings = doctor_findings_new ();

  doctor_judge_room ("spool", free, bound, used, findings);
  expect (findings, level, text);
}

GST_START_TEST (test_room)
{
  expect_room (2000, 1000, 0, "good", "free");
  expect_room (1999, 1000, 0, "warn", "free");
  expect_room (999, 1000, 0, "bad", "free");
  expect_room (999, 1000, 500, "warn", "free");
  expect_room (1000, 1000, 1000, "good", "free");
  expect_room (1000, 1000, 2000, "good", "free");
  expect_room (G_MAXUINT64, 0, 0, "warn", "spool-bytes is 0");
}
GST_END_TEST;

GST_START_TEST (test_findings)
{
  g_autoptr (DoctorFindings) findings = doctor_findings_new ();
  g_autoptr (DoctorFindings) more = doctor_findings_new ();
  g_autoptr (JsonNode) node = NULL;
  g_autofree gchar *text = NULL, *json = NULL;

  fail_unless_equals_int (doctor_findings_get_exit_code (findings), 0);
  doctor_add (findings, DOCTOR_NOTE, "a", NULL, NULL, "note");
  fail_unless_equals_int (doctor_findings_get_exit_code (findings), 0);
  doctor_add (more, DOCTOR_WARN, "b\nbad  c", "why", "do", "\033[2J%s", "\xff\"");
  doctor_findings_move (findings, more);
  fail_unless_equals_int (doctor_findings_get_exit_code (findings), 1);
  fail_unless_equals_int (doctor_findings_get_exit_code (more), 0);
  text = doctor_findings_to_text (findings, DOCTOR_WARN);
  fail_unless_equals_string (text, "warn  b bad  c: [2J\357\277\275\" why To do: do\n0 good, 1 to "
                                   "note, 1 to mend soon, 0 bad\n");
  json = doctor_findings_to_json (findings);
  node = json_from_string (json, NULL);
  fail_unless (node && JSON_NODE_HOLDS_OBJECT (node), "%s", json);
  doctor_add (findings, DOCTOR_BAD, "d", "why", "do", "bad");
  fail_unless_equals_int (doctor_findings_get_exit_code (findings), 2);
}
GST_END_TEST;

/* --- bounds --- */

static GMutex held;

static void
hang (gpointer data, DoctorFindings *findings)
{
  g_mutex_lock (&held);
  doctor_add (findings, DOCTOR_BAD, "late", NULL, NULL, "late");
  g_mutex_unlock (&held);
}

static void
find (gpointer data, DoctorFindings *findings)
{
  doctor_add (findings, DOCTOR_GOOD, "x", NULL, NULL, "%s", (const gchar *) data);
}

GST_START_TEST (test_bound)
{
  g_autoptr (DoctorFindings) findings = doctor_findings_new ();

  fail_unless (doctor_run ("fast", 60, find, (gpointer) "found", findings));
  expect (findings, "good", "x: found");
  g_mutex_lock (&held);
  fail_if (doctor_run ("slow", 1, hang, NULL, findings));
  g_mutex_unlock (&held);
  expect (findings, "bad", "slow: The test hasn't ended within 1 s");
}
GST_END_TEST;

static Suite *
doctor_suite (void)
{
  Suite *suite = suite_create ("doctor");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_topic);
  tcase_add_test (tcase, test_topic_settings);
  tcase_add_test (tcase, test_broker);
  tcase_add_test (tcase, test_own_host);
  tcase_add_test (tcase, test_clock);
  tcase_add_test (tcase, test_concern);
  tcase_add_test (tcase, test_room);
  tcase_add_test (tcase, test_findings);
  tcase_add_test (tcase, test_bound);
  return suite;
}

GST_CHECK_MAIN (doctor);
