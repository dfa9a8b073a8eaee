/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

/* Documents and pictures of a range in the database. */
typedef struct _EraseDatabase EraseDatabase;

/* Returns: (nullable) (transfer full): @bucket: the GridFS bucket of the pictures. @error: the
 * database doesn't answer */
EraseDatabase *erase_database_new (
    const LiveSettings *settings, const gchar *bucket, const ClipRange *range, GError **error);
void erase_database_free (EraseDatabase *self);

/* @documents, @pictures: (out): how many there are */
gboolean erase_database_count (
    EraseDatabase *self, gint64 *documents, gint64 *pictures, GError **error);

/* Removes the documents and the pictures. A picture's chunks are removed before its file, so a run
 * after a crash still finds the rest. @documents, @pictures: (out): how many were removed */
gboolean erase_database_remove (
    EraseDatabase *self, gint64 *documents, gint64 *pictures, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EraseDatabase, erase_database_free)

G_END_DECLS
