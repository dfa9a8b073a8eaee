/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define FOG_NAME_MAX 128 /* longest name in bytes that fog_name_bounded() returns */

/**
 * fog_name_bounded:
 * @name: name of a camera, for example, from a message: any bytes, of any length
 *
 * Returns: (transfer full): @name itself if it is UTF-8 of at most %FOG_NAME_MAX bytes. A name that
 *   is longer, or isn't UTF-8, is replaced by its beginning as valid UTF-8, `~`, and 16 digits of
 *   its SHA-256, so that two long names stay different.
 */
gchar *fog_name_bounded (const gchar *name);

G_END_DECLS
