/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* Installs a partitioner, unless the configuration names another one. Messages without a key take
 * the available partitions in turn. Messages with a key get the partition that Java's client
 * chooses. The opaque of each message must be its GstKafkaRecord. */
void gst_kafka_partitioner_install (rd_kafka_conf_t *conf);

G_END_DECLS
