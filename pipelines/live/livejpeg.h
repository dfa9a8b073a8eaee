/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Width and height as the headers of a JPEG picture say. FALSE: @data, any bytes at all, is
 * none. */
gboolean live_jpeg_get_size (const guint8 *data, gsize size, gint *width, gint *height);

G_END_DECLS
