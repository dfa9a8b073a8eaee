/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkacleanend.h"
#include "gstkafkahandle.h"
#include "src/partitions/gstkafkapartitions.h"
#include "src/partitions/gstkafkaposition.h"

G_BEGIN_DECLS

/* One run of kafkasrc towards Kafka: a thread of its own keeps the membership alive, follows
 * the assignment, stores what the ledgers say and watches the lag, however slow the pipeline;
 * the streaming thread reads. */
typedef struct _GstKafkaConsumer GstKafkaConsumer;

typedef struct {
  gchar **topics;     /* names, or patterns that begin with ^ */
  gchar *where;       /* the topics and brokers, for a person */
  gboolean group;     /* a group's member, that commits */
  GArray *partitions; /* of gint: read these, whatever a group would assign; NULL: not set */
  GstKafkaRange range;
  gchar *camera;               /* a replay is of this one alone; NULL: of all */
  gboolean fail_on_damage;     /* a batch that can't be read ends the stream */
  guint64 message_max_bytes;   /* a larger message ends the stream */
  GstClockTime access_timeout; /* how long access that was lost is waited for */
  GstPad *pad;                 /* what is read goes out there: its last flow return is looked at */
  GstKafkaCleanEnd *end;       /* nullable: whether the stream has ended well */
} GstKafkaConsumerSettings;

/* Free with gst_kafka_consumer_settings_free(). */
GstKafkaConsumerSettings *gst_kafka_consumer_settings_new (void);
void gst_kafka_consumer_settings_free (GstKafkaConsumerSettings *self);

typedef enum {
  GST_KAFKA_READ_MESSAGE,
  GST_KAFKA_READ_ASSIGNMENT, /* it has changed since the last read */
  GST_KAFKA_READ_FLUSHING,
  GST_KAFKA_READ_END,
  GST_KAFKA_READ_FAILED, /* the error is posted already */
} GstKafkaRead;

/* A message and what it takes to let it go again. */
typedef struct {
  rd_kafka_message_t *message;
  GstKafkaHandle *handle;
  GstKafkaLedger *ledger;
  gint64 behind;      /* messages behind it in its partition */
  gboolean careful;   /* it goes alone, since the last run failed */
  gboolean condemned; /* it was alone in too many failed runs: it isn't to go downstream */
  gboolean hopeless;  /* so were too many before it */
} GstKafkaFetched;

void gst_kafka_fetched_clear (GstKafkaFetched *self);

/* Takes over @conf and @settings. @element posts errors, warnings and what else
 * an application may react to. */
GstKafkaConsumer *gst_kafka_consumer_start (
    GstElement *element, rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error);
/* Commits what is done, leaves, frees; takes less than 5 s whatever the brokers do. */
void gst_kafka_consumer_stop (GstKafkaConsumer *self);

/* Waits; for the streaming thread. */
GstKafkaRead gst_kafka_consumer_read (GstKafkaConsumer *self, GstKafkaFetched *fetched);
/* While @flushing, reading returns at once. */
void gst_kafka_consumer_set_flushing (GstKafkaConsumer *self, gboolean flushing);

/* Out of PLAYING, what is let go undecided comes again, unless the stream has ended well. */
void gst_kafka_consumer_set_playing (GstKafkaConsumer *self, gboolean playing);
/* A push that began then returned OK. */
void gst_kafka_consumer_note_pushed (GstKafkaConsumer *self, gint64 begun);
/* The stream was flushed. */
void gst_kafka_consumer_note_flush (GstKafkaConsumer *self);

/* Messages not yet pushed downstream. @partitions (nullable, unset): a GstValueArray of int. */
guint64 gst_kafka_consumer_get_lag (GstKafkaConsumer *self, GValue *partitions);
/* Adds `damaged`, `waits-for-access`, `lag`, `prefetched`, `pending`, `parked`,
 * `rebalances` and `partitions`. */
void gst_kafka_consumer_add_stats (GstKafkaConsumer *self, GstStructure *stats);

G_END_DECLS
