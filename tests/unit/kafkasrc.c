/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstharness.h>
#include <string.h>

#include "elementtest.h"
#include "gstkafkameta.h"
#include "kafkamock.h"

#define TOPIC "camera"
#define TEST_CAPS "application/x-test, n=(int)1"

static KafkaMock mock;

static void
setup (void)
{
  gst_kafka_meta_register ();
  kafka_mock_start (&mock, TOPIC, 2);
}

static void
teardown (void)
{
  kafka_mock_stop (&mock);
}

/* Returns a harness with a kafkasrc that reads the topic from its beginning, with additional
 * @settings. */
static GstHarness *
harness_with (const gchar *settings)
{
  g_autofree gchar *line =
      g_strdup_printf ("kafkasrc topic=%s bootstrap-servers=%s auto-offset-reset=earliest %s",
          TOPIC, mock.servers, settings);
  GstHarness *h = gst_harness_new_parse (line);

  gst_harness_use_systemclock (h);
  return h;
}

static GstElement *
source_of (GstHarness *h)
{
  return gst_harness_find_element (h, "kafkasrc");
}

static void
produce (gint partition, const gchar *value, const gchar *const *headers)
{
  kafka_mock_produce (&mock, TOPIC, partition, NULL, value, strlen (value), 0, headers);
}

static GstBuffer *
pull (GstHarness *h)
{
  GstBuffer *buffer = gst_harness_pull (h);

  fail_unless (buffer != NULL, "no buffer came");
  return buffer;
}

static gboolean
holds (GstBuffer *buffer, const gchar *text)
{
  return gst_buffer_get_size (buffer) == strlen (text) &&
         gst_buffer_memcmp (buffer, 0, text, strlen (text)) == 0;
}

static guint64
stat_of (GstHarness *h, const gchar *name)
{
  GstElement *source = source_of (h);
  GstStructure *stats;
  guint64 value;

  g_object_get (source, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "no field %s", name);
  gst_structure_free (stats);
  gst_object_unref (source);
  return value;
}

/* Waits until the field @name of the source's stats is @value. */
static void
wait_for_stat (GstHarness *h, const gchar *name, guint64 value)
{
  for (guint i = 0; i < 2000 && stat_of (h, name) != value; i++)
    g_usleep (5000);
  fail_unless_equals_uint64 (stat_of (h, name), value);
}

static void
stop (GstHarness *h)
{
  GstElement *source = source_of (h);

  gst_element_set_state (source, GST_STATE_NULL);
  gst_object_unref (source);
  gst_harness_teardown (h);
}

GST_START_TEST (test_message_has_the_content_and_the_headers_that_were_sent)
{
  const gchar *headers[] = {"gst-caps", TEST_CAPS, "gst-flags", "discont,delta-unit",
      "gst-duration", "40000000", "camera", "cam-1", "mine", "any thing", NULL};
  GstHarness *h = harness_with ("");
  GstBuffer *buffer;
  const GstStructure *meta;
  GstCaps *caps, *expected = gst_caps_from_string (TEST_CAPS);
  GBytes *key;
  gint64 number;

  kafka_mock_produce (&mock, TOPIC, 1, "the-key", "frame", 5, 1764028800123, headers);
  gst_harness_play (h);
  buffer = pull (h);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_caps_is_equal (caps, expected));
  fail_unless (holds (buffer, "frame"));
  fail_unless (GST_BUFFER_PTS_IS_VALID (buffer));
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer), 40 * GST_MSECOND);
  fail_unless (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT));
  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "mine"), "any thing");
  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "camera"), "cam-1");
  meta = gst_kafka_meta_peek (buffer);
  fail_unless_equals_string (gst_structure_get_string (meta, "topic"), TOPIC);
  fail_unless (gst_structure_get_int64 (meta, "offset", &number) && number == 0);
  fail_unless (gst_structure_get_int64 (meta, "timestamp", &number) && number == 1764028800123);
  fail_unless (gst_structure_get (meta, "key", G_TYPE_BYTES, &key, NULL));
  fail_unless_equals_int (memcmp (g_bytes_get_data (key, NULL), "the-key", 7), 0);
  g_bytes_unref (key);
  /* the buffer's bytes are still valid after the client is destroyed */
  stop (h);
  fail_unless (holds (buffer, "frame"));
  gst_buffer_unref (buffer);
  gst_caps_unref (caps);
  gst_caps_unref (expected);
}
GST_END_TEST;

GST_START_TEST (test_messages_of_other_producers_get_caps_by_property_or_content)
{
  static const guint8 png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R',
      0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0};
  GstHarness *h = harness_with (__i__ == 0 ? "caps=application/x-test,n=(int)7" : "");
  GstBuffer *buffer;
  GstCaps *caps;

  if (__i__ < 2)
    kafka_mock_produce (&mock, TOPIC, 0, NULL, png, sizeof png, 0, NULL);
  else
    kafka_mock_produce (&mock, TOPIC, 0, NULL, "\001\002", 2, 0, NULL);
  gst_harness_play (h);
  buffer = pull (h);
  caps = gst_pad_get_current_caps (h->sinkpad);
  if (__i__ == 0)
    fail_unless (gst_structure_has_name (gst_caps_get_structure (caps, 0), "application/x-test"));
  else if (__i__ == 1)
    fail_unless (gst_structure_has_name (gst_caps_get_structure (caps, 0), "image/png"));
  else
    fail_unless (caps == NULL);
  gst_clear_caps (&caps);
  gst_buffer_unref (buffer);
  stop (h);
}
GST_END_TEST;

#define PNG "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0"
#define JPEG "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0\x43\0"
#define WAV "RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xac\0\0"

typedef struct {
  const gchar *data;
  gsize size;
  const gchar *header; /* nullable */
  const gchar *name;   /* name of the caps of the buffer; NULL: without caps */
} Foreign;

/* Each row of the table is a stream of messages, with the caps that their buffers have to get. */
static const Foreign kinds[][5] = {
    {{JPEG, sizeof JPEG, NULL, "image/jpeg"}, {PNG, sizeof PNG, NULL, "image/png"},
        {JPEG, sizeof JPEG, NULL, "image/jpeg"}, {"\1\2\3", 3, NULL, "application/octet-stream"},
        {PNG, sizeof PNG, NULL, "image/png"}},
    {{"\1\2\3", 3, NULL, NULL}, {PNG, sizeof PNG, NULL, NULL}, {"", 0, NULL, NULL},
        {"\1\2\3", 3, NULL, NULL}, {JPEG, sizeof JPEG, NULL, NULL}},
    {{"", 0, NULL, NULL}, {PNG, sizeof PNG, NULL, NULL}, {"", 0, NULL, NULL},
        {"\1\2\3", 3, NULL, NULL}, {JPEG, sizeof JPEG, NULL, NULL}},
    {{PNG, sizeof PNG, NULL, "image/png"}, {"", 0, NULL, "image/png"},
        {PNG, sizeof PNG, NULL, "image/png"}, {"\1", 1, NULL, "application/octet-stream"},
        {"\2", 1, NULL, "application/octet-stream"}},
    {{WAV, sizeof WAV, NULL, "audio/x-wav"}, {"\1\2\3", 3, NULL, "audio/x-wav"},
        {PNG, sizeof PNG, NULL, "image/png"}, {"\1\2\3", 3, NULL, "application/octet-stream"},
        {WAV, sizeof WAV, NULL, "audio/x-wav"}},
    {{"a", 1, TEST_CAPS, "application/x-test"}, {"\1\2\3", 3, NULL, "application/octet-stream"},
        {"a", 1, TEST_CAPS, "application/x-test"}, {PNG, sizeof PNG, NULL, "image/png"},
        {"a", 1, TEST_CAPS, "application/x-test"}},
};

static void
check_kind (GstHarness *h, const Foreign *expected)
{
  GstBuffer *buffer = pull (h);
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);

  fail_unless_equals_int (gst_buffer_get_size (buffer), expected->size);
  fail_unless_equals_string (
      caps ? gst_structure_get_name (gst_caps_get_structure (caps, 0)) : NULL, expected->name);
  gst_clear_caps (&caps);
  gst_buffer_unref (buffer);
}

/* Each message is produced only after the caps of the buffer before were checked. */
GST_START_TEST (test_a_message_never_has_the_caps_of_another_one)
{
  GstHarness *h = harness_with ("");

  gst_harness_play (h);
  for (guint i = 0; i < G_N_ELEMENTS (kinds[0]); i++) {
    const Foreign *one = &kinds[__i__][i];
    const gchar *headers[] = {one->header ? "gst-caps" : NULL, one->header, NULL};

    kafka_mock_produce (&mock, TOPIC, 0, NULL, one->data, one->size, 0, headers);
    check_kind (h, one);
  }
  stop (h);
}
GST_END_TEST;

GST_START_TEST (test_empty_values_survive)
{
  GstHarness *h = harness_with ("");
  GstBuffer *buffer;

  kafka_mock_produce (&mock, TOPIC, 0, "k", NULL, 0, 0, NULL);
  kafka_mock_produce (&mock, TOPIC, 0, "k", "", 0, 0, NULL);
  produce (0, "after", NULL);
  gst_harness_play (h);
  for (guint i = 0; i < 2; i++) {
    buffer = pull (h);
    fail_unless_equals_int (gst_buffer_get_size (buffer), 0);
    fail_unless (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP));
    gst_buffer_unref (buffer);
  }
  buffer = pull (h);
  fail_unless (holds (buffer, "after"));
  gst_buffer_unref (buffer);
  stop (h);
}
GST_END_TEST;

static const gchar *bad_caps[] = {"", "no caps at all", "video/x-raw", "video/x-raw, width=[1,2]",
    "video/x-raw(memory:DMABuf), n=(int)1", "a/b, c=(structure)\"[[[[", "ANY", "EMPTY", "\xff",
    "-1", " .x", "a/b; -1", "a/b, c=(GstCaps)[-1]", "a/b, c=(structure)\"-1\"",
    "a/b, c=(GstStructure)\"-1;\"", "a/b, c=(taglist)\"-1;\"", "a/b, c={ (taglist)\"-1;\" }",
    "a/b(-1), n=(int)1", "a/b(memory:-x), n=(int)1", "a/b, c=(buffer)zz", "a/b, c=(buffer)0",
    "a/b, c=(GstBuffer)0g", "a/b, c=(buffer) 0g", "a/b, c=(buffer)< 00, 0 >"};

GST_START_TEST (test_bad_caps_are_skipped)
{
  const gchar *bad[] = {"gst-caps", bad_caps[__i__], NULL};
  const gchar *good[] = {"gst-caps", TEST_CAPS, NULL};
  GstHarness *h = harness_with ("caps=application/x-test,n=(int)2");
  GstBuffer *buffer;

  gst_harness_set_sink_caps_str (h, "application/x-test");
  produce (0, "bad", bad);
  produce (0, "good", good);
  gst_harness_play (h);
  do
    buffer = pull (h);
  while (holds (buffer, "bad") && (gst_buffer_unref (buffer), TRUE));
  fail_unless (holds (buffer, "good"));
  gst_buffer_unref (buffer);
  /* a message whose header gst-caps isn't UTF-8 counts as one without this header */
  fail_unless_equals_uint64 (
      stat_of (h, "bad-caps") + stat_of (h, "refused-caps"), bad_caps[__i__][0] == '\xff' ? 0 : 1);
  stop (h);
}
GST_END_TEST;

GST_START_TEST (test_deeply_nested_caps_are_refused)
{
  g_autofree gchar *deep = g_strnfill (60000, '{');
  g_autofree gchar *text = g_strconcat ("a/b, c=", deep, NULL);
  const gchar *bad[] = {"gst-caps", text, NULL};
  GstHarness *h = harness_with ("");

  produce (0, "bad", bad);
  gst_harness_play (h);
  wait_for_stat (h, "bad-caps", 1);
  stop (h);
}
GST_END_TEST;

GST_START_TEST (test_caps_that_downstream_refuses_warn_once_or_fail)
{
  const gchar *headers[] = {"gst-caps", "application/x-other, n=(int)1", NULL};
  gboolean fails = __i__ == 1;
  g_autofree gchar *line = g_strdup_printf (
      "kafkasrc topic=%s bootstrap-servers=%s auto-offset-reset=earliest on-error=%s ! "
      "application/x-test ! fakesink async=false",
      TOPIC, mock.servers, fails ? "fail" : "skip");
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  for (guint i = 0; i < 3; i++)
    produce (0, "x", headers);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message =
      gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  if (fails)
    fail_unless_message_error (message, STREAM, FORMAT);
  else
    fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_WARNING);
  gst_message_unref (message);
  message = gst_bus_timed_pop_filtered (
      bus, 200 * GST_MSECOND, GST_MESSAGE_ERROR | (fails ? 0 : GST_MESSAGE_WARNING));
  fail_unless (message == NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}
GST_END_TEST;

/* Reads @n messages as a member of a group, marks them with @outcomes, and stops. */
static void
run_group (guint n, const GstKafkaAckOutcome *outcomes)
{
  GstHarness *h = harness_with ("group-id=g partitions=<0>");

  gst_harness_play (h);
  for (guint i = 0; i < n; i++) {
    GstBuffer *buffer = pull (h);

    gst_kafka_meta_mark (buffer, outcomes[i]);
    gst_buffer_unref (buffer);
  }
  stop (h);
}

static void
check_next (const gchar *text)
{
  GstHarness *h = harness_with ("group-id=g partitions=<0>");
  GstBuffer *buffer;

  gst_harness_play (h);
  buffer = pull (h);
  fail_unless (holds (buffer, text));
  gst_buffer_unref (buffer);
  stop (h);
}

/* The element can be stopped after it has joined its group, and before it is assigned partitions,
 * although librdkafka before 2.3.0 may abort then. */
GST_START_TEST (test_the_source_stops_between_joining_and_the_first_assignment)
{
  GstHarness *h;

  for (guint i = 0; i < 100; i++)
    rd_kafka_mock_push_request_errors (
        mock.cluster, KAFKA_API_SYNC_GROUP, 1, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
  h = harness_with ("group-id=g");
  gst_harness_play (h);
  /* time for the join, which takes 3 s in the mock cluster */
  g_usleep (4 * G_USEC_PER_SEC);
  fail_unless_equals_uint64 (stat_of (h, "rebalances"), 0);
  stop (h);
}
GST_END_TEST;

GST_START_TEST (test_a_group_reads_again_the_messages_that_were_not_marked_done)
{
  const GstKafkaAckOutcome first[] = {
      GST_KAFKA_ACK_DONE, GST_KAFKA_ACK_DONE, GST_KAFKA_ACK_UNDECIDED, GST_KAFKA_ACK_DONE};
  const GstKafkaAckOutcome second[] = {GST_KAFKA_ACK_DONE, GST_KAFKA_ACK_FAILED};

  produce (0, "0", NULL);
  produce (0, "1", NULL);
  produce (0, "2", NULL);
  produce (0, "3", NULL);
  run_group (4, first);
  check_next ("2");
  run_group (2, second);
  check_next ("3");
}
GST_END_TEST;

GST_START_TEST (test_an_undecided_message_is_done_after_a_time_and_a_push)
{
  /* an undecided message must not be kept for ever without a group either, although no offset is
   * committed */
  GstHarness *h = harness_with (__i__ ? "partitions=<0>" : "group-id=g partitions=<0>");
  GstElement *source = source_of (h);

  produce (0, "0", NULL);
  gst_harness_play (h);
  gst_buffer_unref (pull (h));
  wait_for_stat (h, "parked", 1);
  produce (0, "1", NULL);
  gst_buffer_unref (pull (h));
  wait_for_stat (h, "parked", 1);
  produce (0, "2", NULL);
  gst_buffer_unref (pull (h));
  /* the last message stays parked, because no buffer is pushed after it */
  wait_for_stat (h, "parked", 1);
  gst_object_unref (source);
  stop (h);
  if (!__i__)
    check_next ("2");
}
GST_END_TEST;

GST_START_TEST (test_old_messages_are_skipped)
{
  GstHarness *h = harness_with ("max-age=60000000000");
  GstElement *source = source_of (h);
  GstBus *bus = gst_bus_new ();
  GstBuffer *buffer;
  g_autofree gchar *info = NULL;
  g_autofree gchar *soon =
      g_strdup_printf ("%" G_GINT64_FORMAT, (g_get_real_time () + 600 * G_USEC_PER_SEC) * 1000);
  const gchar *future[] = {"capture-time", soon, NULL};
  /* no clock can have this capture time, so Kafka's timestamp is used */
  const gchar *absurd[] = {"capture-time", "9999999999999999999", NULL};

  gst_element_set_bus (source, bus);
  for (guint i = 0; i < 2; i++)
    kafka_mock_produce (&mock, TOPIC, 0, NULL, "old", 3, 1000000, NULL);
  produce (0, "new", NULL);
  produce (0, "skewed", future);
  produce (0, "absurd", absurd);
  gst_harness_play (h);
  buffer = pull (h);
  fail_unless (holds (buffer, "new"));
  gst_buffer_unref (buffer);
  gst_buffer_unref (pull (h));
  gst_buffer_unref (pull (h));
  fail_unless_equals_uint64 (stat_of (h, "too-old"), 2);
  info = wait_message (bus, GST_MESSAGE_INFO, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED);
  fail_unless (strstr (info, "max-age") != NULL, "%s", info);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_INFO) == NULL);
  fail_unless_equals_uint64 (stat_of (h, "clock-skew"), 1);
  gst_element_set_bus (source, NULL);
  gst_object_unref (bus);
  gst_object_unref (source);
  stop (h);
}
GST_END_TEST;

GST_START_TEST (test_only_frames_of_the_chosen_camera_are_pushed)
{
  const gchar *one[] = {"camera", "cam-1", NULL}, *other[] = {"camera", "cam-11", NULL};
  GstHarness *h = harness_with ("camera=cam-1");
  GstBuffer *buffer;

  produce (0, "other", other);
  produce (0, "nobody's", NULL);
  produce (0, "its own", one);
  gst_harness_play (h);
  buffer = pull (h);
  fail_unless (holds (buffer, "its own"));
  gst_buffer_unref (buffer);
  fail_unless_equals_uint64 (stat_of (h, "messages"), 1);
  fail_unless_equals_uint64 (stat_of (h, "other-cameras"), 2);
  stop (h);
}
GST_END_TEST;

/* Makes the broker refuse a fetch once, and reads a message that is sent afterwards. */
static void
read_after_a_refusal (GstHarness *h, const gchar *text)
{
  rd_kafka_mock_push_request_errors (
      mock.cluster, KAFKA_API_FETCH, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  g_usleep (G_USEC_PER_SEC);
  produce (0, text, NULL);
  gst_buffer_unref (pull (h));
}

GST_START_TEST (test_access_that_comes_and_goes_is_one_warning)
{
  GstHarness *h = harness_with ("");
  GstElement *source = source_of (h);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (source, bus);
  produce (0, "0", NULL);
  gst_harness_play (h);
  gst_buffer_unref (pull (h));
  read_after_a_refusal (h, "1");
  g_free (wait_message (
      bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED));
  read_after_a_refusal (h, "2");
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == NULL);
  gst_element_set_bus (source, NULL);
  gst_object_unref (bus);
  gst_object_unref (source);
  stop (h);
}
GST_END_TEST;

#define OTHER_TOPIC TOPIC "-2"
#define NEW_TOPIC TOPIC "-3"

static void
read_from (GstHarness *h, const gchar *topic)
{
  GstBuffer *buffer;

  kafka_mock_produce (&mock, topic, 0, NULL, topic, strlen (topic), 0, NULL);
  buffer = pull (h);
  fail_unless (holds (buffer, topic));
  gst_buffer_unref (buffer);
}

GST_START_TEST (test_a_new_topic_is_read_while_the_right_to_another_one_is_missing)
{
  GstHarness *h = harness_with ("topic=^" TOPIC);
  GstElement *source = source_of (h);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (source, bus);
  fail_if (rd_kafka_mock_topic_create (mock.cluster, OTHER_TOPIC, 1, 1));
  gst_harness_play (h);
  read_from (h, TOPIC);
  read_from (h, OTHER_TOPIC);
  rd_kafka_mock_topic_set_error (
      mock.cluster, OTHER_TOPIC, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  g_free (wait_message (
      bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED));
  fail_if (rd_kafka_mock_topic_create (mock.cluster, NEW_TOPIC, 1, 1));
  read_from (h, NEW_TOPIC);
  gst_element_set_bus (source, NULL);
  gst_object_unref (bus);
  gst_object_unref (source);
  stop (h);
}
GST_END_TEST;

GST_START_TEST (test_missing_partition_is_reported)
{
  GstHarness *h = harness_with ("partitions=<0,7>");
  GstElement *source = source_of (h);
  GstBus *bus = gst_bus_new ();
  g_autofree gchar *info = NULL;

  gst_element_set_bus (source, bus);
  produce (0, "x", NULL);
  gst_harness_play (h);
  info = wait_message (bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
  fail_unless (strstr (info, "Partition 7 of topic \"" TOPIC "\"") != NULL, "%s", info);
  gst_buffer_unref (pull (h));
  gst_element_set_bus (source, NULL);
  gst_object_unref (bus);
  gst_object_unref (source);
  stop (h);
}
GST_END_TEST;

static gint64
ask_lag (GstHarness *h)
{
  GstQuery *query =
      gst_query_new_custom (GST_QUERY_CUSTOM, gst_structure_new_empty (GST_KAFKA_LAG_QUERY));
  const GstStructure *s = gst_query_get_structure (query);
  gint64 lag;

  fail_unless (gst_pad_peer_query (h->sinkpad, query));
  fail_unless (gst_structure_get_int64 (s, "lag", &lag));
  fail_unless (GST_VALUE_HOLDS_ARRAY (gst_structure_get_value (s, "partitions")));
  gst_query_unref (query);
  return lag;
}

static void
wait_for_lag (GstHarness *h, gint64 lag)
{
  for (guint i = 0; i < 2000 && ask_lag (h) != lag; i++)
    g_usleep (5000);
  fail_unless_equals_int64 (ask_lag (h), lag);
}

static GstPadProbeReturn
block (GstPad *pad, GstPadProbeInfo *info, gpointer unused)
{
  return GST_PAD_PROBE_OK;
}

#define KAFKA_API_FETCH_WITHOUT_REPLICAS 10

#define REFUSALS 1000

/* Makes the mock broker refuse the query for the partition's end, whose answer would count all
 * messages. The element sends this query once a second, so an answer could come before a message is
 * read. */
static void
refuse_queries_for_the_end (void)
{
  rd_kafka_resp_err_t errors[REFUSALS];

  for (guint i = 0; i < REFUSALS; i++)
    errors[i] = RD_KAFKA_RESP_ERR_INVALID_REQUEST;
  rd_kafka_mock_push_request_errors_array (mock.cluster, KAFKA_API_LIST_OFFSETS, REFUSALS, errors);
}

/* Makes the mock broker behave as a new leader that doesn't know all messages yet: it delivers the
 * message at the offset @end, but reports @end as the end of the partition. */
static void
set_known_end (gint64 end)
{
  fail_if (rd_kafka_mock_partition_set_follower_wmarks (mock.cluster, TOPIC, 0, 0, end));
}

static void
learn_the_end_when_asked_again (GstDebugCategory *category, GstDebugLevel level, const gchar *file,
    const gchar *function, gint line, GObject *object, GstDebugMessage *message, gpointer doubts)
{
  if (!g_str_has_suffix (gst_debug_message_get (message), "lies beyond the newest one: again"))
    return;
  if (++*(gint *) doubts == 2)
    set_known_end (10);
}

GST_START_TEST (test_a_message_beyond_the_known_end_of_its_partition_is_fetched_again)
{
  const gchar *headers[] = {"gst-caps", TEST_CAPS, NULL};
  GstHarness *h = harness_with ("");
  gint doubts = 0;

  gst_debug_remove_log_function (NULL);
  gst_debug_set_threshold_for_name ("kafkasrc", GST_LEVEL_DEBUG);
  gst_debug_add_log_function (learn_the_end_when_asked_again, &doubts, NULL);
  fail_if (rd_kafka_mock_set_apiversion (
      mock.cluster, KAFKA_API_FETCH, 0, KAFKA_API_FETCH_WITHOUT_REPLICAS));
  gst_harness_play (h);
  for (gint i = 0; i < 10; i++) {
    g_autofree gchar *number = g_strdup_printf ("%d", i);
    GstBuffer *buffer;

    if (i == 5) {
      refuse_queries_for_the_end ();
      fail_if (rd_kafka_mock_partition_set_follower (mock.cluster, TOPIC, 0, 1));
      set_known_end (5);
    }
    produce (0, number, headers);
    buffer = pull (h);
    fail_unless (holds (buffer, number), "message %d", i);
    gst_buffer_unref (buffer);
  }
  fail_unless_equals_int (doubts, 2);
  fail_unless_equals_uint64 (stat_of (h, "damaged"), 0);
  stop (h);
  gst_debug_remove_log_function (learn_the_end_when_asked_again);
}
GST_END_TEST;

GST_START_TEST (test_lag_and_assignment)
{
  GstHarness *h = harness_with ("max-prefetch=65536");
  GstElement *source = source_of (h);
  GstPad *pad = gst_element_get_static_pad (source, "src");
  GstEvent *event;

  for (guint i = 0; i < 4; i++)
    produce (i % 2, "x", NULL);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER, block, NULL, NULL);
  gst_harness_play (h);
  wait_for_lag (h, 3);
  /* the lag grows with new messages even while no message is read */
  produce (0, "x", NULL);
  wait_for_lag (h, 4);
  do
    event = gst_harness_pull_event (h);
  while (event && !gst_event_has_name (event, GST_KAFKA_ASSIGNMENT_EVENT) &&
         (gst_event_unref (event), TRUE));
  fail_unless (event && GST_EVENT_IS_STICKY (event));
  fail_unless_equals_int (gst_value_array_get_size (gst_structure_get_value (
                              gst_event_get_structure (event), "partitions")),
      2);
  gst_event_unref (event);
  gst_object_unref (pad);
  gst_object_unref (source);
  stop (h);
}
GST_END_TEST;

static void
assert_range_ends_the_stream (void)
{
  g_autofree gchar *line = g_strdup_printf (
      "kafkasrc topic=%s bootstrap-servers=%s partitions=<0> start-offset=2 eos-at-end=true ! "
      "fakesink name=sink async=false",
      TOPIC, mock.servers);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstStructure *stats;
  guint64 rendered;

  for (guint i = 0; i < 4; i++)
    produce (0, "x", NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  g_object_get (sink, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "rendered", &rendered));
  fail_unless_equals_uint64 (rendered, 2);
  gst_structure_free (stats);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

GST_START_TEST (test_a_range_of_offsets_ends_the_stream)
{
  assert_range_ends_the_stream ();
}
GST_END_TEST;

GST_START_TEST (test_a_range_of_offsets_ends_the_stream_despite_a_slow_answer)
{
  rd_kafka_mock_broker_push_request_error_rtts (
      mock.cluster, 1, KAFKA_API_LIST_OFFSETS, 1, RD_KAFKA_RESP_ERR_NO_ERROR, 3000);
  assert_range_ends_the_stream ();
}
GST_END_TEST;

/* The source reads over a link whose answers take longer than a second. */
GST_START_TEST (test_a_long_link_is_waited_for)
{
  const gchar *settings[] = {"", "replay=true"};
  GstHarness *h;

  produce (0, "far", NULL);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 1050);
  h = harness_with (settings[__i__]);
  gst_harness_play (h);
  gst_buffer_unref (pull (h));
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 0);
  stop (h);
}
GST_END_TEST;

/* Waits up to 10 s until @atomic is set. */
static void
wait_until_set (gint *atomic)
{
  for (guint i = 0; i < 2000 && !g_atomic_int_get (atomic); i++)
    g_usleep (5000);
}

#define MANY 15
#define LOG_CHECK_TIME (2100 * G_TIME_SPAN_MILLISECOND)

/* A replay pushes messages that it has already fetched while the broker doesn't answer; only its
 * query whether the log was replaced waits, for 2 s each time. */
GST_START_TEST (test_a_replay_pushes_fetched_messages_while_the_broker_does_not_answer)
{
  GstHarness *h;
  gint64 began;

  for (guint i = 0; i < MANY; i++)
    produce (0, "x", NULL);
  h = harness_with ("replay=true");
  gst_harness_set_blocking_push_mode (h);
  gst_harness_play (h);
  gst_buffer_unref (pull (h));
  g_usleep (LOG_CHECK_TIME);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 10000);
  began = g_get_monotonic_time ();
  for (guint i = 1; i < MANY; i++)
    gst_buffer_unref (pull (h));
  fail_unless (g_get_monotonic_time () - began < 20 * G_TIME_SPAN_SECOND);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 0);
  stop (h);
}
GST_END_TEST;

#define CHECKS 3

/* A replay queries every 2 s whether the log was replaced, and pushes messages without waiting for
 * the answer. After each pause, the first buffer is there already, and the query begins before the
 * second buffer, so a replay that waits for answers takes 2 s times CHECKS. */
GST_START_TEST (test_a_replay_does_not_wait_for_its_query_whether_the_log_was_replaced)
{
  GstHarness *h = harness_with ("replay=true");
  gint64 waited = 0;

  for (guint i = 0; i <= 2 * CHECKS; i++)
    produce (0, "x", NULL);
  gst_harness_set_blocking_push_mode (h);
  gst_harness_play (h);
  gst_buffer_unref (pull (h));
  for (guint i = 0; i < CHECKS; i++) {
    g_usleep (LOG_CHECK_TIME); /* during the first pause, all messages are fetched */
    rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 10000);
    waited -= g_get_monotonic_time ();
    gst_buffer_unref (pull (h));
    gst_buffer_unref (pull (h));
    waited += g_get_monotonic_time ();
  }
  fail_unless (waited < 5 * G_TIME_SPAN_SECOND, "%" G_GINT64_FORMAT " us", waited);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 0);
  stop (h);
}
GST_END_TEST;

/* Waits of the streaming thread for an answer, and the line that it logs just before. */
static const struct {
  const gchar *settings;
  gint16 api; /* the request that isn't answered in time */
  const gchar *line;
} waits[] = {
    {"group-id=interrupted", KAFKA_API_OFFSET_COMMIT, " goes first"},
    {"replay=true", KAFKA_API_METADATA, "asking the brokers"},
    {"replay=true", KAFKA_API_LIST_OFFSETS, "asking the brokers"},
};
static gint begun; /* atomic */

static void
look_for_wait (GstDebugCategory *category, GstDebugLevel level, const gchar *file,
    const gchar *function, gint line, GObject *object, GstDebugMessage *message, gpointer text)
{
  if (strstr (gst_debug_message_get (message), text))
    g_atomic_int_set (&begun, TRUE);
}

/* A flush ends the streaming thread's wait for the brokers at once: FLUSH_STOP, which waits for the
 * thread to stop, returns within a second. */
GST_START_TEST (test_a_flush_ends_a_wait_for_the_brokers)
{
  GstHarness *h = harness_with (waits[__i__].settings);
  GstElement *source = source_of (h);
  gint64 began;

  produce (0, "x", NULL);
  g_atomic_int_set (&begun, FALSE);
  for (guint i = 0; i < 3; i++)
    rd_kafka_mock_broker_push_request_error_rtts (
        mock.cluster, 1, waits[__i__].api, 1, RD_KAFKA_RESP_ERR_NO_ERROR, 10000);
  gst_debug_remove_log_function (NULL);
  gst_debug_set_threshold_for_name ("kafkasrc", GST_LEVEL_DEBUG);
  gst_debug_add_log_function (look_for_wait, (gpointer) waits[__i__].line, NULL);
  gst_harness_play (h);
  wait_until_set (&begun);
  fail_unless (g_atomic_int_get (&begun));
  g_usleep (200000);
  began = g_get_monotonic_time ();
  gst_element_send_event (source, gst_event_new_flush_start ());
  gst_element_send_event (source, gst_event_new_flush_stop (TRUE));
  fail_unless (g_get_monotonic_time () - began < G_TIME_SPAN_SECOND);
  gst_object_unref (source);
  stop (h);
  gst_debug_remove_log_function (look_for_wait);
}
GST_END_TEST;

/* The largest number of queries that a replay has at the same time. */
#define MOST_QUERIES 8
#define MOST_SEEKS 1000
#define SEEKS_AFTER_LIMIT 20

/* Returns the number of threads of this process with this name. */
static guint
count_threads (const gchar *name)
{
  GDir *dir = g_dir_open ("/proc/self/task", 0, NULL);
  const gchar *id;
  guint count = 0;

  while ((id = g_dir_read_name (dir))) {
    g_autofree gchar *path = g_strdup_printf ("/proc/self/task/%s/comm", id);
    g_autofree gchar *text = NULL;

    count += g_file_get_contents (path, &text, NULL, NULL) && g_str_equal (g_strchomp (text), name);
  }
  g_dir_close (dir);
  return count;
}

/* Waits for up to 20 ms until more than @before queries run. Returns the number of queries. */
static guint
wait_for_another_query (guint before)
{
  guint count = count_threads ("kafka-query");

  for (guint i = 0; i < 20 && count <= before; i++) {
    g_usleep (1000);
    count = count_threads ("kafka-query");
  }
  return count;
}

static void
seek_to_begin (GstHarness *h)
{
  gst_harness_push_upstream_event (
      h, gst_event_new_seek (1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
             GST_SEEK_TYPE_NONE, GST_CLOCK_TIME_NONE));
}

/* Each seek interrupts the query of the seek before, whose thread still waits for the broker. The
 * element says once that further seeks wait. */
GST_START_TEST (test_seeks_leave_a_limited_number_of_queries_behind)
{
  GstHarness *h = harness_with ("replay=true");
  GstElement *source = source_of (h);
  GstBus *bus = gst_bus_new ();
  GstMessage *limited = NULL;
  guint most = 0, after = 0, running = 0;

  gst_element_set_bus (source, bus);
  produce (0, "x", NULL);
  gst_harness_play (h);
  gst_buffer_unref (pull (h));
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 60000);
  for (guint i = 0; i < MOST_SEEKS && after < SEEKS_AFTER_LIMIT; i++) {
    seek_to_begin (h);
    running = wait_for_another_query (running);
    most = MAX (most, running);
    if (!limited)
      limited = gst_bus_pop_filtered (bus, GST_MESSAGE_INFO);
    after += limited != NULL;
  }
  fail_unless (limited != NULL);
  /* A thread whose query has ended may exist for a moment longer. */
  fail_unless (most <= 2 * MOST_QUERIES, "%u threads", most);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_INFO | GST_MESSAGE_ERROR) == NULL);
  gst_message_unref (limited);
  gst_element_set_bus (source, NULL);
  gst_object_unref (bus);
  gst_object_unref (source);
  stop (h);
}
GST_END_TEST;

static struct {
  guint placed;
  gint opening, flushing; /* atomic */
} opening;

/* A log function that stops the streaming thread when it has read the ends of all partitions, until
 * a flush begins. */
static void
wait_for_a_flush (GstDebugCategory *category, GstDebugLevel level, const gchar *file,
    const gchar *function, gint line, GObject *object, GstDebugMessage *message, gpointer unused)
{
  const gchar *text = gst_debug_message_get (message);

  if (g_atomic_int_get (&opening.opening) && g_str_equal (text, "unlock: waiting calls return"))
    g_atomic_int_set (&opening.flushing, TRUE);
  if (!strstr (text, ": from offset") || ++opening.placed != 3)
    return;
  g_atomic_int_set (&opening.opening, TRUE);
  wait_until_set (&opening.flushing);
  g_usleep (200000);
}

GST_START_TEST (test_a_seek_while_a_replay_opens_keeps_the_duration)
{
  GstHarness *h = harness_with ("replay=true");
  gint64 duration;

  kafka_mock_produce (&mock, TOPIC, 0, NULL, "a", 1, 1764028800000, NULL);
  kafka_mock_produce (&mock, TOPIC, 0, NULL, "b", 1, 1764028805000, NULL);
  memset (&opening, 0, sizeof opening);
  gst_debug_remove_log_function (NULL);
  gst_debug_set_threshold_for_name ("kafkasrc", GST_LEVEL_DEBUG);
  gst_debug_add_log_function (wait_for_a_flush, NULL, NULL);
  gst_harness_play (h);
  wait_until_set (&opening.opening);
  fail_unless (gst_harness_push_upstream_event (
      h, gst_event_new_seek (1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
             GST_SEEK_TYPE_NONE, GST_CLOCK_TIME_NONE)));
  gst_buffer_unref (pull (h));
  fail_unless (gst_pad_peer_query_duration (h->sinkpad, GST_FORMAT_TIME, &duration));
  fail_unless_equals_int64 (duration, 5 * GST_SECOND);
  stop (h);
  gst_debug_remove_log_function (wait_for_a_flush);
}
GST_END_TEST;

/* An EOS event that an application sends to the element ends the stream, although no message
 * comes. */
GST_START_TEST (test_eos_from_the_application_takes_effect_at_once)
{
  GstHarness *h = harness_with ("");
  GstElement *source = source_of (h);
  gboolean eos = FALSE;

  gst_harness_play (h);
  fail_unless (gst_element_send_event (source, gst_event_new_eos ()));
  while (!eos) {
    GstEvent *event = gst_harness_pull_event (h);

    fail_unless (event != NULL);
    eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  gst_object_unref (source);
  stop (h);
}
GST_END_TEST;

GST_START_TEST (test_the_source_is_live)
{
  GstHarness *h = harness_with ("");
  GstElement *source = source_of (h);
  GstQuery *query = gst_query_new_latency ();
  gboolean live;
  GstClockTime min, max;

  fail_unless_equals_int (
      gst_element_set_state (source, GST_STATE_PAUSED), GST_STATE_CHANGE_NO_PREROLL);
  fail_unless (gst_element_query (source, query));
  gst_query_parse_latency (query, &live, &min, &max);
  fail_unless (live);
  fail_unless_equals_uint64 (min, 0);
  gst_query_unref (query);
  gst_object_unref (source);
  stop (h);
}
GST_END_TEST;

GST_START_TEST (test_starts_and_stops_any_number_of_times)
{
  GstHarness *h = harness_with (__i__ ? "group-id=g partitions=<0>" : "");
  GstElement *source = source_of (h);

  produce (0, "x", NULL);
  for (guint i = 0; i < 3; i++) {
    gst_harness_play (h);
    gst_buffer_unref (pull (h));
    fail_unless_equals_int (
        gst_element_set_state (source, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
    fail_unless_equals_uint64 (stat_of (h, "messages"), 1);
  }
  gst_object_unref (source);
  stop (h);
}
GST_END_TEST;

static const struct {
  const gchar *line;
  gint code;
} bad_settings[] = {
    {"kafkasrc", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t group-instance-id=i", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t group-id=\"\"", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=a,,b", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=\"a b\"", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=a,^[", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t group-id=g replay=true", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t caps=ANY", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t start-offset=9 end-offset=8", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t start-offset=9 end-offset=9 replay=true", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t group-id=g end-offset=0", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t start-time=9 end-time=8", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t end-time=0 replay=true", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t caps=\"video/x-raw,width=[1,10]\"", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t client-properties=\"c,no.such=1\"", GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t client-properties=\"c,enable.auto.commit=true\"",
        GST_RESOURCE_ERROR_SETTINGS},
    {"kafkasrc topic=t config-file=/nonexistent", GST_RESOURCE_ERROR_NOT_FOUND},
    {"kafkasrc topic=t config-file=/dev/zero", GST_RESOURCE_ERROR_OPEN_READ},
};

GST_START_TEST (test_wrong_settings_are_one_error)
{
  expect_no_start (gst_parse_launch (bad_settings[__i__].line, NULL), GST_RESOURCE_ERROR,
      bad_settings[__i__].code, "");
}
GST_END_TEST;

static const struct {
  const gchar *uri;
  guint64 start;
  gboolean replay;
} uris[] = {
    {"kafka://a:1,b:2/t", GST_CLOCK_TIME_NONE, FALSE},
    {"kafka://a:1,b:2/t?group-id=g", GST_CLOCK_TIME_NONE, FALSE},
    {"kafka://a:1,b:2/t?start=earliest", GST_CLOCK_TIME_NONE, TRUE},
    {"kafka://a:1,b:2/t?start=1970-01-01T00:00:01.5Z", 1500 * GST_MSECOND, TRUE},
    {"kafka://a:1,b:2/t?start=1970-01-01T01:00:02%2B01:00&max-age=3", 2 * GST_SECOND, TRUE},
    {"kafka://a:1,b:2/t?start=12&end=15", 12, TRUE},
};

GST_START_TEST (test_uri)
{
  GstElement *source = gst_element_make_from_uri (GST_URI_SRC, uris[__i__].uri, NULL, NULL);
  g_autofree gchar *servers, *topic, *uri;
  guint64 start;
  gboolean replay;

  fail_unless (source != NULL);
  g_object_get (source, "bootstrap-servers", &servers, "topic", &topic, "start-time", &start,
      "replay", &replay, NULL);
  fail_unless_equals_string (servers, "a:1,b:2");
  fail_unless_equals_string (topic, "t");
  fail_unless_equals_uint64 (start, uris[__i__].start);
  fail_unless_equals_int (replay, uris[__i__].replay);
  uri = gst_uri_handler_get_uri (GST_URI_HANDLER (source));
  fail_unless_equals_string (uri, "kafka://a:1,b:2/t");
  gst_object_unref (source);
}
GST_END_TEST;

static const gchar *bad_uris[] = {"kafka://", "kafka://a", "kafka://a/", "kafka://a/t?start=now",
    "kafka://a/t?start=1969-01-01T00:00:00Z", "kafka://a/t?no-such=1",
    "kafka://a/t?config-file=/etc/passwd"};

GST_START_TEST (test_bad_uri)
{
  GError *error = NULL;

  fail_unless (gst_element_make_from_uri (GST_URI_SRC, bad_uris[__i__], NULL, &error) == NULL);
  fail_unless (error && error->domain == GST_URI_ERROR);
  g_error_free (error);
}
GST_END_TEST;

static Suite *
kafkasrc_suite (void)
{
  Suite *s = suite_create ("kafkasrc");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, test_message_has_the_content_and_the_headers_that_were_sent);
  tcase_add_loop_test (tc, test_messages_of_other_producers_get_caps_by_property_or_content, 0, 3);
  tcase_add_loop_test (
      tc, test_a_message_never_has_the_caps_of_another_one, 0, G_N_ELEMENTS (kinds));
  tcase_add_test (tc, test_empty_values_survive);
  tcase_add_loop_test (tc, test_bad_caps_are_skipped, 0, G_N_ELEMENTS (bad_caps));
  tcase_add_test (tc, test_deeply_nested_caps_are_refused);
  tcase_add_loop_test (tc, test_caps_that_downstream_refuses_warn_once_or_fail, 0, 2);
  tcase_add_test (tc, test_the_source_stops_between_joining_and_the_first_assignment);
  tcase_add_test (tc, test_a_group_reads_again_the_messages_that_were_not_marked_done);
  tcase_add_loop_test (tc, test_an_undecided_message_is_done_after_a_time_and_a_push, 0, 2);
  tcase_add_test (tc, test_old_messages_are_skipped);
  tcase_add_test (tc, test_only_frames_of_the_chosen_camera_are_pushed);
  tcase_add_test (tc, test_access_that_comes_and_goes_is_one_warning);
  tcase_add_test (tc, test_a_new_topic_is_read_while_the_right_to_another_one_is_missing);
  tcase_add_test (tc, test_missing_partition_is_reported);
  tcase_add_test (tc, test_a_message_beyond_the_known_end_of_its_partition_is_fetched_again);
  tcase_add_test (tc, test_lag_and_assignment);
  tcase_add_loop_test (tc, test_a_long_link_is_waited_for, 0, 2);
  tcase_add_test (tc, test_a_replay_pushes_fetched_messages_while_the_broker_does_not_answer);
  tcase_add_test (tc, test_a_replay_does_not_wait_for_its_query_whether_the_log_was_replaced);
  tcase_add_loop_test (tc, test_a_flush_ends_a_wait_for_the_brokers, 0, G_N_ELEMENTS (waits));
  tcase_add_test (tc, test_seeks_leave_a_limited_number_of_queries_behind);
  tcase_add_test (tc, test_a_seek_while_a_replay_opens_keeps_the_duration);
  tcase_add_test (tc, test_a_range_of_offsets_ends_the_stream);
  tcase_add_test (tc, test_a_range_of_offsets_ends_the_stream_despite_a_slow_answer);
  tcase_add_test (tc, test_eos_from_the_application_takes_effect_at_once);
  tcase_add_test (tc, test_the_source_is_live);
  tcase_add_loop_test (tc, test_starts_and_stops_any_number_of_times, 0, 2);
  tcase_add_loop_test (tc, test_wrong_settings_are_one_error, 0, G_N_ELEMENTS (bad_settings));
  tcase_add_loop_test (tc, test_uri, 0, G_N_ELEMENTS (uris));
  tcase_add_loop_test (tc, test_bad_uri, 0, G_N_ELEMENTS (bad_uris));
  return s;
}

GST_CHECK_MAIN (kafkasrc);
