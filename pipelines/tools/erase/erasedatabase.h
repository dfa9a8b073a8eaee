/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

/* The documents and pictures in the database that belong to a range. */
typedef struct _EraseDatabase EraseDatabase;

/* Returns: (nullable) (transfer full): the object; NULL with @error if the database doesn't answer.
 * @bucket: name of the GridFS bucket of the pictures */
EraseDatabase *erase_database_new (
    const LiveSettings *settings, const gchar *bucket, const ClipRange *range, GError **error);
void erase_database_free (EraseDatabase *self);

/* Counts the documents and the pictures. @documents, @pictures: (out): their numbers */
gboolean erase_database_count (
    EraseDatabase *self, gint64 *documents, gint64 *pictures, GError **error);

/* Removes the documents and the pictures. A picture's chunks are removed before its file, so that a
 * run after a crash still finds the remaining pictures. @documents, @pictures: (out): numbers of
 * removed documents and pictures */
gboolean erase_database_remove (
    EraseDatabase *self, gint64 *documents, gint64 *pictures, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EraseDatabase, erase_database_free)

G_END_DECLS
