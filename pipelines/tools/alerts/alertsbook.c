/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsbook.h"

#include <math.h>
#include <string.h>

#include "fogjson.h"
#include "fogname.h"
#include "fogreport.h"
#include "model/liveanswer.h"

/* Largest number of watches, because names from the network must not fill the memory. */
#define MAX_WATCHES 16384
/* A camera or a replica counts as silent after this number of its intervals without a frame or a
 * report. */
#define STILL_INTERVALS 2.5
#define REPORT_INTERVALS 2.2
/* detail (levels of luma) from which on a picture counts as not covered at all */
#define CLEAR_DETAIL 16
#define WAY 1000 /* longest normal time for the transport of a message, ms */
/* If the time up to which messages are known grows by more than this (ms) between two ticks, Kafka
 * didn't answer, this program was stopped, or its clock was set. */
#define STEP 5000

struct _AlertsBook {
  const AlertsRules *rules;
  GHashTable *watches;          /* key: AlertsWatch */
  GHashTable *warned;           /* set of warnings that were logged */
  gint64 known[ALERTS_SOURCES]; /* values of alerts_book_tick() at the last tick */
  AlertsChanged changed;
  gpointer data;
};

AlertsBook *
alerts_book_new (const AlertsRules *rules, AlertsChanged changed, gpointer data)
{
  AlertsBook *self = g_new0 (AlertsBook, 1);

  self->rules = rules;
  self->changed = changed;
  self->data = data;
  self->watches =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) alerts_watch_free);
  self->warned = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
alerts_book_free (AlertsBook *self)
{
  g_hash_table_unref (self->watches);
  g_hash_table_unref (self->warned);
  g_free (self);
}

GHashTable *
alerts_book_get_watches (AlertsBook *self)
{
  return self->watches;
}

gchar *
alerts_book_make_key (const AlertsWatch *watch)
{
  return g_strdup_printf ("%s/%s", watch->rule->name, watch->subject);
}

void
alerts_book_add (AlertsBook *self, AlertsWatch *watch)
{
  g_hash_table_replace (self->watches, alerts_book_make_key (watch), watch);
}

/* Logs the warning @text (transfer full), unless it was logged before. */
static void
warn (AlertsBook *self, gchar *text)
{
  if (g_hash_table_contains (self->warned, text) ||
      g_hash_table_size (self->warned) >= MAX_WATCHES) {
    g_free (text);
    return;
  }
  g_message ("%s", text);
  g_hash_table_add (self->warned, text);
}

/* Returns: (nullable): the watch of @rule about @subject, which is added if it doesn't exist; NULL
 * if there are too many watches. */
static AlertsWatch *
find_watch (AlertsBook *self, const AlertsRule *rule, const gchar *subject)
{
  g_autofree gchar *key = g_strdup_printf ("%s/%s", rule->name, subject);
  AlertsWatch *watch = g_hash_table_lookup (self->watches, key);

  if (watch)
    return watch;
  if (g_hash_table_size (self->watches) >= MAX_WATCHES) {
    warn (self, g_strdup_printf ("There are more than %d cameras and replicas times rules: the "
                                 "newest ones aren't watched.",
                    MAX_WATCHES));
    return NULL;
  }
  watch = alerts_watch_new (rule, subject);
  alerts_book_add (self, watch);
  return watch;
}

static void
note (AlertsBook *self, AlertsWatch *watch, gboolean changed)
{
  if (changed)
    self->changed (watch, self->data);
}

/* Gives a sample to the watch of @rule about @subject. @patience: normal time (ms) between two
 * messages about the subject */
static void
give (AlertsBook *self, const AlertsRule *rule, const gchar *subject, const AlertsSample *sample,
    gint64 patience)
{
  AlertsWatch *watch = g_pattern_spec_match_string (rule->subjects, subject)
                           ? find_watch (self, rule, subject)
                           : NULL;

  if (!watch)
    return;
  if (patience)
    watch->patience = patience;
  note (self, watch, alerts_watch_take (watch, sample));
}

/* --- events --- */

/* Returns the number of faces in the rule's zone, or in the whole frame if the rule has no zone. */
static gdouble
count_faces (AlertsBook *self, const AlertsRule *rule, const LiveAnswer *answer, JsonObject *event)
{
  JsonNode *node = json_object_get_member (event, "zones");
  guint64 count = 0;

  if (!rule->zone)
    return answer->faces;
  if (node && JSON_NODE_HOLDS_OBJECT (node) &&
      json_object_has_member (json_node_get_object (node), rule->zone))
    fog_json_read_count (json_node_get_object (node), rule->zone, G_MAXINT32, &count, NULL);
  else
    warn (self, g_strdup_printf ("rule %s: the events of camera %s have no zone \"%s\", so it "
                                 "never fires for it",
                    rule->name, answer->camera, rule->zone));
  return (gdouble) count;
}

/* Returns the time (ms) for which an event counts if the camera sends no frames while its picture
 * stands still: a multiple of its still-interval. */
static gint64
read_still (JsonObject *event)
{
  JsonNode *node = json_object_get_member (event, "still");
  gdouble interval = 0;

  if (node && JSON_NODE_HOLDS_OBJECT (node))
    fog_json_read_number (json_node_get_object (node), "interval", 86400, &interval, NULL);
  return (gint64) (interval * STILL_INTERVALS * 1000);
}

static void
judge_event (
    AlertsBook *self, const LiveAnswer *answer, JsonObject *event, const AlertsMessage *message)
{
  g_autofree gchar *camera = fog_name_bounded (answer->camera);
  AlertsSample seen = {message->time, message->arrived, 0, 0, message->place}, counted = seen;

  /* The time of processing is used, because it comes from the fog's clock, like the times of
   * reports; a camera's clock may be wrong. */
  if (answer->processed)
    seen.time = answer->processed;
  counted.time = answer->captured;
  for (guint i = 0; i < self->rules->rules->len; i++) {
    const AlertsRule *rule = g_ptr_array_index (self->rules->rules, i);

    if (rule->kind == ALERTS_SILENT)
      give (self, rule, camera, &seen, 0);
    if (rule->kind != ALERTS_FACES || !g_pattern_spec_match_string (rule->subjects, camera))
      continue;
    counted.hold = MAX (rule->hold, read_still (event));
    counted.value = count_faces (self, rule, answer, event);
    give (self, rule, camera, &counted, 0);
  }
}

gboolean
alerts_book_take_event (AlertsBook *self, const AlertsMessage *message, GError **error)
{
  g_autoptr (LiveAnswer) answer = live_answer_parse (message->text, message->size, error);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *event =
      answer ? fog_json_parse_object (parser, message->text, message->size, error) : NULL;

  if (!event)
    return FALSE;
  if (!answer->camera || !answer->captured)
    return fog_json_fail (error, "missing, so no rule looks at the event", "camera or captured");
  judge_event (self, answer, event, message);
  return TRUE;
}

/* --- reports --- */

static void
expect_cameras (
    AlertsBook *self, const AlertsRule *rule, const FogReport *report, const AlertsSample *sample)
{
  for (guint i = 0; i < report->cameras->len; i++) {
    const FogReportCamera *own = g_ptr_array_index (report->cameras, i);
    g_autofree gchar *camera = fog_name_bounded (own->camera);

    if (own->frames)
      give (self, rule, camera, sample,
          sample->hold + (gint64) (STILL_INTERVALS * own->still_interval * 1000));
  }
}

/* Returns how far the picture is covered, in percent: 100 without detail. */
static gdouble
find_cover (gdouble detail)
{
  return 100 * MAX (1 - detail / CLEAR_DETAIL, 0);
}

/* Gives @rule, of the kind covered or frozen, what @report says about the pictures of each
 * camera. */
static void
look_at_cameras (
    AlertsBook *self, const AlertsRule *rule, const FogReport *report, const AlertsSample *sample)
{
  for (guint i = 0; i < report->cameras->len; i++) {
    const FogReportCamera *own = g_ptr_array_index (report->cameras, i);
    g_autofree gchar *camera = fog_name_bounded (own->camera);
    AlertsSample look = *sample;

    look.hold += (gint64) (STILL_INTERVALS * own->still_interval * 1000);
    look.value = rule->kind == ALERTS_COVERED ? find_cover (own->detail) : own->frozen;
    if (own->looked)
      give (self, rule, camera, &look, 0);
  }
}

static void
release_replica (
    AlertsBook *self, const AlertsRule *rule, const gchar *replica, const AlertsSample *sample)
{
  AlertsWatch *watch = g_pattern_spec_match_string (rule->subjects, replica)
                           ? find_watch (self, rule, replica)
                           : NULL;

  if (watch)
    note (self, watch, alerts_watch_leave (watch, sample));
}

static void
judge_replica (
    AlertsBook *self, const AlertsRule *rule, const FogReport *report, const AlertsSample *sample)
{
  AlertsSample own = *sample;

  if (report->leaving) {
    release_replica (self, rule, report->replica, sample);
    return;
  }
  own.value = rule->kind == ALERTS_LATE ? report->age_p95 : (gdouble) report->lag;
  /* The sample is left out if the age isn't known, because the replica has counted no frame. */
  if (isfinite (own.value))
    give (self, rule, report->replica, &own, sample->hold);
}

static void
judge_report (AlertsBook *self, const FogReport *report, const AlertsMessage *message)
{
  AlertsSample sample = {message->time, message->arrived,
      (gint64) (REPORT_INTERVALS * report->interval * 1000) + WAY, 0, message->place};

  for (guint i = 0; i < self->rules->rules->len; i++) {
    const AlertsRule *rule = g_ptr_array_index (self->rules->rules, i);

    if (rule->kind == ALERTS_SILENT)
      expect_cameras (self, rule, report, &sample);
    if (rule->kind == ALERTS_COVERED || rule->kind == ALERTS_FROZEN)
      look_at_cameras (self, rule, report, &sample);
    if (g_str_equal (alerts_kind_get_subject (rule->kind), "replica"))
      judge_replica (self, rule, report, &sample);
  }
}

gboolean
alerts_book_take_report (AlertsBook *self, const AlertsMessage *message, GError **error)
{
  g_autoptr (FogReport) report = fog_report_parse (message->text, message->size, error);

  if (!report)
    return FALSE;
  judge_report (self, report, message);
  return TRUE;
}

/* --- metrics --- */

void
alerts_book_take_number (AlertsBook *self, const AlertsRule *rule, const gchar *series,
    gdouble value, gint64 hold, gint64 now)
{
  AlertsSample sample = {now, now, hold, value, {ALERTS_METRICS, 0, now}};

  give (self, rule, series, &sample, 0);
}

/* --- time --- */

/* Returns the time up to which all messages that the rule depends on are known. */
static gint64
find_known (const AlertsRule *rule, const gint64 known[ALERTS_SOURCES])
{
  if (rule->kind == ALERTS_FACES)
    return known[ALERTS_EVENTS];
  if (rule->kind == ALERTS_SILENT)
    return MIN (known[ALERTS_EVENTS], known[ALERTS_REPORTS]);
  if (alerts_kind_get_metric (rule->kind))
    return known[ALERTS_METRICS];
  return known[ALERTS_REPORTS];
}

/* Time in which no message could come, because Kafka didn't answer or this program was stopped,
 * doesn't count as silence. */
static void
forgive (AlertsBook *self, AlertsWatch *watch, gint64 until)
{
  gint64 before = find_known (watch->rule, self->known);

  if (before && ABS (until - before) > STEP)
    alerts_watch_forgive (watch, until - before, until);
}

void
alerts_book_tick (AlertsBook *self, const gint64 known[ALERTS_SOURCES])
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->watches);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    AlertsWatch *watch = value;
    gint64 until = find_known (watch->rule, known);

    if (!until)
      continue;
    forgive (self, watch, until);
    note (self, watch, alerts_watch_tick (watch, until));
  }
  memcpy (self->known, known, sizeof self->known);
}

gint64
alerts_book_get_needed (AlertsBook *self, gint source, gint partition)
{
  GHashTableIter iter;
  gint64 oldest = -1;
  gpointer value;

  g_hash_table_iter_init (&iter, self->watches);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const AlertsPlace *place = alerts_watch_get_needed (value);

    if (place && place->source == source && place->partition == partition &&
        (oldest < 0 || place->offset < oldest))
      oldest = place->offset;
  }
  return oldest;
}

void
alerts_book_lose_places (AlertsBook *self, gint source, gint partition)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->watches);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    alerts_watch_lose_place (value, source, partition);
}
