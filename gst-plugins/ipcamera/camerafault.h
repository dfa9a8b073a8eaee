/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * camera_fault_explain:
 * @debug: (nullable): debug text of the error message
 *
 * Returns: (transfer full): the reason as a sentence for users. An element's error text is often
 *   only "Could not read from resource", and the reason is in the last line of its debug text.
 */
gchar *camera_fault_explain (const GError *error, const gchar *debug);

G_END_DECLS
