/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaoutage.h"

#include <string.h>

#include "gstkafkaerror.h"

/* Time (us) without a query after which a suspicion begins anew, because the caller or the whole
 * process was stopped meanwhile. */
#define STALE_TIME (10 * G_TIME_SPAN_SECOND)

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
suspect (GstKafkaOutage *self, gint64 now)
{
  if (!self->suspected || now - MAX (self->suspected, self->asked) > STALE_TIME)
    self->suspected = now;
}

gboolean
gst_kafka_outage_note_error (GstKafkaOutage *self, rd_kafka_resp_err_t err, gint64 now)
{
  gboolean suspicious = gst_kafka_error_is_unanswered (err);

  g_mutex_lock (&self->lock);
  if (suspicious)
    suspect (self, now);
  g_mutex_unlock (&self->lock);
  return suspicious;
}

void
gst_kafka_outage_note_answer (GstKafkaOutage *self, gboolean answered, gint64 now)
{
  g_mutex_lock (&self->lock);
  if (answered) {
    self->suspected = 0;
  } else {
    suspect (self, now);
    self->asked = now;
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
  reported = self->episode.began && self->suspected;
  g_mutex_unlock (&self->lock);
  return reported;
}

gboolean
gst_kafka_outage_lacks_answer_since (GstKafkaOutage *self, gint64 time)
{
  gboolean lacks;

  g_mutex_lock (&self->lock);
  lacks = self->asked > time;
  g_mutex_unlock (&self->lock);
  return lacks;
}

static void
post (GstElement *element, GstMessageType type, GstResourceError code, gchar *text,
    const gchar *debug)
{
  gst_element_message_full (element, type, GST_RESOURCE_ERROR, code, text, g_strdup (debug),
      __FILE__, G_STRFUNC, __LINE__);
}

static void
post_begin (GstElement *element, GstResourceError code, const gchar *servers, gint64 lasted,
    const gchar *meanwhile, const gchar *cause)
{
  post (element, GST_MESSAGE_WARNING, code,
      g_strdup_printf (
          "No broker has answered for %.0f s: %s. %s Check that the brokers run, their "
          "disks, and the network between them and this machine.",
          lasted / (gdouble) G_USEC_PER_SEC, servers, meanwhile),
      cause);
}

static void
post_end (GstElement *element, GstResourceError code, const gchar *servers, gint64 lasted)
{
  gdouble seconds = lasted / (gdouble) G_USEC_PER_SEC;

  GST_INFO_OBJECT (element, "the brokers answer again after %.1f s: %s", seconds, servers);
  post (element, GST_MESSAGE_INFO, code,
      g_strdup_printf ("The brokers answer again after %.1f s: %s", seconds, servers), NULL);
}

void
gst_kafka_outage_report (GstKafkaOutage *self, GstElement *element, GstResourceError code,
    const gchar *servers, const gchar *meanwhile, const gchar *cause, gint64 now)
{
  GstKafkaNews news;
  gint64 began;

  g_mutex_lock (&self->lock);
  news = gst_kafka_episode_note (&self->episode, self->suspected, self->asked, &began);
  g_mutex_unlock (&self->lock);
  if (news == GST_KAFKA_NEWS_BEGIN)
    post_begin (element, code, servers, now - began, meanwhile, cause);
  else if (news == GST_KAFKA_NEWS_END)
    post_end (element, code, servers, now - began);
}
