/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "doctorstage.h"

G_BEGIN_DECLS

/* The database settings of a mongosink. */
typedef struct {
  gchar *uri_file, *database; /* nullable */
  gchar *collection;          /* a name or a template */
  gchar *expire_field;
  gint expire_after; /* mongosink's expire-after */
  gint64 keep;       /* time for which documents are to be kept (KEEP_DOCUMENTS), s; -1: not set */
} DoctorDatabase;

/* Returns: (transfer full) (element-type DoctorDatabase): the database settings of each mongosink
 * of the stages */
GPtrArray *doctor_databases_new (const GPtrArray *stages, gint64 keep);

/* A DoctorCheck of a DoctorDatabase: tests whether the server answers, the user's rights, and the
 * expiry of documents. */
void doctor_database_check (gpointer data, DoctorFindings *findings);

G_END_DECLS
