/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>

#include "src/partitions/gstkafkaheld.h"
#include "src/partitions/gstkafkaledger.h"
#include "src/partitions/gstkafkalog.h"
#include "src/partitions/gstkafkapartitions.h"
#include "src/partitions/gstkafkasuspicion.h"

GST_DEBUG_CATEGORY (gst_kafka_src_debug); /* of the sources that log */

#define SECOND G_USEC_PER_SEC

static const GstKafkaFlow quiet = {0, 0};

static GstKafkaLedger *
ledger_of (guint first, guint n)
{
  GstKafkaLedger *ledger = gst_kafka_ledger_new ();

  for (guint i = 0; i < n; i++)
    gst_kafka_ledger_add (ledger, first + i);
  return ledger;
}

GST_START_TEST (test_only_messages_before_the_first_undecided_one_are_committed)
{
  GstKafkaLedger *ledger = ledger_of (5, 3);

  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &quiet, 0), -1);
  gst_kafka_ledger_decide (ledger, 6, GST_KAFKA_ACK_DONE, 0);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &quiet, 0), -1);
  gst_kafka_ledger_decide (ledger, 5, GST_KAFKA_ACK_DONE, 0);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, NULL, 0), 7);
  fail_unless_equals_int (gst_kafka_ledger_get_pending (ledger), 1);
  gst_kafka_ledger_unref (ledger);
}
GST_END_TEST;

GST_START_TEST (test_the_ledger_ignores_gaps_and_offsets_that_it_does_not_know)
{
  GstKafkaLedger *ledger = gst_kafka_ledger_new ();

  gst_kafka_ledger_add (ledger, 10);
  gst_kafka_ledger_add (ledger, 20);
  gst_kafka_ledger_add (ledger, 20);
  gst_kafka_ledger_add (ledger, 15);
  gst_kafka_ledger_decide (ledger, 11, GST_KAFKA_ACK_FAILED, 0);
  gst_kafka_ledger_decide (ledger, 15, GST_KAFKA_ACK_FAILED, 0);
  gst_kafka_ledger_decide (ledger, 10, GST_KAFKA_ACK_DONE, 0);
  gst_kafka_ledger_decide (ledger, 20, GST_KAFKA_ACK_DONE, 0);
  gst_kafka_ledger_decide (ledger, 20, GST_KAFKA_ACK_FAILED, 0);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &quiet, 0), 21);
  fail_unless_equals_int64 (gst_kafka_ledger_get_failed (ledger), -1);
  fail_unless_equals_int (gst_kafka_ledger_get_pending (ledger), 0);
  gst_kafka_ledger_unref (ledger);
}
GST_END_TEST;

GST_START_TEST (test_a_failed_message_stops_the_commits)
{
  GstKafkaLedger *ledger = ledger_of (0, 3);

  gst_kafka_ledger_decide (ledger, 2, GST_KAFKA_ACK_DONE, 0);
  gst_kafka_ledger_decide (ledger, 1, GST_KAFKA_ACK_FAILED, 0);
  gst_kafka_ledger_decide (ledger, 0, GST_KAFKA_ACK_DONE, 0);
  gst_kafka_ledger_add (ledger, 3);
  gst_kafka_ledger_decide (ledger, 3, GST_KAFKA_ACK_DONE, 0);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &quiet, 100 * SECOND), 1);
  fail_unless_equals_int64 (gst_kafka_ledger_get_failed (ledger), 1);
  gst_kafka_ledger_unref (ledger);
}
GST_END_TEST;

GST_START_TEST (test_a_parked_message_is_done_after_a_time_and_a_push)
{
  GstKafkaLedger *ledger = ledger_of (0, 1);
  GstKafkaFlow flow = {.pushed = 1 * SECOND, .playing = 0};

  gst_kafka_ledger_decide (ledger, 0, GST_KAFKA_ACK_UNDECIDED, 2 * SECOND);
  fail_unless_equals_int (gst_kafka_ledger_get_parked (ledger), 1);
  /* it isn't done if only time passes, if only a later buffer is pushed, or if both happen in
   * PAUSED */
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &flow, 9 * SECOND), -1);
  flow.pushed = 3 * SECOND;
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &flow, 4 * SECOND - 1), -1);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, NULL, 9 * SECOND), -1);
  /* after a pause the 2 s begin again */
  flow.playing = 8 * SECOND;
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &flow, 9 * SECOND), -1);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &flow, 10 * SECOND), 1);
  fail_unless_equals_int (gst_kafka_ledger_get_parked (ledger), 0);
  gst_kafka_ledger_unref (ledger);
}
GST_END_TEST;

GST_START_TEST (test_flush_marks_parked_messages_failed)
{
  GstKafkaLedger *ledger = ledger_of (0, 3);
  GstKafkaFlow flow = {.pushed = 50 * SECOND, .playing = 0};

  gst_kafka_ledger_decide (ledger, 0, GST_KAFKA_ACK_DONE, 0);
  gst_kafka_ledger_decide (ledger, 1, GST_KAFKA_ACK_UNDECIDED, 0);
  gst_kafka_ledger_fail_parked (ledger);
  gst_kafka_ledger_decide (ledger, 2, GST_KAFKA_ACK_DONE, 0);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &flow, 99 * SECOND), 1);
  fail_unless_equals_int64 (gst_kafka_ledger_get_failed (ledger), 1);
  gst_kafka_ledger_unref (ledger);
}
GST_END_TEST;

GST_START_TEST (test_clean_end_marks_parked_messages_done)
{
  GstKafkaLedger *ledger = ledger_of (0, 4);

  gst_kafka_ledger_decide (ledger, 0, GST_KAFKA_ACK_UNDECIDED, 0);
  gst_kafka_ledger_decide (ledger, 2, GST_KAFKA_ACK_UNDECIDED, 0);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, NULL, 0), -1);
  gst_kafka_ledger_end (ledger);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, NULL, 0), 1);
  fail_unless_equals_int (gst_kafka_ledger_get_parked (ledger), 0);
  /* after the end, a message that its sink has kept as last sample is done too, but not one that
   * its sink marks failed */
  gst_kafka_ledger_decide (ledger, 1, GST_KAFKA_ACK_UNDECIDED, 0);
  gst_kafka_ledger_decide (ledger, 3, GST_KAFKA_ACK_FAILED, 0);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, NULL, 0), 3);
  fail_unless_equals_int64 (gst_kafka_ledger_get_failed (ledger), 3);
  gst_kafka_ledger_unref (ledger);
}
GST_END_TEST;

GST_START_TEST (test_messages_parked_after_a_flush_are_not_done_by_an_earlier_end)
{
  GstKafkaLedger *ledger = ledger_of (0, 2);

  gst_kafka_ledger_end (ledger);
  gst_kafka_ledger_decide (ledger, 0, GST_KAFKA_ACK_UNDECIDED, 0);
  gst_kafka_ledger_fail_parked (ledger);
  gst_kafka_ledger_decide (ledger, 1, GST_KAFKA_ACK_UNDECIDED, 0);
  fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, NULL, 0), 1);
  fail_unless_equals_int (gst_kafka_ledger_get_parked (ledger), 1);
  gst_kafka_ledger_unref (ledger);
}
GST_END_TEST;

GST_START_TEST (test_the_ledger_works_on_with_100_000_messages)
{
  GstKafkaLedger *ledger = gst_kafka_ledger_new ();
  gint64 offset;

  /* of each 100 messages the last one is decided first */
  for (offset = 0; offset < 100000; offset++) {
    gst_kafka_ledger_add (ledger, offset);
    if (offset % 100 != 99)
      continue;
    for (gint64 i = 0; i < 100; i++)
      gst_kafka_ledger_decide (ledger, offset - i, GST_KAFKA_ACK_DONE, 0);
    fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, &quiet, 0), offset + 1);
  }
  gst_kafka_ledger_unref (ledger);
}
GST_END_TEST;

/* Decides messages at random, and compares the ledger's end with that of an array. */
GST_START_TEST (test_the_ledger_agrees_with_an_array_on_random_decisions)
{
  enum { N = 2000 };
  gint outcome[N];
  GRand *rand = g_rand_new_with_seed ((guint32) __i__);
  GstKafkaLedger *ledger = ledger_of (0, N);
  gint64 end = 0;

  for (gint i = 0; i < N; i++)
    outcome[i] = -1;
  for (gint i = 0; i < 20 * N; i++) {
    gint offset = g_rand_int_range (rand, 0, N);

    if (outcome[offset] >= 0)
      continue;
    outcome[offset] = g_rand_int_range (rand, 0, 1000) ? GST_KAFKA_ACK_DONE : GST_KAFKA_ACK_FAILED;
    gst_kafka_ledger_decide (ledger, offset, outcome[offset], i);
    while (end < N && outcome[end] == GST_KAFKA_ACK_DONE)
      end++;
    fail_unless_equals_int64 (gst_kafka_ledger_settle (ledger, NULL, i), end ? end : -1);
  }
  gst_kafka_ledger_unref (ledger);
  g_rand_free (rand);
}
GST_END_TEST;

static gpointer
decide_all (gpointer ledger)
{
  for (gint64 offset = 0; offset < 20000; offset++)
    gst_kafka_ledger_decide (ledger, offset, GST_KAFKA_ACK_DONE, 0);
  return NULL;
}

static GstKafkaSuspicion
reread (const GstKafkaSuspicion *written, const gchar *writer, gint64 committed)
{
  g_autofree gchar *text = gst_kafka_suspicion_to_text (written, writer);
  GstKafkaSuspicion read;

  gst_kafka_suspicion_from_text (&read, text, committed, "me");
  return read;
}

static void
fail_at (GstKafkaSuspicion *self, gint64 offset, guint runs)
{
  for (guint i = 0; i < runs; i++)
    gst_kafka_suspicion_begin (self, offset);
  self->alone = -1;
}

GST_START_TEST (test_a_suspicion_is_kept_over_a_restart)
{
  GstKafkaSuspicion written, read;

  gst_kafka_suspicion_init (&written);
  written.until = 40;
  fail_at (&written, 12, 3);
  fail_at (&written, 15, 2);
  read = reread (&written, NULL, 12);
  fail_unless_equals_int64 (read.until, 40);
  fail_unless (gst_kafka_suspicion_is_poison (&read, 12));
  fail_if (gst_kafka_suspicion_is_poison (&read, 15));
  fail_at (&read, 15, 1);
  fail_unless (gst_kafka_suspicion_is_poison (&read, 15));
  /* After a crash, all messages that may have been in the pipeline are read one at a time. */
  read = reread (&written, "another", 12);
  gst_kafka_suspicion_conclude (&read, 12, FALSE);
  fail_unless_equals_int64 (read.until, 76);
  /* Messages before the committed offset have gone through the pipeline, so they are no
   * suspects. */
  read = reread (&written, NULL, 13);
  fail_unless_equals_int (read.count, 1);
  fail_if (gst_kafka_suspicion_is_poison (&read, 12));
}
GST_END_TEST;

GST_START_TEST (test_a_partition_that_is_assigned_again_does_not_count_as_a_crash)
{
  GstKafkaSuspicion written, read;

  gst_kafka_suspicion_init (&written);
  fail_at (&written, 12, 2);
  gst_kafka_suspicion_begin (&written, 12);
  read = reread (&written, "me", 12);
  fail_unless_equals_int64 (read.until, -1);
  fail_if (gst_kafka_suspicion_is_poison (&read, 12));
  fail_unless_equals_int (read.suspects[0].runs, 2);
  /* If another member had the message alone in its pipeline, that isn't a failed run either if all
   * members have just lost their partitions. */
  read = reread (&written, "another", 12);
  fail_unless (gst_kafka_suspicion_is_poison (&read, 12));
  gst_kafka_suspicion_conclude (&read, 12, TRUE);
  fail_unless_equals_int64 (read.until, -1);
  fail_unless_equals_int (read.suspects[0].runs, 2);
}
GST_END_TEST;

GST_START_TEST (test_a_message_that_gets_through_the_pipeline_is_no_suspect)
{
  GstKafkaSuspicion self;

  gst_kafka_suspicion_init (&self);
  fail_at (&self, 9, 2);
  /* An earlier message that is read again after a seek, and passes, doesn't clear the suspect. */
  gst_kafka_suspicion_begin (&self, 7);
  gst_kafka_suspicion_pass (&self);
  fail_unless_equals_int (self.count, 1);
  gst_kafka_suspicion_begin (&self, 9);
  fail_unless (gst_kafka_suspicion_is_poison (&self, 9));
  gst_kafka_suspicion_withdraw (&self);
  fail_if (gst_kafka_suspicion_is_poison (&self, 9));
  gst_kafka_suspicion_begin (&self, 9);
  gst_kafka_suspicion_forget (&self, 10);
  fail_unless_equals_int (self.count, 0);
  fail_unless_equals_int64 (self.alone, -1);
}
GST_END_TEST;

GST_START_TEST (test_condemned_messages_in_a_row_are_counted)
{
  GstKafkaSuspicion self;

  gst_kafka_suspicion_init (&self);
  for (gint64 n = 0; n < GST_KAFKA_SUSPICION_ROW; n++) {
    fail_at (&self, n, 3);
    fail_unless (gst_kafka_suspicion_condemn (&self, n));
    /* condemning it again, because its dead letter wasn't delivered, doesn't count again */
    fail_unless (gst_kafka_suspicion_condemn (&self, n));
    fail_unless_equals_int (self.row, n + 1);
  }
  fail_at (&self, 10, 3);
  fail_if (gst_kafka_suspicion_condemn (&self, 10));
  fail_if (gst_kafka_suspicion_is_poison (&self, 10));
  /* The count starts again when a message behind the last condemned one gets through the pipeline,
   * but not when a message before it does. */
  gst_kafka_suspicion_begin (&self, 3);
  gst_kafka_suspicion_pass (&self);
  fail_unless_equals_int (self.row, GST_KAFKA_SUSPICION_ROW);
  gst_kafka_suspicion_begin (&self, 10);
  gst_kafka_suspicion_pass (&self);
  fail_unless_equals_int (self.row, 0);
}
GST_END_TEST;

GST_START_TEST (test_of_too_many_suspects_the_ones_with_the_lowest_offsets_are_kept)
{
  GstKafkaSuspicion self;

  gst_kafka_suspicion_init (&self);
  for (gint64 n = 100; n > 0; n--)
    fail_at (&self, n, 3);
  fail_unless_equals_int (self.count, GST_KAFKA_SUSPICION_SUSPECTS);
  fail_unless (gst_kafka_suspicion_is_poison (&self, 1));
  fail_unless (gst_kafka_suspicion_is_poison (&self, GST_KAFKA_SUSPICION_SUSPECTS));
  fail_at (&self, 200, 3);
  fail_if (gst_kafka_suspicion_is_poison (&self, 200));
}
GST_END_TEST;

GST_START_TEST (test_metadata_of_other_programs_is_no_suspicion)
{
  const gchar *others[] = {NULL, "", "running", "kafkasrc", "kafkasrc run=- until=9",
      "kafkasrc running until=9 offset=1 runs=3 row=0", "{\"host\": 1}",
      "kafkasrc run=- until=9 alone=1 row=0 last=1",
      "kafkasrc run=abcdefghijklmnopqrstuvwxyzabcdefghijkl until=9 alone=1 row=0 last=1 suspects="};
  GstKafkaSuspicion read;

  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    gst_kafka_suspicion_from_text (&read, others[i], 5, "me");
    fail_unless_equals_int64 (read.until, -1);
    fail_unless_equals_int (read.count, 0);
    fail_unless_equals_int (read.row, 0);
  }
}
GST_END_TEST;

GST_START_TEST (test_threads_may_decide_messages_at_the_same_time)
{
  GstKafkaLedger *ledger = ledger_of (0, 20000);
  GThread *threads[] = {
      g_thread_new ("one", decide_all, ledger), g_thread_new ("two", decide_all, ledger)};

  for (gint64 end = -1, next; end < 20000; end = next) {
    next = gst_kafka_ledger_settle (ledger, NULL, 0);
    fail_unless (next >= end);
  }
  g_thread_join (threads[0]);
  g_thread_join (threads[1]);
  fail_unless_equals_int (gst_kafka_ledger_get_pending (ledger), 0);
  gst_kafka_ledger_unref (ledger);
}
GST_END_TEST;

/* Simulates one query for the offset of a time. @place: an offset that the log has reached; @time:
 * the time that has to be queried; @answer: the broker's answer, the first offset of that time or
 * later, or -1 if there is none. Returns: TRUE if the log was replaced by another one. */
static gboolean
ask (GstKafkaLog *log, gint64 place, gint64 time, gint64 answer)
{
  fail_unless_equals_int64 (gst_kafka_log_begin (log, place, 5000), time);
  return gst_kafka_log_take_answer (log, answer);
}

GST_START_TEST (test_a_log_is_another_one_after_two_answers_that_show_it)
{
  GstKafkaLog log;

  gst_kafka_log_init (&log);
  gst_kafka_log_note (&log, 1000);
  gst_kafka_log_note (&log, 990);
  fail_if (ask (&log, 20, 1001, -1));
  gst_kafka_log_note (&log, 2000);
  fail_if (ask (&log, 21, 1001, 20));
  /* deleted */
  fail_if (ask (&log, 21, 2001, -1));
  fail_if (ask (&log, 21, 2001, 40));
  fail_if (ask (&log, 21, 2001, 0));
  fail_unless (ask (&log, 21, 2001, 0));
}
GST_END_TEST;

/* A broker that has just started doesn't know its topics yet. */
GST_START_TEST (test_answers_without_a_partition_mean_another_log_only_after_a_while)
{
  static const struct {
    gint second;
    gboolean exists, again;
  } answers[] = {{0, TRUE, FALSE}, {10, FALSE, FALSE}, {20, TRUE, FALSE}, {30, FALSE, FALSE},
      {31, FALSE, FALSE}, {32, FALSE, FALSE}, {35, TRUE, TRUE}, {40, TRUE, FALSE},
      {50, FALSE, FALSE}, {51, FALSE, FALSE}, {52, FALSE, FALSE}, {53, TRUE, FALSE},
      {60, FALSE, FALSE}, {70, TRUE, FALSE}};
  GstKafkaPartition partition = {0};

  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    fail_unless_equals_int (gst_kafka_partition_note_answer (
                                &partition, answers[i].exists, answers[i].second * G_USEC_PER_SEC),
        answers[i].again);
}
GST_END_TEST;

GST_START_TEST (test_one_unexpected_answer_does_not_mean_another_log)
{
  GstKafkaLog log;

  gst_kafka_log_init (&log);
  gst_kafka_log_note (&log, 1000);
  /* an answer before the position is possible in the same log too, if a skipped message is later
   * than the messages that were read */
  fail_if (ask (&log, 20, 1001, 7));
  fail_if (ask (&log, 21, 1001, 7));
  fail_if (ask (&log, 21, 1001, 6));
  fail_if (ask (&log, 21, 1001, 7));
  fail_if (ask (&log, 21, 1001, 6));
  fail_if (ask (&log, 5, 1001, -1));
  fail_if (ask (&log, 21, 1001, 7));
}
GST_END_TEST;

GST_START_TEST (test_another_log_is_noticed_although_no_message_was_read)
{
  GstKafkaLog log;

  gst_kafka_log_init (&log);
  fail_if (ask (&log, 20, 5000, -1));
  fail_if (ask (&log, 20, 5000, 4));
  fail_unless (ask (&log, 20, 5000, 4));
  /* a log whose messages are older than the present time */
  gst_kafka_log_init (&log);
  fail_if (ask (&log, 20, 5000, -1));
  gst_kafka_log_note (&log, 10);
  fail_if (ask (&log, 21, 5000, -1));
  fail_if (ask (&log, 21, 11, 7));
  fail_if (ask (&log, 21, 11, 7));
}
GST_END_TEST;

#define WAIT (10 * G_TIME_SPAN_SECOND)

/* A reader that waits at the last stable offset for 10 s is news, for a warning, only once. */
GST_START_TEST (test_messages_behind_an_open_transaction_are_news_once_after_10_s)
{
  GstKafkaHeld held;

  gst_kafka_held_init (&held);
  fail_unless_equals_int64 (gst_kafka_held_get_count (&held), 0);
  fail_if (gst_kafka_held_is_news (&held, -1, WAIT));
  gst_kafka_held_take_answer (&held, 20, 20, 0);
  fail_unless_equals_int64 (gst_kafka_held_get_count (&held), 0);
  fail_if (gst_kafka_held_is_news (&held, 20, WAIT));
  /* messages that came during the query don't count as held back */
  gst_kafka_held_take_answer (&held, 20, 25, 0);
  fail_unless_equals_int64 (gst_kafka_held_get_count (&held), 0);
  gst_kafka_held_take_answer (&held, 40, 30, 0);
  fail_unless_equals_int64 (gst_kafka_held_get_count (&held), 10);
  fail_if (gst_kafka_held_is_news (&held, 30, WAIT - 1));
  fail_if (gst_kafka_held_is_news (&held, 29, WAIT), "the reader has messages to read");
  /* the last stable offset has moved, because one transaction has ended, so the 10 s begin again */
  gst_kafka_held_take_answer (&held, 50, 35, WAIT / 2);
  fail_if (gst_kafka_held_is_news (&held, 35, WAIT));
  gst_kafka_held_take_answer (&held, 60, 35, WAIT);
  fail_unless (gst_kafka_held_is_news (&held, 35, WAIT / 2 + WAIT));
  fail_unless_equals_int64 (gst_kafka_held_get_count (&held), 25);
  fail_if (gst_kafka_held_is_news (&held, 35, 3 * WAIT));
  gst_kafka_held_take_answer (&held, 60, 60, 3 * WAIT);
  fail_unless_equals_int64 (gst_kafka_held_get_count (&held), 0);
}
GST_END_TEST;

static Suite *
kafkaledger_suite (void)
{
  Suite *s = suite_create ("kafkaledger");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_only_messages_before_the_first_undecided_one_are_committed);
  tcase_add_test (tc, test_the_ledger_ignores_gaps_and_offsets_that_it_does_not_know);
  tcase_add_test (tc, test_a_failed_message_stops_the_commits);
  tcase_add_test (tc, test_a_parked_message_is_done_after_a_time_and_a_push);
  tcase_add_test (tc, test_flush_marks_parked_messages_failed);
  tcase_add_test (tc, test_clean_end_marks_parked_messages_done);
  tcase_add_test (tc, test_messages_parked_after_a_flush_are_not_done_by_an_earlier_end);
  tcase_add_test (tc, test_the_ledger_works_on_with_100_000_messages);
  tcase_add_loop_test (tc, test_the_ledger_agrees_with_an_array_on_random_decisions, 0, 5);
  tcase_add_test (tc, test_a_suspicion_is_kept_over_a_restart);
  tcase_add_test (tc, test_a_partition_that_is_assigned_again_does_not_count_as_a_crash);
  tcase_add_test (tc, test_a_message_that_gets_through_the_pipeline_is_no_suspect);
  tcase_add_test (tc, test_condemned_messages_in_a_row_are_counted);
  tcase_add_test (tc, test_of_too_many_suspects_the_ones_with_the_lowest_offsets_are_kept);
  tcase_add_test (tc, test_metadata_of_other_programs_is_no_suspicion);
  tcase_add_test (tc, test_threads_may_decide_messages_at_the_same_time);
  tcase_add_test (tc, test_a_log_is_another_one_after_two_answers_that_show_it);
  tcase_add_test (tc, test_one_unexpected_answer_does_not_mean_another_log);
  tcase_add_test (tc, test_answers_without_a_partition_mean_another_log_only_after_a_while);
  tcase_add_test (tc, test_messages_behind_an_open_transaction_are_news_once_after_10_s);
  tcase_add_test (tc, test_another_log_is_noticed_although_no_message_was_read);
  return s;
}

GST_CHECK_MAIN (kafkaledger);
