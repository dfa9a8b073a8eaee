/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaoutage.h"

#include <string.h>

#include "gstkafkaerror.h"

/* us: longer than two queries take, and than the leader of a partition needs to change. */
#define OUTAGE_TIME (5 * G_TIME_SPAN_SECOND)
/* One query may go to a frozen broker although others run. */
#define LEAST_QUERIES 2

void
gst_kafka_outage_init (GstKafkaOutage *self)
{
  memset (self, 0, sizeof *self);
  g_mutex_init (&self->lock);
}

void
gst_kafka_outage_clear (GstKafkaOutage *self)
{
  g_mutex_clear (&self->lock);
}

/* Called with the lock. */
static void
suspect (GstKafkaOutage *self)
{
  if (!self->suspected)
    self->suspected = g_get_monotonic_time ();
}

gboolean
gst_kafka_outage_note_error (GstKafkaOutage *self, rd_kafka_resp_err_t err)
{
  gboolean suspicious = gst_kafka_error_is_unanswered (err);

  g_mutex_lock (&self->lock);
  if (suspicious)
    suspect (self);
  g_mutex_unlock (&self->lock);
  return suspicious;
}

void
gst_kafka_outage_note_answer (GstKafkaOutage *self, gboolean answered)
{
  g_mutex_lock (&self->lock);
  if (answered) {
    self->suspected = 0;
    self->unanswered = 0;
  } else {
    suspect (self);
    self->unanswered++;
  }
  g_mutex_unlock (&self->lock);
}

gboolean
gst_kafka_outage_is_suspected (GstKafkaOutage *self)
{
  gboolean suspected;

  g_mutex_lock (&self->lock);
  suspected = self->suspected != 0;
  g_mutex_unlock (&self->lock);
  return suspected;
}

gboolean
gst_kafka_outage_is_reported (GstKafkaOutage *self)
{
  gboolean reported;

  g_mutex_lock (&self->lock);
  reported = self->began && self->suspected;
  g_mutex_unlock (&self->lock);
  return reported;
}

static void
post (GstElement *element, GstMessageType type, GstResourceError code, gchar *text)
{
  gst_element_message_full (
      element, type, GST_RESOURCE_ERROR, code, text, NULL, __FILE__, G_STRFUNC, __LINE__);
}

static void
post_begin (GstElement *element, GstResourceError code, const gchar *servers, gint64 lasted,
    const gchar *meanwhile)
{
  post (element, GST_MESSAGE_WARNING, code,
      g_strdup_printf (
          "No broker has answered for %.0f s: %s. %s Check that the brokers run, their "
          "disks, and the network between them and this machine.",
          lasted / (gdouble) G_USEC_PER_SEC, servers, meanwhile));
}

static void
post_end (GstElement *element, GstResourceError code, const gchar *servers, gint64 lasted)
{
  gdouble seconds = lasted / (gdouble) G_USEC_PER_SEC;

  GST_INFO_OBJECT (element, "the brokers answer again after %.1f s: %s", seconds, servers);
  post (element, GST_MESSAGE_INFO, code,
      g_strdup_printf ("The brokers answer again after %.1f s: %s", seconds, servers));
}

void
gst_kafka_outage_report (GstKafkaOutage *self, GstElement *element, GstResourceError code,
    const gchar *servers, const gchar *meanwhile)
{
  gint64 now = g_get_monotonic_time (), began;
  gboolean begins, ends;

  g_mutex_lock (&self->lock);
  begins = self->suspected && !self->began && self->unanswered >= LEAST_QUERIES &&
           now - self->suspected >= OUTAGE_TIME;
  ends = self->began && !self->suspected;
  if (begins)
    self->began = self->suspected;
  began = self->began;
  if (ends)
    self->began = 0;
  g_mutex_unlock (&self->lock);
  if (begins)
    post_begin (element, code, servers, now - began, meanwhile);
  else if (ends)
    post_end (element, code, servers, now - began);
}
