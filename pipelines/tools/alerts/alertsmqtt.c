/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsmqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <string.h>

#define KEEPALIVE 30 /* s */
#define PORT 1883
#define TLS_PORT 8883
#define QOS 1
#define LOOK_TIME 100 /* ms */
/* Shortest and longest time (ms) between two attempts to connect. */
#define FIRST_WAIT 500
#define LONGEST_WAIT 30000

/* The kinds of reports from the client's thread. */
typedef enum {
  CONNECTED,
  FAILED, /* there is no connection */
  TAKEN,  /* the broker has acknowledged a message */
} What;

typedef struct {
  What what;
  gint number; /* TAKEN: the message's */
  gchar *why;  /* FAILED */
} Report;

/* A message that the broker hasn't acknowledged yet. The client sends such a message again after
 * each new connection. */
typedef struct {
  gint64 until; /* monotonic time when the missing acknowledgement is logged, us */
  AlertsAnswered answered;
  gpointer data;
} Pending;

struct _AlertsMqtt {
  const AlertsTarget *target;
  gchar *host, *topic;
  gint port;
  struct mosquitto *client;
  GHashTable *pending; /* message's number: Pending */
  gboolean connected;
  gchar *why;           /* reason why there is no connection */
  GAsyncQueue *reports; /* queue of Report from the client's thread */
  guint timer;
  /* code of the broker's last answer to CONNECT; 0: accepted. Used only by the client's thread */
  gint refused;
  /* flag: the broker has accepted the present connection. Used only by the client's thread */
  gboolean accepted;
  GThread *thread;
  GMutex lock;
  GCond changed;
  gboolean ending; /* with lock */
};

/* --- the client's thread --- */

static void
report (AlertsMqtt *self, What what, gint number, const gchar *why)
{
  Report *one = g_new0 (Report, 1);

  one->what = what;
  one->number = number;
  one->why = g_strdup (why);
  g_async_queue_push (self->reports, one);
}

static void
note_connection (struct mosquitto *client, void *data, int code)
{
  AlertsMqtt *self = data;

  self->refused = code;
  self->accepted = code == 0;
  if (!code)
    report (self, CONNECTED, 0, NULL);
}

static void
note_acknowledgement (struct mosquitto *client, void *data, int number)
{
  report (data, TAKEN, number, NULL);
}

/* Waits for @ms. Returns whether the object is being freed. */
static gboolean
wait (AlertsMqtt *self, gint64 ms)
{
  gint64 until = g_get_monotonic_time () + ms * 1000;
  gboolean ending;

  g_mutex_lock (&self->lock);
  while (!self->ending && ms && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  ending = self->ending;
  g_mutex_unlock (&self->lock);
  return ending;
}

/* Makes one connection, and serves it until it ends. Returns the error that prevented or ended the
 * connection. */
static gint
serve (AlertsMqtt *self)
{
  gint code = mosquitto_connect (self->client, self->host, self->port, KEEPALIVE);

  while (!code && !wait (self, 0))
    code = mosquitto_loop (self->client, LOOK_TIME, 1);
  return code;
}

/* The client's thread, which connects again and again. libmosquitto's own thread isn't used,
 * because it ends for good after some errors, such as those of TLS. */
static gpointer
run (gpointer data)
{
  AlertsMqtt *self = data;
  gint64 pause = FIRST_WAIT;
  gint code;

  do {
    self->accepted = FALSE;
    self->refused = 0;
    code = serve (self);
    if (code == MOSQ_ERR_ERRNO)
      report (self, FAILED, 0, g_strerror (errno));
    else if (code)
      report (self, FAILED, 0,
          self->refused ? mosquitto_connack_string (self->refused) : mosquitto_strerror (code));
    pause = self->accepted ? FIRST_WAIT : MIN (2 * pause, LONGEST_WAIT);
  } while (!wait (self, pause));
  return NULL;
}

/* --- the main loop --- */

static void
answer (AlertsMqtt *self, gint number, AlertsOutcome outcome, const gchar *why)
{
  g_autofree Pending *pending = NULL;
  gpointer key = GINT_TO_POINTER (number);

  if (!g_hash_table_steal_extended (self->pending, key, NULL, (gpointer *) &pending))
    return;
  pending->answered (outcome, why, 0, pending->data);
}

static void
answer_all (AlertsMqtt *self, const gchar *why)
{
  g_autoptr (GList) numbers = g_hash_table_get_keys (self->pending);

  for (const GList *link = numbers; link; link = link->next)
    answer (self, GPOINTER_TO_INT (link->data), ALERTS_FAILED, why);
}

static void
take_failure (AlertsMqtt *self, const gchar *why)
{
  if (self->connected || g_strcmp0 (why, self->why) != 0)
    g_message ("target %s: there is no connection to %s (%s). It is tried again; %u notices wait "
               "for an acknowledgement.",
        self->target->name, self->host, why, g_hash_table_size (self->pending));
  self->connected = FALSE;
  g_free (self->why);
  self->why = g_strdup (why);
}

static void
take_report (AlertsMqtt *self, const Report *one)
{
  if (one->what == TAKEN)
    answer (self, one->number, ALERTS_SENT, NULL);
  else if (one->what == FAILED)
    take_failure (self, one->why);
  else
    self->connected = TRUE;
}

static void
complain (AlertsMqtt *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->pending);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Pending *pending = value;

    if (pending->until > g_get_monotonic_time ())
      continue;
    g_message ("target %s: the broker hasn't acknowledged a notice within %.0f s; it is waited for",
        self->target->name, (gdouble) self->target->timeout / 1000);
    pending->until = G_MAXINT64;
  }
}

static gboolean
look (gpointer data)
{
  AlertsMqtt *self = data;
  Report *one;

  while ((one = g_async_queue_try_pop (self->reports))) {
    take_report (self, one);
    g_free (one->why);
    g_free (one);
  }
  complain (self);
  return G_SOURCE_CONTINUE;
}

void
alerts_mqtt_send (
    AlertsMqtt *self, const AlertsNotice *notice, AlertsAnswered answered, gpointer data)
{
  Pending *pending;
  gint number, code;

  if (!self->connected) {
    answered (ALERTS_FAILED, self->why, 0, data);
    return;
  }
  code = mosquitto_publish (
      self->client, &number, self->topic, (gint) strlen (notice->body), notice->body, QOS, FALSE);
  if (code) {
    answered (ALERTS_FAILED, mosquitto_strerror (code), 0, data);
    return;
  }
  pending = g_new0 (Pending, 1);
  pending->until = g_get_monotonic_time () + self->target->timeout * 1000;
  pending->answered = answered;
  pending->data = data;
  g_hash_table_replace (self->pending, GINT_TO_POINTER (number), pending);
}

/* --- life --- */

static gboolean
check (gint code, const AlertsTarget *target, GError **error)
{
  if (code)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "target %s: MQTT: %s",
        target->name, mosquitto_strerror (code));
  return !code;
}

/* The system's certificates are those that OpenSSL finds: in the image by SSL_CERT_FILE. */
static gint
trust (AlertsMqtt *self)
{
  const gchar *ca_file = self->target->ca_file;

  return ca_file ? mosquitto_tls_set (self->client, ca_file, NULL, NULL, NULL, NULL)
                 : mosquitto_int_option (self->client, MOSQ_OPT_TLS_USE_OS_CERTS, TRUE);
}

static gboolean
set_up (AlertsMqtt *self, gboolean tls, GError **error)
{
  const AlertsTarget *target = self->target;

  mosquitto_connect_callback_set (self->client, note_connection);
  mosquitto_publish_callback_set (self->client, note_acknowledgement);
  mosquitto_threaded_set (self->client, TRUE);
  if (target->user &&
      !check (
          mosquitto_username_pw_set (self->client, target->user, target->password), target, error))
    return FALSE;
  return !tls || check (trust (self), target, error);
}

static gboolean
begin (AlertsMqtt *self, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (self->target->address, G_URI_FLAGS_NONE, NULL);
  gboolean tls = g_str_equal (g_uri_get_scheme (uri), "mqtts");

  self->host = g_strdup (g_uri_get_host (uri));
  self->port = g_uri_get_port (uri) > 0 ? g_uri_get_port (uri) : tls ? TLS_PORT : PORT;
  self->topic = g_strdup (g_uri_get_path (uri) + 1);
  if (!set_up (self, tls, error))
    return FALSE;
  self->thread = g_thread_new (self->target->name, run, self);
  return TRUE;
}

AlertsMqtt *
alerts_mqtt_new (const AlertsTarget *target, GError **error)
{
  AlertsMqtt *self = g_new0 (AlertsMqtt, 1);

  mosquitto_lib_init ();
  self->target = target;
  self->why = g_strdup ("there is no connection yet");
  self->reports = g_async_queue_new ();
  self->pending = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->client = mosquitto_new (NULL, TRUE, self);
  if (!begin (self, error)) {
    alerts_mqtt_free (self);
    return NULL;
  }
  self->timer = g_timeout_add (LOOK_TIME, look, self);
  return self;
}

void
alerts_mqtt_free (AlertsMqtt *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  g_mutex_lock (&self->lock);
  self->ending = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&self->thread, g_thread_join);
  mosquitto_disconnect (self->client);
  mosquitto_destroy (self->client);
  look (self);
  answer_all (self, "this program ends");
  g_hash_table_unref (self->pending);
  g_async_queue_unref (self->reports);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->why);
  g_free (self->host);
  g_free (self->topic);
  g_free (self);
  mosquitto_lib_cleanup ();
}
