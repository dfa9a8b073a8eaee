/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* Sets a partitioner that takes the available partitions in turn for messages without key, and
 * chooses as Java's client does for those with one; unless the configuration already asks for one
 * by name. Messages' opaque has to be their GstKafkaRecord. */
void gst_kafka_partitioner_install (rd_kafka_conf_t *conf);

G_END_DECLS
