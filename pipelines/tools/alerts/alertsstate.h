/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <librdkafka/rdkafka.h>

#include "alertsbook.h"
#include "livesettings.h"

G_BEGIN_DECLS

/* The durable records of the watches: a compacted topic, whose keys are RULE/SUBJECT. It also
 * sends the notices for topics, since it has the producer. */
typedef struct _AlertsState AlertsState;

/* @source: the topic; kept by reference. @error: the settings are wrong, or the topic can't be
 * made, or would lose records by age */
AlertsState *alerts_state_new (const LiveSource *source, GError **error);
void alerts_state_free (AlertsState *self);

/* Reads all records into @book; waits for Kafka. @now: ms since the Unix epoch */
gboolean alerts_state_load (
    AlertsState *self, AlertsBook *book, const AlertsRules *rules, gint64 now, GError **error);
/* Begins to write the watch's record; its `durable` follows. */
void alerts_state_write (AlertsState *self, AlertsWatch *watch);
/* The same for a record that is no watch's. @key: not RULE/SUBJECT */
void alerts_state_put (AlertsState *self, const gchar *key, const gchar *text, gsize size);
/* (nullable): such a record, as it was loaded */
const gchar *alerts_state_get (AlertsState *self, const gchar *key);
/* Begins to delete the record. */
void alerts_state_delete (AlertsState *self, const gchar *key);
/* Returns whether all that was begun is durable. */
gboolean alerts_state_is_durable (AlertsState *self);
/* Takes the answers that have come. FALSE with @error: Kafka refuses a record for good. */
gboolean alerts_state_poll (AlertsState *self, GError **error);
/* Waits for the answers, for at most 5 s. */
/* Returns whether Kafka answers that the topic isn't there. */
gboolean alerts_state_lacks_topic (AlertsState *self, const gchar *topic);
void alerts_state_flush (AlertsState *self);

typedef void (*AlertsProduced) (rd_kafka_resp_err_t err, gpointer data);

/* Begins to send a message; @done is called by alerts_state_poll(), or before the object ends. */
void alerts_state_send (AlertsState *self, const gchar *topic, const gchar *key, const gchar *text,
    AlertsProduced done, gpointer data);

G_END_DECLS
