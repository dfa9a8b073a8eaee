/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Limits the rate at which the camera topic is read for viewers. Because Kafka can't deliver only
 * one camera's messages, or every tenth message, the server reads a busy topic in bursts, with
 * rests between them. */
typedef struct {
  gint64 time;   /* time of the last call, ms; 0: none yet */
  guint64 bytes; /* number of bytes read up to the last call */
  gdouble room;  /* number of bytes that may be read now, in one burst */
  gboolean resting;
} LiveBudget;

#define LIVE_BUDGET_RATE (8.0 * 1024 * 1024)   /* bytes/s, on average */
#define LIVE_BUDGET_BURST (16.0 * 1024 * 1024) /* bytes */

/* Returns whether to continue reading. @now: ms; @bytes: number of bytes read since the start */
gboolean live_budget_allows (LiveBudget *self, gint64 now, guint64 bytes);

G_END_DECLS
