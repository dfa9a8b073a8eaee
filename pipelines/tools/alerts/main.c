/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fog-alerts sends alerts when a condition of its rule file is met. pipelines/README.md */
#include <gst/gst.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

#include "alertsdelivery.h"
#include "alertshealth.h"
#include "alertsinput.h"
#include "alertslog.h"
#include "alertsmetrics.h"
#include "liveloop.h"

#define TICK 100        /* ms */
#define JUDGE_TICKS 5   /* ticks between two checks of the rules: half a second */
#define COMMIT_TICKS 10 /* ticks between two commits of messages: a second */
#define SCRAPE_TICKS 50 /* ticks between two readings of the metrics: 5 s */
#define CLEAN_TICKS 600 /* ticks between two removals of watches that aren't needed: a minute */

typedef struct {
  gchar *rules;
  gboolean check;
} Line;

typedef struct {
  LiveSettings settings;
  LiveSource records;
  AlertsRules *rules;
  AlertsBook *book;
  AlertsState *state;
  AlertsDelivery *delivery;
  AlertsReader reader;
  AlertsInput *inputs[ALERTS_TOPICS];
  AlertsMetrics *metrics;
  AlertsHealth *health; /* (nullable) */
  GMainLoop *loop;
  GError *error;
  guint64 tick, fired, ended, unreadable;
} Alerts;

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

/* --- messages --- */

static void
take_message (const AlertsMessage *message, gpointer data)
{
  Alerts *self = data;
  g_autoptr (GError) cause = NULL;
  gboolean read = message->place.source == ALERTS_EVENTS
                      ? alerts_book_take_event (self->book, message, &cause)
                      : alerts_book_take_report (self->book, message, &cause);

  if (!read && alerts_log_is_due (++self->unreadable))
    g_message ("%" G_GUINT64_FORMAT " messages were skipped so far; the last one is no %s: %s",
        self->unreadable, message->place.source == ALERTS_EVENTS ? "event" : "report",
        cause->message);
}

static void
lose_places (gint source, gint partition, gpointer data)
{
  Alerts *self = data;

  alerts_book_lose_places (self->book, source, partition);
}

/* Writes the watch's record. An alert counts from the time when its record is durable, and its
 * notices are sent only then. */
static void
note_change (AlertsWatch *watch, gpointer data)
{
  Alerts *self = data;

  for (const GList *link = watch->notices.head; link; link = link->next) {
    const AlertsNotice *notice = link->data;

    if (notice->version <= watch->logged)
      continue;
    g_message ("%s", notice->body);
    self->fired += notice->firing;
    self->ended += !notice->firing;
  }
  watch->logged = watch->version;
  alerts_state_write (self->state, watch);
}

/* --- ticks --- */

static gboolean
is_over (gpointer key, gpointer value, gpointer data)
{
  Alerts *self = data;
  const AlertsWatch *watch = value;

  if (!alerts_watch_is_over (watch, now_ms ()))
    return FALSE;
  if (watch->id)
    alerts_state_delete (self->state, key);
  return TRUE;
}

static void
judge (Alerts *self)
{
  const gint64 known[ALERTS_SOURCES] = {alerts_input_get_known (self->inputs[ALERTS_EVENTS]),
      alerts_input_get_known (self->inputs[ALERTS_REPORTS]), now_ms ()};

  alerts_book_tick (self->book, known);
}

/* Updates the figures with which the health server answers. */
static void
publish (Alerts *self)
{
  AlertsFigures figures = {self->fired, self->ended, self->unreadable};
  GHashTableIter iter;
  gpointer watch;

  if (!self->health)
    return;
  g_hash_table_iter_init (&iter, alerts_book_get_watches (self->book));
  while (g_hash_table_iter_next (&iter, NULL, &watch)) {
    figures.firing += alerts_watch_is_firing (watch) != FALSE;
    figures.waiting += ((AlertsWatch *) watch)->notices.length;
  }
  figures.counts = *alerts_delivery_get_counts (self->delivery);
  for (guint i = 0; i < ALERTS_TOPICS; i++)
    figures.known[i] = alerts_input_get_known (self->inputs[i]);
  alerts_health_update (self->health, &figures);
}

/* Commits the messages that were read, but only when all records that followed from them are
 * durable. */
static void
commit (Alerts *self)
{
  for (guint i = 0; alerts_state_is_durable (self->state) && i < ALERTS_TOPICS; i++)
    alerts_input_commit (self->inputs[i], self->book);
}

static gboolean
tick (gpointer data)
{
  Alerts *self = data;

  self->tick++;
  for (guint i = 0; i < ALERTS_TOPICS; i++)
    alerts_input_poll (self->inputs[i]);
  if (self->tick % JUDGE_TICKS == 0) {
    judge (self);
    publish (self);
  }
  if (!alerts_state_poll (self->state, &self->error)) {
    g_main_loop_quit (self->loop);
    return G_SOURCE_CONTINUE;
  }
  alerts_delivery_tick (self->delivery, now_ms ());
  if (self->tick % COMMIT_TICKS == 0)
    commit (self);
  if (self->tick % SCRAPE_TICKS == 1)
    alerts_metrics_read (self->metrics);
  if (self->tick % CLEAN_TICKS == 0)
    g_hash_table_foreach_remove (alerts_book_get_watches (self->book), is_over, self);
  return G_SOURCE_CONTINUE;
}

/* --- life --- */

static void
read_settings (Alerts *self)
{
  g_autofree gchar *group = live_setting ("ALERTS_GROUP", "alerts");

  live_settings_read (&self->settings);
  g_free (self->settings.events.group);
  self->settings.events.group = g_strdup (group);
  self->settings.reports.group = g_strdup (group);
  self->records = (LiveSource){.servers = self->settings.events.servers,
      .config_file = self->settings.events.config_file,
      .topic = live_setting ("ALERTS_STATE_TOPIC", "alert-state"),
      .group = self->settings.events.group};
}

static gboolean
open_inputs (Alerts *self, GError **error)
{
  const LiveSource *sources[ALERTS_TOPICS] = {&self->settings.events, &self->settings.reports};

  self->reader = (AlertsReader){take_message, lose_places, self};
  for (guint i = 0; i < ALERTS_TOPICS; i++) {
    self->inputs[i] = alerts_input_new (sources[i], (gint) i, &self->reader, error);
    if (!self->inputs[i])
      return FALSE;
  }
  return TRUE;
}

/* Starts the health server at the port HEALTH_PORT, if this setting exists. */
static void
open_health (Alerts *self)
{
  g_autofree gchar *port = live_setting ("HEALTH_PORT", NULL);
  g_autoptr (GError) error = NULL;
  guint64 number = 0;

  if (port && g_ascii_string_to_unsigned (port, 10, 1, G_MAXUINT16, &number, &error))
    self->health = alerts_health_new ((guint16) number, &error);
  if (error)
    g_message ("HEALTH_PORT=%s: the health isn't served: %s", port, error->message);
}

static gboolean
start (Alerts *self, GError **error)
{
  open_health (self);
  self->book = alerts_book_new (self->rules, note_change, self);
  self->state = alerts_state_new (&self->records, error);
  if (!self->state)
    return FALSE;
  self->delivery = alerts_delivery_new (self->rules, self->book, self->state, error);
  if (!self->delivery || !alerts_state_take_over (self->state, error) ||
      !alerts_state_load (self->state, self->book, self->rules, now_ms (), error))
    return FALSE;
  alerts_delivery_check_topics (self->delivery);
  self->metrics = alerts_metrics_new (self->rules, self->book, self->state);
  return open_inputs (self, error);
}

static void
run (Alerts *self)
{
  g_print ("alerts: %u rules, %u targets\n", self->rules->rules->len, self->rules->targets->len);
  self->loop = g_main_loop_new (NULL, FALSE);
  live_loop_run (self->loop, TICK, tick, self);
  g_main_loop_unref (self->loop);
}

/* Ends the program: first the records of delivered notices are written, then the messages that
 * aren't needed any more are committed. The connections are closed last, since a connection that a
 * server doesn't answer may take minutes. */
static void
end (Alerts *self)
{
  const AlertsCounts *counts = alerts_delivery_get_counts (self->delivery);

  g_clear_pointer (&self->health, alerts_health_free);
  g_clear_pointer (&self->metrics, alerts_metrics_free);
  alerts_delivery_stop (self->delivery);
  alerts_state_flush (self->state);
  commit (self);
  for (guint i = 0; i < ALERTS_TOPICS; i++)
    alerts_input_flush (self->inputs[i]);
  alerts_delivery_close (self->delivery);
  alerts_state_flush (self->state);
  g_print ("alerts: %" G_GUINT64_FORMAT " fired, %" G_GUINT64_FORMAT
           " ended; notices: %" G_GUINT64_FORMAT " delivered, %" G_GUINT64_FORMAT
           " tries failed, %" G_GUINT64_FORMAT " refused, %" G_GUINT64_FORMAT
           " quiet, %" G_GUINT64_FORMAT " dropped; %" G_GUINT64_FORMAT " messages skipped\n",
      self->fired, self->ended, counts->sent, counts->failed, counts->refused, counts->quiet,
      counts->dropped, self->unreadable);
}

static void
clear (Alerts *self)
{
  g_clear_pointer (&self->health, alerts_health_free);
  g_clear_pointer (&self->metrics, alerts_metrics_free);
  for (guint i = 0; i < ALERTS_TOPICS; i++)
    g_clear_pointer (&self->inputs[i], alerts_input_free);
  g_clear_pointer (&self->state, alerts_state_free);
  g_clear_pointer (&self->delivery, alerts_delivery_free);
  g_clear_pointer (&self->book, alerts_book_free);
  g_clear_pointer (&self->rules, alerts_rules_free);
  g_clear_pointer (&self->records.topic, g_free);
  live_settings_clear (&self->settings);
}

/* --- the command line --- */

static gboolean
parse (Line *line, gint *argc, gchar ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  const GOptionEntry entries[] = {
      {"rules", 0, 0, G_OPTION_ARG_FILENAME, &line->rules, "the rule file (ALERTS_RULES)", "FILE"},
      {"check", 0, 0, G_OPTION_ARG_NONE, &line->check, "only read the rule file", NULL},
      {NULL},
  };

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (!line->rules)
    line->rules = live_setting ("ALERTS_RULES", NULL);
  if (*argc == 1 && line->rules)
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      *argc > 1 ? "There is an argument too many; see --help."
                : "There is no rule file: give --rules FILE, or set ALERTS_RULES.");
  return FALSE;
}

/* Ends this program at a signal that comes before the start is complete, when there is nothing to
 * undo. */
static void
end_at_once (int number)
{
  _exit (0);
}

/* Returns the exit code. */
static gint
work (Alerts *self, GError **error)
{
  /* Without a handler the signals would be ignored, if this is the first process of a container. */
  signal (SIGINT, end_at_once);
  signal (SIGTERM, end_at_once);
  read_settings (self);
  if (start (self, error)) {
    run (self);
    end (self);
  }
  if (self->error)
    g_propagate_error (error, g_steal_pointer (&self->error));
  clear (self);
  return *error ? 1 : 0;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Line line = {0};
  Alerts self = {0};
  gint code = 2;

  setlocale (LC_ALL, "");
  if (parse (&line, &argc, &argv, &error))
    self.rules = alerts_rules_load (line.rules, &error);
  if (self.rules && line.check)
    g_print (
        "%s: %u rules, %u targets\n", line.rules, self.rules->rules->len, self.rules->targets->len);
  if (self.rules)
    code = line.check ? 0 : work (&self, &error);
  if (error)
    g_printerr ("%s\n", error->message);
  g_clear_pointer (&self.rules, alerts_rules_free);
  g_free (line.rules);
  return code;
}
