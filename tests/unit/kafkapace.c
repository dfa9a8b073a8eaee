/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>

#include "gstkafkapace.h"

#define MS 1000
#define S 1000000

/* A link that takes @per_second buffers of 1000 bytes, reports after @latency, and is sent @pushed a second;
 * runs until it has been asked for less, or for @seconds. */
static gboolean
run (GstKafkaPace *pace, gint pushed, gint per_second, gint64 latency, gint seconds,
    gdouble *interval, gdouble *proportion)
{
  gint64 queued = 0, sent = 0;

  gst_kafka_pace_init (pace, 0);
  for (gint64 now = 0; now < seconds * (gint64) S; now += MS) {
    gint64 through = MAX (0, now - latency) * per_second / S;

    for (; queued < now * pushed / S; queued++) {
      gint64 oldest = sent < queued ? sent * S / pushed : now;

      if (gst_kafka_pace_throttle (pace, now, oldest, interval, proportion))
        return TRUE;
      gst_kafka_pace_pushed (pace);
    }
    for (; sent < MIN (queued, through); sent++)
      gst_kafka_pace_delivered (pace, now, 1000, MAX (latency, now - sent * S / pushed));
  }
  return FALSE;
}

GST_START_TEST (test_fast_link_is_left_alone)
{
  GstKafkaPace pace;
  gdouble interval, proportion;

  fail_if (run (&pace, 30, 1000, 2 * MS, 60, &interval, &proportion));
}
GST_END_TEST;

GST_START_TEST (test_long_link_is_left_alone)
{
  GstKafkaPace pace;
  gdouble interval, proportion;

  fail_if (run (&pace, 30, 30, 400 * MS, 60, &interval, &proportion));
}
GST_END_TEST;

GST_START_TEST (test_slow_link_asks_for_less_than_it_takes)
{
  GstKafkaPace pace;
  gdouble interval, proportion;

  fail_unless (run (&pace, 30, 10, 2 * MS, 60, &interval, &proportion));
  fail_unless (interval > 0.1 && interval < 0.34, "%f", interval);
  fail_unless_equals_float (proportion, 30 * interval);
}
GST_END_TEST;

/* A source that does as it is asked, and after two seconds without a word tries twice the link's rate. */
GST_START_TEST (test_queue_is_drained)
{
  GstKafkaPace pace;
  gdouble interval = 0.05, asked, proportion;
  gint64 next = 0, busy_until = 0, heard = 0, oldest_age = 0;
  GQueue queue = G_QUEUE_INIT;

  gst_kafka_pace_init (&pace, 0);
  for (gint64 now = 0; now < 300 * (gint64) S; now += MS) {
    if (queue.head && now >= busy_until) {
      gint64 *queued = g_queue_pop_head (&queue);

      oldest_age = now > 30 * S ? MAX (oldest_age, now - *queued) : 0;
      gst_kafka_pace_delivered (&pace, now, 1000, now - *queued);
      g_free (queued);
      busy_until = now + S / 10;
    }
    if (now < next)
      continue;
    if (!queue.head)
      busy_until = now + S / 10;
    gst_kafka_pace_pushed (&pace);
    g_queue_push_tail (&queue, g_memdup2 (&now, sizeof now));
    if (gst_kafka_pace_throttle (&pace, now, *(gint64 *) queue.head->data, &asked, &proportion)) {
      interval = asked;
      heard = now;
    } else if (now - heard > 2 * S) {
      interval = 0.05;
    }
    next = now + interval * S;
  }
  fail_unless (oldest_age < 4 * S, "%g s", oldest_age / (gdouble) S);
  g_queue_clear_full (&queue, g_free);
}
GST_END_TEST;

/* What waited goes all at once, and the last word is that the link takes it. */
GST_START_TEST (test_moment_of_standstill)
{
  GstKafkaPace pace;
  gdouble interval = 0, proportion;

  gst_kafka_pace_init (&pace, 0);
  for (gint64 now = 0; now < 10 * (gint64) S; now += 50 * MS) {
    gst_kafka_pace_pushed (&pace);
    gst_kafka_pace_delivered (&pace, now, 1000, 2 * MS);
    fail_if (gst_kafka_pace_throttle (&pace, now, now, &interval, &proportion));
  }
  for (gint64 now = 10 * (gint64) S; now < 12 * (gint64) S; now += 50 * MS) {
    gst_kafka_pace_pushed (&pace);
    gst_kafka_pace_throttle (&pace, now, 10 * (gint64) S, &interval, &proportion);
  }
  fail_unless (interval > 0.5, "%f", interval);
  for (gint i = 0; i < 20; i++)
    gst_kafka_pace_delivered (&pace, 12 * (gint64) S, 1000, S);
  fail_unless (gst_kafka_pace_throttle (
      &pace, 12 * (gint64) S + 400 * MS, 12 * (gint64) S + 399 * MS, &interval, &proportion));
  fail_unless (interval < 0.05, "%f", interval);
  fail_if (gst_kafka_pace_throttle (
      &pace, 13 * (gint64) S, 13 * (gint64) S - MS, &interval, &proportion));
}
GST_END_TEST;

GST_START_TEST (test_dead_link_asks_for_ever_less)
{
  GstKafkaPace pace;
  gdouble interval, proportion;

  fail_unless (run (&pace, 30, 0, 2 * MS, 60, &interval, &proportion));
  fail_unless (interval > 0.3, "%f", interval);
  gst_kafka_pace_pushed (&pace);
  fail_unless (gst_kafka_pace_throttle (&pace, 60 * (gint64) S, 0, &interval, &proportion));
  fail_unless_equals_float (interval, 10);
}
GST_END_TEST;

GST_START_TEST (test_window_is_twice_what_is_under_way)
{
  GstKafkaPace pace;
  gdouble interval, proportion;

  gst_kafka_pace_init (&pace, 0);
  fail_unless_equals_uint64 (gst_kafka_pace_window (&pace), 0);
  run (&pace, 100, 100, 300 * MS, 60, &interval, &proportion);
  fail_unless (gst_kafka_pace_window (&pace) > 45000 && gst_kafka_pace_window (&pace) < 75000,
      "%" G_GUINT64_FORMAT, gst_kafka_pace_window (&pace));
}
GST_END_TEST;

GST_START_TEST (test_least_latency_is_forgotten)
{
  GstKafkaPace pace;

  gst_kafka_pace_init (&pace, 0);
  for (gint64 now = 0; now < 60 * (gint64) S; now += 10 * MS)
    gst_kafka_pace_delivered (&pace, now, 1000, now < 20 * S ? 10 * MS : 500 * MS);
  /* 100 kB/s, twice half a second of it. */
  fail_unless (
      gst_kafka_pace_window (&pace) > 80000, "%" G_GUINT64_FORMAT, gst_kafka_pace_window (&pace));
}
GST_END_TEST;

static Suite *
kafkapace_suite (void)
{
  Suite *s = suite_create ("kafkapace");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_fast_link_is_left_alone);
  tcase_add_test (tc, test_long_link_is_left_alone);
  tcase_add_test (tc, test_slow_link_asks_for_less_than_it_takes);
  tcase_add_test (tc, test_queue_is_drained);
  tcase_add_test (tc, test_moment_of_standstill);
  tcase_add_test (tc, test_dead_link_asks_for_ever_less);
  tcase_add_test (tc, test_window_is_twice_what_is_under_way);
  tcase_add_test (tc, test_least_latency_is_forgotten);
  return s;
}

GST_CHECK_MAIN (kafkapace)
