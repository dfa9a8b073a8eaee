/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsnotice.h"

#include <string.h>

#include "fogjson.h"
#include "livejson.h"
#include "toolstime.h"

#define ID_DIGITS 32

gchar *
alerts_make_id (const gchar *rule, const gchar *subject, gint64 start)
{
  g_autofree gchar *text = g_strdup_printf ("%s\n%s\n%" G_GINT64_FORMAT, rule, subject, start);
  gchar *id = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);

  id[ID_DIGITS] = '\0';
  return id;
}

gboolean
alerts_read_flag (JsonObject *object, const gchar *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) &&
         json_node_get_value_type (node) == G_TYPE_BOOLEAN && json_node_get_boolean (node);
}

static AlertsNotice *
notice_new (const gchar *key, const gchar *body, gboolean firing)
{
  AlertsNotice *self = g_new0 (AlertsNotice, 1);

  self->refs = 1;
  self->id = g_strndup (key, strcspn (key, "-"));
  self->key = g_strdup (key);
  self->body = g_strdup (body);
  self->firing = firing;
  self->sends = g_ptr_array_new_with_free_func (g_free);
  return self;
}

static void
add_target (AlertsNotice *self, AlertsTarget *target)
{
  AlertsSend *send = g_new0 (AlertsSend, 1);

  send->target = target;
  g_ptr_array_add (self->sends, send);
}

static gchar *
describe_end (const AlertsFacts *facts, const gchar *what)
{
  if (facts->reason)
    return g_strdup_printf ("%s: %s", what, facts->reason);
  return g_strdup_printf ("%s: it has ended", what);
}

static gchar *
describe_condition (const AlertsFacts *facts)
{
  const AlertsRule *rule = facts->rule;
  gdouble seconds = (gdouble) (facts->time - facts->start) / 1000;

  switch (rule->kind) {
    case ALERTS_FACES:
      return g_strdup_printf ("faces%s%s at camera %s: %g, more than %g",
          rule->zone ? " in zone " : "", rule->zone ? rule->zone : "", facts->subject, facts->value,
          rule->above);
    case ALERTS_SILENT:
      return g_strdup_printf (
          "no frame of camera %s was counted for %.0f s", facts->subject, seconds);
    case ALERTS_COVERED:
      return g_strdup_printf ("the picture of camera %s has almost no detail, as if the lens is "
                              "covered: %.0f %%, more than %g %%",
          facts->subject, facts->value, rule->above);
    case ALERTS_FROZEN:
      return g_strdup_printf ("the picture of camera %s hasn't changed by a bit for %.0f s",
          facts->subject, facts->value);
    case ALERTS_REPLICA:
      return g_strdup_printf ("replica %s sent no report for %.0f s", facts->subject, seconds);
    case ALERTS_WAITING:
      return g_strdup_printf ("messages that wait for replica %s: %g, more than %g", facts->subject,
          facts->value, rule->above);
    case ALERTS_OLD:
      return g_strdup_printf ("what waits in topic %s is %g s old, more than %g s", facts->subject,
          facts->value, rule->above);
    case ALERTS_REJECTED:
      return g_strdup_printf (
          "frames, messages or documents given up: %g (%s)", facts->value, facts->subject);
    case ALERTS_LOST:
      return g_strdup_printf (
          "messages deleted before they were read: %g (topic %s)", facts->value, facts->subject);
    default:
      return g_strdup_printf ("replica %s counts frames %g s after their capture, more than %g s",
          facts->subject, facts->value, rule->above);
  }
}

static void
add_time (JsonBuilder *json, const gchar *name, gint64 ms)
{
  g_autofree gchar *text = tools_time_to_text (ms);

  live_json_text (json, name, text);
}

static GBytes *
make_body (const AlertsFacts *facts)
{
  const AlertsRule *rule = facts->rule;
  g_autofree gchar *condition = describe_condition (facts);
  g_autofree gchar *text = facts->firing ? g_steal_pointer (&condition) : NULL;
  JsonBuilder *json = live_json_new ();

  if (!text)
    text = describe_end (facts, condition);
  live_json_text (json, "id", facts->id);
  live_json_text (json, "state", facts->firing ? "firing" : "resolved");
  live_json_text (json, "rule", rule->name);
  live_json_text (json, "kind", alerts_kind_name (rule->kind));
  live_json_text (json, "severity", rule->severity);
  live_json_text (json, alerts_kind_get_subject (rule->kind), facts->subject);
  if (rule->zone)
    live_json_text (json, "zone", rule->zone);
  add_time (json, "start", facts->start);
  add_time (json, facts->firing ? "fired" : "ended", facts->time);
  if (!alerts_kind_is_silence (rule->kind)) {
    live_json_number (json, "value", facts->value);
    live_json_number (json, "above", rule->above);
  }
  if (facts->reason)
    live_json_text (json, "reason", facts->reason);
  live_json_text (json, "text", text);
  return live_json_end (json);
}

AlertsNotice *
alerts_notice_new (const AlertsFacts *facts)
{
  g_autoptr (GBytes) bytes = make_body (facts);
  gsize size;
  const gchar *data = g_bytes_get_data (bytes, &size);
  g_autofree gchar *body = g_strndup (data, size);
  g_autofree gchar *key =
      g_strdup_printf ("%s-%s", facts->id, facts->firing ? "firing" : "resolved");
  AlertsNotice *self = notice_new (key, body, facts->firing);

  for (guint i = 0; i < facts->rule->targets->len; i++)
    add_target (self, g_ptr_array_index (facts->rule->targets, i));
  return self;
}

AlertsNotice *
alerts_notice_ref (AlertsNotice *self)
{
  self->refs++;
  return self;
}

void
alerts_notice_unref (AlertsNotice *self)
{
  if (--self->refs)
    return;
  g_free (self->id);
  g_free (self->key);
  g_free (self->body);
  g_ptr_array_unref (self->sends);
  g_free (self);
}

gboolean
alerts_notice_was_tried (const AlertsNotice *self, const AlertsRule *rule)
{
  return self->tried || self->sends->len < rule->targets->len;
}

gboolean
alerts_notice_is_sending (const AlertsNotice *self)
{
  gboolean sending = FALSE;

  for (guint i = 0; i < self->sends->len; i++)
    sending |= ((AlertsSend *) g_ptr_array_index (self->sends, i))->sending;
  return sending;
}

void
alerts_notice_to_json (const AlertsNotice *self, JsonBuilder *json)
{
  json_builder_begin_object (json);
  live_json_text (json, "key", self->key);
  live_json_text (json, "state", self->firing ? "firing" : "resolved");
  live_json_text (json, "body", self->body);
  live_json_flag (json, "tried", self->tried);
  live_json_open_list (json, "targets");
  for (guint i = 0; i < self->sends->len; i++) {
    const AlertsSend *send = g_ptr_array_index (self->sends, i);

    json_builder_add_string_value (json, send->target->name);
  }
  json_builder_end_array (json);
  json_builder_end_object (json);
}

static void
read_target (AlertsNotice *self, JsonNode *node, const AlertsRules *rules, guint *missing)
{
  const gchar *name = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
  AlertsTarget *target = name ? alerts_rules_find_target (rules, name) : NULL;

  if (target)
    add_target (self, target);
  else
    (*missing)++;
}

AlertsNotice *
alerts_notice_from_json (JsonNode *node, const AlertsRules *rules, guint *missing)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const gchar *key = object ? fog_json_read_string (object, "key") : NULL;
  const gchar *body = object ? fog_json_read_string (object, "body") : NULL;
  JsonNode *list = object ? json_object_get_member (object, "targets") : NULL;
  AlertsNotice *self;

  if (!key || !body || !list || !JSON_NODE_HOLDS_ARRAY (list))
    return NULL;
  self = notice_new (key, body, g_str_has_suffix (key, "-firing"));
  self->tried = alerts_read_flag (object, "tried");
  for (guint i = 0; i < json_array_get_length (json_node_get_array (list)); i++)
    read_target (self, json_array_get_element (json_node_get_array (list), i), rules, missing);
  return self;
}
