/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Finds out whether a stream has ended cleanly: EOS has reached every pad downstream, the last flow
 * return of each pad wasn't an error, every sink has handled EOS, and no error was posted. Any
 * thread may use this object. */
typedef struct _GstKafkaCleanEnd GstKafkaCleanEnd;

/* The cause of a failed run, according to the errors on the bus. */
typedef enum {
  GST_KAFKA_BLAME_NONE, /* no error was seen */
  /* an element between source and sinks failed, so a message may be the cause */
  GST_KAFKA_BLAME_MESSAGE,
  /* a sink failed, or a resource error was posted, so no message is the cause */
  GST_KAFKA_BLAME_OTHER,
} GstKafkaBlame;

/* Watches the bus of the pipeline that contains @element, for one run. */
GstKafkaCleanEnd *gst_kafka_clean_end_new (GstElement *element);
GstKafkaCleanEnd *gst_kafka_clean_end_ref (GstKafkaCleanEnd *self);
void gst_kafka_clean_end_unref (GstKafkaCleanEnd *self);
/* Stops watching the bus. The results remain. */
void gst_kafka_clean_end_stop (GstKafkaCleanEnd *self);

/* Has to be called when EOS is about to leave the source pad @pad. */
void gst_kafka_clean_end_begin (GstKafkaCleanEnd *self, GstPad *pad);
/* Has to be called when the stream was flushed, because after a flush the stream hasn't ended. */
void gst_kafka_clean_end_reset (GstKafkaCleanEnd *self);

GstKafkaBlame gst_kafka_clean_end_get_blame (GstKafkaCleanEnd *self);
/* Returns TRUE if the last flow return into any pad behind @element was an error, even if no
 * element has posted this error yet. With @release, the sinks behind the element drop their last
 * samples, which keep messages in the pipeline. */
gboolean gst_kafka_clean_end_look_for_error (
    GstKafkaCleanEnd *self, GstElement *element, gboolean release);
/* Returns TRUE if an element behind @element is processing a buffer, and no sink is processing one.
 * The calling thread must not be pushing anything. */
gboolean gst_kafka_clean_end_is_stuck (GstElement *element);

gboolean gst_kafka_clean_end_is_reached (GstKafkaCleanEnd *self);

G_END_DECLS
