/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns: (transfer full): the cascade's XML with its first n stages, or all of it if it has no
 * more. */
GBytes *haar_cut_stages (GBytes *cascade, guint n);

G_END_DECLS
