/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* Detects and reports that no broker can be reached any more. An error of librdkafka is only a
 * suspicion: one of several brokers may be away, or a broker may have closed an idle connection.
 * The caller queries the brokers while there is a suspicion. Any thread may use the outage. */
typedef struct {
  GMutex lock;      /* guards all below */
  gint64 suspected; /* since when no answer has come, monotonic us; 0: the brokers answer */
  guint unanswered; /* number of queries without an answer since then */
  gint64 began;     /* when the reported outage began, monotonic us; 0: none is reported */
} GstKafkaOutage;

void gst_kafka_outage_init (GstKafkaOutage *self);
void gst_kafka_outage_clear (GstKafkaOutage *self);

/* Notes that librdkafka reported @err. Returns TRUE if the brokers have to be queried. */
gboolean gst_kafka_outage_note_error (GstKafkaOutage *self, rd_kafka_resp_err_t err);
/* Notes whether the brokers have answered a query, or acknowledged a message. */
void gst_kafka_outage_note_answer (GstKafkaOutage *self, gboolean answered);
/* Returns TRUE if the brokers have to be queried. */
gboolean gst_kafka_outage_is_suspected (GstKafkaOutage *self);
/* Returns TRUE from the warning until a broker answers. */
gboolean gst_kafka_outage_is_reported (GstKafkaOutage *self);

/**
 * gst_kafka_outage_report:
 * @code: the code of the messages
 * @servers: the brokers, or what is read from them
 * @meanwhile: what happens until a broker answers
 *
 * Posts a warning once no broker has answered for 5 s, and an info message when one answers again.
 * To be called regularly, without a lock that the caller's bus handler may need.
 */
void gst_kafka_outage_report (GstKafkaOutage *self, GstElement *element, GstResourceError code,
    const gchar *servers, const gchar *meanwhile);

G_END_DECLS
