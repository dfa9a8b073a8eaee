/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads width and height from the header of a picture, before it is decoded. Returns FALSE if
 * @data, which may be any bytes, isn't a JPEG, or a PNG. */
gboolean live_jpeg_get_size (const guint8 *data, gsize size, gint *width, gint *height);
gboolean live_png_get_size (const guint8 *data, gsize size, gint *width, gint *height);

G_END_DECLS
