/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkarecord.h"
#include "gstkafkasendqueue.h"

G_BEGIN_DECLS

/* Takes records through a bounded queue to librdkafka and keeps each one until its delivery report.
 * A full client, a topic that isn't there yet and a broker that went away are waited for; a client
 * that ended (a fatal error) is replaced and given again what it hadn't delivered. */
typedef struct _GstKafkaProducer GstKafkaProducer;

typedef struct {
  const gchar *topic; /* for a person, and for records that don't name theirs */
  gboolean each_names_topic;
  const gchar *congestion_control; /* NULL: the kernel's */
  GstClockTime connect_timeout;    /* for the first contact; GST_CLOCK_TIME_NONE: for ever */
  GstClockTime access_timeout;     /* for rights that were lost; GST_CLOCK_TIME_NONE: for ever */
  GstClockTime delivery_timeout;   /* for a record, from the queue to its report; NONE: for ever */
  gboolean skip_failed;            /* FALSE: a record that can't be delivered ends the producer */
  gboolean create_topic;           /* before the first record; an existing one is left as it is */
  gint partitions, replication_factor; /* of such a topic; -1: as the brokers have it */
} GstKafkaProducerConfig;

typedef enum {
  GST_KAFKA_PUSH_OK,
  GST_KAFKA_PUSH_FLUSHING,
  GST_KAFKA_PUSH_FAILED,
  GST_KAFKA_PUSH_TIMED_OUT,
} GstKafkaPush;

/**
 * gst_kafka_producer_new:
 * @element: messages are posted on it; must outlive gst_kafka_producer_stop()
 * @conf: (transfer full): without opaque and callbacks
 * @config: copied
 * @error: what the client can't work with
 *
 * Returns at once: the first contact is made behind the scenes. If it fails, an error is posted.
 */
GstKafkaProducer *gst_kafka_producer_new (GstElement *element, rd_kafka_conf_t *conf,
    const GstKafkaProducerConfig *config, GError **error);

/* Lets go of everything, delivered or not, in less than 5 s whatever
 * the brokers do; frees @self. */
void gst_kafka_producer_stop (GstKafkaProducer *self);

void gst_kafka_producer_set_bounds (GstKafkaProducer *self, const GstKafkaBounds *bounds);
/* While TRUE no call waits. */
void gst_kafka_producer_set_flushing (GstKafkaProducer *self, gboolean flushing);

/* Takes over @record unless it returns FLUSHING: then the caller may try again with it. */
GstKafkaPush gst_kafka_producer_push (GstKafkaProducer *self, GstKafkaRecord *record);

/* Counts a buffer that never became a record; tells of it, with @error, as of
 * one that can't be delivered. */
void gst_kafka_producer_refuse (GstKafkaProducer *self, const GError *error);

/* What to ask upstream for while records come faster than they are delivered: %TRUE now and then,
 * @interval in s between two buffers, @proportion how many times too fast they come. */
gboolean gst_kafka_producer_throttle (
    GstKafkaProducer *self, gdouble *interval, gdouble *proportion);

/* Waits until all is delivered, at most until @deadline (monotonic time, us). */
GstKafkaPush gst_kafka_producer_drain (GstKafkaProducer *self, gint64 deadline);
/* Ends it with an error: the drain took too long, and what is known of why. */
void gst_kafka_producer_fail_undrained (GstKafkaProducer *self);

/* (transfer full): counters; all 0 if @self is %NULL. */
GstStructure *gst_kafka_producer_stats (GstKafkaProducer *self);

G_END_DECLS
