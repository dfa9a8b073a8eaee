/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsstate.h"

G_BEGIN_DECLS

/* Sends the notices of all watches to their targets, and tries again until each target has them or
 * refuses them. */
typedef struct _AlertsDelivery AlertsDelivery;

typedef struct {
  guint64 sent;    /* notices that a target has got */
  guint64 failed;  /* tries that are repeated */
  guint64 refused; /* notices that a target refused for good */
  guint64 quiet;   /* notices of alerts that began and ended in quiet hours */
  guint64 dropped; /* notices that found no room, since their targets were away */
} AlertsCounts;

/* All are kept by reference. @error: a target's files can't be read */
AlertsDelivery *alerts_delivery_new (
    const AlertsRules *rules, AlertsBook *book, AlertsState *state, GError **error);
/* Logs which targets are topics that Kafka doesn't have. */
void alerts_delivery_check_topics (AlertsDelivery *self);
/* Waits for answers for at most 5 s. */
void alerts_delivery_stop (AlertsDelivery *self);
/* Cancels what is under way: the next run sends it again. A server that doesn't answer may hold
 * this up for minutes. */
void alerts_delivery_close (AlertsDelivery *self);
void alerts_delivery_free (AlertsDelivery *self);

/* Begins to send what is due. @now: ms since the Unix epoch */
void alerts_delivery_tick (AlertsDelivery *self, gint64 now);
const AlertsCounts *alerts_delivery_get_counts (AlertsDelivery *self);

/* Returns the time in ms to the next try: it grows from a second to five minutes, and @chance, from
 * 0 to 1, varies it. @tries: that failed, 1 or more */
gint64 alerts_delivery_get_wait (guint tries, gdouble chance);
/* Returns whether the notice at @link and the one after it need not be sent, since an alert began
 * and ended in quiet hours before anybody knew. */
gboolean alerts_delivery_is_needless (const GList *link, const AlertsRule *rule, gint64 now);

G_END_DECLS
