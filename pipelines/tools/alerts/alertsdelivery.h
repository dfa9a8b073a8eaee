/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsstate.h"

G_BEGIN_DECLS

/* Sends the notices of all watches to their targets, and repeats this until each target has
 * accepted or refused each notice. */
typedef struct _AlertsDelivery AlertsDelivery;

typedef struct {
  guint64 sent;    /* number of notices that a target has accepted */
  guint64 failed;  /* number of failed attempts, which are repeated */
  guint64 refused; /* number of notices that a target refused for good */
  guint64 quiet;   /* number of notices not sent because the alert began and ended in quiet hours */
  /* number of notices dropped because too many others waited for targets that didn't answer */
  guint64 dropped;
} AlertsCounts;

/* Keeps pointers to @rules, @book and @state. @error: a file of a target can't be read */
AlertsDelivery *alerts_delivery_new (
    const AlertsRules *rules, AlertsBook *book, AlertsState *state, GError **error);
/* Logs which targets are topics that Kafka doesn't have. */
void alerts_delivery_check_topics (AlertsDelivery *self);
/* Waits at most 5 s for answers, then cancels the requests that aren't answered; the next run of
 * this program sends these notices again. */
void alerts_delivery_stop (AlertsDelivery *self);
/* Cancels what is under way: the next run sends it again. A server that doesn't answer may hold
 * this up for minutes. */
void alerts_delivery_close (AlertsDelivery *self);
void alerts_delivery_free (AlertsDelivery *self);

/* Begins to send the notices that are due. @now: ms since the Unix epoch */
void alerts_delivery_tick (AlertsDelivery *self, gint64 now);
const AlertsCounts *alerts_delivery_get_counts (AlertsDelivery *self);

/* Returns the time (ms) until the next attempt, from a second to five minutes, longer after more
 * failures. @tries: number of failed attempts, 1 or more. @chance: a random number from 0 to 1, by
 * which the time varies */
gint64 alerts_delivery_get_wait (guint tries, gdouble chance);
/* Returns whether the notice at @link and the one after it need not be sent, because the alert
 * began and ended in quiet hours, and no target was notified of it. */
gboolean alerts_delivery_is_needless (const GList *link, const AlertsRule *rule, gint64 now);

G_END_DECLS
