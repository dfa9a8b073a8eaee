/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>

#include "placement.h"

GST_START_TEST (test_placement_follows_weights)
{
  static const gint first[] = {0, 1}, second[] = {2, 3};
  Placement *placement = placement_new (1);
  guint a = placement_add (placement), b = placement_add (placement), n[4] = {0};

  fail_unless_equals_int (placement_next (placement), -1);
  placement_set_partitions (placement, a, first, 2);
  placement_set_partitions (placement, b, second, 2);
  fail_unless_equals_int (placement_next (placement), -1);
  placement_set_weight (placement, a, 3);
  placement_set_weight (placement, b, 1);
  for (guint i = 0; i < 80; i++)
    n[placement_next (placement)]++;
  fail_unless_equals_int (n[0], 30);
  fail_unless_equals_int (n[1], 30);
  fail_unless_equals_int (n[2], 10);
  fail_unless_equals_int (n[3], 10);
  placement_free (placement);
}
GST_END_TEST;

GST_START_TEST (test_a_partition_belongs_to_the_replica_that_reported_it_last)
{
  static const gint both[] = {4, 5}, one[] = {5};
  Placement *placement = placement_new (1);
  guint a = placement_add (placement), b = placement_add (placement);

  placement_set_partitions (placement, a, both, 2);
  placement_set_partitions (placement, b, one, 1);
  placement_set_weight (placement, a, 1);
  for (guint i = 0; i < 4; i++)
    fail_unless_equals_int (placement_next (placement), 4);
  placement_remove (placement, a);
  fail_unless_equals_int (placement_next (placement), -1);
  placement_set_weight (placement, b, 1);
  fail_unless_equals_int (placement_next (placement), 5);
  placement_free (placement);
}
GST_END_TEST;

static void
assert_places (Placement *placement, const gint *expected, guint n)
{
  for (guint i = 0; i < n; i++)
    fail_unless_equals_int (placement_next (placement), expected[i]);
}

/* Partition numbers in a report may be duplicate, negative, or larger than any topic has, because a
 * report comes from the network. */
GST_START_TEST (test_invalid_partition_numbers_are_ignored)
{
  static const gint strange[] = {3, -1, 3, G_MAXINT, PLACEMENT_PARTITIONS, 7, 3};
  static const gint none[] = {-7, G_MININT, G_MAXINT};
  static const gint expected[] = {3, 7, 3, 7};
  Placement *placement = placement_new (1);
  guint a = placement_add (placement);

  placement_set_weight (placement, a, 1);
  placement_set_partitions (placement, a, strange, G_N_ELEMENTS (strange));
  assert_places (placement, expected, G_N_ELEMENTS (expected));
  placement_set_partitions (placement, a, none, G_N_ELEMENTS (none));
  fail_unless_equals_int (placement_next (placement), -1);
  placement_free (placement);
}
GST_END_TEST;

/* 4096 replicas report the same 4096 partitions twice. This would take hours if the time for a
 * partition grew with the number of replicas. */
GST_START_TEST (test_many_replicas_may_report_the_same_partitions_again_and_again)
{
  enum { REPLICAS = 4096, PARTITIONS = 4096 };
  g_autofree gint *partitions = g_new (gint, 2 * PARTITIONS);
  Placement *placement = placement_new (1);
  guint last = 0;

  for (guint i = 0; i < 2 * PARTITIONS; i++)
    partitions[i] = i % PARTITIONS;
  for (guint i = 0; i < REPLICAS; i++) {
    last = placement_add (placement);
    placement_set_weight (placement, last, 1);
  }
  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < REPLICAS; i++)
      placement_set_partitions (placement, i, partitions + i, PARTITIONS);
  for (guint i = 0; i < 2 * PARTITIONS; i++)
    fail_unless_equals_int (placement_next (placement), (last + i) % PARTITIONS);
  placement_remove (placement, last);
  fail_unless_equals_int (placement_next (placement), -1);
  placement_free (placement);
}
GST_END_TEST;

/* A replica loses its partitions one by one, because another replica reports one more of them each
 * time. */
GST_START_TEST (test_partitions_move_one_by_one_to_the_replica_that_reports_them)
{
  enum { PARTITIONS = 1000 };
  gint partitions[PARTITIONS], n[PARTITIONS] = {0};
  Placement *placement = placement_new (1);
  guint a = placement_add (placement), b = placement_add (placement);

  for (gint i = 0; i < PARTITIONS; i++)
    partitions[i] = i;
  placement_set_weight (placement, a, 1);
  placement_set_partitions (placement, a, partitions, PARTITIONS);
  for (guint i = 1; i <= 900; i++) {
    placement_set_partitions (placement, b, partitions, i);
    fail_unless (placement_next (placement) >= (gint) i);
  }
  placement_set_weight (placement, b, 9);
  for (guint i = 0; i < PARTITIONS; i++)
    n[placement_next (placement)]++;
  for (guint i = 0; i < PARTITIONS; i++)
    fail_unless_equals_int (n[i], 1);
  placement_set_partitions (placement, a, partitions, PARTITIONS);
  placement_set_weight (placement, a, 0);
  fail_unless_equals_int (placement_next (placement), -1);
  placement_free (placement);
}
GST_END_TEST;

static Suite *
placement_suite (void)
{
  Suite *s = suite_create ("placement");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_placement_follows_weights);
  tcase_add_test (tc, test_a_partition_belongs_to_the_replica_that_reported_it_last);
  tcase_add_test (tc, test_invalid_partition_numbers_are_ignored);
  tcase_add_test (tc, test_many_replicas_may_report_the_same_partitions_again_and_again);
  tcase_add_test (tc, test_partitions_move_one_by_one_to_the_replica_that_reports_them);
  return s;
}

GST_CHECK_MAIN (placement);
