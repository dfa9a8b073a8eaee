/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsdelivery.h"

G_BEGIN_DECLS

/* Answers /livez, /readyz and /metrics by HTTP, in threads of its own. */
typedef struct _AlertsHealth AlertsHealth;

/* What is answered. */
typedef struct {
  guint64 fired, ended; /* numbers of alerts */
  guint64 skipped;      /* number of messages that were no event or report */
  guint firing;         /* number of alerts that fire now */
  guint waiting;        /* number of notices that a target hasn't got yet */
  AlertsCounts counts;
  /* for each topic, the time up to which all its messages were read, ms since the Unix epoch; 0:
   * not known */
  gint64 known[ALERTS_TOPICS];
} AlertsFigures;

/* @port: port of all addresses; 0: any free one */
AlertsHealth *alerts_health_new (guint16 port, GError **error);
void alerts_health_free (AlertsHealth *self);
guint16 alerts_health_get_port (AlertsHealth *self);
/* To be called at least each second once this program reads its topics: if it isn't for 10 s,
 * /livez answers 503. */
void alerts_health_update (AlertsHealth *self, const AlertsFigures *figures);

G_END_DECLS
