/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsdelivery.h"

G_BEGIN_DECLS

/* Answers /livez, /readyz and /metrics by HTTP, in threads of its own. */
typedef struct _AlertsHealth AlertsHealth;

/* What is answered. */
typedef struct {
  guint64 fired, ended; /* numbers of alerts */
  guint64 skipped;      /* number of messages that were neither an event nor a report */
  guint firing;         /* number of alerts that fire now */
  guint waiting;        /* number of notices that a target hasn't got yet */
  AlertsCounts counts;
  /* for each topic, the time up to which all its messages were read, ms since the Unix epoch; 0:
   * not known */
  gint64 known[ALERTS_TOPICS];
} AlertsFigures;

/* Listens on all addresses. @port: 0: any free port */
AlertsHealth *alerts_health_new (guint16 port, GError **error);
void alerts_health_free (AlertsHealth *self);
guint16 alerts_health_get_port (AlertsHealth *self);
/* Has to be called at least once a second after this program has begun to read its topics: if 10 s
 * pass without a call, /livez answers 503. */
void alerts_health_update (AlertsHealth *self, const AlertsFigures *figures);

G_END_DECLS
