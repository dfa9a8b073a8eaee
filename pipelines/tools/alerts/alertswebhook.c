/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertswebhook.h"

#include <libsoup/soup.h>
#include <string.h>

#define LONGEST_WAIT (3600 * 1000) /* ms */
#define DIGEST_SIZE 32

struct _AlertsWebhook {
  const AlertsTarget *target;
  SoupSession *session;
  guint under_way;
  GCancellable *ending;
};

/* A request that isn't answered yet. */
typedef struct {
  AlertsWebhook *webhook;
  SoupMessage *message;
  GCancellable *cancellable;
  gulong ending;
  guint timeout;
  AlertsAnswered answered;
  gpointer data;
} Request;

gchar *
alerts_webhook_sign (GBytes *secret, const gchar *key, gint64 time, const gchar *body)
{
  g_autofree gchar *text = g_strdup_printf ("%s.%" G_GINT64_FORMAT ".%s", key, time, body);
  g_autofree gchar *encoded = NULL;
  gsize size, length = DIGEST_SIZE;
  const guchar *bytes = g_bytes_get_data (secret, &size);
  guint8 digest[DIGEST_SIZE];
  g_autoptr (GHmac) hmac = g_hmac_new (G_CHECKSUM_SHA256, bytes, size);

  g_hmac_update (hmac, (const guchar *) text, (gssize) strlen (text));
  g_hmac_get_digest (hmac, digest, &length);
  encoded = g_base64_encode (digest, length);
  return g_strconcat ("v1,", encoded, NULL);
}

AlertsOutcome
alerts_webhook_judge (guint status)
{
  if (status >= 200 && status < 300)
    return ALERTS_SENT;
  return status == 408 || status == 429 || status >= 500 ? ALERTS_FAILED : ALERTS_REFUSED;
}

gint64
alerts_webhook_read_wait (const gchar *text, gint64 now)
{
  GDateTime *date;
  gint64 seconds;

  if (!text)
    return 0;
  if (g_ascii_isdigit (*text)) {
    seconds = (gint64) MIN (g_ascii_strtoull (text, NULL, 10), LONGEST_WAIT);
  } else {
    date = soup_date_time_new_from_http_string (text);
    seconds = date ? g_date_time_to_unix (date) - now : 0;
    g_clear_pointer (&date, g_date_time_unref);
  }
  return CLAMP (seconds * 1000, 0, LONGEST_WAIT);
}

static void
request_free (Request *self)
{
  g_cancellable_disconnect (self->webhook->ending, self->ending);
  g_clear_handle_id (&self->timeout, g_source_remove);
  self->webhook->under_way--;
  g_object_unref (self->message);
  g_object_unref (self->cancellable);
  g_free (self);
}

static void
answer (Request *self)
{
  guint status = soup_message_get_status (self->message);
  AlertsOutcome outcome = alerts_webhook_judge (status);
  const gchar *wait = soup_message_headers_get_one (
      soup_message_get_response_headers (self->message), "Retry-After");
  g_autofree gchar *why = g_strdup_printf ("it answers %u", status);

  self->answered (outcome, outcome == ALERTS_SENT ? NULL : why,
      alerts_webhook_read_wait (wait, g_get_real_time () / G_USEC_PER_SEC), self->data);
}

/* Handles the answer's status. The body isn't read, so its length doesn't matter. */
static void
finish (GObject *session, GAsyncResult *result, gpointer data)
{
  Request *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) stream =
      soup_session_send_finish (SOUP_SESSION (session), result, &error);

  if (stream)
    answer (self);
  else
    self->answered (
        ALERTS_FAILED, self->timeout ? error->message : "no answer came in time", 0, self->data);
  request_free (self);
}

static gboolean
give_up (gpointer data)
{
  Request *self = data;

  self->timeout = 0;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static void
cancel (GCancellable *ending, gpointer data)
{
  g_cancellable_cancel (data);
}

static void
set_headers (SoupMessage *message, const AlertsTarget *target, const AlertsNotice *notice)
{
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree gchar *time = g_strdup_printf ("%" G_GINT64_FORMAT, now);

  soup_message_headers_replace (headers, "Idempotency-Key", notice->key);
  soup_message_headers_replace (headers, "webhook-id", notice->key);
  soup_message_headers_replace (headers, "webhook-timestamp", time);
  if (target->secret) {
    g_autofree gchar *signature =
        alerts_webhook_sign (target->secret, notice->key, now, notice->body);

    soup_message_headers_replace (headers, "webhook-signature", signature);
  }
}

/* Makes the request, without following redirects, because libsoup would follow a redirect with GET
 * and without the body. */
static SoupMessage *
make_message (const AlertsTarget *target, const AlertsNotice *notice)
{
  SoupMessage *message = soup_message_new ("POST", target->address);
  g_autoptr (GBytes) body = g_bytes_new (notice->body, strlen (notice->body));

  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_set_request_body_from_bytes (message, "application/json", body);
  set_headers (message, target, notice);
  return message;
}

void
alerts_webhook_send (
    AlertsWebhook *self, const AlertsNotice *notice, AlertsAnswered answered, gpointer data)
{
  Request *request = g_new0 (Request, 1);

  request->webhook = self;
  request->message = make_message (self->target, notice);
  request->cancellable = g_cancellable_new ();
  request->answered = answered;
  request->data = data;
  request->ending =
      g_cancellable_connect (self->ending, G_CALLBACK (cancel), request->cancellable, NULL);
  request->timeout = g_timeout_add ((guint) self->target->timeout, give_up, request);
  self->under_way++;
  soup_session_send_async (
      self->session, request->message, G_PRIORITY_DEFAULT, request->cancellable, finish, request);
}

AlertsWebhook *
alerts_webhook_new (const AlertsTarget *target, GError **error)
{
  g_autoptr (GTlsDatabase) trusted = NULL;
  AlertsWebhook *self;

  if (target->ca_file) {
    trusted = g_tls_file_database_new (target->ca_file, error);
    if (!trusted)
      return NULL;
  }
  self = g_new0 (AlertsWebhook, 1);
  self->target = target;
  self->ending = g_cancellable_new ();
  self->session = soup_session_new_with_options ("user-agent", "fog-alerts/" PACKAGE_VERSION,
      "max-conns-per-host", ALERTS_WEBHOOK_CONNECTIONS, NULL);
  if (trusted)
    soup_session_set_tls_database (self->session, trusted);
  return self;
}

void
alerts_webhook_free (AlertsWebhook *self)
{
  g_cancellable_cancel (self->ending);
  while (self->under_way)
    g_main_context_iteration (NULL, TRUE);
  g_object_unref (self->session);
  g_object_unref (self->ending);
  g_free (self);
}
