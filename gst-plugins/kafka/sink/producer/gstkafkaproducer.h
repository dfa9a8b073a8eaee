/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

#include "sink/gstkafkarecord.h"
#include "gstkafkasendqueue.h"
#include "sink/spool/gstkafkaspool.h"

G_BEGIN_DECLS

/* Queues records up to a limit, passes them to librdkafka, and keeps each one until its delivery
 * report. The producer waits while librdkafka's queue is full, while the topic doesn't exist yet
 * and while brokers are away. After a fatal error the producer replaces librdkafka's client and
 * sends the undelivered records again. */
typedef struct _GstKafkaProducer GstKafkaProducer;

typedef struct {
  const gchar *topic; /* topic for error messages, and for records without a topic of their own */
  gboolean each_names_topic;
  const gchar *congestion_control; /* NULL: the kernel's default */
  /* time limit for the first contact with a broker; GST_CLOCK_TIME_NONE: no limit */
  GstClockTime connect_timeout;
  /* time limit until lost access has to come back; GST_CLOCK_TIME_NONE: no limit */
  GstClockTime access_timeout;
  /* time limit from the push of a record to its delivery report; GST_CLOCK_TIME_NONE: no limit */
  GstClockTime delivery_timeout;
  gboolean replicated;   /* acks=all: all replicas in sync have to store a record */
  gboolean acknowledged; /* FALSE: acks=none is set, so no report says which records arrived */
  /* TRUE if librdkafka waits for more records to fill a batch (linger) */
  gboolean lingers;
  /* TRUE if batches are compressed, so messages get smaller than their buffers */
  gboolean compressed;
  gboolean skip_failed; /* FALSE: an undeliverable record is an error */
  /* TRUE if the producer creates the topic before the first record, unless the topic exists */
  gboolean create_topic;
  gint partitions, replication_factor; /* for create_topic; -1: the brokers' defaults */
  /* (nullable): the spool for records that can't be sent in time; it outlives the producer */
  GstKafkaSpool *spool;
} GstKafkaProducerConfig;

typedef enum {
  GST_KAFKA_PUSH_OK,
  GST_KAFKA_PUSH_FLUSHING,
  GST_KAFKA_PUSH_FAILED,
  GST_KAFKA_PUSH_TIMED_OUT,
} GstKafkaPush;

/**
 * gst_kafka_producer_new:
 * @element: the element that posts messages; it must live until gst_kafka_producer_stop() has
 *   returned
 * @conf: (transfer full): librdkafka's configuration, without an opaque pointer and callbacks
 * @config: copied
 * @error: GST_RESOURCE_ERROR_SETTINGS if librdkafka refuses @conf
 *
 * The function returns at once and connects on another thread. If no broker answers within the
 * connect timeout, @element posts an error.
 *
 * Returns: (nullable)
 */
GstKafkaProducer *gst_kafka_producer_new (GstElement *element, rd_kafka_conf_t *conf,
    const GstKafkaProducerConfig *config, GError **error);

/* Releases all records, delivered or not, and frees @self. The function takes less than 5 s,
 * whatever the brokers do. */
void gst_kafka_producer_stop (GstKafkaProducer *self);

void gst_kafka_producer_set_bounds (GstKafkaProducer *self, const GstKafkaBounds *bounds);
/* While @flushing is TRUE, push() and drain() don't wait. */
void gst_kafka_producer_set_flushing (GstKafkaProducer *self, gboolean flushing);

/* The function takes ownership of @record, unless it returns FLUSHING: in this case the caller may
 * push @record again. */
GstKafkaPush gst_kafka_producer_push (GstKafkaProducer *self, GstKafkaRecord *record);

/* Counts and reports a buffer from which no record could be made, like an undeliverable record.
 *  */
void gst_kafka_producer_refuse (GstKafkaProducer *self, const GError *error);

/* Like gst_kafka_pace_throttle(): returns whether upstream has to be throttled now, and to which
 * rate. */
gboolean gst_kafka_producer_throttle (
    GstKafkaProducer *self, gdouble *interval, gdouble *proportion);

/* Waits until all records are delivered, at most until @deadline (monotonic time, us). With a
 * spool, records that are still undelivered at @deadline are moved to the disk. */
GstKafkaPush gst_kafka_producer_drain (GstKafkaProducer *self, gint64 deadline);
/* Posts an error with the most likely reason why gst_kafka_producer_drain() timed out. */
void gst_kafka_producer_fail_undrained (GstKafkaProducer *self);

/* Returns: (transfer full): the counters; all are 0 if @self is %NULL */
GstStructure *gst_kafka_producer_stats (GstKafkaProducer *self);

G_END_DECLS
