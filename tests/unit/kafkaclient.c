/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <glib/gstdio.h>

#include "client/gstkafkaclient.h"
#include "client/gstkafkaconnections.h"
#include "client/gstkafkaerror.h"
#include "client/gstkafkaformat.h"
#include "client/gstkafkaoutage.h"
#include "client/gstkafkasocket.h"
#include "client/gstkafkatopics.h"
#include "client/gstkafkauri.h"
#include "sink/producer/gstkafkastall.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

GST_DEBUG_CATEGORY_STATIC (gst_kafka_sink_debug);

static const GstKafkaOption options[] = {
    {"linger.ms", "7", FALSE},
    {"session.timeout.ms", "6000", FALSE, TRUE},
    {"enable.auto.commit", NULL, TRUE},
    {NULL},
};

static GstElement *element;
static GstKafkaSettings settings;
static gchar *file;

static void
setup (void)
{
  element = gst_object_ref_sink (gst_bin_new ("client-test"));
  gst_kafka_settings_init (&settings);
}

static void
teardown (void)
{
  gst_kafka_settings_clear (&settings);
  gst_clear_object (&element);
  if (file)
    g_unlink (file);
  g_clear_pointer (&file, g_free);
}

static void
set_file (const gchar *text)
{
  gint fd = g_file_open_tmp ("kafkaclient-XXXXXX", &file, NULL);

  fail_unless (fd >= 0);
  g_close (fd, NULL);
  fail_unless (g_file_set_contents (file, text, -1, NULL));
  settings.config_file = g_strdup (file);
}

static void
set_client_properties (const gchar *text)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, GST_TYPE_STRUCTURE);
  fail_unless (gst_value_deserialize (&value, text), "%s", text);
  fail_unless (gst_kafka_settings_set_property (
      &settings, G_OBJECT (element), GST_KAFKA_PROP_CLIENT_PROPERTIES, &value));
  g_value_unset (&value);
}

static void
assert_conf (const gchar *name, const gchar *expected)
{
  GError *error = NULL;
  rd_kafka_conf_t *conf = gst_kafka_conf_new (&settings, element, options, &error);
  gchar *value;

  fail_unless (conf != NULL, "%s", error ? error->message : "");
  value = gst_kafka_conf_dup (conf, name);
  fail_unless_equals_string (value, expected);
  g_free (value);
  rd_kafka_conf_destroy (conf);
}

static void
assert_refused (gint code, const gchar *named, const gchar *never)
{
  GError *error = NULL;

  fail_unless (gst_kafka_conf_new (&settings, element, options, &error) == NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code), "%s", error->message);
  fail_unless (strstr (error->message, named) != NULL, "%s", error->message);
  fail_if (never && strstr (error->message, never), "%s", error->message);
  g_error_free (error);
}

GST_START_TEST (test_order_of_sources)
{
  assert_conf ("bootstrap.servers", "localhost:9092");
  assert_conf ("linger.ms", "7");
  assert_conf ("client.id", "client-test");
  set_file ("# a comment\n\n bootstrap.servers = file:1 \r\nlinger.ms=8\nsasl.password=a=b\n");
  assert_conf ("bootstrap.servers", "file:1");
  assert_conf ("linger.ms", "8");
  assert_conf ("sasl.password", "a=b");
  set_client_properties ("c,linger.ms=9");
  assert_conf ("linger.ms", "9");
  settings.bootstrap_servers = g_strdup ("property:1");
  assert_conf ("bootstrap.servers", "property:1");
}
GST_END_TEST;

GST_START_TEST (test_client_properties_may_have_any_type)
{
  set_client_properties ("c,session.timeout.ms=6000,enable.idempotence=true,linger.ms=0.5,"
                         "client.rack=\"a,b\",queue.buffering.max.kbytes=(string)17");
  assert_conf ("session.timeout.ms", "6000");
  assert_conf ("enable.idempotence", "true");
  assert_conf ("linger.ms", "0.5");
  assert_conf ("client.rack", "a,b");
  assert_conf ("queue.buffering.max.kbytes", "17");
}
GST_END_TEST;

GST_START_TEST (test_refused_client_properties)
{
  static const gchar *refused[] = {"plugin.library.paths", "ssl.engine.location",
      "sasl.kerberos.kinit.cmd", "bootstrap.servers", "metadata.broker.list", "enable.auto.commit",
      "no.such.option"};

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    gchar *text = g_strdup_printf ("c,%s=x", refused[i]);

    set_client_properties (text);
    assert_refused (GST_RESOURCE_ERROR_SETTINGS, refused[i], NULL);
    g_free (text);
  }
}
GST_END_TEST;

GST_START_TEST (test_secrets)
{
  static const gchar *secrets[] = {"sasl.password", "ssl.key.password", "ssl.key.pem",
      "ssl.keystore.password", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config"};

  for (guint i = 0; i < G_N_ELEMENTS (secrets); i++) {
    gchar *text = g_strdup_printf ("c,%s=hush", secrets[i]);
    GValue value = G_VALUE_INIT;
    gchar *shown;

    set_client_properties (text);
    assert_refused (GST_RESOURCE_ERROR_SETTINGS, secrets[i], "hush");
    g_value_init (&value, GST_TYPE_STRUCTURE);
    gst_kafka_settings_get_property (
        &settings, G_OBJECT (element), GST_KAFKA_PROP_CLIENT_PROPERTIES, &value);
    shown = gst_value_serialize (&value);
    fail_if (strstr (shown, "hush"), "%s", shown);
    g_free (shown);
    g_value_unset (&value);
    g_free (text);
  }
}
GST_END_TEST;

GST_START_TEST (test_bad_config_files)
{
  settings.config_file = g_strdup ("/nonexistent/kafka.properties");
  assert_refused (GST_RESOURCE_ERROR_NOT_FOUND, "/nonexistent/kafka.properties", NULL);
  g_free (settings.config_file);
  settings.config_file = g_strdup (g_get_tmp_dir ());
  assert_refused (GST_RESOURCE_ERROR_OPEN_READ, g_get_tmp_dir (), NULL);
  g_clear_pointer (&settings.config_file, g_free);
  set_file ("linger.ms=1\nsasl.password hush\n");
  assert_refused (GST_RESOURCE_ERROR_SETTINGS, "line 2", "hush");
  fail_unless (g_file_set_contents (file, "linger.ms=1\nno.such.option=1\n", -1, NULL));
  assert_refused (GST_RESOURCE_ERROR_SETTINGS, "no.such.option", NULL);
  fail_unless (g_file_set_contents (file, "enable.auto.commit=true\n", -1, NULL));
  assert_refused (GST_RESOURCE_ERROR_SETTINGS, "enable.auto.commit", NULL);
  fail_unless (g_file_set_contents (file, "linger.ms=\xff\n", -1, NULL));
  assert_refused (GST_RESOURCE_ERROR_SETTINGS, file, NULL);
}
GST_END_TEST;

/* librdkafka accepts the option under two names. */
GST_START_TEST (test_oauthbearer)
{
  static const gchar *names[] = {"sasl.mechanism", "sasl.mechanisms"};

  for (guint i = 0; i < 2 * G_N_ELEMENTS (names); i++) {
    gchar *text = g_strdup_printf (i < 2 ? "%s=OAUTHBEARER\n" : "c,%s=OAUTHBEARER", names[i % 2]);

    teardown ();
    setup ();
    if (i < 2)
      set_file (text);
    else
      set_client_properties (text);
    if (rd_kafka_version () < 0x02020000)
      assert_refused (GST_RESOURCE_ERROR_SETTINGS, "Use librdkafka 2.2 or later", NULL);
    else
      assert_conf ("sasl.mechanisms", "OAUTHBEARER");
    g_free (text);
  }
  /* The last setting wins. */
  set_client_properties ("c,sasl.mechanism=PLAIN");
  assert_conf ("sasl.mechanisms", "PLAIN");
}
GST_END_TEST;

GST_START_TEST (test_group_protocol)
{
  gboolean known = rd_kafka_version () >= 0x020c0000;

  for (guint i = 0; i < 2; i++) {
    teardown ();
    setup ();
    if (i == 0)
      set_file ("group.protocol=consumer\n");
    else
      set_client_properties ("c,group.protocol=consumer");
    if (!known) {
      assert_refused (GST_RESOURCE_ERROR_SETTINGS, "Use librdkafka 2.12 or later", NULL);
      continue;
    }
    assert_conf ("group.protocol", "consumer");
    assert_conf ("session.timeout.ms", "45000");
    assert_conf ("linger.ms", "7");
  }
  if (!known)
    return;
  set_client_properties ("c,group.protocol=classic");
  assert_conf ("session.timeout.ms", "6000");
}
GST_END_TEST;

static void
assert_error (rd_kafka_resp_err_t err, const gchar *detail, gint code, const gchar *said)
{
  GError *error =
      gst_kafka_error_new ("publish to topic \"t\" at h:1", err, detail, GST_RESOURCE_ERROR_WRITE);

  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code), "%s", error->message);
  fail_unless (g_str_has_prefix (error->message, "Could not publish to topic \"t\" at h:1: "));
  fail_unless (strstr (error->message, said) != NULL, "%s", error->message);
  g_error_free (error);
}

GST_START_TEST (test_errors_name_the_cause)
{
  assert_error (RD_KAFKA_RESP_ERR__AUTHENTICATION, "invalid credentials",
      GST_RESOURCE_ERROR_NOT_AUTHORIZED, "invalid credentials. Check sasl.mechanism");
  assert_error (RD_KAFKA_RESP_ERR__AUTHENTICATION,
      "invalid credentials with SASL mechanism SCRAM-SHA-256", GST_RESOURCE_ERROR_NOT_AUTHORIZED,
      rd_kafka_version () < 0x02060100 ? "librdkafka 2.6.1 or later" : "Check sasl.mechanism");
  assert_error (RD_KAFKA_RESP_ERR__SSL, "certificate has expired",
      GST_RESOURCE_ERROR_NOT_AUTHORIZED, "certificate has expired. Check security.protocol");
  assert_error (RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, NULL,
      GST_RESOURCE_ERROR_NOT_AUTHORIZED, "ACLs");
  assert_error (
      RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, NULL, GST_RESOURCE_ERROR_WRITE, "min.insync.replicas");
  assert_error (RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "collides with existing topic: a.b",
      GST_RESOURCE_ERROR_SETTINGS, "in more than '.' and '_'");
  assert_error (
      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, NULL, GST_RESOURCE_ERROR_NOT_FOUND, "topic");
  assert_error (
      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, NULL, GST_RESOURCE_ERROR_WRITE, "message-max-bytes");
  assert_error (RD_KAFKA_RESP_ERR__RESOLVE, NULL, GST_RESOURCE_ERROR_WRITE, "bootstrap-servers");
}
GST_END_TEST;

static void
assert_fault (GstKafkaFault *fault, rd_kafka_resp_err_t err, const gchar *detail)
{
  gchar *kept;

  fail_unless_equals_int (gst_kafka_fault_get (fault, &kept), err);
  fail_unless_equals_string (kept, detail);
  g_free (kept);
}

GST_START_TEST (test_of_several_errors_the_most_informative_one_is_kept)
{
  GstKafkaFault *fault = gst_kafka_fault_new (NULL, NULL);

  assert_fault (fault, RD_KAFKA_RESP_ERR_NO_ERROR, NULL);
  gst_kafka_fault_note (fault, RD_KAFKA_RESP_ERR__TRANSPORT, "refused");
  gst_kafka_fault_note (fault, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
  assert_fault (fault, RD_KAFKA_RESP_ERR__TRANSPORT, "refused");
  gst_kafka_fault_note (fault, RD_KAFKA_RESP_ERR__AUTHENTICATION, "wrong password");
  gst_kafka_fault_note (fault, RD_KAFKA_RESP_ERR__TRANSPORT, "disconnected");
  assert_fault (fault, RD_KAFKA_RESP_ERR__AUTHENTICATION, "wrong password");
  gst_kafka_fault_forget (fault);
  gst_kafka_fault_note (fault, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "down");
  assert_fault (fault, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "down");
  gst_kafka_fault_unref (fault);
}
GST_END_TEST;

static guint
count_warnings (GstBus *bus)
{
  GstMessage *message;
  guint warnings = 0;

  for (; (message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING)); gst_message_unref (message))
    warnings++;
  return warnings;
}

GST_START_TEST (test_throttling_by_the_broker_for_over_a_second_is_one_warning)
{
  static const gint times[] = {20, 1500, 3000, 0};
  GstBus *bus = gst_bus_new ();
  GstKafkaFault *fault = gst_kafka_fault_new (NULL, NULL);

  gst_element_set_bus (element, bus);
  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    gst_kafka_fault_note_throttling (fault, 1, times[i]);
    gst_kafka_fault_warn_of_throttling (fault, element, "producer_byte_rate");
    fail_unless_equals_uint64 (gst_kafka_fault_get_throttle_time (fault), times[i] * GST_MSECOND);
    fail_unless_equals_int (count_warnings (bus), i == 1);
  }
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_kafka_fault_unref (fault);
}
GST_END_TEST;

/* librdkafka reports the end of a wait only for the broker that answered last. */
GST_START_TEST (test_of_several_throttling_brokers_the_longest_wait_counts)
{
  GstKafkaFault *fault = gst_kafka_fault_new (NULL, NULL);

  gst_kafka_fault_note_throttling (fault, 1, 30000);
  gst_kafka_fault_note_throttling (fault, 2, 20000);
  gst_kafka_fault_note_throttling (fault, 3, 0);
  fail_unless_equals_uint64 (gst_kafka_fault_get_throttle_time (fault), 30 * GST_SECOND);
  gst_kafka_fault_note_throttling (fault, 1, 0);
  fail_unless_equals_uint64 (gst_kafka_fault_get_throttle_time (fault), 20 * GST_SECOND);
  gst_kafka_fault_forget_throttling (fault);
  fail_unless_equals_uint64 (gst_kafka_fault_get_throttle_time (fault), 0);
  gst_kafka_fault_note_throttling (fault, 1, 1);
  while (gst_kafka_fault_get_throttle_time (fault) > 0)
    g_usleep (1000);
  gst_kafka_fault_unref (fault);
}
GST_END_TEST;

static gint listen_on_loopback (struct sockaddr_in *address);

#define HAMMERING_THREADS 4
#define CLIENTS 30

/* Uses a fault as the threads of an element do, and releases its reference last or first. */
static gpointer
hammer (gpointer data)
{
  GstKafkaFault *fault = data;

  for (guint i = 0; i < 200; i++) {
    g_autofree gchar *detail = NULL, *cause = NULL;

    gst_kafka_fault_unref (gst_kafka_fault_ref (fault));
    gst_kafka_fault_note (fault, RD_KAFKA_RESP_ERR__SSL, "certificate verify failed");
    gst_kafka_fault_note_log (fault, "SSL", "[thrd]: a cause");
    gst_kafka_fault_get (fault, &detail);
    cause = gst_kafka_fault_dup_tls_cause (fault);
    gst_kafka_fault_note_throttling (fault, i % 3, (gint) i);
    gst_kafka_fault_get_throttle_time (fault);
    gst_kafka_fault_forget (fault);
  }
  gst_kafka_fault_unref (fault);
  return NULL;
}

static void
ignore_error (rd_kafka_t *rk, gint err, const gchar *reason, gpointer fault)
{
  gst_kafka_fault_note (fault, err, reason);
}

/* Destroys a client on a thread of its own, as a consumer's handle does. The client's connections
 * are closed while the client is being destroyed, so they still use the fault. */
static gpointer
destroy_client (gpointer data)
{
  rd_kafka_t *rk = data;
  GstKafkaFault *fault = rd_kafka_opaque (rk);

  rd_kafka_destroy_flags (rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  gst_kafka_fault_unref (fault);
  return NULL;
}

/* Polls the client until it has a connection to @listener, for up to 30 s. Returns the other end
 * of the connection, -1 without a connection. */
static gint
accept_connection (rd_kafka_t *rk, gint listener)
{
  GPollFD ready = {listener, G_IO_IN, 0};

  for (guint i = 0; i < 30000 && !g_poll (&ready, 1, 1); i++)
    rd_kafka_poll (rk, 0);
  return ready.revents ? accept (listener, NULL, NULL) : -1;
}

/* A fault lives as long as its last user: the element, its queries, and the client. With
 * AddressSanitizer (tests/run --sanitize) this test proves that nobody uses the fault after its
 * end. */
GST_START_TEST (test_threads_may_release_a_fault_in_any_order)
{
  struct sockaddr_in address;
  gint listener = listen_on_loopback (&address);

  for (guint n = 0; n < CLIENTS; n++) {
    GstKafkaFault *fault = gst_kafka_fault_new (NULL, NULL);
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    GThread *threads[HAMMERING_THREADS + 1];
    gint connection;

    set_client_properties ("c,reconnect.backoff.ms=1,reconnect.backoff.max.ms=2");
    settings.bootstrap_servers = g_strdup_printf ("127.0.0.1:%d", ntohs (address.sin_port));
    conf = gst_kafka_conf_new (&settings, element, options, NULL);
    rd_kafka_conf_set_error_cb (conf, ignore_error);
    rk = gst_kafka_client_new (RD_KAFKA_PRODUCER, conf, gst_kafka_fault_ref (fault), NULL);
    fail_unless (rk != NULL);
    for (guint i = 0; i < HAMMERING_THREADS; i++)
      threads[i] = g_thread_new ("hammer", hammer, gst_kafka_fault_ref (fault));
    /* In the end the client has an open connection, which is closed while it is destroyed. */
    connection = accept_connection (rk, listener);
    fail_unless (connection >= 0);
    gst_kafka_fault_unref (fault);
    /* In every second round the client is the last user. */
    for (guint i = 0; n % 2 && i < HAMMERING_THREADS; i++)
      g_thread_join (threads[i]);
    threads[HAMMERING_THREADS] = g_thread_new ("destroy", destroy_client, rk);
    for (guint i = n % 2 ? HAMMERING_THREADS : 0; i <= HAMMERING_THREADS; i++)
      g_thread_join (threads[i]);
    close (connection);
    g_clear_pointer (&settings.bootstrap_servers, g_free);
  }
  close (listener);
}
GST_END_TEST;

/* A broker that is killed during the TLS handshake is an outage; a broker that rejects the client's
 * certificate is a refusal. */
GST_START_TEST (test_outages_and_refusals_of_tls_are_distinguished)
{
  GstKafkaFault *fault = gst_kafka_fault_new (NULL, NULL);

  fail_unless_equals_int (
      gst_kafka_fault_note (fault, RD_KAFKA_RESP_ERR__SSL,
          "SSL handshake failed: error:0A000126:SSL routines::unexpected eof while reading"),
      RD_KAFKA_RESP_ERR__TRANSPORT);
  fail_if (gst_kafka_error_is_refusal (gst_kafka_fault_get (fault, NULL)));
  fail_unless_equals_int (gst_kafka_fault_note (fault, RD_KAFKA_RESP_ERR__TRANSPORT,
                              "Receive failed: sslv3 alert bad certificate: SSL alert number 42"),
      RD_KAFKA_RESP_ERR__SSL);
  gst_kafka_fault_note_log (fault, "SSL", "[thrd:app]: no such file");
  gst_kafka_fault_note_log (fault, "SSL", "[thrd:app]: a consequence");
  gst_kafka_fault_note (fault, RD_KAFKA_RESP_ERR__SSL, "certificate verify failed");
  assert_fault (fault, RD_KAFKA_RESP_ERR__SSL, "no such file");
  gst_kafka_fault_unref (fault);
}
GST_END_TEST;

GST_START_TEST (test_flags_as_text)
{
  gchar *text = gst_kafka_flags_to_text (
      GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_TAG_MEMORY);

  fail_unless_equals_string (text, "discont,delta-unit");
  fail_unless_equals_int (
      gst_kafka_flags_from_text (text), GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_DISCONT);
  g_free (text);
  fail_unless (gst_kafka_flags_to_text (GST_BUFFER_FLAG_TAG_MEMORY) == NULL);
  fail_unless_equals_int (gst_kafka_flags_from_text (""), 0);
  fail_unless_equals_int (
      gst_kafka_flags_from_text ("unheard-of,gap,,discontinuous"), GST_BUFFER_FLAG_GAP);
}
GST_END_TEST;

GST_START_TEST (test_uri_parts)
{
  GstKafkaUri *uri = gst_kafka_uri_parse ("kafka://a:1,[::1]:2/cam%20era?key=x%26y&acks=all", NULL);
  gchar *text;

  fail_unless (uri != NULL);
  fail_unless_equals_string (uri->servers, "a:1,[::1]:2");
  fail_unless_equals_string (uri->topic, "cam era");
  fail_unless_equals_string (g_hash_table_lookup (uri->query, "key"), "x&y");
  fail_unless_equals_string (g_hash_table_lookup (uri->query, "acks"), "all");
  text = gst_kafka_uri_to_string (uri->servers, uri->topic);
  fail_unless_equals_string (text, "kafka://a:1,[::1]:2/cam%20era");
  g_free (text);
  gst_kafka_uri_free (uri);
  uri = gst_kafka_uri_parse ("KAFKA://h/t", NULL);
  fail_unless (uri != NULL);
  fail_unless_equals_string (uri->topic, "t");
  gst_kafka_uri_free (uri);
}
GST_END_TEST;

static const struct {
  const gchar *topics, *topic;
  gboolean matches;
} topic_cases[] = {
    {"camera", "camera", TRUE},
    {"camera", "camera2", FALSE},
    {" a , b", "b", TRUE},
    {"a,^cam-[0-9]+$", "cam-12", TRUE},
    {"a,^cam-[0-9]+$", "cam-x", FALSE},
    {"^cam-[0-9]{1,3}$", "cam-123", TRUE},
    {"^cam-[0-9]{1,3}$", "cam-1234", FALSE},
    {"a,^b{1,2},c", "bb", TRUE},
    {"a,^b{1,2},c", "c", TRUE},
    {"a , ^b{2,} , ^[x{,]$", "x", TRUE},
    {"^cam-[0-9]{1,3", NULL, FALSE},
    {"^.*", "__consumer_offsets", FALSE},
    {"^.*", "__transaction_state", FALSE},
    {"__consumer_offsets", "__consumer_offsets", TRUE},
    {"", NULL, FALSE},
    {"a,", NULL, FALSE},
    {"a b", NULL, FALSE},
    {"cam.*", NULL, FALSE},
    {"^(", NULL, FALSE},
    {".", NULL, FALSE},
    {"a,..", NULL, FALSE},
    {"...", "...", TRUE},
};

GST_START_TEST (test_topics)
{
  GError *error = NULL;
  gchar **topics = gst_kafka_topics_parse (topic_cases[__i__].topics, &error);
  gboolean matches = FALSE;

  if (!topic_cases[__i__].topic) {
    fail_unless (topics == NULL);
    fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
    g_error_free (error);
    return;
  }
  fail_unless (topics != NULL);
  for (gchar **wanted = topics; *wanted; wanted++)
    matches |= gst_kafka_topics_match (*wanted, topic_cases[__i__].topic);
  fail_unless_equals_int (matches, topic_cases[__i__].matches);
  g_strfreev (topics);
}
GST_END_TEST;

/* A topic that is named twice counts once, because a group can't subscribe to it twice. */
GST_START_TEST (test_a_topic_that_is_named_twice_counts_once)
{
  g_auto (GStrv) topics = gst_kafka_topics_parse ("a, b,a ,^a.*,b,^a.*", NULL);

  fail_unless_equals_int (g_strv_length (topics), 3);
  fail_unless_equals_string (topics[0], "a");
  fail_unless_equals_string (topics[1], "b");
  fail_unless_equals_string (topics[2], "^a.*");
}
GST_END_TEST;

GST_START_TEST (test_uri_refused)
{
  static const gchar *bad[] = {"", "kafka:", "kafka://", "kafka://h", "kafka://h:1/", "kafka:///t",
      "kafka://h?t=/u", "http://h/t", "kafka://h/t?novalue", "kafka://h/a%2Fb", "kafka://h/%zz"};
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    fail_unless (gst_kafka_uri_parse (bad[i], &error) == NULL, "%s", bad[i]);
    fail_unless (g_error_matches (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI));
    g_clear_error (&error);
  }
  fail_unless (gst_kafka_uri_parse ("kafka://me:hush@h:1/t", &error) == NULL);
  fail_if (strstr (error->message, "hush"));
  fail_unless (strstr (error->message, "config-file") != NULL);
  g_error_free (error);
}
GST_END_TEST;

/* Returns a socket that listens on the loopback interface, and sets @address to its address. */
static gint
listen_on_loopback (struct sockaddr_in *address)
{
  socklen_t size = sizeof *address;
  gint fd = gst_kafka_socket_open (AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL);

  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl (INADDR_LOOPBACK)}};
  fail_if (bind (fd, (struct sockaddr *) address, size));
  fail_if (listen (fd, 100));
  fail_if (getsockname (fd, (struct sockaddr *) address, &size));
  return fd;
}

static gchar *logged;

static void
keep_line (GstDebugCategory *category, GstDebugLevel level, const gchar *file,
    const gchar *function, gint line, GObject *object, GstDebugMessage *message, gpointer unused)
{
  if (strstr (gst_debug_message_get (message), "congestion control")) {
    g_free (logged);
    logged = g_strdup (gst_debug_message_get (message));
  }
}

/* A route may replace the congestion control that the property sets, which is set again. The test
 * uses reno and cubic, which all kernels have. */
GST_START_TEST (test_the_chosen_congestion_control_is_set_again)
{
  GstKafkaConnections *connections;
  struct sockaddr_in address;
  gint listener = listen_on_loopback (&address), fd;
  g_autofree gchar *name = NULL;

  GST_DEBUG_CATEGORY_INIT (gst_kafka_sink_debug, "kafkasink", 0, "Kafka sink");
  connections = gst_kafka_connections_new ("reno");
  gst_debug_remove_log_function (NULL);
  gst_debug_set_threshold_for_name ("kafkasink", GST_LEVEL_INFO);
  gst_debug_add_log_function (keep_line, NULL, NULL);
  fd = gst_kafka_connections_open (connections, AF_INET, SOCK_STREAM, IPPROTO_TCP);
  fail_if (connect (fd, (struct sockaddr *) &address, sizeof address));
  fail_unless (gst_kafka_socket_set_congestion_control (fd, "cubic"));
  gst_kafka_connections_tend (connections, element);
  name = gst_kafka_socket_dup_congestion_control (fd);
  fail_unless_equals_string (name, "reno");
  fail_unless (logged != NULL && strstr (logged, "the property congestion-control") &&
                   !strstr (logged, "lost"),
      "%s", logged);
  gst_debug_remove_log_function (keep_line);
  gst_kafka_connections_close (connections, fd);
  gst_kafka_connections_free (connections);
  close (listener);
  g_clear_pointer (&logged, g_free);
}
GST_END_TEST;

/* Received data show that a broker is alive although its answer is late, because a slow link may
 * still carry a large answer before it. Data on a connection that was opened during the query don't
 * count, because a proxy may have sent them. */
GST_START_TEST (test_data_on_an_open_connection_is_noticed)
{
  GstKafkaConnections *connections = gst_kafka_connections_new (NULL);
  struct sockaddr_in address;
  gint listener = listen_on_loopback (&address), fds[2], peers[2];

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++) {
    gst_kafka_connections_mark (connections);
    fds[i] = gst_kafka_connections_open (connections, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    fail_if (connect (fds[i], (struct sockaddr *) &address, sizeof address));
    fail_if ((peers[i] = accept (listener, NULL, NULL)) < 0);
  }
  gst_kafka_connections_mark (connections);
  fail_unless_equals_int (send (peers[1], "x", 1, 0), 1);
  g_usleep (10000);
  fail_if (gst_kafka_connections_have_received (connections));
  fail_unless_equals_int (send (peers[0], "x", 1, 0), 1);
  for (gint64 end = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;
       !gst_kafka_connections_have_received (connections) && g_get_monotonic_time () < end;)
    g_usleep (1000);
  fail_unless (gst_kafka_connections_have_received (connections));
  gst_kafka_connections_mark (connections);
  fail_if (gst_kafka_connections_have_received (connections));
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++) {
    gst_kafka_connections_close (connections, fds[i]);
    close (peers[i]);
  }
  gst_kafka_connections_free (connections);
  close (listener);
}
GST_END_TEST;

/* Each character is what happens in one second: an error of librdkafka (e), a query without an
 * answer (-), an answer (+), or nothing (a space). */
static const struct {
  const gchar *happens;
  guint warnings, infos;
} outage_cases[] = {
    {"e                    ", 0, 0},
    {"e+  e+  -+  -+  ---+ ", 0, 0}, /* idle connections end, a broker restarts in 3 s */
    {"e---------+", 0, 0}, {"e-- -- -- -- -- -- - - - ", 1, 0}, /* one warning, however long */
    {"- - - - - - - -     +", 1, 1},                            /* librdkafka reports no error */
    {"e-----------+e-----------+", 2, 2}, {"e-----------+- + e+", 1, 1},
    {"e-              -   -+", 0, 0},              /* the caller is paused during the query */
    {"e-   -              -     -  +", 0, 0},      /* the caller is paused before the warning */
    {"e-----------                  -   +", 1, 1}, /* the caller is paused after the warning */
};

static void
count_messages (GstBus *bus, guint *warnings, guint *infos)
{
  GstMessage *message;

  for (; (message = gst_bus_pop (bus)); gst_message_unref (message)) {
    *warnings += GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING;
    *infos += GST_MESSAGE_TYPE (message) == GST_MESSAGE_INFO;
  }
}

GST_START_TEST (test_an_outage_is_one_warning_and_one_info_message)
{
  const gchar *happens = outage_cases[__i__].happens;
  GstBus *bus = gst_bus_new ();
  guint warned = 0, informed = 0;
  GstKafkaOutage outage;

  gst_kafka_outage_init (&outage);
  for (guint i = 0; happens[i]; i++) {
    gint64 now = (i + 1) * G_USEC_PER_SEC;

    if (happens[i] == 'e')
      fail_unless (gst_kafka_outage_note_error (&outage, RD_KAFKA_RESP_ERR__TRANSPORT, now));
    else if (happens[i] != ' ')
      gst_kafka_outage_note_answer (&outage, happens[i] == '+', now);
    gst_element_set_bus (element, bus);
    gst_kafka_outage_report (
        &outage, element, GST_RESOURCE_ERROR_OPEN_READ, "broker:9092", "It waits.", NULL, now);
    gst_element_set_bus (element, NULL);
    count_messages (bus, &warned, &informed);
    fail_unless_equals_int (gst_kafka_outage_is_reported (&outage), warned > informed);
  }
  fail_unless_equals_int (warned, outage_cases[__i__].warnings);
  fail_unless_equals_int (informed, outage_cases[__i__].infos);
  gst_kafka_outage_clear (&outage);
  gst_object_unref (bus);
}
GST_END_TEST;

/* An error that a broker sent is an answer. */
GST_START_TEST (test_only_an_error_of_the_network_makes_an_outage_possible)
{
  GstKafkaOutage outage;

  gst_kafka_outage_init (&outage);
  fail_if (gst_kafka_outage_note_error (&outage, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 1));
  fail_if (gst_kafka_outage_note_error (&outage, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, 1));
  fail_if (gst_kafka_outage_note_error (&outage, RD_KAFKA_RESP_ERR__AUTHENTICATION, 1));
  fail_if (gst_kafka_outage_is_suspected (&outage));
  fail_unless (gst_kafka_outage_note_error (&outage, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, 1));
  fail_unless (gst_kafka_outage_is_suspected (&outage));
  gst_kafka_outage_clear (&outage);
}
GST_END_TEST;

/* Each character is what a caller sees in one second: a message that waits (w), also while the
 * connections are sending (s), while messages of other partitions are acknowledged (x), while
 * another report explains the wait (o), or while the brokers are queried (q); an acknowledgement
 * after which another message waits (a), no message (a space), or a pause of the process of a
 * minute, in which a message waits (p). */
static const struct {
  const gchar *sees;
  guint begins, ends;
} stall_cases[] = {
    {"          ", 0, 0},
    {"awwwwwwww awwwwwwww a", 0, 0},
    {"awwwwwwwwwww", 1, 0},
    {"awwwwwwwwwwwwwwwwwwwwwww", 1, 0},
    {"awwwwwwwwwwwa ", 1, 1},
    {"awwwwwwwwwww   ", 1, 0},
    {"awwwwwwwwwwwa awwwwwwwwwwwwwa ", 2, 2},
    {"awpwwa wpwwa", 0, 0},         /* the process was stopped */
    {"asssssssssssssssssa ", 0, 0}, /* the link is slow */
    {"awswwwswwwswwwww", 1, 0},     /* the broker refuses messages, which are sent again */
    {"aoooooooooooowwwa", 0, 0},
    {"aoooooooooooowwwwwwwwwwwwa ", 1, 1}, /* after an outage */
    {"awwwwwwwwooowwwwwwwwoowwwa", 0, 0},
    {"awwwwwwwwwwwwooowwwwa ", 1, 1},
    /* one of several partitions has no leader */
    {"axxxxxxxxxxxxqxxxqxxxa ", 1, 1},
    {"axxxxxxxxxxxxoooxxxxxxxxxxxxxxxa ", 1, 1},
};

GST_START_TEST (test_missing_acknowledgements_are_noticed)
{
  const gchar *sees = stall_cases[__i__].sees;
  gint64 now = G_USEC_PER_SEC, since = 0, acknowledged = 0, began;
  guint begins = 0, ends = 0;
  GstKafkaStall stall = {0};

  for (; *sees; sees++) {
    GstKafkaNews news;
    gboolean stalled;

    now += (*sees == 'p' ? 60 : 1) * G_USEC_PER_SEC;
    if (*sees == 'a')
      acknowledged = since = now;
    else if (*sees == ' ')
      since = 0;
    else if (!since)
      since = now;
    if (*sees == 'x' || *sees == 'q')
      acknowledged = now;
    gst_kafka_stall_look (&stall, since, *sees == 'o', *sees == 's', now);
    stalled = gst_kafka_stall_is_long (&stall, GST_KAFKA_EPISODE_TIME) && !strchr ("oq", *sees);
    news = gst_kafka_stall_note (&stall, stalled, acknowledged, now, &began);
    begins += news == GST_KAFKA_NEWS_BEGIN;
    ends += news == GST_KAFKA_NEWS_END;
  }
  fail_unless_equals_int (begins, stall_cases[__i__].begins);
  fail_unless_equals_int (ends, stall_cases[__i__].ends);
}
GST_END_TEST;

static Suite *
kafkaclient_suite (void)
{
  Suite *s = suite_create ("kafkaclient");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, test_data_on_an_open_connection_is_noticed);
  tcase_add_loop_test (
      tc, test_an_outage_is_one_warning_and_one_info_message, 0, G_N_ELEMENTS (outage_cases));
  tcase_add_loop_test (
      tc, test_missing_acknowledgements_are_noticed, 0, G_N_ELEMENTS (stall_cases));
  tcase_add_test (tc, test_only_an_error_of_the_network_makes_an_outage_possible);
  tcase_add_test (tc, test_order_of_sources);
  tcase_add_test (tc, test_client_properties_may_have_any_type);
  tcase_add_test (tc, test_refused_client_properties);
  tcase_add_test (tc, test_secrets);
  tcase_add_test (tc, test_bad_config_files);
  tcase_add_test (tc, test_oauthbearer);
  tcase_add_test (tc, test_group_protocol);
  tcase_add_test (tc, test_errors_name_the_cause);
  tcase_add_test (tc, test_of_several_errors_the_most_informative_one_is_kept);
  tcase_add_test (tc, test_throttling_by_the_broker_for_over_a_second_is_one_warning);
  tcase_add_test (tc, test_of_several_throttling_brokers_the_longest_wait_counts);
  tcase_add_test (tc, test_threads_may_release_a_fault_in_any_order);
  tcase_add_test (tc, test_outages_and_refusals_of_tls_are_distinguished);
  tcase_add_test (tc, test_flags_as_text);
  tcase_add_test (tc, test_uri_parts);
  tcase_add_loop_test (tc, test_topics, 0, G_N_ELEMENTS (topic_cases));
  tcase_add_test (tc, test_a_topic_that_is_named_twice_counts_once);
  tcase_add_test (tc, test_uri_refused);
  tcase_add_test (tc, test_the_chosen_congestion_control_is_set_again);
  return s;
}

GST_CHECK_MAIN (kafkaclient)
