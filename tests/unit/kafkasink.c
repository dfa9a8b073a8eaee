/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "elementtest.h"
#include "gstkafkameta.h"
#include "kafkamock.h"

#define TOPIC "frames"

static KafkaMock mock;
static GstElement *sink;
static GstHarness *h;
static GstBus *bus;

static void
setup_partitions (gint partitions)
{
  gst_kafka_meta_register ();
  kafka_mock_start (&mock, TOPIC, partitions);
  sink = gst_object_ref_sink (gst_element_factory_make ("kafkasink", NULL));
  bus = gst_bus_new ();
  gst_element_set_bus (sink, bus);
  g_object_set (sink, "bootstrap-servers", mock.servers, "topic", TOPIC, NULL);
}

static void
setup (void)
{
  setup_partitions (1);
}

static void
teardown (void)
{
  gint64 began = g_get_monotonic_time ();

  fail_unless_equals_int (gst_element_set_state (sink, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  fail_unless (g_get_monotonic_time () - began < 9 * G_USEC_PER_SEC);
  g_clear_pointer (&h, gst_harness_teardown);
  gst_element_set_bus (sink, NULL);
  gst_clear_object (&sink);
  gst_clear_object (&bus);
  kafka_mock_stop (&mock);
}

static void
play (void)
{
  h = gst_harness_new_with_element (sink, "sink", NULL);
  gst_harness_set_src_caps_str (h, "image/jpeg,width=640,height=480");
  gst_harness_play (h);
}

static GstBuffer *
frame (gchar fill, gsize size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (buffer, 0, fill, size);
  return buffer;
}

static void
push (gchar fill)
{
  fail_unless_equals_int (gst_harness_push (h, frame (fill, 1000)), GST_FLOW_OK);
}

static guint64
stat_of (const gchar *field)
{
  return read_stat (sink, field);
}

static gchar *
header_text (rd_kafka_message_t *message, const gchar *name)
{
  rd_kafka_headers_t *headers;
  const void *value;
  size_t size;

  if (rd_kafka_message_headers (message, &headers) ||
      rd_kafka_header_get_last (headers, name, &value, &size))
    return NULL;
  return g_strndup (value, size);
}

static void
assert_header (rd_kafka_message_t *message, const gchar *name, const gchar *expected)
{
  gchar *text = header_text (message, name);

  fail_unless (g_strcmp0 (text, expected) == 0, "%s: %s", name, text);
  g_free (text);
}

static rd_kafka_message_t *
first_message (rd_kafka_t **consumer, const gchar *topic, gint partition)
{
  *consumer = kafka_mock_consumer (&mock, topic, partition);
  return kafka_mock_next (*consumer, 30);
}

static void
end_reading (rd_kafka_t *consumer, rd_kafka_message_t *message)
{
  rd_kafka_message_destroy (message);
  rd_kafka_destroy (consumer);
}

GST_START_TEST (test_headers_of_the_message_describe_the_buffer)
{
  GstBuffer *buffer = frame ('a', 1000);
  GstCaps *unix_time = gst_caps_new_empty_simple ("timestamp/x-unix");
  rd_kafka_timestamp_type_t type;
  rd_kafka_message_t *message;
  rd_kafka_t *consumer;

  g_object_set (sink, "camera", "cam-1", NULL);
  play ();
  GST_BUFFER_PTS (buffer) = 5 * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND / 30;
  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  gst_buffer_add_reference_timestamp_meta (
      buffer, unix_time, G_GUINT64_CONSTANT (1764000000123456789), GST_CLOCK_TIME_NONE);
  gst_caps_unref (unix_time);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  push ('b');
  message = first_message (&consumer, TOPIC, 0);
  fail_unless_equals_uint64 (message->len, 1000);
  fail_unless (memcmp (message->payload, "aaaa", 4) == 0);
  fail_unless (message->key == NULL);
  fail_unless_equals_int64 (
      rd_kafka_message_timestamp (message, &type), G_GINT64_CONSTANT (1764000000123));
  assert_header (message, "camera", "cam-1");
  assert_header (message, "seq", "0");
  assert_header (message, "capture-time", "1764000000123456789");
  assert_header (message, "gst-caps", "image/jpeg, width=(int)640, height=(int)480");
  assert_header (message, "gst-pts", "5000000000");
  assert_header (message, "gst-duration", "33333333");
  assert_header (message, "gst-flags", "delta-unit");
  {
    gchar *session = header_text (message, "session");

    fail_unless_equals_int (strlen (session), 8);
    rd_kafka_message_destroy (message);
    message = kafka_mock_next (consumer, 30);
    assert_header (message, "seq", "1");
    assert_header (message, "session", session);
    assert_header (message, "gst-pts", NULL);
    assert_header (message, "gst-flags", NULL);
    g_free (session);
  }
  end_reading (consumer, message);
}
GST_END_TEST;

GST_START_TEST (test_headers_of_the_buffer_are_sent_with_it)
{
  GstBuffer *buffer = frame ('a', 10);
  rd_kafka_message_t *message;
  rd_kafka_t *consumer;

  g_object_set (sink, "camera", "cam-1", NULL);
  play ();
  gst_kafka_meta_set_headers (buffer, "camera", "cam-7", "seq", "41", "session", "cafe0001",
      "capture-time", "1764000000000000000", "gst-caps", "video/x-raw", "gst-pts", "1", "rate-max",
      "30", "anything", "else", NULL);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  message = first_message (&consumer, TOPIC, 0);
  assert_header (message, "camera", "cam-7");
  assert_header (message, "seq", "41");
  assert_header (message, "session", "cafe0001");
  assert_header (message, "capture-time", "1764000000000000000");
  assert_header (message, "gst-caps", "image/jpeg, width=(int)640, height=(int)480");
  assert_header (message, "gst-pts", NULL);
  assert_header (message, "rate-max", "30");
  assert_header (message, "anything", "else");
  fail_unless_equals_int64 (
      rd_kafka_message_timestamp (message, NULL), G_GINT64_CONSTANT (1764000000000));
  end_reading (consumer, message);
}
GST_END_TEST;

GST_START_TEST (test_buffers_with_a_seq_but_no_session_get_a_new_seq)
{
  GstBuffer *buffer = frame ('a', 10);
  rd_kafka_message_t *message;
  rd_kafka_t *consumer;

  play ();
  gst_kafka_meta_set_headers (buffer, "seq", "41", NULL);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  message = first_message (&consumer, TOPIC, 0);
  assert_header (message, "seq", "0");
  assert_header (message, "camera", NULL);
  end_reading (consumer, message);
}
GST_END_TEST;

GST_START_TEST (test_the_buffers_meta_sets_topic_partition_and_key)
{
  GstBuffer *buffer = frame ('a', 0);
  GBytes *key = g_bytes_new_static ("k", 1);
  rd_kafka_message_t *message;
  rd_kafka_t *consumer;

  fail_if (rd_kafka_mock_topic_create (mock.cluster, "other", 3, 1));
  g_object_set (sink, "key", "not-this", "partition", 0, NULL);
  play ();
  gst_structure_set (gst_kafka_meta_ensure (buffer), "target-topic", G_TYPE_STRING, "other",
      "target-partition", G_TYPE_INT, 2, "target-key", G_TYPE_BYTES, key, NULL);
  g_bytes_unref (key);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  message = first_message (&consumer, "other", 2);
  fail_unless_equals_uint64 (message->len, 0);
  fail_unless_equals_uint64 (message->key_len, 1);
  fail_unless (memcmp (message->key, "k", 1) == 0);
  end_reading (consumer, message);
}
GST_END_TEST;

/* Sets @counts to the number of messages in each of the five partitions. */
static void
count_in_partitions (gint64 counts[5])
{
  rd_kafka_t *consumer = kafka_mock_consumer (&mock, TOPIC, 0);
  gint64 low;

  for (gint partition = 0; partition < 5; partition++)
    fail_if (rd_kafka_query_watermark_offsets (
        consumer, TOPIC, partition, &low, &counts[partition], 30000));
  rd_kafka_destroy (consumer);
}

static gboolean
all_are_in_use (void)
{
  gint64 counts[5];

  count_in_partitions (counts);
  return counts[0] > 0 && counts[1] > 0 && counts[2] > 0 && counts[3] > 0 && counts[4] > 0;
}

/* Pushes buffers until all partitions have messages, and returns the number of buffers. At first
 * buffers don't go to all partitions in turn: partitions of brokers to which the client hasn't
 * connected yet are left out. */
static guint
use_all_partitions (void)
{
  guint pushed = 0;

  do {
    for (guint i = 0; i < 5; i++)
      push ('a' + i);
    pushed += 5;
    wait_for_at_least (sink, "delivered", pushed);
  } while (pushed < 500 && !all_are_in_use ());
  return pushed;
}

/* Pushes a buffer, the @delivered-th of all, and returns the partition to which it was sent. */
static guint
partition_of_next (guint delivered)
{
  gint64 before[5], after[5];
  guint partition = 0;

  count_in_partitions (before);
  push ('x');
  wait_for_at_least (sink, "delivered", delivered);
  count_in_partitions (after);
  while (partition < 4 && after[partition] == before[partition])
    partition++;
  return partition;
}

/* A message that is sent again by a new producer goes to the same partition, because in another one
 * it could come after later messages. */
GST_START_TEST (test_a_message_that_a_new_producer_sends_again_keeps_its_partition)
{
  guint pushed, last;

  g_object_set (sink, "enable-idempotence", TRUE, NULL);
  play ();
  pushed = use_all_partitions ();
  last = partition_of_next (pushed + 1);
  rd_kafka_mock_push_request_errors (
      mock.cluster, KAFKA_API_PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
  fail_unless_equals_int (partition_of_next (pushed + 2), (last + 1) % 5);
  fail_unless (stat_of ("rebuilds") >= 1);
}
GST_END_TEST;

GST_START_TEST (test_buffers_without_keys_go_to_all_partitions_in_turn)
{
  gint64 before[5], after[5];
  guint pushed;

  play ();
  pushed = use_all_partitions ();
  count_in_partitions (before);
  for (guint i = 0; i < 15; i++)
    push ('a' + i);
  wait_for_at_least (sink, "delivered", pushed + 15);
  count_in_partitions (after);
  for (guint partition = 0; partition < 5; partition++)
    fail_unless_equals_int64 (after[partition] - before[partition], 3);
}
GST_END_TEST;

/* The hashes of the keys are those in Kafka's tests of its Java client. */
GST_START_TEST (test_a_key_selects_the_same_partition_as_in_the_java_client)
{
  static const struct {
    const gchar *key;
    gint hash;
  } known[] = {{"21", -973932308}, {"foobar", -790332482}, {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829}, {"abc", 479470107}};

  play ();
  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    GstBuffer *buffer = frame ('a' + i, 10);
    GBytes *key = g_bytes_new_static (known[i].key, strlen (known[i].key));
    rd_kafka_message_t *message;
    rd_kafka_t *consumer;

    gst_structure_set (gst_kafka_meta_ensure (buffer), "target-key", G_TYPE_BYTES, key, NULL);
    g_bytes_unref (key);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
    message = first_message (&consumer, TOPIC, (known[i].hash & 0x7fffffff) % 101);
    fail_unless_equals_int (*(const gchar *) message->payload, 'a' + i);
    end_reading (consumer, message);
  }
}
GST_END_TEST;

static void
set_key (GstBuffer *buffer, const gchar *field, const gchar *text)
{
  GBytes *key = g_bytes_new_static (text, strlen (text));

  gst_structure_set (gst_kafka_meta_ensure (buffer), field, G_TYPE_BYTES, key, NULL);
  g_bytes_unref (key);
}

static const struct {
  const gchar *property, *found, *target, *expected;
  const gchar *lacks; /* the header that the warning about the template names */
} keys[] = {
    {NULL, NULL, NULL, NULL},
    {NULL, "found", NULL, "found"},
    {"set", "found", NULL, "set"},
    {"set", "found", "target", "target"},
    {"of %{camera}, %{side}", "found", NULL, "of cam-1, left"},
    {"%{no-such}", "found", NULL, NULL, "no-such"},
    {"%{no-such}", "found", "target", "target"},
    {"%{binary}", NULL, NULL, NULL, "binary"},
};

GST_START_TEST (test_each_buffer_may_have_its_own_key)
{
  GstBuffer *buffer = frame ('a', 10);
  rd_kafka_message_t *message;
  rd_kafka_t *consumer;

  g_object_set (sink, "key", keys[__i__].property, "camera", "cam-1", NULL);
  play ();
  gst_kafka_meta_set_headers (buffer, "side", "left", "binary", "\xff", NULL);
  if (keys[__i__].found)
    set_key (buffer, "key", keys[__i__].found);
  if (keys[__i__].target)
    set_key (buffer, "target-key", keys[__i__].target);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  message = first_message (&consumer, TOPIC, 0);
  if (keys[__i__].expected) {
    fail_unless_equals_uint64 (message->key_len, strlen (keys[__i__].expected));
    fail_unless (memcmp (message->key, keys[__i__].expected, message->key_len) == 0);
  } else {
    fail_unless (message->key == NULL);
  }
  if (keys[__i__].lacks)
    expect_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        keys[__i__].lacks);
  fail_unless_equals_int (gst_harness_push (h, frame ('b', 10)), GST_FLOW_OK);
  fail_if (gst_bus_have_pending (bus) && keys[__i__].lacks);
  end_reading (consumer, message);
}
GST_END_TEST;

GST_START_TEST (test_each_buffer_may_have_its_own_topic)
{
  GstBuffer *buffer = frame ('a', 10);
  rd_kafka_message_t *message;
  rd_kafka_t *consumer;

  fail_if (rd_kafka_mock_topic_create (mock.cluster, "of-cam-2", 1, 1));
  gst_util_set_object_arg (G_OBJECT (sink), "on-error", __i__ ? "fail" : "skip");
  g_object_set (sink, "topic", "of-%{camera}", NULL);
  play ();
  gst_kafka_meta_set_headers (buffer, "camera", "cam-2", NULL);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  message = first_message (&consumer, "of-cam-2", 0);
  end_reading (consumer, message);
  fail_unless_equals_int (
      gst_harness_push (h, frame ('b', 10)), __i__ ? GST_FLOW_ERROR : GST_FLOW_OK);
  expect_message (bus, __i__ ? GST_MESSAGE_ERROR : GST_MESSAGE_WARNING, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_WRITE, "in the header \"camera\"");
  fail_unless_equals_uint64 (stat_of ("undeliverable"), 1);
}
GST_END_TEST;

GST_START_TEST (test_tombstone_stays_one)
{
  GstBuffer *buffer = frame ('a', 0);
  rd_kafka_message_t *message;
  rd_kafka_t *consumer;

  play ();
  if (__i__)
    gst_structure_set (gst_kafka_meta_ensure (buffer), "tombstone", G_TYPE_BOOLEAN, TRUE, NULL);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  message = first_message (&consumer, TOPIC, 0);
  fail_unless_equals_uint64 (message->len, 0);
  fail_unless_equals_int (message->payload == NULL, __i__);
  end_reading (consumer, message);
}
GST_END_TEST;

static gint acked, acked_outcome;

static void
ack_notify (gpointer ledger, gint64 offset, GstKafkaAckOutcome outcome)
{
  acked_outcome = outcome;
  g_atomic_int_inc (&acked);
}

static GstBuffer *
acked_frame (void)
{
  GstBuffer *buffer = frame ('a', 10);
  GstKafkaAck *ack = gst_kafka_ack_new (NULL, 0, ack_notify, NULL);

  gst_kafka_meta_take_ack (buffer, ack);
  g_atomic_int_set (&acked, 0);
  return buffer;
}

static void
assert_acked (GstKafkaAckOutcome outcome)
{
  for (guint i = 0; i < 2000 && !g_atomic_int_get (&acked); i++)
    g_usleep (10000);
  fail_unless_equals_int (g_atomic_int_get (&acked), 1);
  fail_unless_equals_int (acked_outcome, outcome);
}

GST_START_TEST (test_the_message_is_marked_after_the_delivery_report)
{
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 500);
  fail_unless_equals_int (gst_harness_push (h, acked_frame ()), GST_FLOW_OK);
  fail_unless_equals_int (g_atomic_int_get (&acked), 0);
  fail_unless_equals_uint64 (stat_of ("in-flight"), 1);
  assert_acked (GST_KAFKA_ACK_DONE);
}
GST_END_TEST;

/* The first query gets no answer in time, because the round trip takes 1.2 s, but a later one
 * does. */
GST_START_TEST (test_a_long_link_is_waited_for)
{
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 1200);
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 0);
}
GST_END_TEST;

/* With acks=none, EOS queries the brokers to know that they have handled all requests, and waits
 * for the answer, although it takes longer than a second. */
GST_START_TEST (test_eos_with_acks_none_waits_for_a_link_with_a_long_latency)
{
  GstMessage *error;

  gst_util_set_object_arg (G_OBJECT (sink), "acks", "none");
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 1200);
  gst_harness_push_event (h, gst_event_new_eos ());
  error = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (error == NULL);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 0);
}
GST_END_TEST;

GST_START_TEST (test_a_stop_marks_undelivered_messages_failed)
{
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 10000);
  fail_unless_equals_int (gst_harness_push (h, acked_frame ()), GST_FLOW_OK);
  fail_unless_equals_int (gst_element_set_state (sink, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  assert_acked (GST_KAFKA_ACK_FAILED);
  fail_unless_equals_uint64 (stat_of ("delivered"), 1);
}
GST_END_TEST;

/* Pushes buffers until a push returns an error. */
static void
wait_for_refusal (void)
{
  GstFlowReturn flow = GST_FLOW_OK;

  for (guint i = 0; i < 1000 && flow == GST_FLOW_OK; i++) {
    flow = gst_harness_push (h, frame ('a', 10));
    g_usleep (10000);
  }
  fail_unless_equals_int (flow, GST_FLOW_ERROR);
}

GST_START_TEST (test_a_broker_that_never_answers_is_one_error)
{
  g_object_set (sink, "bootstrap-servers", "127.0.0.1:1", "connect-timeout", GST_SECOND, NULL);
  play ();
  push ('a');
  expect_message (bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE,
      "Could not publish to topic \"frames\" at 127.0.0.1:1");
  wait_for_refusal ();
  fail_unless_equals_int (gst_harness_push (h, acked_frame ()), GST_FLOW_ERROR);
  assert_acked (GST_KAFKA_ACK_FAILED);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

GST_START_TEST (test_sink_waits_for_the_end_of_an_outage)
{
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_down (mock.cluster, -1);
  for (guint i = 0; i < 10; i++)
    push ('b');
  g_usleep (1500000);
  fail_unless_equals_uint64 (stat_of ("delivered"), 1);
  rd_kafka_mock_broker_set_up (mock.cluster, -1);
  wait_for_at_least (sink, "delivered", 11);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

GST_START_TEST (test_a_message_not_delivered_within_delivery_timeout_is_an_error)
{
  g_object_set (sink, "delivery-timeout", 1500 * GST_MSECOND, NULL);
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_down (mock.cluster, -1);
  fail_unless_equals_int (gst_harness_push (h, acked_frame ()), GST_FLOW_OK);
  expect_message (
      bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "Could not publish");
  assert_acked (GST_KAFKA_ACK_FAILED);
}
GST_END_TEST;

GST_START_TEST (test_a_message_that_is_too_large_is_an_error)
{
  g_object_set (sink, "message-max-bytes", 2000, NULL);
  play ();
  fail_unless_equals_int (gst_harness_push (h, frame ('a', 2001)), GST_FLOW_OK);
  expect_message (
      bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "message-max-bytes");
  wait_for_refusal ();
}
GST_END_TEST;

GST_START_TEST (test_a_message_that_is_too_large_is_skipped_with_on_error_skip)
{
  g_object_set (sink, "message-max-bytes", 2000, NULL);
  gst_util_set_object_arg (G_OBJECT (sink), "on-error", "skip");
  play ();
  fail_unless_equals_int (gst_harness_push (h, frame ('a', 2001)), GST_FLOW_OK);
  expect_message (
      bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "Skipped");
  push ('b');
  wait_for_at_least (sink, "delivered", 1);
  fail_unless_equals_uint64 (stat_of ("undeliverable"), 1);
}
GST_END_TEST;

/* For each cause the sink posts one warning, and at EOS a warning with the number of further
 * skipped buffers. */
GST_START_TEST (test_skipped_buffers_are_counted)
{
  g_object_set (sink, "message-max-bytes", 2000, NULL);
  gst_util_set_object_arg (G_OBJECT (sink), "on-error", "skip");
  play ();
  for (guint i = 0; i < 30; i++)
    fail_unless_equals_int (gst_harness_push (h, frame ('a', 2001 + i)), GST_FLOW_OK);
  expect_message (
      bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "Skipped a buffer. ");
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  expect_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "Skipped 29 other buffers");
  fail_unless_equals_uint64 (stat_of ("undeliverable"), 30);
}
GST_END_TEST;

static void
fill_with_broker_down (const gchar *leaky, guint buffers)
{
  g_object_set (sink, "max-queued-buffers", 4, NULL);
  gst_util_set_object_arg (G_OBJECT (sink), "leaky", leaky);
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 2000);
  for (guint i = 0; i < buffers; i++)
    push ('b' + i);
}

GST_START_TEST (test_empty_buffers_count_for_the_limit_of_the_queue)
{
  g_object_set (sink, "max-queued-bytes", (guint64) 64 * 1024, NULL);
  gst_util_set_object_arg (G_OBJECT (sink), "leaky", "upstream");
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_down (mock.cluster, -1);
  for (guint i = 0; i < 200; i++)
    fail_unless_equals_int (gst_harness_push (h, gst_buffer_new ()), GST_FLOW_OK);
  fail_unless_equals_uint64 (stat_of ("dropped-upstream"), 200 - 64);
}
GST_END_TEST;

GST_START_TEST (test_leaky_upstream_drops_the_newest_buffer)
{
  rd_kafka_t *consumer;
  rd_kafka_message_t *message;

  fill_with_broker_down ("upstream", 10);
  fail_unless_equals_uint64 (stat_of ("dropped-upstream"), 6);
  expect_message (
      bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "dropped-upstream");
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_INFO) == NULL);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 0);
  wait_for_at_least (sink, "delivered", 5);
  message = first_message (&consumer, TOPIC, 0);
  for (gchar expected = 'a'; expected <= 'e'; expected++) {
    fail_unless_equals_int (*(const gchar *) message->payload, expected);
    rd_kafka_message_destroy (message);
    message = expected < 'e' ? kafka_mock_next (consumer, 30) : NULL;
  }
  rd_kafka_destroy (consumer);
}
GST_END_TEST;

GST_START_TEST (test_leaky_downstream_drops_the_oldest_buffer_that_was_not_sent)
{
  rd_kafka_t *consumer;
  rd_kafka_message_t *message;
  const gchar expected[] = "abcjk";

  fill_with_broker_down ("downstream", 10);
  fail_unless_equals_uint64 (stat_of ("dropped-downstream"), 6);
  expect_message (
      bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "dropped-downstream");
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_INFO) == NULL);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 0);
  wait_for_at_least (sink, "delivered", 5);
  message = first_message (&consumer, TOPIC, 0);
  for (guint i = 0; i < 5; i++) {
    fail_unless_equals_int (*(const gchar *) message->payload, expected[i]);
    rd_kafka_message_destroy (message);
    message = i < 4 ? kafka_mock_next (consumer, 30) : NULL;
  }
  rd_kafka_destroy (consumer);
}
GST_END_TEST;

static gpointer
push_one (gpointer unused)
{
  return GINT_TO_POINTER (gst_harness_push (h, frame ('z', 1000)));
}

GST_START_TEST (test_a_push_waits_for_a_full_queue_and_a_pause_keeps_the_buffer)
{
  GThread *thread;

  fill_with_broker_down ("none", 4);
  thread = g_thread_new ("push", push_one, NULL);
  g_usleep (200000);
  gst_element_set_state (sink, GST_STATE_PAUSED);
  g_usleep (200000);
  gst_element_set_state (sink, GST_STATE_PLAYING);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 0);
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (thread)), GST_FLOW_OK);
  wait_for_at_least (sink, "delivered", 6);
}
GST_END_TEST;

GST_START_TEST (test_the_sink_can_be_stopped_while_a_push_waits_for_a_full_queue)
{
  GThread *thread;
  gint64 began;

  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 10000);
  g_object_set (sink, "max-queued-buffers", 1, NULL);
  play ();
  push ('a');
  thread = g_thread_new ("push", push_one, NULL);
  g_usleep (200000);
  began = g_get_monotonic_time ();
  fail_unless_equals_int (gst_element_set_state (sink, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  fail_unless (g_get_monotonic_time () - began < 9 * G_USEC_PER_SEC);
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (thread)), GST_FLOW_FLUSHING);
}
GST_END_TEST;

GST_START_TEST (test_eos_drains)
{
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 300);
  play ();
  for (guint i = 0; i < 20; i++)
    push ('a');
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_uint64 (stat_of ("delivered"), 20);
}
GST_END_TEST;

static gint told;

static GstBusSyncReply
tell_slowly (GstBus *unused, GstMessage *message, gpointer user_data)
{
  if (GST_MESSAGE_TYPE (message) & (GST_MESSAGE_WARNING | GST_MESSAGE_ERROR)) {
    g_usleep (G_USEC_PER_SEC / 2);
    g_atomic_int_inc (&told);
  }
  return GST_BUS_PASS;
}

/* The sink has reported a lost buffer before it handles EOS, because EOS on the bus would mean that
 * all buffers were delivered. */
GST_START_TEST (test_a_lost_buffer_is_reported_before_eos_returns)
{
  told = 0;
  gst_bus_set_sync_handler (bus, tell_slowly, NULL, NULL);
  gst_util_set_object_arg (G_OBJECT (sink), "on-error", __i__ ? "skip" : "fail");
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  /* two errors, because a refused message is first sent in a batch, and then alone */
  rd_kafka_mock_push_request_errors (mock.cluster, KAFKA_API_PRODUCE, 2,
      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  push ('b');
  gst_harness_push_event (h, gst_event_new_eos ());
  fail_unless_equals_int (g_atomic_int_get (&told), 1);
}
GST_END_TEST;

static const struct {
  rd_kafka_resp_err_t err;
  guint64 for_their_size;
} refused_batches[] = {
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, 1},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, 0},
};

GST_START_TEST (test_the_messages_of_a_refused_batch_are_sent_one_by_one)
{
  g_object_set (sink, "linger", 100 * GST_MSECOND, NULL);
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_push_request_errors (
      mock.cluster, KAFKA_API_PRODUCE, 1, refused_batches[__i__].err);
  for (guint i = 0; i < 10; i++)
    push ('b');
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_uint64 (stat_of ("delivered"), 11);
  fail_unless_equals_uint64 (stat_of ("undeliverable"), 0);
  fail_unless_equals_uint64 (stat_of ("refused-batches"), refused_batches[__i__].for_their_size);
}
GST_END_TEST;

/* At EOS the waiting messages are sent without waiting for linger, because no further message can
 * come that would share their request. */
GST_START_TEST (test_eos_sends_the_queue_without_waiting_for_linger)
{
  gint64 began;

  g_object_set (sink, "linger", 60 * GST_SECOND, NULL);
  play ();
  push ('a');
  push ('b');
  began = g_get_monotonic_time ();
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless (g_get_monotonic_time () - began < 30 * G_USEC_PER_SEC);
  fail_unless_equals_uint64 (stat_of ("delivered"), 2);
}
GST_END_TEST;

GST_START_TEST (test_eos_waits_for_deliveries_up_to_a_limit)
{
  g_object_set (sink, "drain-timeout", GST_SECOND, NULL);
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_down (mock.cluster, -1);
  push ('b');
  gst_harness_push_event (h, gst_event_new_eos ());
  expect_message (
      bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "Could not publish");
}
GST_END_TEST;

GST_START_TEST (test_sink_waits_for_a_missing_topic)
{
  rd_kafka_mock_topic_set_error (mock.cluster, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  g_object_set (sink, "client-properties",
      gst_structure_new ("c", "topic.metadata.propagation.max.ms", G_TYPE_INT, 500, NULL), NULL);
  play ();
  push ('a');
  expect_message (bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "Waiting for the topic");
  g_usleep (2000000);
  push ('b');
  rd_kafka_mock_topic_set_error (mock.cluster, TOPIC, RD_KAFKA_RESP_ERR_NO_ERROR);
  wait_for_at_least (sink, "delivered", 2);
}
GST_END_TEST;

GST_START_TEST (test_topic_that_stays_missing_is_an_error_that_names_it)
{
  rd_kafka_mock_topic_set_error (mock.cluster, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  g_object_set (sink, "drain-timeout", 3 * GST_SECOND, NULL);
  play ();
  push ('a');
  expect_message (bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "Waiting for the topic");
  gst_harness_push_event (h, gst_event_new_eos ());
  expect_message (
      bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "Create the topic");
}
GST_END_TEST;

GST_START_TEST (test_a_buffers_topic_that_is_missing_at_eos_is_an_error)
{
  GstBuffer *buffer = frame ('a', 1000);

  rd_kafka_mock_topic_set_error (
      mock.cluster, "of-nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  g_object_set (sink, "topic", "of-%{camera}", "drain-timeout", GST_SECOND, NULL);
  play ();
  gst_kafka_meta_set_headers (buffer, "camera", "nowhere", NULL);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
  expect_message (
      bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "Create the topic");
}
GST_END_TEST;

/* A message for a topic that stays missing is skipped, and messages for other topics don't wait for
 * it. */
GST_START_TEST (test_a_buffers_topic_that_stays_missing_does_not_delay_other_topics)
{
  const gchar *const cameras[] = {"there", "nowhere", "there"};

  rd_kafka_mock_topic_create (mock.cluster, "of-there", 1, 1);
  rd_kafka_mock_topic_set_error (
      mock.cluster, "of-nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  g_object_set (sink, "topic", "of-%{camera}", "client-properties",
      gst_structure_new ("c", "topic.metadata.propagation.max.ms", G_TYPE_INT, 500, NULL), NULL);
  gst_util_set_object_arg (G_OBJECT (sink), "on-error", "skip");
  play ();
  for (guint round = 1; round <= 2; round++) {
    for (guint i = 0; i < G_N_ELEMENTS (cameras); i++) {
      GstBuffer *buffer = frame ('a', 1000);

      gst_kafka_meta_set_headers (buffer, "camera", cameras[i], NULL);
      fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
    }
    /* The warning comes only in the first round, because the cause is the same in the second
     * one. */
    if (round == 1)
      expect_message (
          bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "\"of-nowhere\"");
    wait_for_at_least (sink, "delivered", 2 * round);
    wait_for_at_least (sink, "undeliverable", round);
  }
  fail_unless_equals_uint64 (stat_of ("undeliverable"), 2);
}
GST_END_TEST;

/* (capture time, number of refusals by the broker): a buffer whose time is far ahead isn't sent
 * with this time at all. */
static const struct {
  const gchar *captured;
  gint refusals;
} wrong_times[] = {{"9000000000000000000", 0}, {"1000000000000000000", 1}};

GST_START_TEST (test_a_buffer_whose_time_the_broker_refuses_is_sent)
{
  gint64 began = g_get_real_time () / 1000;
  rd_kafka_t *consumer;
  rd_kafka_message_t *message;
  rd_kafka_timestamp_type_t type;
  GstBuffer *buffer = frame ('a', 1000);

  rd_kafka_mock_push_request_errors (mock.cluster, KAFKA_API_PRODUCE, wrong_times[__i__].refusals,
      RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
  gst_kafka_meta_set_headers (buffer, "capture-time", wrong_times[__i__].captured, NULL);
  play ();
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  wait_for_at_least (sink, "delivered", 1);
  message = first_message (&consumer, TOPIC, 0);
  fail_unless (rd_kafka_message_timestamp (message, &type) >= began);
  fail_unless (rd_kafka_message_timestamp (message, &type) <= g_get_real_time () / 1000);
  assert_header (message, "capture-time", wrong_times[__i__].captured);
  rd_kafka_message_destroy (message);
  rd_kafka_destroy (consumer);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

GST_START_TEST (test_missing_partition_is_an_error)
{
  g_object_set (sink, "partition", 7, NULL);
  play ();
  push ('a');
  expect_message (
      bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "partition");
}
GST_END_TEST;

static void
publish_after_a_refusal (guint delivered)
{
  rd_kafka_mock_push_request_errors (
      mock.cluster, KAFKA_API_PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  push ('b');
  wait_for_at_least (sink, "delivered", delivered);
}

GST_START_TEST (test_access_that_comes_and_goes_is_one_warning)
{
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  publish_after_a_refusal (2);
  expect_message (
      bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED, "");
  publish_after_a_refusal (3);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

GST_START_TEST (test_a_fatal_error_of_librdkafka_makes_a_new_producer)
{
  g_object_set (sink, "enable-idempotence", TRUE, NULL);
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_push_request_errors (
      mock.cluster, KAFKA_API_PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
  for (guint i = 0; i < 20; i++)
    push ('b');
  wait_for_at_least (sink, "delivered", 21);
  fail_unless (stat_of ("rebuilds") >= 1);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

static const struct {
  const gchar *topic, *key;
  gboolean create;
} refused_settings[] = {
    {NULL, NULL, FALSE},
    {"", NULL, FALSE},
    {"a b", NULL, FALSE},
    {"of-%{camera", NULL, FALSE},
    {"of-%{camera}", NULL, TRUE},
    {TOPIC, "%{}", FALSE},
};

GST_START_TEST (test_refused_settings)
{
  g_object_set (sink, "topic", refused_settings[__i__].topic, "key", refused_settings[__i__].key,
      "create-topic", refused_settings[__i__].create, NULL);
  ASSERT_SET_STATE (sink, GST_STATE_PAUSED, GST_STATE_CHANGE_FAILURE);
  expect_message (bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "");
}
GST_END_TEST;

GST_START_TEST (test_contradicting_settings_are_an_error_at_the_start)
{
  g_object_set (sink, "topic", TOPIC, "enable-idempotence", TRUE, NULL);
  gst_util_set_object_arg (G_OBJECT (sink), "acks", "1");
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
  ASSERT_SET_STATE (sink, GST_STATE_PAUSED, GST_STATE_CHANGE_FAILURE);
  expect_message (bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "acks");
}
GST_END_TEST;

GST_START_TEST (test_uri_sets_properties)
{
  GError *error = NULL;
  GstElement *made = gst_element_make_from_uri (
      GST_URI_SINK, "kafka://h:7/camera?key=k&acks=all&max-queued-time=5", NULL, &error);
  gchar *servers, *topic, *key, *uri;
  guint64 time;

  fail_unless (made != NULL, "%s", error ? error->message : "");
  g_object_get (made, "bootstrap-servers", &servers, "topic", &topic, "key", &key,
      "max-queued-time", &time, NULL);
  fail_unless_equals_string (servers, "h:7");
  fail_unless_equals_string (topic, "camera");
  fail_unless_equals_string (key, "k");
  fail_unless_equals_uint64 (time, 5);
  uri = gst_uri_handler_get_uri (GST_URI_HANDLER (made));
  fail_unless_equals_string (uri, "kafka://h:7/camera");
  g_free (servers);
  g_free (topic);
  g_free (key);
  g_free (uri);
  gst_object_unref (made);
}
GST_END_TEST;

GST_START_TEST (test_a_uri_may_set_only_certain_properties)
{
  static const gchar *refused[] = {"config-file=/etc/passwd", "client-properties=c", "sync=true",
      "nonsense=1", "stats=x", "acks=some", "partition=x"};

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    gchar *uri = g_strconcat ("kafka://h/t?", refused[i], NULL);
    GError *error = NULL;

    fail_if (gst_uri_handler_set_uri (GST_URI_HANDLER (sink), uri, &error), "%s", uri);
    fail_unless (error && error->domain == GST_URI_ERROR, "%s", uri);
    g_error_free (error);
    g_free (uri);
  }
}
GST_END_TEST;

GST_START_TEST (test_raw_frames_larger_than_message_max_bytes_are_an_error)
{
  h = gst_harness_new_with_element (sink, "sink", NULL);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=1920,height=1080,framerate=30/1");
  gst_harness_play (h);
  fail_unless_equals_int (gst_harness_push (h, frame ('a', 10)), GST_FLOW_NOT_NEGOTIATED);
  expect_message (
      bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "message-max-bytes");
}
GST_END_TEST;

/* The sink refuses caps that kafkasrc would refuse in each message: with a large stream header, or
 * with hundreds of fields. */
GST_START_TEST (test_caps_that_kafkasrc_would_refuse_are_an_error)
{
  g_autoptr (GString) caps = g_string_new ("audio/x-flac");
  g_autofree gchar *picture = g_strnfill (70000, '0'), *text = NULL;

  for (guint i = 0; __i__ && i < 300; i++)
    g_string_append_printf (caps, ", f%u=(int)<1>", i);
  if (!__i__)
    g_string_append_printf (caps, ", streamheader=(buffer)%s", picture);
  h = gst_harness_new_with_element (sink, "sink", NULL);
  gst_harness_set_src_caps_str (h, caps->str);
  gst_harness_play (h);
  fail_unless_equals_int (gst_harness_push (h, frame ('a', 10)), GST_FLOW_NOT_NEGOTIATED);
  text = wait_message (bus, GST_MESSAGE_ERROR, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
  fail_unless (strstr (text, "audio/x-flac") != NULL, "%s", text);
}
GST_END_TEST;

/* Refused caps are one error, although GStreamer sends the caps again with each buffer. */
GST_START_TEST (test_refused_caps_are_one_error)
{
  g_autofree gchar *text = NULL;
  GstMessage *message;

  h = gst_harness_new_with_element (sink, "sink", NULL);
  gst_harness_set_src_caps_str (h, "video/x-raw(meta:GstVideoOverlayComposition), format=RGB, "
                                   "width=1, height=1, framerate=1/1");
  gst_harness_play (h);
  for (guint i = 0; i < 3; i++)
    fail_unless_equals_int (gst_harness_push (h, frame ('a', 3)), GST_FLOW_NOT_NEGOTIATED);
  text = wait_message (bus, GST_MESSAGE_ERROR, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
  fail_unless (strstr (text, "\"meta:GstVideoOverlayComposition\"") != NULL, "%s", text);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message == NULL, "%" GST_PTR_FORMAT, message);
}
GST_END_TEST;

GST_START_TEST (test_each_refusal_of_caps_is_an_error)
{
  play ();
  for (guint i = 0; i < 2; i++) {
    gst_harness_set_src_caps_str (h, "video/x-raw(memory:DMABuf), format=RGB");
    g_free (wait_message (bus, GST_MESSAGE_ERROR, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE));
    gst_harness_set_src_caps_str (h, "image/jpeg,width=640,height=480");
  }
}
GST_END_TEST;

/* The base class doesn't set the caps again that it set before the refused ones. */
GST_START_TEST (test_refused_caps_reach_no_message)
{
  static const gchar *refused[] = {"video/x-raw(memory:DMABuf), format=RGB",
      "video/x-raw, format=RGB, width=1920, height=1080, framerate=30/1"};
  rd_kafka_message_t *message;
  rd_kafka_t *consumer;

  play ();
  gst_harness_set_src_caps_str (h, refused[__i__]);
  gst_harness_set_src_caps_str (h, "image/jpeg,width=640,height=480");
  push ('a');
  message = first_message (&consumer, TOPIC, 0);
  assert_header (message, "gst-caps", "image/jpeg, width=(int)640, height=(int)480");
  end_reading (consumer, message);
}
GST_END_TEST;

/* Pushes up to @buffers buffers into a slow link. Returns: (transfer full) (nullable): the QoS
 * event that the sink sends upstream. */
static GstEvent *
qos_on_a_slow_link (GstBuffer *(*make) (void), guint buffers)
{
  GstEvent *event = NULL;

  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  rd_kafka_mock_broker_set_rtt (mock.cluster, -1, 10000);
  for (guint i = 0; i < buffers && !event; i++) {
    fail_unless_equals_int (gst_harness_push (h, make ()), GST_FLOW_OK);
    g_usleep (20000);
    while ((event = gst_harness_try_pull_upstream_event (h)) &&
           GST_EVENT_TYPE (event) != GST_EVENT_QOS)
      gst_clear_event (&event);
  }
  return event;
}

static GstBuffer *
live_frame (void)
{
  return frame ('b', 10);
}

GST_START_TEST (test_a_slow_link_throttles_upstream)
{
  GstEvent *event = qos_on_a_slow_link (live_frame, 300);
  GstQOSType type;
  GstClockTimeDiff interval;
  gdouble proportion;

  fail_unless (event != NULL);
  gst_event_parse_qos (event, &type, &proportion, &interval, NULL);
  fail_unless_equals_int (type, GST_QOS_TYPE_THROTTLE);
  fail_unless (proportion > 1);
  fail_unless (interval > 0);
  gst_event_unref (event);
}
GST_END_TEST;

GST_START_TEST (test_messages_from_kafkasrc_are_not_throttled)
{
  fail_unless (qos_on_a_slow_link (acked_frame, 100) == NULL);
}
GST_END_TEST;

GST_START_TEST (test_congestion_control)
{
  g_object_set (sink, "congestion-control", "no-such", NULL);
  ASSERT_SET_STATE (sink, GST_STATE_PAUSED, GST_STATE_CHANGE_FAILURE);
  expect_message (bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "congestion-control");
  gst_element_set_state (sink, GST_STATE_NULL);
  g_object_set (sink, "congestion-control", "reno", NULL);
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
}
GST_END_TEST;

static gboolean
kernel_cuts (gint bytes)
{
  gint fd = socket (AF_INET, SOCK_STREAM, 0), granted;
  socklen_t size = sizeof granted;

  fail_if (setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes));
  fail_if (getsockopt (fd, SOL_SOCKET, SO_SNDBUF, &granted, &size));
  close (fd);
  return granted / 2 < bytes;
}

GST_START_TEST (test_a_socket_buffer_that_the_kernel_limits_is_a_warning)
{
  gint bytes = __i__ ? 100000000 : 65536;

  g_object_set (sink, "socket-send-buffer-bytes", bytes, NULL);
  play ();
  push ('a');
  wait_for_at_least (sink, "delivered", 1);
  if (kernel_cuts (bytes))
    expect_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "net.core.wmem_max");
  else
    fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
}
GST_END_TEST;

static void
setup_five (void)
{
  setup_partitions (5);
}

static void
setup_many (void)
{
  setup_partitions (101);
}

GST_START_TEST (test_a_key_overrides_the_partition_in_the_meta)
{
  GstBuffer *buffer = frame ('a', 10);
  rd_kafka_message_t *message;
  rd_kafka_t *consumer;

  g_object_set (sink, "key", "abc", NULL);
  play ();
  gst_structure_set (gst_kafka_meta_ensure (buffer), "target-partition", G_TYPE_INT, 7, NULL);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  message = first_message (&consumer, TOPIC, 479470107 % 101);
  fail_unless_equals_uint64 (message->key_len, 3);
  end_reading (consumer, message);
}
GST_END_TEST;

GST_START_TEST (test_a_partition_that_the_topic_lacks_is_chosen_by_the_sink)
{
  GstMessage *second;

  play ();
  for (guint i = 0; i < 20; i++) {
    GstBuffer *buffer = frame ('a', 10);

    gst_structure_set (gst_kafka_meta_ensure (buffer), "target-partition", G_TYPE_INT,
        i % 2 ? (gint) (5 + i) : G_MAXINT, NULL);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  wait_for_at_least (sink, "delivered", 20);
  expect_message (
      bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "partition");
  second = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR);
  fail_unless (second == NULL);
}
GST_END_TEST;

static Suite *
kafkasink_suite (void)
{
  Suite *s = suite_create ("kafkasink");
  TCase *tc = tcase_create ("one partition");
  TCase *five = tcase_create ("five partitions");
  TCase *many = tcase_create ("101 partitions");

  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, test_headers_of_the_message_describe_the_buffer);
  tcase_add_test (tc, test_headers_of_the_buffer_are_sent_with_it);
  tcase_add_test (tc, test_buffers_with_a_seq_but_no_session_get_a_new_seq);
  tcase_add_test (tc, test_the_buffers_meta_sets_topic_partition_and_key);
  tcase_add_loop_test (tc, test_each_buffer_may_have_its_own_key, 0, G_N_ELEMENTS (keys));
  tcase_add_loop_test (tc, test_each_buffer_may_have_its_own_topic, 0, 2);
  tcase_add_loop_test (tc, test_tombstone_stays_one, 0, 2);
  tcase_add_test (tc, test_the_message_is_marked_after_the_delivery_report);
  tcase_add_test (tc, test_a_long_link_is_waited_for);
  tcase_add_test (tc, test_eos_with_acks_none_waits_for_a_link_with_a_long_latency);
  tcase_add_test (tc, test_a_stop_marks_undelivered_messages_failed);
  tcase_add_test (tc, test_a_broker_that_never_answers_is_one_error);
  tcase_add_test (tc, test_sink_waits_for_the_end_of_an_outage);
  tcase_add_test (tc, test_a_message_not_delivered_within_delivery_timeout_is_an_error);
  tcase_add_test (tc, test_a_message_that_is_too_large_is_an_error);
  tcase_add_test (tc, test_a_message_that_is_too_large_is_skipped_with_on_error_skip);
  tcase_add_test (tc, test_skipped_buffers_are_counted);
  tcase_add_test (tc, test_empty_buffers_count_for_the_limit_of_the_queue);
  tcase_add_test (tc, test_leaky_upstream_drops_the_newest_buffer);
  tcase_add_test (tc, test_leaky_downstream_drops_the_oldest_buffer_that_was_not_sent);
  tcase_add_test (tc, test_a_push_waits_for_a_full_queue_and_a_pause_keeps_the_buffer);
  tcase_add_test (tc, test_the_sink_can_be_stopped_while_a_push_waits_for_a_full_queue);
  tcase_add_test (tc, test_eos_drains);
  tcase_add_loop_test (tc, test_a_lost_buffer_is_reported_before_eos_returns, 0, 2);
  tcase_add_test (tc, test_eos_sends_the_queue_without_waiting_for_linger);
  tcase_add_loop_test (tc, test_the_messages_of_a_refused_batch_are_sent_one_by_one, 0,
      G_N_ELEMENTS (refused_batches));
  tcase_add_test (tc, test_eos_waits_for_deliveries_up_to_a_limit);
  tcase_add_test (tc, test_sink_waits_for_a_missing_topic);
  tcase_add_test (tc, test_topic_that_stays_missing_is_an_error_that_names_it);
  tcase_add_test (tc, test_a_buffers_topic_that_is_missing_at_eos_is_an_error);
  tcase_add_test (tc, test_a_buffers_topic_that_stays_missing_does_not_delay_other_topics);
  tcase_add_loop_test (
      tc, test_a_buffer_whose_time_the_broker_refuses_is_sent, 0, G_N_ELEMENTS (wrong_times));
  tcase_add_test (tc, test_missing_partition_is_an_error);
  tcase_add_test (tc, test_access_that_comes_and_goes_is_one_warning);
  tcase_add_test (tc, test_a_fatal_error_of_librdkafka_makes_a_new_producer);
  tcase_add_loop_test (tc, test_refused_settings, 0, G_N_ELEMENTS (refused_settings));
  tcase_add_test (tc, test_contradicting_settings_are_an_error_at_the_start);
  tcase_add_test (tc, test_uri_sets_properties);
  tcase_add_test (tc, test_a_uri_may_set_only_certain_properties);
  tcase_add_test (tc, test_raw_frames_larger_than_message_max_bytes_are_an_error);
  tcase_add_loop_test (tc, test_caps_that_kafkasrc_would_refuse_are_an_error, 0, 2);
  tcase_add_test (tc, test_refused_caps_are_one_error);
  tcase_add_test (tc, test_each_refusal_of_caps_is_an_error);
  tcase_add_loop_test (tc, test_refused_caps_reach_no_message, 0, 2);
  tcase_add_test (tc, test_a_slow_link_throttles_upstream);
  tcase_add_test (tc, test_messages_from_kafkasrc_are_not_throttled);
  tcase_add_test (tc, test_congestion_control);
  tcase_add_loop_test (tc, test_a_socket_buffer_that_the_kernel_limits_is_a_warning, 0, 2);
  suite_add_tcase (s, five);
  tcase_add_checked_fixture (five, setup_five, teardown);
  tcase_add_test (five, test_buffers_without_keys_go_to_all_partitions_in_turn);
  tcase_add_test (five, test_a_partition_that_the_topic_lacks_is_chosen_by_the_sink);
  tcase_add_test (five, test_a_message_that_a_new_producer_sends_again_keeps_its_partition);
  suite_add_tcase (s, many);
  tcase_add_checked_fixture (many, setup_many, teardown);
  tcase_add_test (many, test_a_key_selects_the_same_partition_as_in_the_java_client);
  tcase_add_test (many, test_a_key_overrides_the_partition_in_the_meta);
  return s;
}

GST_CHECK_MAIN (kafkasink)
