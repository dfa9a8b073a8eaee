/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <gst/check/gstharness.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "elementtest.h"
#include "gstkafkameta.h"
#include "kafkamock.h"

/* What kafkasink and kafkasrc report when all brokers go away. An outage takes over 10 s, so
 * several elements are tested in the same outage. */

#define TOPIC "frames"
#define LARGE 200000
#define MANY 15
/* Size (bytes) of a message that takes 20 s at SLOW_RATE (bytes/s). */
#define HUGE_MESSAGE 900000
#define SLOW_RATE 45000
/* Longest time (us) for stopping an element during an outage: less than the 2 s of a query, because
 * the stop doesn't wait for a running query. */
#define STOP_BOUND (1500 * G_TIME_SPAN_MILLISECOND)
/* Settings with which librdkafka soon tries to reach a broker again. */
#define SOON "reconnect.backoff.ms=100,reconnect.backoff.max.ms=500"

typedef struct {
  GstHarness *h;
  GstElement *element;
  GstBus *bus;
  GThread *reader; /* NULL for a sink */
  gint ended;
} Stream;

static KafkaMock mock, frozen, slow;

static void
setup (void)
{
  gst_kafka_meta_register ();
  kafka_mock_start (&mock, TOPIC, 1);
  kafka_mock_start (&frozen, TOPIC, 1);
  kafka_mock_start (&slow, TOPIC, 1);
}

static void
teardown (void)
{
  kafka_mock_stop (&mock);
  kafka_mock_stop (&frozen);
  kafka_mock_stop (&slow);
}

/* Sets the rate at which the cluster's open connections send, in bytes/s. */
static void
set_rate (const KafkaMock *cluster, guint rate)
{
  guint16 port = (guint16) g_ascii_strtoull (strrchr (cluster->servers, ':') + 1, NULL, 10);

  for (gint fd = 3; fd < 1000; fd++) {
    struct sockaddr_in own;
    socklen_t size = sizeof own;

    if (!getsockname (fd, (struct sockaddr *) &own, &size) && own.sin_family == AF_INET &&
        ntohs (own.sin_port) == port)
      setsockopt (fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
  }
}

static void
stream_init (Stream *self, const gchar *name, const gchar *servers, const gchar *settings)
{
  g_autofree gchar *line =
      g_strdup_printf ("%s topic=%s bootstrap-servers=%s %s", name, TOPIC, servers, settings);

  self->bus = gst_bus_new ();
  self->h = gst_harness_new_parse (line);
  self->element = gst_harness_find_element (self->h, name);
  gst_element_set_bus (self->element, self->bus);
  gst_harness_use_systemclock (self->h);
}

static void
stream_clear (Stream *self)
{
  gst_element_set_state (self->element, GST_STATE_NULL);
  gst_element_set_bus (self->element, NULL);
  g_clear_pointer (&self->h, gst_harness_teardown);
  gst_clear_object (&self->element);
  gst_clear_object (&self->bus);
}

static gboolean
is_connected (Stream *self)
{
  GstStructure *stats;
  gboolean connected;

  g_object_get (self->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_boolean (stats, "connected", &connected));
  gst_structure_free (stats);
  return connected;
}

static void
expect_silence (Stream *self)
{
  fail_unless (gst_bus_pop_filtered (self->bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == NULL);
}

static void
expect_begin (Stream *self, gint code, const gchar *servers)
{
  expect_message (self->bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, code, servers);
  fail_if (is_connected (self));
}

static void
expect_end (Stream *self, gint code)
{
  expect_message (self->bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, code, "answer again");
  fail_unless (is_connected (self));
}

static void
push (Stream *self)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 1000, NULL);

  gst_buffer_memset (buffer, 0, 'x', 1000);
  fail_unless_equals_int (gst_harness_push (self->h, buffer), GST_FLOW_OK);
}

static void
begin_sink (Stream *self, const gchar *servers, const gchar *settings)
{
  stream_init (self, "kafkasink", servers, settings);
  gst_harness_set_src_caps_str (self->h, "image/jpeg,width=640,height=480");
  gst_harness_play (self->h);
  push (self);
}

static void
play_sink (Stream *self, const gchar *servers, const gchar *settings)
{
  begin_sink (self, servers, settings);
  wait_for_at_least (self->element, "delivered", 1);
}

static void
stop_in_time (Stream *self)
{
  gint64 begin = g_get_monotonic_time ();

  gst_element_set_state (self->element, GST_STATE_NULL);
  fail_unless (g_get_monotonic_time () - begin < STOP_BOUND);
}

/* All brokers go away while `early` still queries the topic's settings, and while the topic of
 * `waiting` doesn't exist yet; the brokers of `stuck` freeze; `ending` is stopped during its
 * outage. `quiet` has no outage, although its connections are idle and one of its three brokers is
 * down. */
GST_START_TEST (test_the_sink_posts_one_warning_for_each_outage)
{
  rd_kafka_mock_cluster_t *three = rd_kafka_mock_cluster_new (mock.rk, 3);
  Stream early = {0}, ending = {0}, waiting = {0}, stuck = {0}, quiet = {0};
  Stream *recovering[] = {&early, &waiting, &stuck};

  fail_if (rd_kafka_mock_topic_create (three, TOPIC, 3, 1));
  play_sink (&quiet, rd_kafka_mock_cluster_bootstraps (three),
      "client-properties=c,connections.max.idle.ms=1000,socket.max.fails=1");
  rd_kafka_mock_broker_set_down (three, 2);
  play_sink (&ending, mock.servers, "client-properties=c," SOON);
  play_sink (&stuck, frozen.servers, "client-properties=c,socket.timeout.ms=1000," SOON);
  rd_kafka_mock_topic_set_error (slow.cluster, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  begin_sink (&waiting, slow.servers, "client-properties=c," SOON);
  expect_message (waiting.bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "doesn't exist yet");
  play_sink (&early, mock.servers, "client-properties=c," SOON);
  rd_kafka_mock_broker_set_down (mock.cluster, -1);
  rd_kafka_mock_broker_set_down (slow.cluster, -1);
  rd_kafka_mock_broker_set_rtt (frozen.cluster, -1, 60000);
  push (&early);
  push (&ending);
  push (&stuck);
  expect_begin (&ending, GST_RESOURCE_ERROR_OPEN_WRITE, mock.servers);
  /* A query takes 2.0 s, and one begins every 2.1 s, so a query is running when `ending` is
   * stopped. */
  g_usleep (3 * G_USEC_PER_SEC / 10);
  stop_in_time (&ending);
  expect_begin (&early, GST_RESOURCE_ERROR_OPEN_WRITE, mock.servers);
  expect_begin (&waiting, GST_RESOURCE_ERROR_OPEN_WRITE, slow.servers);
  expect_begin (&stuck, GST_RESOURCE_ERROR_OPEN_WRITE, frozen.servers);
  rd_kafka_mock_topic_set_error (slow.cluster, TOPIC, RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_mock_broker_set_up (slow.cluster, -1);
  rd_kafka_mock_broker_set_up (mock.cluster, -1);
  rd_kafka_mock_broker_set_rtt (frozen.cluster, -1, 0);
  for (guint i = 0; i < G_N_ELEMENTS (recovering); i++) {
    expect_end (recovering[i], GST_RESOURCE_ERROR_OPEN_WRITE);
    wait_for_at_least (recovering[i]->element, "delivered", 1 + (recovering[i] != &waiting));
    expect_silence (recovering[i]);
    stream_clear (recovering[i]);
  }
  fail_unless (is_connected (&quiet));
  expect_silence (&quiet);
  stream_clear (&quiet);
  stream_clear (&ending);
  rd_kafka_mock_cluster_destroy (three);
}
GST_END_TEST;

/* Number of refusals: more than the brokers can send in the longest wait of a test. */
#define REFUSALS 5000

/* Makes the brokers refuse all messages, as a leader does that has too few replicas in sync. */
static void
lack_replicas (KafkaMock *cluster)
{
  static rd_kafka_resp_err_t errors[REFUSALS];

  for (guint i = 0; i < REFUSALS; i++)
    errors[i] = RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
  rd_kafka_mock_push_request_errors_array (cluster->cluster, KAFKA_API_PRODUCE, REFUSALS, errors);
}

/* Refuses a message that reports a stall. */
static void
expect_no_stall (Stream *self)
{
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (self->bus, GST_MESSAGE_WARNING | GST_MESSAGE_INFO))) {
    g_autofree gchar *text = NULL;
    GError *error = NULL;

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_INFO)
      gst_message_parse_info (message, &error, NULL);
    else
      gst_message_parse_warning (message, &error, NULL);
    text = g_strdup (error->message);
    g_error_free (error);
    gst_message_unref (message);
    fail_if (strstr (text, "acknowledge"), "%s", text);
  }
}

/* `waiting` and `skipping` lack replicas; `unconfirmed` doesn't wait for them. The topic of
 * `early`, and the topic that the buffer of `lost` names, don't exist. */
GST_START_TEST (test_the_sink_reports_missing_replicas)
{
  Stream waiting = {0}, skipping = {0}, unconfirmed = {0}, early = {0}, lost = {0};

  play_sink (&waiting, mock.servers, "");
  play_sink (&skipping, mock.servers, "on-error=skip delivery-timeout=7000000000");
  play_sink (&unconfirmed, mock.servers, "acks=none");
  rd_kafka_mock_topic_set_error (slow.cluster, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  rd_kafka_mock_topic_set_error (
      slow.cluster, TOPIC "-640", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  begin_sink (&early, slow.servers, "");
  begin_sink (&lost, slow.servers, "topic=" TOPIC "-%{camera} camera=640 on-error=skip");
  lack_replicas (&mock);
  push (&waiting);
  push (&skipping);
  push (&unconfirmed);
  expect_message (skipping.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "min.insync.replicas");
  expect_message (waiting.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "min.insync.replicas");
  fail_unless (is_connected (&waiting));
  push (&waiting);
  rd_kafka_mock_clear_request_errors (mock.cluster, KAFKA_API_PRODUCE);
  expect_message (waiting.bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "acknowledge buffers again");
  wait_for_at_least (waiting.element, "delivered", 3);
  expect_silence (&waiting);
  expect_silence (&skipping);
  expect_silence (&unconfirmed);
  expect_no_stall (&early);
  expect_no_stall (&lost);
  stream_clear (&early);
  stream_clear (&lost);
  stream_clear (&waiting);
  stream_clear (&skipping);
  stream_clear (&unconfirmed);
}
GST_END_TEST;

/* Pulls buffers until the test ends, however many come, because a group may read messages twice. */
static gpointer
pull_all (gpointer stream)
{
  Stream *self = stream;

  while (!g_atomic_int_get (&self->ended)) {
    GstBuffer *buffer = gst_harness_try_pull (self->h);

    if (!buffer)
      g_usleep (10000);
    gst_clear_buffer (&buffer);
  }
  return NULL;
}

static void
end_source (Stream *self)
{
  gst_element_set_state (self->element, GST_STATE_NULL);
  g_atomic_int_set (&self->ended, TRUE);
  g_thread_join (self->reader);
  stream_clear (self);
}

static void
play_source (Stream *self, KafkaMock *cluster, const gchar *mode)
{
  g_autofree gchar *settings =
      g_strdup_printf ("auto-offset-reset=earliest client-properties=c," SOON " %s", mode);

  stream_init (self, "kafkasrc", cluster->servers, settings);
  gst_harness_set_blocking_push_mode (self->h);
  gst_harness_play (self->h);
}

static void
read_first (Stream *self)
{
  gst_buffer_unref (gst_harness_pull (self->h));
  fail_unless (is_connected (self));
}

static const struct {
  const gchar *mode;
  KafkaMock *cluster;
} sources[] = {
    {"", &mock},
    {"group-id=outage", &mock},
    {"replay=true max-prefetch=65536", &mock},
    {"", &frozen},
};

/* The mock cluster of newer librdkafkas, for example 2.8, crashes if a source reads a partition
 * that has no leader. */
static gboolean
mock_can_lack_a_leader (void)
{
  return rd_kafka_version () < 0x02030000;
}

/* Ends the outages. The brokers answer again before the partition has a leader again, if the mock
 * cluster can show this. */
static void
end_outages (Stream *streams)
{
  if (mock_can_lack_a_leader ())
    rd_kafka_mock_partition_set_leader (mock.cluster, TOPIC, 0, -1);
  rd_kafka_mock_broker_set_rtt (frozen.cluster, -1, 0);
  rd_kafka_mock_broker_set_up (mock.cluster, -1);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    expect_end (&streams[i], GST_RESOURCE_ERROR_OPEN_READ);
  rd_kafka_mock_partition_set_leader (mock.cluster, TOPIC, 0, 1);
}

/* `quiet` has no outage, although the message that it reads takes longer to arrive than the time
 * after which an outage is reported. */
GST_START_TEST (test_the_source_posts_one_warning_for_each_outage)
{
  g_autofree gchar *large = g_strnfill (HUGE_MESSAGE, 'x');
  Stream streams[G_N_ELEMENTS (sources)] = {0}, quiet = {0};

  for (guint i = 0; i <= MANY; i++) {
    kafka_mock_produce (&mock, TOPIC, 0, NULL, large, LARGE, 0, NULL);
    kafka_mock_produce (&frozen, TOPIC, 0, NULL, large, LARGE, 0, NULL);
  }
  kafka_mock_produce (&slow, TOPIC, 0, NULL, "x", 1, 0, NULL);
  play_source (&quiet, &slow, "");
  read_first (&quiet);
  quiet.reader = g_thread_new ("reader", pull_all, &quiet);
  set_rate (&slow, SLOW_RATE);
  kafka_mock_produce (&slow, TOPIC, 0, NULL, large, HUGE_MESSAGE, 0, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    play_source (&streams[i], sources[i].cluster, sources[i].mode);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    read_first (&streams[i]);
  rd_kafka_mock_broker_set_down (mock.cluster, -1);
  rd_kafka_mock_broker_set_rtt (frozen.cluster, -1, 60000);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    streams[i].reader = g_thread_new ("reader", pull_all, &streams[i]);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    expect_begin (&streams[i], GST_RESOURCE_ERROR_OPEN_READ, sources[i].cluster->servers);
  end_outages (streams);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++) {
    wait_for_at_least (streams[i].element, "messages", MANY + 1);
    expect_silence (&streams[i]);
    end_source (&streams[i]);
  }
  wait_for_at_least (quiet.element, "messages", 2);
  fail_unless (is_connected (&quiet));
  expect_silence (&quiet);
  end_source (&quiet);
}
GST_END_TEST;

/* The mock cluster drops a member whose session is shorter than the first rebalance, 3 s. */
#define MODE_OF_A_MEMBER                                                                           \
  "group-id=reach client-properties=c," SOON ",session.timeout.ms=8000,heartbeat.interval.ms=500"

/* One of three brokers is away: the one that coordinates the group. */
GST_START_TEST (test_the_source_reports_a_coordinator_that_is_not_reached)
{
  KafkaMock three = {mock.rk, rd_kafka_mock_cluster_new (mock.rk, 3)};
  Stream member = {0}, alone = {0};

  three.servers = rd_kafka_mock_cluster_bootstraps (three.cluster);
  fail_if (rd_kafka_mock_topic_create (three.cluster, TOPIC, 1, 1));
  fail_if (rd_kafka_mock_partition_set_leader (three.cluster, TOPIC, 0, 1));
  fail_if (rd_kafka_mock_coordinator_set (three.cluster, "group", "reach", 2));
  kafka_mock_produce (&three, TOPIC, 0, NULL, "1", 1, 0, NULL);
  play_source (&member, &three, MODE_OF_A_MEMBER);
  play_source (&alone, &three, "");
  read_first (&member);
  read_first (&alone);
  member.reader = g_thread_new ("reader", pull_all, &member);
  alone.reader = g_thread_new ("reader", pull_all, &alone);
  rd_kafka_mock_broker_set_down (three.cluster, 2);
  expect_begin (&member, GST_RESOURCE_ERROR_OPEN_READ, "coordinates the group");
  rd_kafka_mock_broker_set_up (three.cluster, 2);
  expect_message (member.bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
      "reached again");
  kafka_mock_produce (&three, TOPIC, 0, NULL, "2", 1, 0, NULL);
  wait_for_at_least (member.element, "messages", 2);
  wait_for_at_least (alone.element, "messages", 2);
  fail_unless (is_connected (&member) && is_connected (&alone));
  expect_silence (&member);
  expect_silence (&alone);
  end_source (&member);
  end_source (&alone);
  rd_kafka_mock_cluster_destroy (three.cluster);
}
GST_END_TEST;

static Suite *
kafkaoutage_suite (void)
{
  Suite *s = suite_create ("kafkaoutage");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 150);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, test_the_sink_posts_one_warning_for_each_outage);
  tcase_add_test (tc, test_the_sink_reports_missing_replicas);
  tcase_add_test (tc, test_the_source_posts_one_warning_for_each_outage);
  tcase_add_test (tc, test_the_source_reports_a_coordinator_that_is_not_reached);
  return s;
}

GST_CHECK_MAIN (kafkaoutage)
