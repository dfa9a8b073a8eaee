/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <librdkafka/rdkafka.h>

#include "alertsbook.h"
#include "livesettings.h"

G_BEGIN_DECLS

/* Keeps the durable records of the watches in a compacted topic, with keys RULE/SUBJECT, which one
 * process of the group writes at a time. This object also sends notices to targets that are topics,
 * because it has a producer. */
typedef struct _AlertsState AlertsState;

/* Keeps a pointer to @source, which names the topic. @error: the settings are wrong, or the topic
 * can't be created, or it deletes records by age */
AlertsState *alerts_state_new (const LiveSource *source, GError **error);
void alerts_state_free (AlertsState *self);

/* Fences other processes of the group, so that only this one writes records from now on; to be
 * called before the records are read or written. Waits until Kafka answers. */
gboolean alerts_state_take_over (AlertsState *self, GError **error);
/* Reads all records, and adds their watches to @book. Waits until Kafka answers. @now: ms since the
 * Unix epoch */
gboolean alerts_state_load (
    AlertsState *self, AlertsBook *book, const AlertsRules *rules, gint64 now, GError **error);
/* Begins to write the watch's record; when it is written, the watch's field `durable` is set to its
 * version. */
void alerts_state_write (AlertsState *self, AlertsWatch *watch);
/* Begins to write a record that doesn't belong to a watch. @key: a key that isn't RULE/SUBJECT */
void alerts_state_put (AlertsState *self, const gchar *key, const gchar *text, gsize size);
/* Returns: (nullable): the text that a record of alerts_state_put() had when it was loaded */
const gchar *alerts_state_get (AlertsState *self, const gchar *key);
/* Returns: (transfer container): the keys, with this prefix, of all records that
 * alerts_state_get() returns */
GList *alerts_state_list (AlertsState *self, const gchar *prefix);
/* Begins to delete the record @key. */
void alerts_state_delete (AlertsState *self, const gchar *key);
/* Returns whether all records that were written or deleted are durable. */
gboolean alerts_state_is_durable (AlertsState *self);
/* Returns whether so many records wait that those which can wait shouldn't be written yet. */
gboolean alerts_state_is_busy (AlertsState *self);
/* Handles the delivery reports that have come. Returns FALSE, in the first such call with @error,
 * if Kafka refuses a record for good, or another process has taken over. */
gboolean alerts_state_poll (AlertsState *self, GError **error);
/* Returns TRUE if Kafka answers that @topic doesn't exist. */
gboolean alerts_state_lacks_topic (AlertsState *self, const gchar *topic);
/* Waits at most 5 s for all records to become durable. */
void alerts_state_flush (AlertsState *self);

typedef void (*AlertsProduced) (rd_kafka_resp_err_t err, gpointer data);

/* Begins to send a message. @done is called by alerts_state_poll(), or before the object is
 * freed. */
void alerts_state_send (AlertsState *self, const gchar *topic, const gchar *key, const gchar *text,
    AlertsProduced done, gpointer data);

G_END_DECLS
