/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* FALSE: the kernel doesn't offer the TCP congestion control of that name; @error says which it offers. */
gboolean gst_kafka_socket_check (const gchar *congestion_control, GError **error);
/* As socket(), closed on exec; -1 and errno if it fails. @congestion_control is nullable. */
gint gst_kafka_socket_open (gint domain, gint type, gint protocol, const gchar *congestion_control);

G_END_DECLS
