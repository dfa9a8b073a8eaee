/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "doctorstage.h"

G_BEGIN_DECLS

/* The database of a mongosink. */
typedef struct {
  gchar *uri_file, *database; /* nullable */
  gchar *collection;          /* a name or a template */
  gchar *expire_field;
  gint expire_after; /* mongosink's expire-after */
  gint64 keep;       /* s that documents are to be kept (KEEP_DOCUMENTS); -1: not set */
} DoctorDatabase;

/* Returns: (transfer full) (element-type DoctorDatabase): one for each mongosink of the stages */
GPtrArray *doctor_databases_new (const GPtrArray *stages, gint64 keep);

/* A DoctorCheck of a DoctorDatabase. */
void doctor_database_check (gpointer data, DoctorFindings *findings);

G_END_DECLS
