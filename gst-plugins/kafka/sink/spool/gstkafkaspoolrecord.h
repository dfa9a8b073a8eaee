/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sink/gstkafkarecord.h"
#include "gstkafkaspoolstore.h"

G_BEGIN_DECLS

/* Returns: (transfer full): the message for @record, with a reference to the buffer's memory. A
 * partition that the buffer's meta only suggests is left out, because the suggestion holds for the
 * present only. @topic: the topic for records without a topic of their own */
GstKafkaSpoolMessage *gst_kafka_record_to_message (
    const GstKafkaRecord *record, const gchar *topic);

/* Returns: (transfer full): the record for @message. @topic: the topic that a record needn't
 * name */
GstKafkaRecord *gst_kafka_record_from_message (
    const GstKafkaSpoolMessage *message, const gchar *topic);

G_END_DECLS
