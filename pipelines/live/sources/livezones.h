/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The zones of all cameras, in the file that haarfacecount reads as its zones-file. Of the main
 * thread. */

/**
 * live_zones_make:
 * @file: (nullable): NULL: there is none
 * @error: G_IO_ERROR_INVALID_DATA: it holds something else; another: it can't be read
 *
 * Returns: (nullable) (transfer full): `{"file":true,"zones":{…}}`. A file that isn't there yet
 *   holds no zones.
 */
GBytes *live_zones_make (const gchar *file, GError **error);

/**
 * live_zones_save:
 * @text: `{"camera":…,"zones":{…},"masks":[…]}`, or any text at all
 * @error: G_IO_ERROR_INVALID_DATA: what is wrong with it; another: the file can't be written
 *
 * Replaces the zones and masks of one camera in the file. A camera without zones and masks is
 * removed from the file, unless those of * would then apply to it.
 */
gboolean live_zones_save (const gchar *file, const gchar *text, gsize size, GError **error);

G_END_DECLS
