/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fog-alerts and its servers: Kafka, in which one process of a group writes at a time; the stages
 * behind one name; the program's own health server. */
#include <gst/check/gstcheck.h>
#include <libsoup/soup.h>
#include <string.h>

#include "alertshealth.h"
#include "alertsjournal.h"
#include "alertsmetrics.h"
#include "kafkamock.h"

#define KAFKA_API_ADD_PARTITIONS 24
#define KAFKA_API_END_TRANSACTION 26
#define PATIENCE (60 * G_USEC_PER_SEC)

static AlertsRules *
make_rules (const gchar *rule)
{
  g_autofree gchar *text =
      g_strconcat ("[rule r]\ntargets=t\n", rule, "\n[target t]\ntopic=alerts\n", NULL);
  g_autoptr (GError) error = NULL;
  AlertsRules *rules = alerts_rules_parse ("rules.conf", text, &error);

  fail_unless (rules != NULL, "%s", error ? error->message : "");
  return rules;
}

/* --- the journal --- */

typedef struct {
  KafkaMock mock;
  LiveSource source;
  AlertsJournal *journal;
  GString *written; /* keys of the durable records */
} Journal;

static void
start_journal (Journal *self, gint16 api, rd_kafka_resp_err_t err)
{
  g_autoptr (GError) error = NULL;

  kafka_mock_start (&self->mock, "alert-state", 1);
  if (err)
    rd_kafka_mock_push_request_errors (self->mock.cluster, api, 1, err);
  self->source = (LiveSource){.servers = (gchar *) self->mock.servers,
      .topic = (gchar *) "alert-state",
      .group = (gchar *) "alerts"};
  self->written = g_string_new (NULL);
  self->journal = alerts_journal_new (&self->source, &error);
  fail_unless (self->journal != NULL, "%s", error ? error->message : "");
  fail_unless (alerts_journal_take_over (self->journal, &error));
}

static void
stop_journal (Journal *self)
{
  alerts_journal_free (self->journal);
  g_string_free (self->written, TRUE);
  kafka_mock_stop (&self->mock);
}

static void
note_written (const gchar *key, guint64 version, gpointer data)
{
  g_string_append_printf (((Journal *) data)->written, "%s %" G_GUINT64_FORMAT ";", key, version);
}

/* Polls the journal until all records are durable, or until it fails with @error. */
static void
wait_for_journal (Journal *self, GError **error)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;

  while (alerts_journal_poll (self->journal, note_written, self, error) &&
         !alerts_journal_is_durable (self->journal)) {
    fail_unless (g_get_monotonic_time () < until);
    g_usleep (10000);
  }
}

/* After each of these answers the record must not become durable: another process has taken over
 * (the first three), or Kafka refuses the record. */
static const struct {
  gint16 api;
  rd_kafka_resp_err_t err;
  const gchar *text;
} refusals[] = {
    {KAFKA_API_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, "Another process of the group"},
    {KAFKA_API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, "Another process of the group"},
    {KAFKA_API_END_TRANSACTION, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        "\"alerts\" at 127.0.0.1"},
    {KAFKA_API_END_TRANSACTION, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, "Run one process for each"},
    {KAFKA_API_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "alert-state"},
    {KAFKA_API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        "--transactional-id alerts"},
};

GST_START_TEST (test_a_record_that_kafka_refuses_is_never_durable)
{
  g_autoptr (GError) error = NULL;
  Journal journal;

  start_journal (&journal, refusals[__i__].api, refusals[__i__].err);
  alerts_journal_put (journal.journal, "r/cam-1", "{}", 2, 1);
  wait_for_journal (&journal, &error);
  fail_unless (error && strstr (error->message, refusals[__i__].text), "%s",
      error ? error->message : "no error");
  fail_if (alerts_journal_is_durable (journal.journal));
  fail_if (alerts_journal_poll (journal.journal, note_written, &journal, NULL));
  fail_if (alerts_journal_is_durable (journal.journal));
  fail_if (strstr (journal.written->str, "cam-1"), "%s", journal.written->str);
  stop_journal (&journal);
}
GST_END_TEST;

/* A process that has nothing to write also learns that another one has taken over. */
GST_START_TEST (test_a_process_without_alerts_notices_that_another_takes_over)
{
  g_autoptr (GError) error = NULL;
  gint64 until = g_get_monotonic_time () + PATIENCE;
  Journal journal;

  start_journal (&journal, KAFKA_API_END_TRANSACTION, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
  while (alerts_journal_poll (journal.journal, note_written, &journal, &error) &&
         g_get_monotonic_time () < until)
    g_usleep (10000);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY));
  stop_journal (&journal);
}
GST_END_TEST;

/* A transaction that fails for a reason that passes is aborted and repeated, with its records in
 * their order. */
GST_START_TEST (test_a_transaction_that_fails_is_repeated)
{
  static const struct {
    gint16 api;
    rd_kafka_resp_err_t err;
  } cases[] = {
      {KAFKA_API_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN},
      {KAFKA_API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING},
      {KAFKA_API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
      {KAFKA_API_END_TRANSACTION, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
  };
  g_autoptr (GError) error = NULL;
  Journal journal;

  start_journal (&journal, cases[__i__].api, cases[__i__].err);
  alerts_journal_put (journal.journal, "r/cam-1", "{}", 2, 1);
  alerts_journal_put (journal.journal, "r/cam-2", NULL, 0, 0);
  alerts_journal_put (journal.journal, "r/cam-1", "{}", 2, 2);
  fail_if (alerts_journal_is_durable (journal.journal));
  wait_for_journal (&journal, &error);
  fail_unless (error == NULL, "%s", error ? error->message : "");
  fail_unless_equals_string (journal.written->str, "r/cam-1 1;r/cam-2 0;r/cam-1 2;");
  stop_journal (&journal);
}
GST_END_TEST;

/* While Kafka is away, records that can wait aren't written any more. */
GST_START_TEST (test_a_journal_with_many_records_is_busy)
{
  g_autoptr (GError) error = NULL;
  Journal journal;
  guint count = 0;

  start_journal (&journal, 0, RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_mock_broker_set_down (journal.mock.cluster, 1);
  for (; count < 100000 && !alerts_journal_is_busy (journal.journal); count++)
    alerts_journal_put (journal.journal, "metrics http://fog", "{}", 2, 0);
  fail_unless (count > 100 && count < 10000, "%u records", count);
  rd_kafka_mock_broker_set_up (journal.mock.cluster, 1);
  wait_for_journal (&journal, &error);
  fail_unless (error == NULL, "%s", error ? error->message : "");
  fail_if (alerts_journal_is_busy (journal.journal));
  stop_journal (&journal);
}
GST_END_TEST;

/* --- stages behind a name --- */

/* A resolver for which each name has the addresses of the variable `behind`. */
typedef struct {
  GResolver parent;
} Names;
typedef GResolverClass NamesClass;

static GType names_get_type (void);
G_DEFINE_TYPE (Names, names, G_TYPE_RESOLVER)

#define AWAY "away"
#define SLOW "slow"

/* addresses with a space between two; "": there is no such name; AWAY: the name server doesn't
 * answer; SLOW: the look-up never ends by itself, as that of each name that begins with SLOW */
static const gchar *behind;

static gboolean
end_task (GCancellable *cancellable, gpointer data)
{
  g_task_return_error_if_cancelled (data);
  return G_SOURCE_REMOVE;
}

/* @task: (transfer full): it ends when it is cancelled */
static void
wait_for_end (GTask *task, GCancellable *cancellable)
{
  g_autoptr (GSource) source = g_cancellable_source_new (cancellable);

  g_source_set_callback (source, G_SOURCE_FUNC (end_task), task, g_object_unref);
  g_source_attach (source, NULL);
}

static void
names_ask (GResolver *resolver, const gchar *name, GCancellable *cancellable,
    GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (resolver, cancellable, callback, data);
  g_auto (GStrv) texts = g_strsplit (behind, " ", -1);
  GList *addresses = NULL;

  if (g_str_equal (behind, SLOW) || g_str_has_prefix (name, SLOW)) {
    wait_for_end (g_steal_pointer (&task), cancellable);
    return;
  }
  if (g_str_equal (behind, AWAY)) {
    g_task_return_new_error (
        task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_TEMPORARY_FAILURE, "no name server answers");
    return;
  }
  for (guint i = 0; texts[i]; i++)
    addresses = g_list_append (addresses, g_inet_address_new_from_string (texts[i]));
  if (addresses)
    g_task_return_pointer (task, addresses, (GDestroyNotify) g_resolver_free_addresses);
  else
    g_task_return_new_error (task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no such name");
}

static GList *
names_finish (GResolver *resolver, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
names_class_init (NamesClass *klass)
{
  klass->lookup_by_name_async = names_ask;
  klass->lookup_by_name_finish = names_finish;
}

static void
names_init (Names *self)
{
}

/* A stage that has dropped a number of frames. */
typedef struct {
  SoupServer *server;
  guint rejected, asked;
  gchar *host; /* (nullable): header Host of the last request */
} StageMock;

static void
tell_metrics (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query,
    gpointer data)
{
  StageMock *self = data;
  g_autofree gchar *text =
      g_strdup_printf ("gstfog_rejected_total{reason=\"refused\"} %u\n", self->rejected);

  self->asked++;
  g_free (self->host);
  self->host = g_strdup (
      soup_message_headers_get_one (soup_server_message_get_request_headers (message), "Host"));
  soup_server_message_set_status (message, 200, NULL);
  soup_server_message_set_response (message, "text/plain", SOUP_MEMORY_COPY, text, strlen (text));
}

/* @port: (inout): 0: any free one */
static gboolean
start_stage (StageMock *self, const gchar *address, guint *port)
{
  g_autoptr (GSocketAddress) where = g_inet_socket_address_new_from_string (address, *port);
  GSList *uris;

  *self = (StageMock){.server = soup_server_new (NULL, NULL)};
  soup_server_add_handler (self->server, NULL, tell_metrics, self, NULL);
  if (!soup_server_listen (self->server, where, 0, NULL)) {
    g_clear_object (&self->server);
    return FALSE;
  }
  uris = soup_server_get_uris (self->server);
  *port = (guint) g_uri_get_port (uris->data);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  return TRUE;
}

static void
stop_stage (StageMock *self)
{
  g_clear_object (&self->server);
  g_clear_pointer (&self->host, g_free);
}

/* Starts two stages at two addresses, on a port that is free at both addresses. */
static guint
start_stages (StageMock stages[2])
{
  for (guint i = 0; i < 100; i++) {
    guint port = 0;

    fail_unless (start_stage (&stages[0], "127.0.0.1", &port));
    if (start_stage (&stages[1], "127.0.0.2", &port))
      return port;
    stop_stage (&stages[0]);
  }
  fail ("no port is free at both addresses");
  return 0;
}

static void
note_change (AlertsWatch *watch, gpointer data)
{
  const AlertsNotice *notice = g_queue_peek_tail (&watch->notices);

  g_string_append_printf (data, "%s %s;", watch->subject, notice->firing ? "fires" : "ends");
}

/* The program's parts that read metrics, and two stages on one port. */
typedef struct {
  StageMock stages[2];
  guint port;
  GResolver *names;
  GString *seen; /* changes of alerts */
  KafkaMock mock;
  LiveSource source;
  AlertsRules *rules;
  AlertsState *state;
  AlertsBook *book;
  AlertsMetrics *metrics;
} Readings;

static AlertsRules *
make_stage_rules (const gchar *hosts, guint port)
{
  g_auto (GStrv) names = g_strsplit (hosts, " ", -1);
  g_autoptr (GString) rule = g_string_new ("kind=rejected\nuntil-for=1h\nstages=");

  for (guint i = 0; names[i]; i++)
    g_string_append_printf (rule, "http://%s:%u/metrics ", names[i], port);
  return make_rules (g_strchomp (rule->str));
}

/* @hosts: names with a space between two */
static void
start_readings (Readings *self, const gchar *hosts)
{
  g_autoptr (GError) error = NULL;

  *self = (Readings){.source = {.topic = (gchar *) "alert-state", .group = (gchar *) "alerts"}};
  self->port = start_stages (self->stages);
  self->names = g_object_new (names_get_type (), NULL);
  g_resolver_set_default (self->names);
  self->seen = g_string_new (NULL);
  kafka_mock_start (&self->mock, "alert-state", 1);
  self->source.servers = (gchar *) self->mock.servers;
  self->rules = make_stage_rules (hosts, self->port);
  self->state = alerts_state_new (&self->source, &error);
  fail_unless (self->state && alerts_state_take_over (self->state, &error));
  self->book = alerts_book_new (self->rules, note_change, self->seen);
  self->metrics = alerts_metrics_new (self->rules, self->book, self->state);
}

static void
stop_readings (Readings *self)
{
  g_clear_pointer (&self->metrics, alerts_metrics_free);
  alerts_book_free (self->book);
  alerts_state_free (self->state);
  alerts_rules_free (self->rules);
  kafka_mock_stop (&self->mock);
  for (guint i = 0; i < 2; i++)
    stop_stage (&self->stages[i]);
  g_string_free (self->seen, TRUE);
  g_object_unref (self->names);
}

static guint
count_asked (const Readings *self)
{
  return self->stages[0].asked + self->stages[1].asked;
}

/* Reads the metrics once, at all addresses of @names, and waits until @asked requests were
 * answered. */
static void
read_metrics (Readings *self, const gchar *names, guint asked)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;

  behind = names;
  alerts_metrics_read (self->metrics);
  while (count_asked (self) < asked || alerts_metrics_is_reading (self->metrics)) {
    fail_unless (g_get_monotonic_time () < until);
    g_main_context_iteration (NULL, FALSE);
  }
  fail_unless_equals_int (count_asked (self), asked);
}

/* All processes behind a name are asked, each has totals and a series of its own, and the name is
 * looked up each time. */
GST_START_TEST (test_each_process_behind_a_name_is_a_stage)
{
  g_autofree gchar *one_fires = NULL, *two_fires = NULL, *host = NULL;
  Readings self;

  start_readings (&self, "stages.test");
  host = g_strdup_printf ("stages.test:%u", self.port);
  one_fires = g_strdup_printf ("refused at %s (127.0.0.1) fires;", host);
  two_fires = g_strdup_printf ("refused at %s (127.0.0.2) fires;", host);

  self.stages[0].rejected = self.stages[1].rejected = 7; /* from before: no alert */
  read_metrics (&self, "", 0);                           /* no pod runs yet */
  read_metrics (&self, "127.0.0.1", 1);
  read_metrics (&self, "127.0.0.2 127.0.0.1 ::1", 3);
  fail_unless_equals_string (self.seen->str, "");
  fail_unless_equals_string (self.stages[1].host, host);
  self.stages[1].rejected = 9;
  read_metrics (&self, "127.0.0.1 127.0.0.2", 5);
  fail_unless_equals_string (self.seen->str, two_fires);
  /* While a pod is missing the other one is read. */
  self.stages[0].rejected = self.stages[1].rejected = 10;
  g_string_truncate (self.seen, 0);
  read_metrics (&self, "127.0.0.1", 6);
  fail_unless_equals_string (self.seen->str, one_fires);
  read_metrics (&self, "127.0.0.1 127.0.0.2", 8);
  stop_readings (&self);
}
GST_END_TEST;

/* While the name server is away, or slow, the stages are read at the addresses that are known. */
GST_START_TEST (test_stages_are_read_while_the_name_server_is_away)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;
  Readings self;

  start_readings (&self, "stages.test");
  read_metrics (&self, AWAY, 0); /* no address is known yet */
  read_metrics (&self, "127.0.0.1 127.0.0.2", 2);
  read_metrics (&self, AWAY, 4);
  read_metrics (&self, "127.0.0.2", 5);
  read_metrics (&self, AWAY, 6);
  fail_unless_equals_int (self.stages[0].asked, 2); /* its pod had gone before */
  read_metrics (&self, "", 6);                      /* the service has no pod any more */
  read_metrics (&self, "127.0.0.1 127.0.0.2", 8);
  behind = SLOW;
  while (count_asked (&self) < 12) {
    fail_unless (g_get_monotonic_time () < until);
    alerts_metrics_read (self.metrics);
    g_main_context_iteration (NULL, FALSE);
  }
  fail_unless (alerts_metrics_is_reading (self.metrics));
  stop_readings (&self);
}
GST_END_TEST;

/* A name whose look-up is answered while the reading ends begins no request, because the request
 * would outlive its stage. */
GST_START_TEST (test_an_answer_at_the_end_begins_no_request)
{
  Readings self;

  start_readings (&self, "slow.test stages.test");
  behind = "127.0.0.1 127.0.0.2";
  alerts_metrics_read (self.metrics);
  g_clear_pointer (&self.metrics, alerts_metrics_free);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  fail_unless_equals_int (count_asked (&self), 0);
  stop_readings (&self);
}
GST_END_TEST;

/* A stage that takes connections and never answers. */
typedef struct {
  GSocket *listener;
  GSocket *connection; /* (nullable): the latest one */
} MuteStage;

static MuteStage
start_mute_stage (guint number, guint port)
{
  g_autofree gchar *address = g_strdup_printf ("127.0.1.%u", number);
  g_autoptr (GSocketAddress) where = g_inet_socket_address_new_from_string (address, port);
  MuteStage self = {
      g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL)};

  fail_unless (g_socket_bind (self.listener, where, TRUE, NULL));
  fail_unless (g_socket_listen (self.listener, NULL));
  g_socket_set_blocking (self.listener, FALSE);
  return self;
}

static void
stop_mute_stage (MuteStage *self)
{
  g_clear_object (&self->listener);
  g_clear_object (&self->connection);
}

/* Returns whether the stage has a connection that the other side hasn't closed. */
static gboolean
is_connected (MuteStage *self)
{
  GSocket *connection = g_socket_accept (self->listener, NULL, NULL);
  gchar text[1024];
  gssize size;

  if (connection) {
    g_clear_object (&self->connection);
    self->connection = connection;
    g_socket_set_blocking (connection, FALSE);
  }
  if (!self->connection)
    return FALSE;
  do
    size = g_socket_receive (self->connection, text, sizeof text, NULL, NULL);
  while (size > 0);
  return size < 0;
}

/* All stages are asked at the same time, so that those which don't answer delay no other one. */
GST_START_TEST (test_stages_without_an_answer_delay_no_other_stage)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;
  g_autoptr (GString) addresses = g_string_new (NULL);
  MuteStage mute[20];
  guint connected = 0;
  Readings self;

  start_readings (&self, "stages.test");
  for (guint i = 0; i < G_N_ELEMENTS (mute); i++) {
    mute[i] = start_mute_stage (i + 1, self.port);
    g_string_append_printf (addresses, "%s127.0.1.%u", i ? " " : "", i + 1);
  }
  behind = addresses->str;
  while (connected < G_N_ELEMENTS (mute)) {
    fail_unless (g_get_monotonic_time () < until, "%u connections", connected);
    alerts_metrics_read (self.metrics);
    g_main_context_iteration (NULL, FALSE);
    g_usleep (1000);
    connected = 0;
    for (guint i = 0; i < G_N_ELEMENTS (mute); i++)
      connected += is_connected (&mute[i]) != FALSE;
  }
  stop_readings (&self);
  for (guint i = 0; i < G_N_ELEMENTS (mute); i++)
    stop_mute_stage (&mute[i]);
}
GST_END_TEST;

/* --- the health server --- */

static guint
ask (AlertsHealth *health, const gchar *path, gchar **body)
{
  g_autofree gchar *url =
      g_strdup_printf ("http://127.0.0.1:%u%s", alerts_health_get_port (health), path);
  g_autoptr (SoupSession) session = soup_session_new ();
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = soup_session_send_and_read (session, message, NULL, &error);

  fail_unless (bytes != NULL, "%s", error ? error->message : "");
  g_free (*body);
  *body = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  return soup_message_get_status (message);
}

GST_START_TEST (test_health)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *body = NULL;
  AlertsHealth *health = alerts_health_new (0, &error);
  gint64 now = g_get_real_time () / 1000;
  AlertsFigures figures = {.fired = 3,
      .ended = 2,
      .firing = 1,
      .waiting = 4,
      .counts = {.refused = 5},
      .known = {now, now - 3600000}};

  fail_unless (health != NULL, "%s", error ? error->message : "");
  fail_unless_equals_int (ask (health, "/livez", &body), 200);
  fail_unless_equals_int (ask (health, "/readyz", &body), 503);
  fail_unless (strstr (body, "isn't loaded"), "%s", body);
  alerts_health_update (health, &figures);
  fail_unless_equals_int (ask (health, "/livez", &body), 200);
  fail_unless_equals_int (ask (health, "/readyz", &body), 503);
  fail_unless (strstr (body, "the topic of reports"), "%s", body);
  fail_unless_equals_int (ask (health, "/metrics", &body), 200);
  fail_unless (strstr (body, "\ngstfog_alerts_fired_total 3\n"), "%s", body);
  fail_unless (strstr (body, "\ngstfog_alerts_firing 1\n"), "%s", body);
  fail_unless (strstr (body, "\ngstfog_alerts_waiting_notices 4\n"), "%s", body);
  fail_unless (strstr (body, "_notices_total{outcome=\"refused\"} 5\n"), "%s", body);
  fail_unless (strstr (body, "_unread_seconds{topic=\"reports\"} 36"), "%s", body);
  figures.known[ALERTS_REPORTS] = now + 3600000; /* the clock of this machine was set back */
  figures.known[ALERTS_EVENTS] = now + 3600000;
  alerts_health_update (health, &figures);
  fail_unless_equals_int (ask (health, "/readyz", &body), 200);
  fail_unless_equals_int (ask (health, "/elsewhere", &body), 404);
  alerts_health_free (health);
}
GST_END_TEST;

static Suite *
alertsservers_suite (void)
{
  Suite *suite = suite_create ("alertsservers");
  TCase *tc = tcase_create ("servers");

  suite_add_tcase (suite, tc);
  tcase_set_timeout (tc, 120);
  tcase_add_loop_test (
      tc, test_a_record_that_kafka_refuses_is_never_durable, 0, G_N_ELEMENTS (refusals));
  tcase_add_test (tc, test_a_process_without_alerts_notices_that_another_takes_over);
  tcase_add_loop_test (tc, test_a_transaction_that_fails_is_repeated, 0, 4);
  tcase_add_test (tc, test_a_journal_with_many_records_is_busy);
  tcase_add_test (tc, test_each_process_behind_a_name_is_a_stage);
  tcase_add_test (tc, test_stages_are_read_while_the_name_server_is_away);
  tcase_add_test (tc, test_an_answer_at_the_end_begins_no_request);
  tcase_add_test (tc, test_stages_without_an_answer_delay_no_other_stage);
  tcase_add_test (tc, test_health);
  return suite;
}

GST_CHECK_MAIN (alertsservers);
