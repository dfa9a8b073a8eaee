/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Camera names that are kept: longer ones are not. */
#define LIVE_NAME_MAX 256

/* One that can be shown and remembered. */
gboolean live_name_is_usable (const gchar *name);
/* (transfer full): @name without characters that hide, end or turn round the text beside it: those
 * are written as \u{202e}. */
gchar *live_name_make_visible (const gchar *name);

G_END_DECLS
