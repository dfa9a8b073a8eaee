/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The zones of all cameras, in the file that haarfacecount reads as its zones-file. Of the main
 * thread. */

/**
 * live_zones_make:
 * @file: (nullable): name of the file of zones; NULL: none is set
 * @error: G_IO_ERROR_INVALID_DATA: @file isn't a file of zones; any other: @file can't be read
 *
 * Returns: (nullable) (transfer full): `{"file":true,"zones":{…}}`. If @file doesn't exist yet, the
 *   result has no zones.
 */
GBytes *live_zones_make (const gchar *file, GError **error);

/**
 * live_zones_save:
 * @text: `{"camera":…,"zones":{…},"masks":[…]}`, or any other text, which is an error
 * @error: G_IO_ERROR_INVALID_DATA: @text is wrong, and why; any other: the file can't be written
 *
 * Replaces the zones and masks of one camera in the file. A camera without zones and masks is
 * removed from the file, unless the zones and masks of * would then apply to it.
 */
gboolean live_zones_save (const gchar *file, const gchar *text, gsize size, GError **error);

G_END_DECLS
