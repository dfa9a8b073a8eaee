/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Finds and loads the files of cascades. */

/**
 * haar_cascade_load:
 * @name: a file; or a name in the directories of installed cascades, where `haarcascade_`, `lbpcascade_`
 *   and `.xml` may be left out
 * @error: GST_RESOURCE_ERROR_NOT_FOUND says where it looked; OPEN_READ, READ, NO_SPACE_LEFT
 *
 * Returns: (nullable) (transfer full): the file's text, not longer than 16 MiB
 */
GBytes *haar_cascade_load (const gchar *name, GError **error);

/* Whether it is, to the byte, one of those that OpenCV ships. */
gboolean haar_cascade_is_known (GBytes *cascade);

/* (nullable) (transfer full): the type of its features as written in the file, such as HAAR, LBP or HOG. */
gchar *haar_cascade_find_features (GBytes *cascade);

G_END_DECLS
