/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstKafkaBuffers:
 *
 * The buffers of a run. A buffer that is freed comes back with its #GstKafkaMeta, because to make
 * that meta and to free it takes more time than all else that a message needs. A GstBufferPool
 * would do the same for buffers that have memory of their own.
 */
typedef struct _GstKafkaBuffers GstKafkaBuffers;

GstKafkaBuffers *gst_kafka_buffers_new (void);
/* The end of the run. Buffers that are on their way aren't kept any more when they are freed. */
void gst_kafka_buffers_close (GstKafkaBuffers *self);

/* (transfer full): an empty buffer. Its meta's structure has no fields, or topic, partition,
 * offset, lag and timestamp of an earlier message. Any thread may free the buffer. */
GstBuffer *gst_kafka_buffers_take (GstKafkaBuffers *self);

G_END_DECLS
