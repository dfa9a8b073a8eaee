/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A query to the brokers that runs on a thread of its own. librdkafka's queries can't be
 * interrupted, but the thread that waits for the answer may have to stop at once (a flush, a stop
 * of the element). */
typedef struct _GstKafkaQuery GstKafkaQuery;

/* Sends the query and stores the answer in @data. */
typedef void (*GstKafkaQueryFunc) (gpointer data);
typedef gboolean (*GstKafkaQueryIsInterrupted) (gpointer user_data);

/* Starts @func on a new thread, or runs it at once if the system gives no thread. @data belongs to
 * the query, and is freed with @free when both the thread and the caller have released the
 * query. */
GstKafkaQuery *gst_kafka_query_new (GstKafkaQueryFunc func, gpointer data, GDestroyNotify free);
/* Returns TRUE, without waiting, if @func has returned, so the caller may read the data. */
gboolean gst_kafka_query_is_answered (GstKafkaQuery *self);
/* Waits until @func has returned. Returns FALSE if @is_interrupted returned TRUE earlier than @func
 * returned; in this case the caller must not read the data. */
gboolean gst_kafka_query_wait (
    GstKafkaQuery *self, GstKafkaQueryIsInterrupted is_interrupted, gpointer user_data);
/* Releases the caller's reference to the query. The function doesn't wait for the query's thread,
 * which continues by itself. */
void gst_kafka_query_free (GstKafkaQuery *self);

G_END_DECLS
