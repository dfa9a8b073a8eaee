/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesrc.h>

#include "src/consumer/gstkafkaconsumer.h"
#include "gstkafkasrcsettings.h"

G_BEGIN_DECLS

/**
 * gst_kafka_src_new_consumer_settings:
 * @element: the element, whose object lock, pad and name are used
 * @common: the properties that kafkasrc shares with kafkasink
 * @own: the properties that only kafkasrc has
 * @conf: (out) (transfer full): librdkafka's configuration
 * @error: GST_RESOURCE_ERROR_SETTINGS, or as for gst_kafka_conf_new()
 *
 * Makes the settings of one run from the properties.
 *
 * Returns: (nullable) (transfer full): %NULL if the properties can't be used together
 */
GstKafkaConsumerSettings *gst_kafka_src_new_consumer_settings (GstBaseSrc *element,
    GstKafkaSettings *common, GstKafkaSrcSettings *own, rd_kafka_conf_t **conf, GError **error);

G_END_DECLS
