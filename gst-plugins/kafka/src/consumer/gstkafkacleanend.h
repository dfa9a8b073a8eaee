/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Whether a stream has ended well: EOS has reached every pad downstream, the last flow into each of
 * them was no error, every sink has handled EOS, and no error is on the bus. From any thread. */
typedef struct _GstKafkaCleanEnd GstKafkaCleanEnd;

/* Why a run failed, as far as errors say. */
typedef enum {
  GST_KAFKA_BLAME_NONE,    /* no error was seen */
  GST_KAFKA_BLAME_MESSAGE, /* an element between source and sinks failed at what it was given */
  GST_KAFKA_BLAME_OTHER,   /* a sink failed, or a resource: no message is to blame */
} GstKafkaBlame;

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

GstKafkaBlame gst_kafka_clean_end_get_blame (GstKafkaCleanEnd *self);
/* Takes an error flow into any pad behind @pad for an error, though nobody has posted it yet. With
 * @release, the sinks there drop their last samples, which keep messages in the pipeline. */
void gst_kafka_clean_end_look_for_error (GstKafkaCleanEnd *self, GstPad *pad, gboolean release);

gboolean gst_kafka_clean_end_is_reached (GstKafkaCleanEnd *self);

G_END_DECLS
