/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsrules.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "alertsfile.h"
#include "fogfile.h"

#define SECOND 1000 /* ms */
#define DAY (86400 * SECOND)
#define LONGEST (366LL * DAY)
/* An alert about a counter ends if the counter hasn't grown for this time. */
#define CALM (600 * SECOND)
/* Defaults of the limits of the kinds covered (percent) and frozen (s). */
#define COVERED_ABOVE 75
#define COVERED_UNTIL 50
#define FROZEN_ABOVE 30
/* Shortest key of signatures; shorter keys can be guessed. */
#define LEAST_SECRET 16 /* bytes */

static const struct {
  const gchar *name, *subject;
  gboolean is_silence;
  gint64 patience, hold, forget; /* defaults, ms; if hold is 0, the messages determine it */
  AlertsMetric metric;           /* the metric of the kind; without a name if the kind needs none */
} kinds[ALERTS_KINDS] = {
    {"faces", "camera", FALSE, 0, 5 * SECOND, DAY},
    {"silent", "camera", TRUE, 60 * SECOND, 0, DAY},
    {"covered", "camera", FALSE, 20 * SECOND, 0, DAY},
    {"frozen", "camera", FALSE, 0, 0, DAY},
    {"replica", "replica", TRUE, 30 * SECOND, 0, 3600 * SECOND},
    {"waiting", "replica", FALSE, 60 * SECOND, 0, 3600 * SECOND},
    {"late", "replica", FALSE, 60 * SECOND, 0, 3600 * SECOND},
    {"old", "series", FALSE, 60 * SECOND, 0, 3600 * SECOND, {"gstfog_lag_seconds", "topic", FALSE}},
    {"rejected", "series", FALSE, 0, 0, DAY, {"gstfog_rejected_total", "reason", TRUE}},
    {"lost", "series", FALSE, 0, 0, DAY, {"gstfog_messages_lost_total", "topic", TRUE}},
};

const gchar *
alerts_kind_name (AlertsKind kind)
{
  return kinds[kind].name;
}

const gchar *
alerts_kind_get_subject (AlertsKind kind)
{
  return kinds[kind].subject;
}

const AlertsMetric *
alerts_kind_get_metric (AlertsKind kind)
{
  return kinds[kind].metric.name ? &kinds[kind].metric : NULL;
}

gboolean
alerts_kind_is_silence (AlertsKind kind)
{
  return kinds[kind].is_silence;
}

static void
rule_free (gpointer data)
{
  AlertsRule *self = data;

  g_free (self->name);
  g_clear_pointer (&self->subjects, g_pattern_spec_free);
  g_strfreev (self->stages);
  g_free (self->zone);
  g_free (self->severity);
  g_clear_pointer (&self->quiet, alerts_quiet_free);
  g_ptr_array_unref (self->targets);
  g_free (self);
}

static void
target_free (gpointer data)
{
  AlertsTarget *self = data;

  g_free (self->name);
  g_free (self->address);
  g_clear_pointer (&self->secret, g_bytes_unref);
  g_free (self->user);
  g_free (self->password);
  g_free (self->ca_file);
  g_free (self);
}

/* --- values --- */

static gboolean
read_kind (AlertsSection *section, AlertsKind *kind, GError **error)
{
  const AlertsEntry *entry = alerts_section_take (section, "kind");

  if (!entry)
    return alerts_section_fail (
        section, section->line, error, "the rule %s has no kind", section->name);
  for (*kind = 0; *kind < ALERTS_KINDS; (*kind)++)
    if (g_str_equal (entry->value, kinds[*kind].name))
      return TRUE;
  return alerts_section_fail (section, entry->line, error,
      "kind is faces, silent, covered, frozen, replica, waiting, late, old, rejected or lost, not "
      "\"%s\"",
      entry->value);
}

static gint64
find_unit (const gchar *name)
{
  static const struct {
    const gchar *name;
    gint64 ms;
  } units[] = {{"", SECOND}, {"s", SECOND}, {"min", 60 * SECOND}, {"h", 3600 * SECOND}, {"d", DAY}};

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_str_equal (name, units[i].name))
      return units[i].ms;
  return 0;
}

/* Reads a duration; if the key is missing, @ms isn't changed. */
static gboolean
read_duration (AlertsSection *section, const gchar *key, gint64 *ms, GError **error)
{
  const AlertsEntry *entry = alerts_section_take (section, key);
  gchar *unit;
  guint64 count;
  gint64 factor;

  if (!entry)
    return TRUE;
  count = g_ascii_strtoull (entry->value, &unit, 10);
  factor = g_ascii_isdigit (*entry->value) ? find_unit (g_strchug (unit)) : 0;
  if (!factor || count > (guint64) (LONGEST / factor))
    return alerts_section_fail (section, entry->line, error,
        "%s takes a time as 30s, 5min, 2h or 1d, at most a year, not \"%s\"", key, entry->value);
  *ms = (gint64) count * factor;
  return TRUE;
}

static gboolean
read_number (AlertsSection *section, const gchar *key, gdouble *number, GError **error)
{
  const AlertsEntry *entry = alerts_section_take (section, key);
  gchar *end;

  if (!entry)
    return TRUE;
  *number = g_ascii_strtod (entry->value, &end);
  return (g_ascii_isdigit (*entry->value) && !*end && isfinite (*number) && *number <= 1e9) ||
         alerts_section_fail (section, entry->line, error,
             "%s takes a number from 0 to 1e9, not \"%s\"", key, entry->value);
}

static gchar *
take_text (AlertsSection *section, const gchar *key, const gchar *fallback)
{
  const AlertsEntry *entry = alerts_section_take (section, key);

  return g_strdup (entry ? entry->value : fallback);
}

/* Reads the text of the file that the value of @key names, without spaces at its beginning and
 * end. */
static gboolean
read_file (AlertsSection *section, const gchar *key, gchar **text, GError **error)
{
  const AlertsEntry *entry = alerts_section_take (section, key);
  g_autoptr (GError) cause = NULL;

  if (!entry)
    return TRUE;
  if (!fog_file_read (entry->value, FOG_FILE_MAX, text, NULL, &cause))
    return alerts_section_fail (section, entry->line, error, "%s: %s", key, cause->message);
  g_strstrip (*text);
  return (**text && g_utf8_validate (*text, -1, NULL)) ||
         alerts_section_fail (
             section, entry->line, error, "%s is empty, or isn't text", entry->value);
}

/* --- targets --- */

/* Returns the bytes of a secret, which may be written as `whsec_` followed by Base64, as in
 * Standard Webhooks. */
static GBytes *
decode_secret (const gchar *text)
{
  gsize size;
  guchar *bytes;

  if (!g_str_has_prefix (text, "whsec_"))
    return g_bytes_new (text, strlen (text));
  bytes = g_base64_decode (text + strlen ("whsec_"), &size);
  return g_bytes_new_take (bytes, size);
}

static gboolean
read_secret (AlertsTarget *self, AlertsSection *section, GError **error)
{
  g_autofree gchar *text = NULL;

  if (alerts_section_take (section, "secret"))
    return alerts_section_fail (section, section->line, error,
        "a secret belongs into a file of its own, which secret-file names");
  if (!read_file (section, "secret-file", &text, error))
    return FALSE;
  if (!text)
    return TRUE;
  self->secret = decode_secret (text);
  return g_bytes_get_size (self->secret) >= LEAST_SECRET ||
         alerts_section_fail (section, section->line, error,
             "the secret of %s is shorter than %d bytes", self->name, LEAST_SECRET);
}

static gboolean
is_web_address (const gchar *text)
{
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  const gchar *scheme = uri ? g_uri_get_scheme (uri) : "", *host = uri ? g_uri_get_host (uri) : "";

  return (g_str_equal (scheme, "http") || g_str_equal (scheme, "https")) && host && *host;
}

static gboolean
read_webhook (AlertsTarget *self, AlertsSection *section, GError **error)
{
  self->way = ALERTS_WEBHOOK;
  if (!is_web_address (self->address))
    return alerts_section_fail (
        section, section->line, error, "the webhook of %s isn't http:// or https://", self->name);
  self->ca_file = take_text (section, "ca-file", NULL);
  return read_secret (self, section, error);
}

static gboolean
read_topic (AlertsTarget *self, AlertsSection *section, GError **error)
{
  self->way = ALERTS_TOPIC;
  return g_regex_match_simple ("^[A-Za-z0-9._-]{1,249}$", self->address, 0, 0) ||
         alerts_section_fail (section, section->line, error,
             "\"%s\" isn't a topic's name: 1 to 249 letters, digits, . _ and -", self->address);
}

static gboolean
read_user (AlertsTarget *self, AlertsSection *section, GError **error)
{
  self->user = take_text (section, "user", NULL);
  if (alerts_section_take (section, "password"))
    return alerts_section_fail (section, section->line, error,
        "a password belongs into a file of its own, which password-file names");
  if (!read_file (section, "password-file", &self->password, error))
    return FALSE;
  return !self->password || self->user ||
         alerts_section_fail (section, section->line, error,
             "the target %s has a password-file, but no user", self->name);
}

/* Reads an MQTT address, in which the URL's path is the topic. */
static gboolean
read_mqtt (AlertsTarget *self, AlertsSection *section, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (self->address, G_URI_FLAGS_NONE, NULL);
  const gchar *scheme = uri ? g_uri_get_scheme (uri) : "";

  self->way = ALERTS_MQTT;
  if (!(g_str_equal (scheme, "mqtt") || g_str_equal (scheme, "mqtts")) || !g_uri_get_host (uri) ||
      !*g_uri_get_host (uri) || strlen (g_uri_get_path (uri)) < 2 || strpbrk (self->address, "+#?"))
    return alerts_section_fail (section, section->line, error,
        "the mqtt of %s isn't mqtt://HOST:PORT/TOPIC or mqtts://, with a topic without +, # and ?",
        self->name);
  if (g_uri_get_userinfo (uri))
    return alerts_section_fail (section, section->line, error,
        "the mqtt of %s holds a user: use user and password-file", self->name);
  self->ca_file = take_text (section, "ca-file", NULL);
  return read_user (self, section, error);
}

static gboolean
read_address (AlertsTarget *self, AlertsSection *section, GError **error)
{
  static const struct {
    const gchar *key;
    gboolean (*read) (AlertsTarget *, AlertsSection *, GError **);
  } ways[] = {{"webhook", read_webhook}, {"topic", read_topic}, {"mqtt", read_mqtt}};
  guint count = 0, found = 0;

  if (!read_file (section, "webhook-file", &self->address, error))
    return FALSE;
  count += self->address != NULL;
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
    g_autofree gchar *text = take_text (section, ways[i].key, NULL);

    if (!text)
      continue;
    count++;
    found = i;
    g_free (self->address);
    self->address = g_steal_pointer (&text);
  }
  return count == 1
             ? ways[found].read (self, section, error)
             : alerts_section_fail (section, section->line, error,
                   "the target %s needs one of webhook, webhook-file, topic and mqtt", self->name);
}

static gboolean
add_target (AlertsRules *rules, AlertsSection *section, GError **error)
{
  AlertsTarget *self = g_new0 (AlertsTarget, 1);

  self->name = g_strdup (section->name);
  self->line = section->line;
  self->timeout = 10 * SECOND;
  self->index = rules->targets->len;
  g_ptr_array_add (rules->targets, self);
  if (!read_address (self, section, error) ||
      !read_duration (section, "timeout", &self->timeout, error))
    return FALSE;
  if (self->timeout < SECOND || self->timeout > 300 * SECOND)
    return alerts_section_fail (section, section->line, error, "timeout is from 1s to 5min");
  return alerts_section_is_used_up (section, error);
}

/* --- rules --- */

static gboolean
read_targets (AlertsRule *self, const AlertsRules *rules, AlertsSection *section, GError **error)
{
  const AlertsEntry *entry = alerts_section_take (section, "targets");
  g_auto (GStrv) names = entry ? g_strsplit_set (entry->value, " ,", -1) : NULL;

  for (guint i = 0; names && names[i]; i++) {
    AlertsTarget *target = alerts_rules_find_target (rules, names[i]);

    if (*names[i] && !target)
      return alerts_section_fail (
          section, entry->line, error, "there is no [target %s] in this file", names[i]);
    if (target && !g_ptr_array_find (self->targets, target, NULL))
      g_ptr_array_add (self->targets, target);
  }
  return self->targets->len > 0 || alerts_section_fail (section, section->line, error,
                                       "the rule %s has no targets", self->name);
}

/* Returns the default of the key `above`; -1: no default, so the rule file has to set the key. */
static gdouble
find_above (AlertsKind kind)
{
  const AlertsMetric *metric = alerts_kind_get_metric (kind);

  if (kind == ALERTS_COVERED)
    return COVERED_ABOVE;
  if (kind == ALERTS_FROZEN)
    return FROZEN_ABOVE;
  return metric && metric->counts ? 0 : -1;
}

/* Returns the default of the key `until`, which is at most @above. */
static gdouble
find_until (AlertsKind kind, gdouble above)
{
  if (kind == ALERTS_COVERED)
    return MIN (COVERED_UNTIL, above);
  return kind == ALERTS_FROZEN ? 0 : above;
}

static gboolean
read_thresholds (AlertsRule *self, AlertsSection *section, GError **error)
{
  const AlertsMetric *metric = alerts_kind_get_metric (self->kind);

  self->above = find_above (self->kind);
  self->calm = metric && metric->counts ? CALM : 0;
  self->until = -1;
  if (alerts_kind_is_silence (self->kind))
    return TRUE;
  if (!read_number (section, "above", &self->above, error) ||
      !read_number (section, "until", &self->until, error) ||
      !read_duration (section, "until-for", &self->calm, error))
    return FALSE;
  if (self->above < 0)
    return alerts_section_fail (
        section, section->line, error, "the rule %s has no number \"above\"", self->name);
  if (self->until < 0)
    self->until = find_until (self->kind, self->above);
  return self->until <= self->above || alerts_section_fail (section, section->line, error,
                                           "until has to be at most above, else the alert would "
                                           "end as it begins");
}

static gboolean
read_quiet (AlertsRule *self, AlertsSection *section, GError **error)
{
  const AlertsEntry *entry = alerts_section_take (section, "quiet");
  g_autofree gchar *zone = entry ? take_text (section, "time-zone", NULL) : NULL;
  g_autoptr (GError) cause = NULL;

  if (!entry)
    return TRUE;
  self->quiet = alerts_quiet_parse (entry->value, zone, &cause);
  return self->quiet ||
         alerts_section_fail (section, entry->line, error, "quiet: %s", cause->message);
}

static gboolean
read_stages (AlertsRule *self, AlertsSection *section, GError **error)
{
  const AlertsEntry *entry = alerts_section_take (section, "stages");

  if (!entry)
    return alerts_section_fail (section, section->line, error,
        "kind=%s needs stages, the addresses of metrics as http://fog:8080/metrics",
        kinds[self->kind].name);
  self->stages = g_strsplit (entry->value, " ", -1);
  for (guint i = 0; self->stages[i]; i++)
    if (!is_web_address (self->stages[i]))
      return alerts_section_fail (section, entry->line, error,
          "\"%s\" isn't http:// or https://; one space is between two addresses", self->stages[i]);
  return TRUE;
}

static gboolean
read_subject (AlertsRule *self, AlertsSection *section, GError **error)
{
  g_autofree gchar *pattern = take_text (section, kinds[self->kind].subject, "*");

  self->subjects = g_pattern_spec_new (pattern);
  if (alerts_kind_get_metric (self->kind))
    return read_stages (self, section, error);
  if (self->kind != ALERTS_FACES)
    return TRUE;
  self->zone = take_text (section, "zone", NULL);
  return read_duration (section, "hold", &self->hold, error) &&
         (self->hold >= SECOND || alerts_section_fail (section, section->line, error,
                                      "hold is at least 1s: a frame without faces makes no event"));
}

static gboolean
read_times (AlertsRule *self, AlertsSection *section, GError **error)
{
  const AlertsMetric *metric = alerts_kind_get_metric (self->kind);

  if (!read_duration (section, "for", &self->patience, error) ||
      !read_duration (section, "forget", &self->forget, error))
    return FALSE;
  if (metric && metric->counts && self->patience)
    return alerts_section_fail (section, section->line, error,
        "kind=%s takes no for: its number is what was counted since the last reading",
        kinds[self->kind].name);
  return !alerts_kind_is_silence (self->kind) || self->patience >= SECOND ||
         alerts_section_fail (
             section, section->line, error, "kind=%s needs for=1s or more", kinds[self->kind].name);
}

static gboolean
add_rule (AlertsRules *rules, AlertsSection *section, GError **error)
{
  AlertsRule *self = g_new0 (AlertsRule, 1);

  self->name = g_strdup (section->name);
  self->line = section->line;
  self->targets = g_ptr_array_new ();
  g_ptr_array_add (rules->rules, self);
  if (!read_kind (section, &self->kind, error))
    return FALSE;
  self->patience = kinds[self->kind].patience;
  self->hold = kinds[self->kind].hold;
  self->forget = kinds[self->kind].forget;
  self->severity = take_text (section, "severity", "warning");
  return read_subject (self, section, error) && read_thresholds (self, section, error) &&
         read_times (self, section, error) && read_quiet (self, section, error) &&
         read_targets (self, rules, section, error) && alerts_section_is_used_up (section, error);
}

/* --- the file --- */

/* Adds all targets before the rules, because rules may name targets that come later in the file. */
static gboolean
add_sections (AlertsRules *self, GPtrArray *sections, GError **error)
{
  static const struct {
    const gchar *type;
    gboolean (*add) (AlertsRules *, AlertsSection *, GError **);
  } steps[] = {{"target", add_target}, {"rule", add_rule}};

  for (guint step = 0; step < G_N_ELEMENTS (steps); step++)
    for (guint i = 0; i < sections->len; i++) {
      AlertsSection *section = g_ptr_array_index (sections, i);

      if (g_str_equal (section->type, steps[step].type) && !steps[step].add (self, section, error))
        return FALSE;
    }
  return TRUE;
}

AlertsRules *
alerts_rules_parse (const gchar *file, const gchar *text, GError **error)
{
  g_autoptr (GPtrArray) sections = alerts_file_parse (file, text, error);
  g_autoptr (AlertsRules) self = NULL;

  if (!sections)
    return NULL;
  self = g_new0 (AlertsRules, 1);
  self->rules = g_ptr_array_new_with_free_func (rule_free);
  self->targets = g_ptr_array_new_with_free_func (target_free);
  if (!add_sections (self, sections, error))
    return NULL;
  if (self->rules->len)
    return g_steal_pointer (&self);
  g_set_error (
      error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s:1: there is no [rule NAME]", file);
  return NULL;
}

AlertsRules *
alerts_rules_load (const gchar *file, GError **error)
{
  g_autofree gchar *text = NULL;
  gsize size;

  if (!fog_file_read (file, FOG_FILE_MAX, &text, &size, error))
    return NULL;
  if (strlen (text) == size)
    return alerts_rules_parse (file, text, error);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s:1: the file isn't text", file);
  return NULL;
}

void
alerts_rules_free (AlertsRules *self)
{
  g_ptr_array_unref (self->rules);
  g_ptr_array_unref (self->targets);
  g_free (self);
}

AlertsRule *
alerts_rules_find (const AlertsRules *self, const gchar *name)
{
  for (guint i = 0; i < self->rules->len; i++) {
    AlertsRule *rule = g_ptr_array_index (self->rules, i);

    if (g_str_equal (rule->name, name))
      return rule;
  }
  return NULL;
}

AlertsTarget *
alerts_rules_find_target (const AlertsRules *self, const gchar *name)
{
  for (guint i = 0; i < self->targets->len; i++) {
    AlertsTarget *target = g_ptr_array_index (self->targets, i);

    if (g_str_equal (target->name, name))
      return target;
  }
  return NULL;
}
