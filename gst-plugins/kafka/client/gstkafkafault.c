/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkafault.h"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "gstkafkaerror.h"
#include "gstkafkarenewal.h"

/* librdkafka's codes for TLS are coarse. librdkafka reports a broker that disconnected during the
 * handshake as a TLS failure, and a broker's alert about the client's certificate as a lost
 * connection. */
static rd_kafka_resp_err_t
tell_tls_apart (rd_kafka_resp_err_t err, const gchar *detail)
{
  if (!detail)
    return err;
  if (err == RD_KAFKA_RESP_ERR__SSL &&
      (strstr (detail, "unexpected eof") || strstr (detail, "Connection reset") ||
          strstr (detail, "Broken pipe")))
    return RD_KAFKA_RESP_ERR__TRANSPORT;
  if (err == RD_KAFKA_RESP_ERR__TRANSPORT && strstr (detail, "SSL alert number") &&
      !strstr (detail, "internal error"))
    return RD_KAFKA_RESP_ERR__SSL;
  return err;
}

GstKafkaFault *
gst_kafka_fault_new (gpointer user_data, const gchar *congestion_control)
{
  GstKafkaFault *fault = g_new0 (GstKafkaFault, 1);

  g_atomic_ref_count_init (&fault->refs);
  fault->user_data = user_data;
  fault->connections = gst_kafka_connections_new (congestion_control);
  fault->waits = g_array_new (FALSE, FALSE, sizeof (GstKafkaWait));
  g_mutex_init (&fault->lock);
  return fault;
}

GstKafkaFault *
gst_kafka_fault_ref (GstKafkaFault *fault)
{
  g_atomic_ref_count_inc (&fault->refs);
  return fault;
}

void
gst_kafka_fault_unref (GstKafkaFault *fault)
{
  if (!g_atomic_ref_count_dec (&fault->refs))
    return;
  gst_kafka_fault_forget (fault);
  gst_kafka_connections_free (fault->connections);
  g_array_unref (fault->waits);
  g_free (fault->ca_file);
  g_mutex_clear (&fault->lock);
  g_free (fault);
}

gpointer
gst_kafka_fault_get_user_data (gpointer fault)
{
  return ((GstKafkaFault *) fault)->user_data;
}

static guint
fault_rank (rd_kafka_resp_err_t err)
{
  if (gst_kafka_error_is_refusal (err))
    return 3;
  if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || gst_kafka_error_is_timeout (err))
    return 1;
  return err ? 2 : 0;
}

/* librdkafka's text for a failed certificate verification doesn't have the reason of the
 * failure. */
static gboolean
is_verification (const gchar *detail)
{
  return detail && strstr (detail, "certificate verify failed");
}

rd_kafka_resp_err_t
gst_kafka_fault_note (GstKafkaFault *fault, rd_kafka_resp_err_t err, const gchar *detail)
{
  err = tell_tls_apart (err, detail);
  g_mutex_lock (&fault->lock);
  if (fault_rank (err) >= fault_rank (fault->err)) {
    g_free (fault->detail);
    fault->err = err;
    fault->detail =
        g_strdup (is_verification (detail) && fault->tls_cause ? fault->tls_cause : detail);
  }
  g_mutex_unlock (&fault->lock);
  return err;
}

rd_kafka_resp_err_t
gst_kafka_fault_get (GstKafkaFault *fault, gchar **detail)
{
  rd_kafka_resp_err_t err;

  g_mutex_lock (&fault->lock);
  err = fault->err;
  if (detail)
    *detail = g_strdup (fault->detail);
  g_mutex_unlock (&fault->lock);
  return err;
}

void
gst_kafka_fault_forget (GstKafkaFault *fault)
{
  g_mutex_lock (&fault->lock);
  fault->err = RD_KAFKA_RESP_ERR_NO_ERROR;
  g_clear_pointer (&fault->detail, g_free);
  g_clear_pointer (&fault->tls_cause, g_free);
  g_mutex_unlock (&fault->lock);
}

void
gst_kafka_fault_note_log (GstKafkaFault *fault, const gchar *facility, const gchar *text)
{
  const gchar *said = strstr (text, "]: ");

  if (!g_str_equal (facility, "SSL"))
    return;
  g_mutex_lock (&fault->lock);
  /* The first of OpenSSL's errors is the cause; librdkafka reports only the last one. */
  if (!fault->tls_cause)
    fault->tls_cause = g_strdup (said ? said + strlen ("]: ") : text);
  g_mutex_unlock (&fault->lock);
}

gchar *
gst_kafka_fault_dup_tls_cause (GstKafkaFault *fault)
{
  gchar *cause;

  g_mutex_lock (&fault->lock);
  cause = g_strdup (fault->tls_cause);
  g_mutex_unlock (&fault->lock);
  return cause;
}

static gchar *
name_certificate (const gchar *der, gsize size)
{
  const guchar *at = (const guchar *) der;
  X509 *certificate = d2i_X509 (NULL, &at, size);
  gchar subject[256] = "?", issuer[256] = "?";

  if (certificate) {
    X509_NAME_oneline (X509_get_subject_name (certificate), subject, sizeof subject);
    X509_NAME_oneline (X509_get_issuer_name (certificate), issuer, sizeof issuer);
    X509_free (certificate);
  }
  return g_strdup_printf ("certificate of %s, issued by %s", subject, issuer);
}

/* OpenSSL has already verified the certificate; this callback only records OpenSSL's reason, which
 * librdkafka drops. */
static int
look_at_certificate (rd_kafka_t *rk, const char *broker_name, int32_t broker_id, int *x509_error,
    int depth, const char *buf, size_t size, char *errstr, size_t errstr_size, void *opaque)
{
  GstKafkaFault *fault = opaque;
  const gchar *why = X509_verify_cert_error_string (*x509_error);
  g_autofree gchar *name = NULL;

  if (gst_kafka_is_trusted_now (fault->ca_file, *x509_error, buf, size))
    *x509_error = X509_V_OK;
  if (*x509_error == X509_V_OK)
    return 1;
  name = name_certificate (buf, size);
  g_strlcpy (errstr, why, errstr_size);
  g_mutex_lock (&fault->lock);
  g_free (fault->tls_cause);
  fault->tls_cause = g_strdup_printf ("%s: the broker's %s is refused: %s", broker_name, name, why);
  g_mutex_unlock (&fault->lock);
  return 0;
}

/* ms: throttling by a broker is reported from this time on; shorter times only smooth a stream that
 * is near its quota. */
#define LONG_THROTTLE 1000

/* Time (us) for which a wait still counts after its end, because the broker's next answer may
 * extend it. */
#define ANSWER_TIME G_TIME_SPAN_SECOND

/* With the lock. Returns the entry of @broker in `waits`, which is added if it is missing. */
static GstKafkaWait *
get_wait (GstKafkaFault *fault, gint32 broker)
{
  GstKafkaWait added = {broker};

  for (guint i = 0; i < fault->waits->len; i++)
    if (g_array_index (fault->waits, GstKafkaWait, i).broker == broker)
      return &g_array_index (fault->waits, GstKafkaWait, i);
  g_array_append_val (fault->waits, added);
  return &g_array_index (fault->waits, GstKafkaWait, fault->waits->len - 1);
}

void
gst_kafka_fault_note_throttling (GstKafkaFault *fault, gint32 broker, gint ms)
{
  GstKafkaWait *wait;

  g_mutex_lock (&fault->lock);
  wait = get_wait (fault, broker);
  wait->ms = ms;
  wait->noted = g_get_monotonic_time ();
  fault->longest_ms = MAX (fault->longest_ms, ms);
  g_mutex_unlock (&fault->lock);
}

void
gst_kafka_fault_forget_throttling (GstKafkaFault *fault)
{
  g_mutex_lock (&fault->lock);
  g_array_set_size (fault->waits, 0);
  g_mutex_unlock (&fault->lock);
}

static void
note_throttling (
    rd_kafka_t *rk, const char *broker_name, int32_t broker_id, int throttle_ms, void *opaque)
{
  gst_kafka_fault_note_throttling (opaque, broker_id, throttle_ms);
}

void
gst_kafka_fault_warn_of_throttling (GstKafkaFault *fault, GstElement *element, const gchar *quota)
{
  gboolean news;
  gint ms;

  g_mutex_lock (&fault->lock);
  ms = fault->longest_ms;
  news = ms >= LONG_THROTTLE && !fault->throttling_told;
  fault->throttling_told |= news;
  g_mutex_unlock (&fault->lock);
  if (news)
    GST_ELEMENT_WARNING (element, RESOURCE, BUSY,
        ("The brokers let this client wait for %.1f s, because it exceeds a quota. Raise %s of its "
         "user or of its client.id (kafka-configs.sh), or send less. throttle-time in stats has "
         "the present wait.",
            ms / 1000.0, quota),
        (NULL));
}

/* librdkafka doesn't report the end of a wait if another broker has answered without a wait since,
 * so a wait also ends by itself. */
static gboolean
is_present (const GstKafkaWait *self, gint64 now)
{
  return now < self->noted + self->ms * G_TIME_SPAN_MILLISECOND + ANSWER_TIME;
}

guint64
gst_kafka_fault_get_throttle_time (GstKafkaFault *fault)
{
  gint64 now = g_get_monotonic_time ();
  gint longest = 0;

  g_mutex_lock (&fault->lock);
  for (guint i = 0; i < fault->waits->len; i++) {
    const GstKafkaWait *wait = &g_array_index (fault->waits, GstKafkaWait, i);

    if (is_present (wait, now))
      longest = MAX (longest, wait->ms);
  }
  g_mutex_unlock (&fault->lock);
  return (guint64) longest * GST_MSECOND;
}

/* Called on librdkafka's threads. */
static int
open_socket (int domain, int type, int protocol, void *opaque)
{
  GstKafkaFault *fault = opaque;

  return gst_kafka_connections_open (fault->connections, domain, type, protocol);
}

/* Called on librdkafka's threads. */
static int
close_socket (int fd, void *opaque)
{
  GstKafkaFault *fault = opaque;

  return gst_kafka_connections_close (fault->connections, fd);
}

void
gst_kafka_fault_watch (GstKafkaFault *fault, rd_kafka_conf_t *conf)
{
  rd_kafka_conf_set_opaque (conf, fault);
  rd_kafka_conf_set_socket_cb (conf, open_socket);
  rd_kafka_conf_set_closesocket_cb (conf, close_socket);
  rd_kafka_conf_set_throttle_cb (conf, note_throttling);
  rd_kafka_conf_set_ssl_cert_verify_cb (conf, look_at_certificate);
}
