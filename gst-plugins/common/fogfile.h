/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Size in bytes of the largest file of settings or secrets. */
#define FOG_FILE_MAX (64 * 1024)
/* Size in bytes of the largest file of certificates: a system's authorities take some 200 KiB. */
#define FOG_CERTIFICATES_MAX (4 * 1024 * 1024)

/**
 * fog_file_read:
 * @max: the size in bytes of the largest file that is read
 * @text: (out) (transfer full): the contents of the file, followed by a NUL byte
 * @size: (out) (optional): the size of the contents in bytes, without the NUL
 * @error: G_FILE_ERROR; %G_FILE_ERROR_INVAL: the file isn't a regular one, or is larger than
 *   @max
 *
 * Reads a file that a setting names. A device or a pipe, which may have no end, is refused before
 * it is read.
 */
gboolean fog_file_read (const gchar *path, gsize max, gchar **text, gsize *size, GError **error);

G_END_DECLS
