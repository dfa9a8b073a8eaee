/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertswatch.h"

G_BEGIN_DECLS

/* Keeps all watches, and checks what the messages say about cameras and replicas against the
 * rules. */
typedef struct _AlertsBook AlertsBook;

/* Called when the durable record of @watch has to be written. */
typedef void (*AlertsChanged) (AlertsWatch *watch, gpointer data);

typedef struct {
  AlertsPlace place;
  gint64 time;    /* time of the message, ms since the Unix epoch */
  gint64 arrived; /* as in AlertsSample */
  const gchar *text;
  gsize size;
} AlertsMessage;

AlertsBook *alerts_book_new (const AlertsRules *rules, AlertsChanged changed, gpointer data);
void alerts_book_free (AlertsBook *self);

/* Adds a watch that was read from its record; the watch belongs to the book afterwards. */
void alerts_book_add (AlertsBook *self, AlertsWatch *watch);
/* The functions that take an event or a report return FALSE with @error if the message's text isn't
 * a valid event or report. */
gboolean alerts_book_take_event (AlertsBook *self, const AlertsMessage *message, GError **error);
gboolean alerts_book_take_report (AlertsBook *self, const AlertsMessage *message, GError **error);
/* Takes a number from a stage's metrics, which were read at @now. */
void alerts_book_take_number (AlertsBook *self, const AlertsRule *rule, const gchar *series,
    gdouble value, gint64 hold, gint64 now);
/* Checks all watches. @known: for each source, the time up to which all its messages were read, ms
 * since the Unix epoch; 0: not known */
void alerts_book_tick (AlertsBook *self, const gint64 known[ALERTS_SOURCES]);
/* Returns the offset of the oldest message of the partition that has to be read again after a
 * restart, or -1 if there is none. */
gint64 alerts_book_get_needed (AlertsBook *self, gint source, gint partition);
/* To be called when the offsets of a partition begin at 0 again, because its topic was created
 * again. */
void alerts_book_lose_places (AlertsBook *self, gint source, gint partition);
/* Returns: (element-type utf8 AlertsWatch): all watches by key; valid until the next call */
GHashTable *alerts_book_get_watches (AlertsBook *self);
/* Returns: (transfer full): the key of the watch's durable record */
gchar *alerts_book_make_key (const AlertsWatch *watch);

G_END_DECLS
