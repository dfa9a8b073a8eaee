/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* FALSE: the kernel doesn't offer the TCP congestion control of that name;
 * @error says which it offers. */
gboolean gst_kafka_socket_check (const gchar *congestion_control, GError **error);
/* As socket(), closed on exec; -1 and errno if it fails. @congestion_control is nullable. */
gint gst_kafka_socket_open (gint domain, gint type, gint protocol, const gchar *congestion_control);

/* Warns if the kernel gives a buffer (@option SO_SNDBUF or SO_RCVBUF) less than @property asks
 * for; 0 @bytes ask for nothing. */
void gst_kafka_socket_warn (GstElement *element, const gchar *property, gint option, gint bytes);

G_END_DECLS
