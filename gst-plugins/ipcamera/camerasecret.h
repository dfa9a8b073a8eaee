/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * camera_secret_read:
 * @file: holds one password, with or without a line's end after it
 *
 * Returns: (transfer full) (nullable): the password, to be freed with camera_secret_free(); %NULL
 * with @error, GST_RESOURCE_ERROR_OPEN_READ (the file can't be read) or SETTINGS (it holds none)
 */
gchar *camera_secret_read (const gchar *file, GError **error);

/* Returns a number that changes when the file changes; 0: there is no file. */
guint64 camera_secret_mark (const gchar *file);

/* Overwrites the password before its memory is freed. */
void camera_secret_free (gchar *secret);

G_END_DECLS
