/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * camera_secret_read:
 * @file: name of a file that contains one password, with or without a line break after it
 *
 * Returns: (transfer full) (nullable): the password, to be freed with camera_secret_free(); %NULL
 *   with @error, GST_RESOURCE_ERROR_OPEN_READ (the file can't be read) or SETTINGS (the file
 *   contains no password)
 */
gchar *camera_secret_read (const gchar *file, GError **error);

/* Returns a number that changes when @file changes; 0: @file doesn't exist. */
guint64 camera_secret_mark (const gchar *file);

/* Overwrites the password before its memory is freed. */
void camera_secret_free (gchar *secret);

G_END_DECLS
