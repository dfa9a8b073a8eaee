/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertshealth.h"

#include "processmetrics.h"
#include "statusserver.h"

/* Time (us) without alerts_health_update() after which this program counts as stalled. */
#define STALL (10 * G_USEC_PER_SEC)
/* If a topic wasn't read to its end within this time (ms), the program isn't ready. */
#define AWAY 10000

static const gchar *const topics[ALERTS_TOPICS] = {"events", "reports"};

struct _AlertsHealth {
  StatusServer *server;
  GMutex lock;    /* guards all fields below */
  gint64 updated; /* monotonic time, us; 0: this program is starting */
  AlertsFigures figures;
};

static StatusAnswer
answer_liveness (gint64 updated)
{
  gdouble silence = (gdouble) (g_get_monotonic_time () - updated) / G_USEC_PER_SEC;

  if (!updated)
    return (StatusAnswer){200, g_strdup ("starting\n")};
  if (silence > (gdouble) STALL / G_USEC_PER_SEC)
    return (StatusAnswer){503, g_strdup_printf ("stalled: for %.1f s\n", silence)};
  return (StatusAnswer){200, g_strdup ("working\n")};
}

static StatusAnswer
answer_readiness (gint64 updated, const AlertsFigures *figures)
{
  gint64 now = g_get_real_time () / 1000;

  if (!updated)
    return (StatusAnswer){503, g_strdup ("starting: the state of alerts isn't loaded yet\n")};
  for (guint i = 0; i < ALERTS_TOPICS; i++)
    if (now - figures->known[i] > AWAY)
      return (StatusAnswer){
          503, g_strdup_printf ("waiting: the topic of %s isn't read to its end\n", topics[i])};
  return answer_liveness (updated);
}

static void
add_counter (PrometheusText *text, const gchar *name, const gchar *help, guint64 value)
{
  prometheus_text_add (text, name, PROMETHEUS_COUNTER, help, NULL, (gdouble) value);
}

static void
add_notices (PrometheusText *text, const AlertsCounts *counts)
{
  const struct {
    const gchar *outcome;
    guint64 count;
  } outcomes[] = {{"delivered", counts->sent}, {"refused", counts->refused},
      {"quiet", counts->quiet}, {"dropped", counts->dropped}};

  for (guint i = 0; i < G_N_ELEMENTS (outcomes); i++) {
    g_autofree gchar *labels = prometheus_labels ("outcome", outcomes[i].outcome, NULL);

    prometheus_text_add (text, "gstfog_alerts_notices_total", PROMETHEUS_COUNTER,
        "Notices by their outcome", labels, (gdouble) outcomes[i].count);
  }
}

static void
add_topics (PrometheusText *text, const AlertsFigures *figures)
{
  for (guint i = 0; i < ALERTS_TOPICS; i++) {
    g_autofree gchar *labels = prometheus_labels ("topic", topics[i], NULL);
    gint64 age = g_get_real_time () / 1000 - figures->known[i];

    if (figures->known[i])
      prometheus_text_add (text, "gstfog_alerts_unread_seconds", PROMETHEUS_GAUGE,
          "Time since all messages of the topic were read", labels, (gdouble) MAX (age, 0) / 1000);
  }
}

static StatusAnswer
answer_metrics (const AlertsFigures *figures)
{
  PrometheusText *text = prometheus_text_new ();

  prometheus_text_add (text, "gstfog_build_info", PROMETHEUS_GAUGE,
      "Always 1; its label is the version", "version=\"" PACKAGE_VERSION "\"", 1);
  prometheus_text_add (text, "gstfog_alerts_firing", PROMETHEUS_GAUGE, "Alerts that fire now", NULL,
      figures->firing);
  prometheus_text_add (text, "gstfog_alerts_waiting_notices", PROMETHEUS_GAUGE,
      "Notices that a target hasn't got yet", NULL, figures->waiting);
  add_counter (text, "gstfog_alerts_fired_total", "Alerts that began to fire", figures->fired);
  add_counter (text, "gstfog_alerts_ended_total", "Alerts that ended", figures->ended);
  add_counter (text, "gstfog_alerts_failed_tries_total",
      "Failed attempts to send a notice, which are repeated", figures->counts.failed);
  add_counter (text, "gstfog_alerts_skipped_messages_total",
      "Messages that were neither an event nor a report", figures->skipped);
  add_notices (text, &figures->counts);
  add_topics (text, figures);
  process_metrics_add (text);
  return (StatusAnswer){200, prometheus_text_end (text)};
}

/* Answers a request; each thread of the server may call this function. */
static StatusAnswer
answer (const gchar *path, gpointer data)
{
  AlertsHealth *self = data;
  AlertsFigures figures;
  gint64 updated;

  g_mutex_lock (&self->lock);
  figures = self->figures;
  updated = self->updated;
  g_mutex_unlock (&self->lock);
  if (g_str_equal (path, "/livez"))
    return answer_liveness (updated);
  if (g_str_equal (path, "/readyz"))
    return answer_readiness (updated, &figures);
  if (g_str_equal (path, "/metrics"))
    return answer_metrics (&figures);
  return (StatusAnswer){0, NULL};
}

void
alerts_health_update (AlertsHealth *self, const AlertsFigures *figures)
{
  g_mutex_lock (&self->lock);
  self->figures = *figures;
  self->updated = g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);
}

AlertsHealth *
alerts_health_new (guint16 port, GError **error)
{
  AlertsHealth *self = g_new0 (AlertsHealth, 1);

  g_mutex_init (&self->lock);
  self->server = status_server_new (port, answer, self, error);
  if (self->server)
    return self;
  g_mutex_clear (&self->lock);
  g_free (self);
  return NULL;
}

guint16
alerts_health_get_port (AlertsHealth *self)
{
  return status_server_get_port (self->server);
}

void
alerts_health_free (AlertsHealth *self)
{
  status_server_free (self->server);
  g_mutex_clear (&self->lock);
  g_free (self);
}
