/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkacleanend.h"
#include "gstkafkahandle.h"
#include "src/partitions/gstkafkapartitions.h"
#include "src/partitions/gstkafkaposition.h"

G_BEGIN_DECLS

/* One run of kafkasrc as a Kafka consumer. A thread of its own keeps the group membership alive,
 * follows the assignment, commits the ledgers' offsets and measures the lag, however slow the
 * pipeline is. The streaming thread reads messages. */
typedef struct _GstKafkaConsumer GstKafkaConsumer;

typedef struct {
  gchar **topics; /* topics: names, or patterns that begin with ^ */
  gchar *where;   /* topics and brokers as text for messages */
  gboolean group; /* TRUE if the consumer is a member of a group, and commits offsets */
  /* array of gint: the partitions to read instead of those that a group would assign; NULL: not
   * set */
  GArray *partitions;
  GstKafkaRange range;
  gchar *camera;                /* id of the only camera that a replay plays; NULL: all cameras */
  gboolean fail_on_damage;      /* TRUE if a damaged batch ends the stream */
  guint64 message_max_bytes;    /* size limit of a message; a larger message ends the stream */
  GstClockTime access_timeout;  /* limit of the wait after access was lost */
  GstClockTime connect_timeout; /* limit of the wait for the first contact, ns */
  GstPad *pad;                  /* the source pad, whose last flow return is read */
  GstKafkaCleanEnd *end;        /* nullable; detects whether the stream has ended cleanly */
} GstKafkaConsumerSettings;

void gst_kafka_consumer_settings_free (GstKafkaConsumerSettings *self);

typedef enum {
  GST_KAFKA_READ_MESSAGE,
  GST_KAFKA_READ_ASSIGNMENT, /* the assignment has changed since the last read */
  GST_KAFKA_READ_FLUSHING,
  GST_KAFKA_READ_END,
  GST_KAFKA_READ_BROKEN, /* an element downstream has failed, and nothing was pushed since */
  GST_KAFKA_READ_FAILED, /* the error is posted already */
} GstKafkaRead;

/* A message, with the objects that are needed to free it. */
typedef struct {
  rd_kafka_message_t *message;
  GstKafkaHandle *handle;
  GstKafkaLedger *ledger;
  gint64 behind;      /* number of messages after this one in its partition */
  gboolean careful;   /* the message goes through the pipeline alone, because the last run failed */
  gboolean condemned; /* the message was alone in 3 failed runs, and must not go downstream */
  gboolean hopeless;  /* too many messages before this one were condemned too */
} GstKafkaFetched;

void gst_kafka_fetched_clear (GstKafkaFetched *self);

/* The function takes ownership of @conf and @settings. @element posts errors, warnings and element
 * messages. */
GstKafkaConsumer *gst_kafka_consumer_start (
    GstElement *element, rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error);
/* Commits finished messages, leaves the group and frees @self. Takes less than 5 s, whatever the
 * brokers do. */
void gst_kafka_consumer_stop (GstKafkaConsumer *self);

/* Called on the streaming thread: waits for a message. */
GstKafkaRead gst_kafka_consumer_read (GstKafkaConsumer *self, GstKafkaFetched *fetched);
/* While @flushing is TRUE, gst_kafka_consumer_read() returns at once. */
void gst_kafka_consumer_set_flushing (GstKafkaConsumer *self, gboolean flushing);

/* Messages that are released without a mark while @playing is FALSE are read again, unless the
 * stream has ended cleanly. */
void gst_kafka_consumer_set_playing (GstKafkaConsumer *self, gboolean playing);
/* Notes that the push that began at @begun (monotonic us) returned OK. */
void gst_kafka_consumer_note_pushed (GstKafkaConsumer *self, gint64 begun);
/* Notes that the stream was flushed, so that parked messages are read again. */
void gst_kafka_consumer_note_flush (GstKafkaConsumer *self);

/* Returns the number of messages not yet pushed downstream. @partitions: (nullable): an unset
 * GValue, set to a GstValueArray of int. */
guint64 gst_kafka_consumer_get_lag (GstKafkaConsumer *self, GValue *partitions);
/* Adds the consumer's fields to @stats. */
void gst_kafka_consumer_add_stats (GstKafkaConsumer *self, GstStructure *stats);

G_END_DECLS
