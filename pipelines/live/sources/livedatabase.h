/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/livemodel.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/* The database: whether it answers, asked every few seconds, and what it holds. */
typedef struct _LiveDatabase LiveDatabase;

/* The object keeps references to both. @error: the connection string is wrong; never with the
 * password in it */
LiveDatabase *live_database_new (const LiveOptions *options, LiveModel *model, GError **error);
void live_database_free (LiveDatabase *self);

typedef struct {
  gint64 from, to; /* ms since the Unix epoch */
  gint64 unit;     /* duration of a bucket, ms */
  const gchar *unit_name;
  const gchar *camera; /* nullable: all */
} LiveDocumentsQuery;

/* Returns: (nullable) (transfer full): JSON: frames and faces of each bucket and camera. For a
 * thread that may wait. */
GBytes *live_database_make_documents (
    LiveDatabase *self, const LiveDocumentsQuery *query, GError **error);

G_END_DECLS
