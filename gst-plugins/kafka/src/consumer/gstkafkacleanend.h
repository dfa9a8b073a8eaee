/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Finds out whether a stream has ended cleanly: EOS has reached every pad downstream, the last flow
 * return of each wasn't an error, every sink has handled EOS, and no error was posted. Any thread
 * may use it. */
typedef struct _GstKafkaCleanEnd GstKafkaCleanEnd;

/* Why a run failed, according to its errors. */
typedef enum {
  GST_KAFKA_BLAME_NONE, /* no error was seen */
  /* an element between source and sinks failed, so a message may be the cause */
  GST_KAFKA_BLAME_MESSAGE,
  GST_KAFKA_BLAME_OTHER, /* a sink failed, or a resource: no message is the cause */
} GstKafkaBlame;

/* Watches the bus of the pipeline that contains @element, for one run. */
GstKafkaCleanEnd *gst_kafka_clean_end_new (GstElement *element);
GstKafkaCleanEnd *gst_kafka_clean_end_ref (GstKafkaCleanEnd *self);
void gst_kafka_clean_end_unref (GstKafkaCleanEnd *self);
/* Stops watching. The findings remain. */
void gst_kafka_clean_end_stop (GstKafkaCleanEnd *self);

/* EOS is about to leave the source pad @pad. */
void gst_kafka_clean_end_begin (GstKafkaCleanEnd *self, GstPad *pad);
/* The stream was flushed: there was no end. */
void gst_kafka_clean_end_reset (GstKafkaCleanEnd *self);

GstKafkaBlame gst_kafka_clean_end_get_blame (GstKafkaCleanEnd *self);
/* Takes an error flow into any pad behind @element for an error, though nobody has posted it
 * yet: TRUE. With @release, the sinks there drop their last samples, which keep messages in the
 * pipeline. */
gboolean gst_kafka_clean_end_look_for_error (
    GstKafkaCleanEnd *self, GstElement *element, gboolean release);
/* TRUE: an element behind @element is at work on what it was given, and no sink is. For a thread
 * that pushes nothing. */
gboolean gst_kafka_clean_end_is_stuck (GstElement *element);

gboolean gst_kafka_clean_end_is_reached (GstKafkaCleanEnd *self);

G_END_DECLS
