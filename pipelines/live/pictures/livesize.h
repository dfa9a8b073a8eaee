/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Width and height as the headers of a picture say, before anybody decodes it. FALSE: @data, any
 * bytes at all, isn't such a picture. */
gboolean live_jpeg_get_size (const guint8 *data, gsize size, gint *width, gint *height);
gboolean live_png_get_size (const guint8 *data, gsize size, gint *width, gint *height);

G_END_DECLS
