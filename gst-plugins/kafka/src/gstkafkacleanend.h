/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Whether a stream has ended well: EOS has reached every pad downstream, the last flow into each of them was no
 * error, every sink has handled EOS, and no error is on the bus. From any thread. */
typedef struct _GstKafkaCleanEnd GstKafkaCleanEnd;

/* Watches the bus of the pipeline that @element is in: for one run, after it was put there. */
GstKafkaCleanEnd *gst_kafka_clean_end_new (GstElement *element);
GstKafkaCleanEnd *gst_kafka_clean_end_ref (GstKafkaCleanEnd *self);
void gst_kafka_clean_end_unref (GstKafkaCleanEnd *self);
/* Watches nothing any more; what was found out stays. */
void gst_kafka_clean_end_stop (GstKafkaCleanEnd *self);

/* EOS is about to leave the source pad @pad. */
void gst_kafka_clean_end_begin (GstKafkaCleanEnd *self, GstPad *pad);
/* The stream was flushed: there was no end. */
void gst_kafka_clean_end_reset (GstKafkaCleanEnd *self);

gboolean gst_kafka_clean_end_is_reached (GstKafkaCleanEnd *self);

G_END_DECLS
