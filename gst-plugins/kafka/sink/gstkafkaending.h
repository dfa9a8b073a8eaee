/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls @end with @what on a thread of its own. FALSE: that took longer than
 * @bound, us; it is left to itself. */
gboolean gst_kafka_end_in_time (GDestroyNotify end, gpointer what, gint64 bound);

G_END_DECLS
