/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "livesettings.h"

G_BEGIN_DECLS

/* Writes the records of alerts to their topic, in transactions and in a thread of its own. The
 * `transactional.id` is the name of the consumer group: a process that takes over the journal
 * fences the process that had it, which can't write any more, and learns this within
 * ALERTS_JOURNAL_PULSE. */
typedef struct _AlertsJournal AlertsJournal;

/* If the journal has written no record for this time (us), it writes a record of its own, to learn
 * whether another process has taken over. */
#define ALERTS_JOURNAL_PULSE (5 * G_USEC_PER_SEC)

/* Called for each record that has become durable, in the order of alerts_journal_put(). */
typedef void (*AlertsWritten) (const gchar *key, guint64 version, gpointer data);

/* Keeps a pointer to @source. @error: the settings are wrong */
AlertsJournal *alerts_journal_new (const LiveSource *source, GError **error);
/* Records that aren't durable yet are given up. */
void alerts_journal_free (AlertsJournal *self);

/* Fences other processes of the group, and begins to write. Waits until Kafka answers. @error:
 * Kafka refuses the transactions */
gboolean alerts_journal_take_over (AlertsJournal *self, GError **error);
/* Begins to write a record. @text: (nullable): if NULL, the record of @key is deleted */
void alerts_journal_put (
    AlertsJournal *self, const gchar *key, const gchar *text, gsize size, guint64 version);
/* Calls @written for records that have become durable. Returns FALSE, in the first such call with
 * @error, if no record will become durable any more, because Kafka refuses one for good or another
 * process has taken over. */
gboolean alerts_journal_poll (
    AlertsJournal *self, AlertsWritten written, gpointer data, GError **error);
/* Returns whether all records are durable. */
gboolean alerts_journal_is_durable (AlertsJournal *self);
/* Returns whether more records wait than one transaction writes. */
gboolean alerts_journal_is_busy (AlertsJournal *self);

G_END_DECLS
