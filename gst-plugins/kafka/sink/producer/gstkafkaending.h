/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls @end with @what on a new thread and waits for at most @bound us. FALSE: it wasn't finished
 * by then; the thread goes on without being waited for. */
gboolean gst_kafka_end_in_time (GDestroyNotify end, gpointer what, gint64 bound);

G_END_DECLS
