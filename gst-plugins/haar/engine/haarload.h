/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Functions that find and load the files of cascades. */

#define HAAR_DEFAULT_CASCADE "haarcascade_frontalface_default.xml"

/**
 * haar_cascade_load:
 * @name: a file, or the name of an installed cascade, with or without `haarcascade_`, `lbpcascade_`
 *   and `.xml`
 * @error: a #GstResourceError: NOT_FOUND (its text names the directories that were searched),
 *   OPEN_READ, READ, NO_SPACE_LEFT
 *
 * Returns: (nullable) (transfer full): the file's text, not longer than 16 MiB
 */
GBytes *haar_cascade_load (const gchar *name, GError **error);

/* Returns: (transfer full): the names of the cascades in the directories where OpenCV's data is
 * installed, the default cascade first. */
gchar **haar_cascade_list_installed (void);

/* Returns TRUE if the file has the same bytes as a cascade that OpenCV ships. */
gboolean haar_cascade_is_known (GBytes *cascade);

G_END_DECLS
