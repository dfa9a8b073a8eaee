/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstKafkaBuffers:
 *
 * The free buffers of one run of kafkasrc. A buffer that downstream releases comes back here with
 * its #GstKafkaMeta, and is used again. Making and freeing a #GstKafkaMeta would take more time
 * than all other work for a message. GstBufferPool isn't used, because it is for buffers with
 * memory of their own.
 */
typedef struct _GstKafkaBuffers GstKafkaBuffers;

GstKafkaBuffers *gst_kafka_buffers_new (void);
/* Ends the run. Buffers that are freed later aren't kept. */
void gst_kafka_buffers_close (GstKafkaBuffers *self);

/* Returns: (transfer full): an empty buffer. The structure of the buffer's meta has no fields, or
 * the topic, partition, offset, lag and timestamp of an earlier message. Any thread may free the
 * buffer. */
GstBuffer *gst_kafka_buffers_take (GstKafkaBuffers *self);

G_END_DECLS
