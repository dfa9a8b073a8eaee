/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertswatch.h"

G_BEGIN_DECLS

/* All watches: what the messages say about cameras and replicas, held against the rules. */
typedef struct _AlertsBook AlertsBook;

/* The watch's record has to be written. */
typedef void (*AlertsChanged) (AlertsWatch *watch, gpointer data);

typedef struct {
  AlertsPlace place;
  gint64 time;    /* of the message, ms since the Unix epoch */
  gint64 arrived; /* as in AlertsSample */
  const gchar *text;
  gsize size;
} AlertsMessage;

AlertsBook *alerts_book_new (const AlertsRules *rules, AlertsChanged changed, gpointer data);
void alerts_book_free (AlertsBook *self);

/* Takes over the watch, as it was read from its record. */
void alerts_book_add (AlertsBook *self, AlertsWatch *watch);
/* FALSE with @error: the text can't be read. */
gboolean alerts_book_take_event (AlertsBook *self, const AlertsMessage *message, GError **error);
gboolean alerts_book_take_report (AlertsBook *self, const AlertsMessage *message, GError **error);
/* A number of a stage's metrics, which came at @now. */
void alerts_book_take_number (AlertsBook *self, const AlertsRule *rule, const gchar *series,
    gdouble value, gint64 hold, gint64 now);
/* @known: for each source the time up to which all its messages were read, ms since the Unix
 * epoch; 0: not known */
void alerts_book_tick (AlertsBook *self, const gint64 known[ALERTS_SOURCES]);
/* Returns the offset of the oldest message of the partition that has to be read again after a
 * restart, or -1 if there is none. */
gint64 alerts_book_get_needed (AlertsBook *self, gint source, gint partition);
/* To be called when the offsets of a partition begin again. */
void alerts_book_lose_places (AlertsBook *self, gint source, gint partition);
/* (element-type utf8 AlertsWatch): valid until the next call */
GHashTable *alerts_book_get_watches (AlertsBook *self);
/* (transfer full): the key of the watch's record */
gchar *alerts_book_make_key (const AlertsWatch *watch);

G_END_DECLS
