/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsdelivery.h"

#include <string.h>

#include "alertslog.h"
#include "alertsmqtt.h"

#define FIRST_WAIT 1000 /* ms */
#define LONGEST_WAIT 300000
/* Largest number of notices that are sent to one target at a time; more than one, so that a request
 * that hangs doesn't delay all notices. */
#define MAX_SENDING ALERTS_WEBHOOK_CONNECTIONS
/* Time (ms) for which alerts_delivery_stop() waits for answers. */
#define END_TIME 5000

/* The state of sending to a target. */
typedef struct {
  AlertsDelivery *delivery;
  const AlertsTarget *target;
  AlertsWebhook *webhook; /* (nullable) */
  AlertsMqtt *mqtt;       /* (nullable) */
  guint sending;
  guint failures; /* number of failed attempts in a row */
} Line;

struct _AlertsDelivery {
  AlertsBook *book;
  AlertsState *state;
  GPtrArray *lines; /* array of Line, one for each target of the rule file, in the same order */
  AlertsCounts counts;
  gboolean ending;
};

/* A notice that is being sent. */
typedef struct {
  Line *line;
  AlertsNotice *notice;
  gchar *key; /* key of the watch */
} Job;

gint64
alerts_delivery_get_wait (guint tries, gdouble chance)
{
  gint64 wait = MIN (FIRST_WAIT * ((gint64) 1 << MIN (tries - 1, 20)), LONGEST_WAIT);

  return (gint64) ((gdouble) wait * (0.75 + chance / 2));
}

/* --- answers --- */

static AlertsSend *
find_send (const AlertsNotice *notice, const AlertsTarget *target)
{
  for (guint i = 0; i < notice->sends->len; i++) {
    AlertsSend *send = g_ptr_array_index (notice->sends, i);

    if (send->target == target)
      return send;
  }
  return NULL;
}

/* Logs the 1st, 2nd, 4th, 8th … failure of a target in a row; no other function logs them, so the
 * log doesn't fill. */
static void
note_failure (Line *self, AlertsNotice *notice, const gchar *why, gint64 wait)
{
  self->delivery->counts.failed++;
  self->failures++;
  if (alerts_log_is_due (self->failures) && !self->delivery->ending)
    g_message (
        "target %s: notice %s isn't delivered, after %u tries in a row (%s). It is kept, and "
        "tried again in %.0f s.",
        self->target->name, notice->key, self->failures, why, (gdouble) wait / 1000);
}

static void
note_answer (Line *self, const AlertsNotice *notice, AlertsOutcome outcome, const gchar *why)
{
  if (outcome == ALERTS_SENT) {
    self->delivery->counts.sent++;
    g_info ("target %s: notice %s is delivered", self->target->name, notice->key);
  } else {
    self->delivery->counts.refused++;
    g_message ("target %s: notice %s is refused and dropped: %s. The notice was: %s",
        self->target->name, notice->key, why, notice->body);
  }
  if (self->failures)
    g_message ("target %s: it answers again, after %u tries", self->target->name, self->failures);
  self->failures = 0;
}

/* Removes the target from the notice, and the notice from the watch if no target is left, and lets
 * the watch's record be written without them. */
static void
end_send (AlertsDelivery *self, const Job *job, AlertsSend *send)
{
  AlertsWatch *watch = g_hash_table_lookup (alerts_book_get_watches (self->book), job->key);
  AlertsNotice *notice = job->notice;

  g_ptr_array_remove (notice->sends, send);
  if (!watch || !g_queue_find (&watch->notices, notice))
    return;
  if (!notice->sends->len) {
    g_queue_remove (&watch->notices, notice);
    alerts_notice_unref (notice);
  }
  alerts_state_write (self->state, watch);
}

static void
job_free (Job *self)
{
  alerts_notice_unref (self->notice);
  g_free (self->key);
  g_free (self);
}

static void
take_answer (AlertsOutcome outcome, const gchar *why, gint64 wait, gpointer data)
{
  Job *job = data;
  Line *line = job->line;
  AlertsSend *send = find_send (job->notice, line->target);

  line->sending--;
  send->sending = FALSE;
  if (outcome == ALERTS_FAILED) {
    send->tries++;
    wait = MAX (wait, alerts_delivery_get_wait (send->tries, g_random_double ()));
    send->not_before = g_get_real_time () / 1000 + wait;
    note_failure (line, job->notice, why, wait);
  } else {
    note_answer (line, job->notice, outcome, why);
    end_send (line->delivery, job, send);
  }
  job_free (job);
}

static void
take_delivery (rd_kafka_resp_err_t err, gpointer data)
{
  take_answer (err ? ALERTS_FAILED : ALERTS_SENT, err ? rd_kafka_err2str (err) : NULL, 0, data);
}

/* --- sending --- */

static void
begin_send (AlertsDelivery *self, AlertsWatch *watch, AlertsNotice *notice, AlertsSend *send)
{
  Job *job = g_new0 (Job, 1);

  job->line = g_ptr_array_index (self->lines, send->target->index);
  job->notice = alerts_notice_ref (notice);
  job->key = alerts_book_make_key (watch);
  job->line->sending++;
  send->sending = TRUE;
  if (job->line->webhook)
    alerts_webhook_send (job->line->webhook, notice, take_answer, job);
  else if (job->line->mqtt)
    alerts_mqtt_send (job->line->mqtt, notice, take_answer, job);
  else
    alerts_state_send (
        self->state, send->target->address, notice->id, notice->body, take_delivery, job);
}

/* Records that an attempt to send @notice begins, before it begins: an alert that began and ended
 * in quiet hours is dropped only if no receiver may have it. */
static void
note_try (AlertsDelivery *self, AlertsWatch *watch, AlertsNotice *notice)
{
  notice->tried = TRUE;
  notice->version = watch->logged = ++watch->version;
  alerts_state_write (self->state, watch);
}

/* Returns TRUE if an earlier notice of the watch still has to be sent to @target, because a target
 * gets the notices of a watch in order. */
static gboolean
has_earlier (const GList *link, const AlertsTarget *target)
{
  for (link = link->prev; link; link = link->prev)
    if (find_send (link->data, target))
      return TRUE;
  return FALSE;
}

static void
send_notice (AlertsDelivery *self, AlertsWatch *watch, const GList *link, gint64 now)
{
  AlertsNotice *notice = link->data;

  for (guint i = 0; i < notice->sends->len; i++) {
    AlertsSend *send = g_ptr_array_index (notice->sends, i);
    const Line *line = g_ptr_array_index (self->lines, send->target->index);

    if (!send->sending && send->not_before <= now && line->sending < MAX_SENDING &&
        !has_earlier (link, send->target))
      begin_send (self, watch, notice, send);
  }
}

gboolean
alerts_delivery_is_needless (const GList *link, const AlertsRule *rule, gint64 now)
{
  const AlertsNotice *notice = link->data, *next = link->next ? link->next->data : NULL;

  return notice->firing && next && !next->firing && alerts_quiet_contains (rule->quiet, now) &&
         !alerts_notice_was_tried (notice, rule);
}

static void
drop_needless (AlertsDelivery *self, AlertsWatch *watch, GList *link)
{
  GList *next = link->next;

  g_message ("rule %s, %s: an alert began and ended in quiet hours, so it isn't sent",
      watch->rule->name, watch->subject);
  alerts_notice_unref (link->data);
  alerts_notice_unref (next->data);
  g_queue_delete_link (&watch->notices, next);
  g_queue_delete_link (&watch->notices, link);
  self->counts.quiet += 2;
  alerts_state_write (self->state, watch);
}

static void
note_dropped (AlertsDelivery *self, AlertsWatch *watch)
{
  if (!watch->dropped)
    return;
  g_message ("rule %s, %s: %u notices are dropped, since their targets have been away for too long",
      watch->rule->name, watch->subject, watch->dropped);
  self->counts.dropped += watch->dropped;
  watch->dropped = 0;
}

static void
tick_watch (AlertsDelivery *self, AlertsWatch *watch, gint64 now)
{
  gboolean quiet = alerts_quiet_contains (watch->rule->quiet, now);
  GList *link = watch->notices.head, *next;

  note_dropped (self, watch);
  for (; link; link = next) {
    AlertsNotice *notice = link->data;

    next = link->next;
    if (alerts_delivery_is_needless (link, watch->rule, now)) {
      next = next->next;
      drop_needless (self, watch, link);
    } else if (!quiet && watch->rule->quiet && notice->firing && !notice->tried) {
      note_try (self, watch, notice);
    } else if (!quiet && notice->version <= watch->durable) {
      send_notice (self, watch, link, now);
    }
  }
}

/* The queues of notices may be iterated while notices are sent, because only a failure, which
 * removes no notice, is reported during the call. */
void
alerts_delivery_tick (AlertsDelivery *self, gint64 now)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, alerts_book_get_watches (self->book));
  while (g_hash_table_iter_next (&iter, NULL, &value))
    tick_watch (self, value, now);
}

const AlertsCounts *
alerts_delivery_get_counts (AlertsDelivery *self)
{
  return &self->counts;
}

/* --- life --- */

void
alerts_delivery_check_topics (AlertsDelivery *self)
{
  for (guint i = 0; i < self->lines->len; i++) {
    const AlertsTarget *target = ((Line *) g_ptr_array_index (self->lines, i))->target;

    if (target->way == ALERTS_TOPIC && alerts_state_lacks_topic (self->state, target->address))
      g_message ("target %s: Kafka has no topic %s, so its notices wait. Create it: "
                 "kafka-topics.sh --bootstrap-server HOST:PORT --create --topic %s",
          target->name, target->address, target->address);
  }
}

static void
close_line (Line *self)
{
  g_clear_pointer (&self->webhook, alerts_webhook_free);
  g_clear_pointer (&self->mqtt, alerts_mqtt_free);
}

static gboolean
is_sending (AlertsDelivery *self)
{
  guint sending = 0;

  for (guint i = 0; i < self->lines->len; i++)
    sending += ((Line *) g_ptr_array_index (self->lines, i))->sending;
  return sending > 0;
}

static gboolean
wake (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

void
alerts_delivery_stop (AlertsDelivery *self)
{
  guint timer = g_timeout_add (END_TIME / 50, wake, NULL);
  gint64 until = g_get_monotonic_time () + END_TIME * 1000;

  while (is_sending (self) && g_get_monotonic_time () < until) {
    g_main_context_iteration (NULL, TRUE);
    alerts_state_poll (self->state, NULL);
  }
  g_source_remove (timer);
  self->ending = TRUE;
}

void
alerts_delivery_close (AlertsDelivery *self)
{
  for (guint i = 0; i < self->lines->len; i++)
    close_line (g_ptr_array_index (self->lines, i));
}

static void
line_free (gpointer data)
{
  Line *self = data;

  close_line (self);
  g_free (self);
}

static gboolean
open_line (Line *self, GError **error)
{
  if (self->target->way == ALERTS_MQTT) {
    self->mqtt = alerts_mqtt_new (self->target, error);
    return self->mqtt != NULL;
  }
  if (self->target->way != ALERTS_WEBHOOK)
    return TRUE;
  if (!self->target->secret)
    g_message (
        "target %s: without secret-file its receiver can't know who sends", self->target->name);
  self->webhook = alerts_webhook_new (self->target, error);
  return self->webhook != NULL;
}

AlertsDelivery *
alerts_delivery_new (const AlertsRules *rules, AlertsBook *book, AlertsState *state, GError **error)
{
  AlertsDelivery *self = g_new0 (AlertsDelivery, 1);

  self->book = book;
  self->state = state;
  self->lines = g_ptr_array_new_with_free_func (line_free);
  for (guint i = 0; i < rules->targets->len; i++) {
    Line *line = g_new0 (Line, 1);

    line->delivery = self;
    line->target = g_ptr_array_index (rules->targets, i);
    g_ptr_array_add (self->lines, line);
    if (!open_line (line, error)) {
      alerts_delivery_free (self);
      return NULL;
    }
  }
  return self;
}

void
alerts_delivery_free (AlertsDelivery *self)
{
  g_ptr_array_unref (self->lines);
  g_free (self);
}
