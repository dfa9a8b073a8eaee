/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertswatch.h"

#include <math.h>
#include <string.h>

#include "fogjson.h"
#include "livejson.h"

/* Largest number of notices of a watch that wait for targets. */
#define MAX_NOTICES 32
/* If a sample is older than the one before by more than this time (ms), its clock was set back. The
 * clocks of replicas that count frames of the same camera differ by less. */
#define SET_BACK 600000
/* Shortest time (ms) for which the state of an ended alert is kept; it is longer than the time by
 * which messages are read again after a restart. */
#define LEAST_MEMORY 3600000

static const AlertsPlace nowhere = {-1, 0, 0};

AlertsWatch *
alerts_watch_new (const AlertsRule *rule, const gchar *subject)
{
  AlertsWatch *self = g_new0 (AlertsWatch, 1);

  self->rule = rule;
  self->subject = g_strdup (subject);
  self->begin = self->decided = self->last.place = nowhere;
  g_queue_init (&self->notices);
  return self;
}

void
alerts_watch_free (AlertsWatch *self)
{
  g_queue_clear_full (&self->notices, (GDestroyNotify) alerts_notice_unref);
  g_free (self->subject);
  g_free (self->id);
  g_free (self);
}

gboolean
alerts_watch_is_firing (const AlertsWatch *self)
{
  return self->phase == ALERTS_FIRING || self->phase == ALERTS_ENDING;
}

/* --- decisions --- */

/* Drops the oldest notice if there are too many notices. */
static void
make_room (AlertsWatch *self)
{
  GList *link = self->notices.head;

  if (self->notices.length < MAX_NOTICES)
    return;
  while (link && alerts_notice_is_sending (link->data))
    link = link->next;
  if (!link)
    return;
  alerts_notice_unref (link->data);
  g_queue_delete_link (&self->notices, link);
  self->dropped++;
}

static void
decide (AlertsWatch *self, gboolean firing, gint64 time, const gchar *reason)
{
  AlertsFacts facts = {
      self->rule, self->subject, NULL, firing, self->start, time, self->value, reason};
  AlertsNotice *notice;

  if (firing) {
    g_free (self->id);
    self->id = alerts_make_id (self->rule->name, self->subject, self->start);
  }
  facts.id = self->id;
  self->phase = firing ? ALERTS_FIRING : ALERTS_REST;
  self->decided = self->last.place;
  self->decided_time = self->last.time;
  self->begin = nowhere;
  notice = alerts_notice_new (&facts);
  notice->version = ++self->version;
  make_room (self);
  g_queue_push_tail (&self->notices, notice);
}

gboolean
alerts_watch_end (AlertsWatch *self, gint64 now, const gchar *reason)
{
  if (!alerts_watch_is_firing (self))
    return FALSE;
  decide (self, FALSE, now, reason);
  return TRUE;
}

/* --- numbers --- */

/* Notes that the value is @value from @time on, and whether the condition is therefore met. */
static void
set_condition (AlertsWatch *self, gdouble value, gint64 time, const AlertsPlace *place)
{
  if (self->phase == ALERTS_REST && value > self->rule->above) {
    self->phase = ALERTS_PENDING;
    self->start = time;
    self->value = value;
    self->begin = *place;
  } else if (self->phase == ALERTS_PENDING && value <= self->rule->above) {
    self->phase = ALERTS_REST;
  } else if (self->phase == ALERTS_FIRING && value <= self->rule->until) {
    self->phase = ALERTS_ENDING;
    self->below = time;
    self->begin = *place;
  } else if (self->phase == ALERTS_ENDING && value > self->rule->until) {
    self->phase = ALERTS_FIRING;
  }
}

/* Notes that the value of the last sample was valid until @time, and fires or ends the alert if
 * that is long enough. Returns whether it did. */
static gboolean
hold_until (AlertsWatch *self, gint64 time)
{
  if (self->phase == ALERTS_PENDING)
    self->value = MAX (self->value, self->last.value);
  if (self->phase == ALERTS_PENDING && time - self->start >= self->rule->patience) {
    decide (self, TRUE, self->start + self->rule->patience, NULL);
    return TRUE;
  }
  if (self->phase == ALERTS_ENDING && time - self->below >= self->rule->calm) {
    decide (self, FALSE, self->below, NULL);
    return TRUE;
  }
  return FALSE;
}

/* Moves the state forward to @time. A value that no newer sample confirms in time becomes 0,
 * because a frame without faces causes no event. */
static gboolean
advance (AlertsWatch *self, gint64 time)
{
  gint64 end = self->last.time + self->last.hold;
  gboolean changed = hold_until (self, MIN (time, end));

  if (time <= end)
    return changed;
  if (self->last.value > 0) {
    self->last.value = 0;
    set_condition (self, 0, end, &self->last.place);
  }
  return hold_until (self, time) || changed;
}

/* --- samples --- */

static gboolean
is_before (const AlertsPlace *place, const AlertsPlace *other)
{
  return place->source == other->source && place->partition == other->partition &&
         place->offset <= other->offset;
}

/* Returns TRUE if the sample must be ignored, because the durable state contains it already, or a
 * newer sample has come before it. Metrics are read once, in their order, whatever the clock
 * shows. */
static gboolean
is_old (const AlertsWatch *self, const AlertsSample *sample)
{
  gint64 newest = MAX (self->decided_time, self->last.time);

  if (sample->place.source == ALERTS_METRICS)
    return FALSE;
  if (is_before (&sample->place, &self->decided))
    return TRUE;
  return sample->time < newest && newest - sample->time <= SET_BACK;
}

/* If the clock of the messages was set back, forgets a condition that was measured by the old
 * time. */
static void
follow_clock (AlertsWatch *self, const AlertsSample *sample)
{
  if (sample->time >= MAX (self->decided_time, self->last.time) - SET_BACK)
    return;
  g_message ("rule %s, %s: the clock of its messages was set back by %" G_GINT64_FORMAT " s",
      self->rule->name, self->subject, (self->last.time - sample->time) / 1000);
  self->decided_time = sample->time;
  if (self->phase == ALERTS_PENDING)
    self->phase = ALERTS_REST;
  if (self->phase == ALERTS_ENDING)
    self->phase = ALERTS_FIRING;
}

/* For rules about silence: a sample shows that the subject isn't silent, unless the sample is older
 * than the alert. */
static gboolean
see (AlertsWatch *self, const AlertsSample *sample)
{
  gint64 arrived = MAX (sample->arrived, self->last.arrived);
  gboolean firing = alerts_watch_is_firing (self);

  if (is_before (&sample->place, &self->decided) || (firing && is_old (self, sample)))
    return FALSE;
  follow_clock (self, sample);
  self->last = *sample;
  self->last.arrived = arrived;
  if (firing)
    decide (self, FALSE, sample->time, NULL);
  return firing;
}

gboolean
alerts_watch_take (AlertsWatch *self, const AlertsSample *sample)
{
  gboolean changed = FALSE;

  if (alerts_kind_is_silence (self->rule->kind))
    return see (self, sample);
  if (is_old (self, sample))
    return FALSE;
  follow_clock (self, sample);
  if (self->last.place.source >= 0 && sample->time >= self->last.time && !self->restored)
    changed = advance (self, sample->time);
  self->restored = FALSE;
  self->last = *sample;
  set_condition (self, sample->value, sample->time, &sample->place);
  return hold_until (self, sample->time) || changed;
}

gboolean
alerts_watch_leave (AlertsWatch *self, const AlertsSample *sample)
{
  if (is_old (self, sample))
    return FALSE;
  self->last = *sample;
  if (alerts_watch_is_firing (self))
    decide (self, FALSE, sample->time, "it has left");
  self->phase = ALERTS_REST;
  self->last.place = nowhere;
  if (!self->id)
    return FALSE;
  self->version++;
  return TRUE;
}

/* --- time --- */

/* Returns the ms of silence after which it may be noticed. */
static gint64
get_patience (const AlertsWatch *self)
{
  return MAX (self->rule->patience, self->patience);
}

static gboolean
notice_silence (AlertsWatch *self, gint64 now)
{
  gint64 silent = now - self->last.arrived;

  if (self->phase != ALERTS_REST || silent < get_patience (self))
    return FALSE;
  self->start = self->last.time;
  decide (self, TRUE, self->last.time + silent, NULL);
  return TRUE;
}

/* Returns whether the state may change by time alone. After a restart it may not until a message
 * has come, or none has come for as long as a value is valid, because what happened while this
 * program didn't run isn't known. */
static gboolean
go_on (AlertsWatch *self, gint64 silent)
{
  if (alerts_kind_is_silence (self->rule->kind))
    return TRUE;
  if (silent <= self->last.hold)
    return FALSE;
  self->restored = FALSE;
  self->last.time = MAX (self->last.time, self->last.arrived);
  return TRUE;
}

static gboolean
forget (AlertsWatch *self, gint64 now)
{
  gboolean changed =
      alerts_watch_end (self, now, "nothing was seen of it for longer than \"forget\"");

  self->last.place = nowhere;
  return changed;
}

gboolean
alerts_watch_tick (AlertsWatch *self, gint64 now)
{
  gint64 silent;

  if (self->last.place.source < 0)
    return FALSE;
  silent = MAX (now - self->last.arrived, 0);
  if (self->restored && !go_on (self, silent))
    return FALSE;
  if (alerts_watch_is_firing (self) && silent > self->rule->forget + get_patience (self))
    return forget (self, now);
  if (alerts_kind_is_silence (self->rule->kind))
    return notice_silence (self, now);
  return advance (self, self->last.time + silent);
}

void
alerts_watch_forgive (AlertsWatch *self, gint64 ms, gint64 now)
{
  self->last.arrived = MIN (self->last.arrived + ms, now);
}

const AlertsPlace *
alerts_watch_get_needed (const AlertsWatch *self)
{
  if (self->last.place.source < 0)
    return NULL;
  if (alerts_kind_is_silence (self->rule->kind))
    return self->phase == ALERTS_REST ? &self->last.place : NULL;
  return self->phase == ALERTS_PENDING || self->phase == ALERTS_ENDING ? &self->begin : NULL;
}

gboolean
alerts_watch_is_over (const AlertsWatch *self, gint64 now)
{
  gint64 newest = MAX (self->last.arrived, self->decided_time);

  return self->phase == ALERTS_REST && !self->notices.length &&
         now - newest > MAX (self->rule->forget, LEAST_MEMORY) + get_patience (self);
}

void
alerts_watch_lose_place (AlertsWatch *self, gint source, gint partition)
{
  AlertsPlace *places[] = {&self->begin, &self->decided, &self->last.place};

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (places[i]->source == source && places[i]->partition == partition)
      places[i]->offset = -1;
}

/* --- the durable record --- */

static void
add_place (JsonBuilder *json, const AlertsPlace *place)
{
  live_json_open_object (json, "place");
  live_json_int (json, "source", place->source);
  live_json_int (json, "partition", place->partition);
  live_json_int (json, "offset", place->offset);
  json_builder_end_object (json);
}

GBytes *
alerts_watch_to_json (const AlertsWatch *self)
{
  JsonBuilder *json = live_json_new ();

  live_json_text (json, "rule", self->rule->name);
  live_json_text (json, "subject", self->subject);
  live_json_flag (json, "firing", alerts_watch_is_firing (self));
  live_json_text (json, "id", self->id);
  live_json_flag (json, "known", self->last.place.source >= 0);
  live_json_int (json, "start", self->start);
  live_json_int (json, "time", self->decided_time);
  live_json_int (json, "hold", self->last.hold);
  live_json_number (json, "value", self->value);
  add_place (json, &self->decided);
  live_json_open_list (json, "notices");
  for (const GList *link = self->notices.head; link; link = link->next)
    alerts_notice_to_json (link->data, json);
  json_builder_end_array (json);
  return live_json_end (json);
}

/* Returns the integer in the member @name of @object; @fallback if the member is missing or isn't
 * an integer. */
static gint64
read_int (JsonObject *object, const gchar *name, gint64 fallback)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64
             ? json_node_get_int (node)
             : fallback;
}

static AlertsPlace
read_place (JsonObject *object)
{
  JsonNode *node = json_object_get_member (object, "place");
  JsonObject *place = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

  if (!place)
    return nowhere;
  return (AlertsPlace){(gint) read_int (place, "source", -1),
      (gint) read_int (place, "partition", 0), read_int (place, "offset", 0)};
}

static void
read_notices (AlertsWatch *self, JsonObject *object, const AlertsRules *rules, guint *missing)
{
  JsonNode *node = json_object_get_member (object, "notices");
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  for (guint i = 0; list && i < json_array_get_length (list); i++) {
    AlertsNotice *notice =
        alerts_notice_from_json (json_array_get_element (list, i), rules, missing);

    if (notice && notice->sends->len)
      g_queue_push_tail (&self->notices, notice);
    else if (notice)
      alerts_notice_unref (notice);
  }
}

/* Restores the state from a record. Times continue from the time of the last decision. */
static void
restore (AlertsWatch *self, JsonObject *object, gint64 now)
{
  self->id = g_strdup (fog_json_read_string (object, "id"));
  self->phase = alerts_read_flag (object, "firing") && self->id ? ALERTS_FIRING : ALERTS_REST;
  self->start = read_int (object, "start", 0);
  self->decided_time = read_int (object, "time", 0);
  self->decided = read_place (object);
  fog_json_read_number (object, "value", 1e12, &self->value, NULL);
  if (self->phase == ALERTS_REST &&
      !(alerts_kind_is_silence (self->rule->kind) && alerts_read_flag (object, "known")))
    return;
  self->restored = TRUE;
  self->last = (AlertsSample){self->decided_time, now, read_int (object, "hold", 0),
      MAX (self->value, self->rule->until + 1), self->decided};
}

AlertsWatch *
alerts_watch_from_json (const gchar *text, gsize size, const AlertsRules *rules, gint64 now,
    guint *missing, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = fog_json_parse_object (parser, text, size, error);
  const gchar *rule = object ? fog_json_read_string (object, "rule") : NULL;
  const gchar *subject = object ? fog_json_read_string (object, "subject") : NULL;
  const AlertsRule *found = rule ? alerts_rules_find (rules, rule) : NULL;
  AlertsWatch *self;

  if (!object)
    return NULL;
  if (!found || !subject) {
    fog_json_fail (error, "its rule is not in the rule file any more", rule ? rule : "");
    return NULL;
  }
  self = alerts_watch_new (found, subject);
  restore (self, object, now);
  read_notices (self, object, rules, missing);
  return self;
}
