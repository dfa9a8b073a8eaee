/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Largest size of a camera's name, bytes; cameras with longer names are ignored. */
#define LIVE_NAME_MAX 256

/* Returns TRUE if the name is valid and short enough to be shown and remembered. */
gboolean live_name_is_usable (const gchar *name);
/* Returns: (transfer full): @name without characters that hide, end or reverse the text beside it:
 * such characters are replaced by their number, as in \u{202e}. */
gchar *live_name_make_visible (const gchar *name);

G_END_DECLS
