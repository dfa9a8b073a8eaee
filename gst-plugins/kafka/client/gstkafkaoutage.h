/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkaepisode.h"

G_BEGIN_DECLS

/* Detects and reports that no broker answers any more. An error of librdkafka is only a suspicion:
 * one of several brokers may be away, or a broker may have closed an idle connection. While there
 * is a suspicion, the caller queries the brokers at least every few seconds. Any thread may use a
 * GstKafkaOutage. All times are monotonic, in us. */
typedef struct {
  GMutex lock;      /* guards all below */
  gint64 suspected; /* the time since which no broker has answered; 0: there is no suspicion */
  gint64 asked;     /* the time when the last query without an answer ended */
  GstKafkaEpisode episode;
} GstKafkaOutage;

void gst_kafka_outage_init (GstKafkaOutage *self);
void gst_kafka_outage_clear (GstKafkaOutage *self);

/* Notes that librdkafka reported @err. Returns TRUE if the brokers have to be queried. */
gboolean gst_kafka_outage_note_error (GstKafkaOutage *self, rd_kafka_resp_err_t err, gint64 now);
/* Notes whether a broker has answered a query or acknowledged a message. */
void gst_kafka_outage_note_answer (GstKafkaOutage *self, gboolean answered, gint64 now);
/* Returns TRUE if the brokers have to be queried. */
gboolean gst_kafka_outage_is_suspected (GstKafkaOutage *self);
/* Returns TRUE while an outage is reported: from the warning about it until a broker answers. */
gboolean gst_kafka_outage_is_reported (GstKafkaOutage *self);
/* Returns TRUE if a query that ended after @time wasn't answered. */
gboolean gst_kafka_outage_lacks_answer_since (GstKafkaOutage *self, gint64 time);

/**
 * gst_kafka_outage_report:
 * @code: the code of the warning and of the info message
 * @servers: text for the messages: the addresses of the brokers, or what is read from the brokers
 * @meanwhile: sentence that says what the element does until a broker answers
 * @cause: (nullable): librdkafka's text for the last error
 *
 * Posts a warning when no broker has answered for 10 s, and an info message when a broker answers
 * again. Has to be called after each query, without a lock that the caller's bus handler may need.
 */
void gst_kafka_outage_report (GstKafkaOutage *self, GstElement *element, GstResourceError code,
    const gchar *servers, const gchar *meanwhile, const gchar *cause, gint64 now);

G_END_DECLS
