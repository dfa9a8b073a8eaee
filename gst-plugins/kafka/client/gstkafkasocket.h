/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Returns FALSE if the kernel doesn't offer this TCP congestion control; @error lists those that it
 * offers. */
gboolean gst_kafka_socket_check (const gchar *congestion_control, GError **error);
/* Opens a socket like socket(), with SOCK_CLOEXEC and with @congestion_control (nullable). Returns
 * -1 with errno on failure. */
gint gst_kafka_socket_open (gint domain, gint type, gint protocol, const gchar *congestion_control);
/* Sets the congestion control of a connection. Returns FALSE with errno if the kernel refuses
 * it. */
gboolean gst_kafka_socket_set_congestion_control (gint fd, const gchar *name);
/* Returns: (transfer full): the congestion control of a connection; empty if it isn't known */
gchar *gst_kafka_socket_dup_congestion_control (gint fd);

/* Returns TRUE if the connection has sent something within the last seconds. */
gboolean gst_kafka_socket_is_in_use (gint fd);

/* Posts a warning if the kernel grants a socket buffer (@option: SO_SNDBUF or SO_RCVBUF) fewer
 * bytes than @property asks for. With @bytes 0 the function does nothing. */
void gst_kafka_socket_warn (GstElement *element, const gchar *property, gint option, gint bytes);

G_END_DECLS
