/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The open connections of a client, and the TCP congestion control of each. Thread-safe. */
typedef struct _GstKafkaConnections GstKafkaConnections;

/**
 * gst_kafka_connections_new:
 * @wanted: (nullable): the congestion control of all connections. NULL: the kernel's default; a
 *   connection that loses many of its packets gets bbr, which doesn't take each loss for congestion
 */
GstKafkaConnections *gst_kafka_connections_new (const gchar *wanted);
void gst_kafka_connections_free (GstKafkaConnections *self);

/* Opens a connection like socket(), with SOCK_CLOEXEC. Returns -1 with errno on failure. */
gint gst_kafka_connections_open (GstKafkaConnections *self, gint domain, gint type, gint protocol);
/* Closes a connection like close(). */
gint gst_kafka_connections_close (GstKafkaConnections *self, gint fd);

/* Sets whether this program itself is closing connections, so that their ends aren't counted. */
void gst_kafka_connections_set_closing (GstKafkaConnections *self, gboolean closing);
/* Returns the number of connections that ended while they were in use and that this program didn't
 * close. */
guint gst_kafka_connections_count_ended (GstKafkaConnections *self);

/* Notes how many bytes each open connection has received so far. */
void gst_kafka_connections_mark (GstKafkaConnections *self);
/* Returns TRUE if a connection that was open when gst_kafka_connections_mark() was last called has
 * received data since then: a short answer may come late only because the broker still sends a
 * large answer before it over a slow link. */
gboolean gst_kafka_connections_have_received (GstKafkaConnections *self);

/* Returns TRUE if a connection is busy: it has data that the other end hasn't received yet, and
 * transferred some data in the last seconds. The caller has to call this function regularly. */
gboolean gst_kafka_connections_are_sending (GstKafkaConnections *self);

/* Checks how many packets the connections lose, at most twice a second, and changes the congestion
 * control where it is needed. The caller has to call this function regularly. A change of
 * congestion control is logged with @element. */
void gst_kafka_connections_tend (GstKafkaConnections *self, GstElement *element);

G_END_DECLS
