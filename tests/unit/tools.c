/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>

#include "cliprows.h"
#include "erasekafka.h"
#include "toolstime.h"

#define NOW G_GINT64_CONSTANT (1795567440123)

static void
expect_time (const gchar *text, gint64 expected)
{
  g_autoptr (GError) error = NULL;
  gint64 ms;

  fail_unless (tools_time_parse (text, NOW, &ms, &error), "%s", text);
  fail_unless_equals_int64 (ms, expected);
}

GST_START_TEST (test_times)
{
  g_autofree gchar *text = tools_time_to_text (NOW);

  expect_time ("now", NOW);
  expect_time ("-90s", NOW - 90000);
  expect_time ("-5min", NOW - 300000);
  expect_time ("-2h", NOW - 7200000);
  expect_time ("-1d", NOW - 86400000);
  expect_time ("2026-11-25T00:44:00Z", G_GINT64_CONSTANT (1795567440000));
  expect_time ("2026-11-25T01:44:00.123+01:00", NOW);
  expect_time ("20261125T004400.123Z", NOW);
  expect_time ("1970-01-01T00:00:00Z", 0);
  fail_unless_equals_string (text, "2026-11-25T00:44:00.123Z");
}
GST_END_TEST;

GST_START_TEST (test_texts_that_are_no_times_are_an_error)
{
  static const gchar *const texts[] = {"", "-", "-5", "-min", "-5 min", "-5m", "--5s", "-0s",
      "5min", "-99999999999999999999s", "-99999999999999d", "2026-11-25", "2026-11-25T00:44:00",
      "2026-13-25T00:44:00Z", "1969-12-31T23:59:59Z", "1795567440", "yesterday", "now ",
      "9999-12-31T23:59:59Z"};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    gint64 ms;

    fail_if (tools_time_parse (texts[i], NOW, &ms, &error), "%s", texts[i]);
    fail_unless (g_error_matches (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE));
  }
}
GST_END_TEST;

GST_START_TEST (test_csv)
{
  static const gchar event[] =
      "{\"_id\":\"a,\\\"b:s:7\",\"camera\":\"a,\\\"b\",\"seq\":7,"
      "\"captured\":{\"$date\":\"2026-11-25T00:44:00.123Z\"},\"faces\":2,"
      "\"boxes\":[{\"x\":1,\"y\":2,\"w\":3,\"h\":4},{\"x\":5,\"y\":6,\"w\":7,\"h\":8}],"
      "\"width\":640,\"height\":480,\"replica\":\"fog\\n1\"}";
  g_autoptr (LiveAnswer) answer = live_answer_parse (event, sizeof event - 1, NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  clip_append_csv (text, answer);
  fail_unless_equals_string (text->str,
      "2026-11-25T00:44:00.123Z,\"a,\"\"b\",7,2,640,480,1 2 3 4;5 6 7 8,\"fog\n1\","
      "\"a,\"\"b:s:7\"\r\n");
  g_string_set_size (text, 0);
  clip_append_csv (text, NULL);
  fail_unless_equals_string (
      text->str, "captured,camera,seq,faces,width,height,boxes,replica,id\r\n");
}
GST_END_TEST;

static guint
count_prefix (gint64 low, const gint64 *offsets, guint n)
{
  g_autoptr (GArray) array = g_array_new (FALSE, FALSE, sizeof (gint64));

  g_array_append_vals (array, offsets, n);
  return erase_count_prefix (array, low);
}

GST_START_TEST (test_prefix)
{
  const gint64 offsets[] = {7, 5, 6, 9};

  fail_unless_equals_int (count_prefix (5, offsets, 4), 3);
  fail_unless_equals_int (count_prefix (5, offsets, 2), 1);
  fail_unless_equals_int (count_prefix (4, offsets, 4), 0);
  fail_unless_equals_int (count_prefix (6, offsets, 4), 0);
  fail_unless_equals_int (count_prefix (0, offsets, 0), 0);
}
GST_END_TEST;

static void
expect_end (gint64 retention, gint64 segment, const gchar *expected)
{
  g_autofree gchar *text = erase_describe_end (NOW, retention, segment);

  fail_unless (g_str_has_prefix (text, expected), "%s", text);
}

GST_START_TEST (test_the_end_of_retention_is_described)
{
  expect_end (1000, 2000, "until 2026-11-25T00:44:03.123Z at the latest");
  expect_end (-1, 2000, "for ever: its retention.ms is -1");
  expect_end (G_MAXINT64, 2000, "for ever: its retention.ms is 9223372036854775807");
  expect_end (G_MAXINT64 - NOW, 2000, "for ever");
  expect_end (1000, G_MAXINT64, "until its segment is full");
}
GST_END_TEST;

static Suite *
tools_suite (void)
{
  Suite *suite = suite_create ("tools");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_times);
  tcase_add_test (tcase, test_texts_that_are_no_times_are_an_error);
  tcase_add_test (tcase, test_csv);
  tcase_add_test (tcase, test_prefix);
  tcase_add_test (tcase, test_the_end_of_retention_is_described);
  return suite;
}

GST_CHECK_MAIN (tools);
