/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/livemodel.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/* The connection to the database: reports every few seconds whether the database answers, and reads
 * sums of its documents. */
typedef struct _LiveDatabase LiveDatabase;

/* Keeps pointers to @options and @model. @error: the connection string is wrong; the error's text
 * never contains the password */
LiveDatabase *live_database_new (const LiveOptions *options, LiveModel *model, GError **error);
void live_database_free (LiveDatabase *self);

typedef struct {
  gint64 from, to; /* ms since the Unix epoch */
  gint64 unit;     /* duration of a bucket, ms */
  const gchar *unit_name;
  const gchar *camera; /* nullable: name of the camera; NULL: all cameras */
} LiveDocumentsQuery;

/* Returns: (nullable) (transfer full): JSON with the numbers of frames and faces of each bucket and
 * camera. The call may take long. */
GBytes *live_database_make_documents (
    LiveDatabase *self, const LiveDocumentsQuery *query, GError **error);

G_END_DECLS
