/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "alertsrules.h"

G_BEGIN_DECLS

/* What one target still has to get of a notice. */
typedef struct {
  AlertsTarget *target;
  guint tries;       /* that failed */
  gint64 not_before; /* ms since the Unix epoch: when the next try may begin */
  gboolean sending;
} AlertsSend;

/* One message about an alert: that it fires, or that it is resolved. Its text never changes, so
 * each try to send it sends the same. */
typedef struct {
  gint refs;
  gchar *id;        /* of the alert */
  gchar *key;       /* the alert's id, and its state: the same in each try, by any process */
  gchar *body;      /* JSON */
  gboolean firing;  /* else resolved */
  gboolean tried;   /* the watch's record says that a try to send it may have begun */
  guint64 version;  /* of the watch's record, which must be durable before the notice is sent */
  GPtrArray *sends; /* of AlertsSend */
} AlertsNotice;

/* What a notice says. Times are ms since the Unix epoch. */
typedef struct {
  const AlertsRule *rule;
  const gchar *subject; /* the camera or the replica */
  const gchar *id;      /* of the alert */
  gboolean firing;
  gint64 start; /* when the condition began */
  gint64 time;  /* when the alert fired, or when the condition ended */
  gdouble value;
  const gchar *reason; /* (nullable): why it was resolved, if not because the condition ended */
} AlertsFacts;

/* Returns: (transfer full): the same for the same rule, subject and start */
gchar *alerts_make_id (const gchar *rule, const gchar *subject, gint64 start);

/* Returns whether the member is there and true. */
gboolean alerts_read_flag (JsonObject *object, const gchar *name);

/* A notice to each target of the rule. */
AlertsNotice *alerts_notice_new (const AlertsFacts *facts);
AlertsNotice *alerts_notice_ref (AlertsNotice *self);
void alerts_notice_unref (AlertsNotice *self);
gboolean alerts_notice_is_sending (const AlertsNotice *self);
/* Returns whether a try to send the notice may have begun, or some target has it. */
gboolean alerts_notice_was_tried (const AlertsNotice *self, const AlertsRule *rule);

void alerts_notice_to_json (const AlertsNotice *self, JsonBuilder *json);
/* (nullable) (transfer full): NULL: @node is no notice. @missing: (inout): the number of targets
 * that aren't in the rule file any more */
AlertsNotice *alerts_notice_from_json (JsonNode *node, const AlertsRules *rules, guint *missing);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlertsNotice, alerts_notice_unref)

G_END_DECLS
