/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "alertsrules.h"

G_BEGIN_DECLS

/* The state of sending a notice to one target that hasn't accepted it yet. */
typedef struct {
  AlertsTarget *target;
  guint tries;       /* number of failed attempts */
  gint64 not_before; /* earliest time of the next attempt, ms since the Unix epoch */
  gboolean sending;
} AlertsSend;

/* One message about an alert: that it fires, or that it is resolved. The text of a notice never
 * changes, so each attempt sends the same text. */
typedef struct {
  gint refs;
  gchar *id; /* of the alert */
  /* made of the alert's id and its state, so that it is the same in each attempt of any process */
  gchar *key;
  gchar *body;     /* JSON */
  gboolean firing; /* else resolved */
  gboolean tried;  /* the watch's record says that an attempt to send the notice may have begun */
  /* version of the watch's record that must be durable before the notice is sent */
  guint64 version;
  GPtrArray *sends; /* of AlertsSend */
} AlertsNotice;

/* The contents of a notice. Times are ms since the Unix epoch. */
typedef struct {
  const AlertsRule *rule;
  const gchar *subject; /* name of the camera, the replica or the series of metrics */
  const gchar *id;      /* of the alert */
  gboolean firing;
  gint64 start; /* time when the condition began */
  gint64 time;  /* time when the alert fired, or when the condition ended */
  gdouble value;
  /* (nullable): why the alert was resolved, if not because the condition ended */
  const gchar *reason;
} AlertsFacts;

/* Returns: (transfer full): the alert's id, which depends only on @rule, @subject and @start */
gchar *alerts_make_id (const gchar *rule, const gchar *subject, gint64 start);

/* Returns TRUE if @object has the member @name, and the member is true. */
gboolean alerts_read_flag (JsonObject *object, const gchar *name);

/* Returns a notice that is to be sent to each target of the rule. */
AlertsNotice *alerts_notice_new (const AlertsFacts *facts);
AlertsNotice *alerts_notice_ref (AlertsNotice *self);
void alerts_notice_unref (AlertsNotice *self);
gboolean alerts_notice_is_sending (const AlertsNotice *self);
/* Returns TRUE if an attempt to send the notice may have begun, or a target has accepted the
 * notice. */
gboolean alerts_notice_was_tried (const AlertsNotice *self, const AlertsRule *rule);

void alerts_notice_to_json (const AlertsNotice *self, JsonBuilder *json);
/* Returns: (nullable) (transfer full): the notice; NULL if @node isn't one. @missing: (inout):
 * increased by the number of targets that aren't in the rule file any more */
AlertsNotice *alerts_notice_from_json (JsonNode *node, const AlertsRules *rules, guint *missing);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlertsNotice, alerts_notice_unref)

G_END_DECLS
