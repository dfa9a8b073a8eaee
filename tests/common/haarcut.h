/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* (transfer full): a cascade's XML less all stages from the n-th on, or
 * the whole if it has no more. */
GBytes *haar_cut_stages (GBytes *cascade, guint n);

G_END_DECLS
