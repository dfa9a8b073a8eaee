/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Messages on disk: a SQLite database, DIR/messages.db, that one process has open. A change is
 * either on the disk as a whole or not at all, whatever ends the process or the machine. Takes no
 * lock. README.md says why SQLite, and why with a rollback journal. */
typedef struct _GstKafkaSpoolStore GstKafkaSpoolStore;

/* A message as it goes to Kafka. */
typedef struct {
  gatomicrefcount refs;
  guint64 id;    /* its place in the order */
  gint64 stored; /* when it was put aside, us since the Unix epoch */
  gchar *topic;
  gint partition; /* -1: the key or the turn chooses it */
  GBytes *key;    /* NULL: none */
  gint64 timestamp;
  GBytes *headers; /* as gst_kafka_record_to_message() made them */
  GBytes *value;   /* NULL: a tombstone */
  gsize listed;    /* bytes of headers and value, where a list leaves these out */
} GstKafkaSpoolMessage;

GstKafkaSpoolMessage *gst_kafka_spool_message_new (void);
GstKafkaSpoolMessage *gst_kafka_spool_message_ref (GstKafkaSpoolMessage *self);
void gst_kafka_spool_message_unref (GstKafkaSpoolMessage *self);
/* Bytes that it takes in memory and, about, on the disk. */
gsize gst_kafka_spool_message_size (const GstKafkaSpoolMessage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstKafkaSpoolMessage, gst_kafka_spool_message_unref)

/**
 * gst_kafka_spool_store_open:
 * @dir: created if it is missing, but not the directory that it is in
 * @aside: (out) (nullable) (transfer full): the file that a damaged database was moved to
 * @error: GST_RESOURCE_ERROR_BUSY (another process has it open), OPEN_WRITE, NO_SPACE_LEFT
 *
 * Returns: (nullable)
 */
GstKafkaSpoolStore *gst_kafka_spool_store_open (const gchar *dir, gchar **aside, GError **error);
void gst_kafka_spool_store_close (GstKafkaSpoolStore *self);

/* Moves a database that proved to be damaged aside and begins a new one. */
gboolean gst_kafka_spool_store_replace (GstKafkaSpoolStore *self, gchar **aside, GError **error);

/**
 * gst_kafka_spool_store_change:
 * @added: (nullable): GstKafkaSpoolMessages
 * @removed: (nullable): ids, guint64; those that aren't there are ignored
 * @error: GST_RESOURCE_ERROR_NO_SPACE_LEFT; READ: the database is damaged; WRITE
 *
 * One transaction, on the disk when the call returns. What is only removed succeeds on a full disk
 * too.
 */
gboolean gst_kafka_spool_store_change (
    GstKafkaSpoolStore *self, GPtrArray *added, GArray *removed, GError **error);

/* (transfer full) (nullable): up to @count messages with the id @from or a higher one, in order,
 * and no more after @bytes. @error as above. */
GPtrArray *gst_kafka_spool_store_read (
    GstKafkaSpoolStore *self, guint64 from, guint count, gsize bytes, GError **error);
/* Like gst_kafka_spool_store_read(), with only the id, time and size of each message. */
GPtrArray *gst_kafka_spool_store_list (
    GstKafkaSpoolStore *self, guint64 from, guint count, GError **error);

/* Gives the room of what was removed back to the file system. Cheap only if nothing is left. */
void gst_kafka_spool_store_shrink (GstKafkaSpoolStore *self);

guint64 gst_kafka_spool_store_messages (const GstKafkaSpoolStore *self);
/* Bytes of the file that are in use. */
guint64 gst_kafka_spool_store_bytes (GstKafkaSpoolStore *self);
/* An id higher than those of all messages. */
guint64 gst_kafka_spool_store_next_id (GstKafkaSpoolStore *self);

G_END_DECLS
