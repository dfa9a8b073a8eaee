/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>

#include "sink/producer/gstkafkapace.h"

#define MS 1000
#define S 1000000

static gint
compare_ages (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

/* Simulates a link that gets @pushed buffers of 1000 bytes a second, delivers @per_second, and
 * reports each one @latency after it was pushed, until throttling begins, or for @seconds. Returns
 * whether it began. */
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

GST_START_TEST (test_a_fast_link_is_not_throttled)
{
  GstKafkaPace pace;
  gdouble interval, proportion;

  fail_if (run (&pace, 30, 1000, 2 * MS, 60, &interval, &proportion));
}
GST_END_TEST;

GST_START_TEST (test_a_link_with_a_long_latency_is_not_throttled)
{
  GstKafkaPace pace;
  gdouble interval, proportion;

  fail_if (run (&pace, 30, 30, 400 * MS, 60, &interval, &proportion));
}
GST_END_TEST;

GST_START_TEST (test_a_slow_link_requests_a_rate_below_what_it_carries)
{
  GstKafkaPace pace;
  gdouble interval, proportion;

  fail_unless (run (&pace, 30, 10, 2 * MS, 60, &interval, &proportion));
  fail_unless (interval > 0.1 && interval < 0.34, "%f", interval);
  fail_unless_equals_float (proportion, 30 * interval);
}
GST_END_TEST;

/* Simulates a source of 30 buffers a second, which drops each buffer that comes within @times the
 * requested interval plus @more after the last one, as upstream elements do at a QoS event. The
 * link delivers @per_second buffers a second, and its delivery reports are up to @late late.
 * Returns the share of the link that was used in the second minute, and in @age the 95th percentile
 * of the buffers' ages. */
static gdouble
obey (GstKafkaPace *pace, gdouble per_second, gdouble times, gdouble more, gint64 late, gint64 *age)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  gint64 earliest = 0, busy_until = 0;
  gdouble interval, proportion;
  guint through = 0;
  GQueue queue = G_QUEUE_INIT;
  g_autoptr (GArray) ages = g_array_new (FALSE, FALSE, sizeof (gint64));

  gst_kafka_pace_init (pace, 0);
  for (gint64 now = 0; now < 120 * (gint64) S; now += MS) {
    if (queue.head && now >= busy_until) {
      g_autofree gint64 *queued = g_queue_pop_head (&queue);
      gint64 latency = now - *queued;

      gst_kafka_pace_delivered (pace, now, 1000, latency);
      busy_until += (gint64) (S / per_second);
      if (late)
        busy_until = MAX (busy_until, now + g_rand_int_range (rand, 0, (gint32) late));
      if (now >= 60 * (gint64) S && ++through)
        g_array_append_val (ages, latency);
    }
    if (now % (33 * MS) != 0 || now < earliest)
      continue;
    if (!queue.head)
      busy_until = MAX (busy_until, now + (gint64) (S / per_second));
    if (gst_kafka_pace_throttle (
            pace, now, queue.head ? *(gint64 *) queue.head->data : now, &interval, &proportion))
      earliest = now + (gint64) ((times * interval + more) * S);
    gst_kafka_pace_pushed (pace);
    g_queue_push_tail (&queue, g_memdup2 (&now, sizeof now));
  }
  g_queue_clear_full (&queue, g_free);
  g_array_sort (ages, compare_ages);
  *age = g_array_index (ages, gint64, ages->len * 19 / 20);
  return through / (60 * per_second);
}

GST_START_TEST (test_throttling_keeps_the_link_busy_and_the_queue_short)
{
  static const gdouble rates[] = {2, 6.25, 10, 20};
  GstKafkaPace pace;
  gint64 age;

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    gdouble used =
        obey (&pace, rates[i], 1, 0, rates[i] < 10 ? 100 * MS : 0, &age); /* as a converter does */

    fail_unless (used > 0.7, "%g of %g", used, rates[i]);
    fail_unless (age < 3 * S, "%" G_GINT64_FORMAT " us at %g", age, rates[i]);
    used = obey (
        &pace, rates[i], 2, 0.033, rates[i] < 10 ? 100 * MS : 0, &age); /* as a decoder does */
    fail_unless (used > 0.5, "%g of %g", used, rates[i]);
    fail_unless (age < 3 * S, "%" G_GINT64_FORMAT " us at %g", age, rates[i]);
  }
}
GST_END_TEST;

/* After a standstill of 2 s all waiting buffers are delivered together, which shows that the link
 * is fast, so throttling ends. */
GST_START_TEST (test_throttling_ends_soon_after_a_standstill_of_the_link)
{
  GstKafkaPace pace;
  gboolean throttled;
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
  for (gint64 now = 12 * (gint64) S + 400 * MS; now < 20 * (gint64) S; now += 50 * MS) {
    throttled = gst_kafka_pace_throttle (&pace, now, now - MS, &interval, &proportion);
    fail_unless (!throttled || interval <= 0.05, "%f", interval);
    gst_kafka_pace_pushed (&pace);
    gst_kafka_pace_delivered (&pace, now, 1000, 2 * MS);
  }
  fail_if (throttled);
}
GST_END_TEST;

GST_START_TEST (test_a_dead_link_lengthens_the_requested_interval)
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

GST_START_TEST (test_the_window_is_twice_the_bytes_in_flight)
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

GST_START_TEST (test_the_window_grows_when_the_latency_has_risen)
{
  GstKafkaPace pace;

  gst_kafka_pace_init (&pace, 0);
  for (gint64 now = 0; now < 60 * (gint64) S; now += 10 * MS)
    gst_kafka_pace_delivered (&pace, now, 1000, now < 20 * S ? 10 * MS : 500 * MS);
  /* the link has 100 kB/s and a latency of 0.5 s, so 50 kB are in flight, and the window is twice
   * as large */
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
  tcase_add_test (tc, test_a_fast_link_is_not_throttled);
  tcase_add_test (tc, test_a_link_with_a_long_latency_is_not_throttled);
  tcase_add_test (tc, test_a_slow_link_requests_a_rate_below_what_it_carries);
  tcase_add_test (tc, test_throttling_keeps_the_link_busy_and_the_queue_short);
  tcase_add_test (tc, test_throttling_ends_soon_after_a_standstill_of_the_link);
  tcase_add_test (tc, test_a_dead_link_lengthens_the_requested_interval);
  tcase_add_test (tc, test_the_window_is_twice_the_bytes_in_flight);
  tcase_add_test (tc, test_the_window_grows_when_the_latency_has_risen);
  return s;
}

GST_CHECK_MAIN (kafkapace)
