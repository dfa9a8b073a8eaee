/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The messages on the disk: a SQLite database, DIR/messages.db, which only one process at a time
 * may open. A transaction is on the disk as a whole or not at all, even after a crash of the
 * process or the machine. The store takes no lock. README.md explains the choice of SQLite and of
 * its rollback journal. */
typedef struct _GstKafkaSpoolStore GstKafkaSpoolStore;

/* A message as it is sent to Kafka. */
typedef struct {
  gatomicrefcount refs;
  guint64 id;    /* the message's position in the order of sending */
  gint64 stored; /* the time when the message came to the spool, us since the Unix epoch */
  gchar *topic;
  gint partition; /* -1: the partitioner chooses the partition */
  GBytes *key;    /* NULL: none */
  gint64 timestamp;
  GBytes *headers; /* the result of gst_kafka_record_to_message() */
  GBytes *value;   /* NULL: a tombstone */
  /* the number of bytes of headers and value, if gst_kafka_spool_store_list() left both out */
  gsize listed;
} GstKafkaSpoolMessage;

GstKafkaSpoolMessage *gst_kafka_spool_message_new (void);
GstKafkaSpoolMessage *gst_kafka_spool_message_ref (GstKafkaSpoolMessage *self);
void gst_kafka_spool_message_unref (GstKafkaSpoolMessage *self);
/* Returns the bytes that a message takes in memory, and roughly on the disk. */
gsize gst_kafka_spool_message_size (const GstKafkaSpoolMessage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstKafkaSpoolMessage, gst_kafka_spool_message_unref)

/**
 * gst_kafka_spool_store_open:
 * @dir: the directory of the database, which is created if its parent directory exists
 * @aside: (out) (nullable) (transfer full): the file that a damaged database was moved to
 * @error: GST_RESOURCE_ERROR_BUSY (another process has it open), OPEN_WRITE, NO_SPACE_LEFT
 *
 * Returns: (nullable)
 */
GstKafkaSpoolStore *gst_kafka_spool_store_open (const gchar *dir, gchar **aside, GError **error);
void gst_kafka_spool_store_close (GstKafkaSpoolStore *self);

/* Renames a damaged database, and begins a new one. */
gboolean gst_kafka_spool_store_replace (GstKafkaSpoolStore *self, gchar **aside, GError **error);

/**
 * gst_kafka_spool_store_change:
 * @added: (nullable): GstKafkaSpoolMessages
 * @removed: (nullable): ids (guint64) of the messages to remove; unknown ids are ignored
 * @error: GST_RESOURCE_ERROR_NO_SPACE_LEFT; READ: the database is damaged; WRITE
 *
 * Makes one transaction, which is on the disk when the call returns. A transaction that only
 * removes messages succeeds on a full disk too.
 */
gboolean gst_kafka_spool_store_change (
    GstKafkaSpoolStore *self, GPtrArray *added, GArray *removed, GError **error);

/* Returns: (transfer full) (nullable): up to @count messages, in order, from the id @from on.
 * Reading stops once the messages read have @bytes bytes or more. @error is as for
 * gst_kafka_spool_store_change(). */
GPtrArray *gst_kafka_spool_store_read (
    GstKafkaSpoolStore *self, guint64 from, guint count, gsize bytes, GError **error);
/* Like gst_kafka_spool_store_read(), but only with the id, time and size of each message. */
GPtrArray *gst_kafka_spool_store_list (
    GstKafkaSpoolStore *self, guint64 from, guint count, GError **error);

/* Returns the unused pages of the database to the file system. The call is fast only if no message
 * is left. */
void gst_kafka_spool_store_shrink (GstKafkaSpoolStore *self);

guint64 gst_kafka_spool_store_messages (const GstKafkaSpoolStore *self);
/* Returns the bytes of the file that messages use. */
guint64 gst_kafka_spool_store_bytes (GstKafkaSpoolStore *self);
/* Returns an id higher than those of all messages. */
guint64 gst_kafka_spool_store_next_id (GstKafkaSpoolStore *self);

G_END_DECLS
