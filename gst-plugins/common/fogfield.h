/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* A property whose value is a field of a structure. The structure's field has the same type as the
 * property: gboolean, gint, guint, gint64, guint64, gdouble, gchar * (owned), or an enumeration as
 * large as gint. */
typedef struct {
  guint id;     /* id of the property; 0 ends a table of fields */
  gsize offset; /* offset of the field in the structure */
} FogField;

#define FOG_FIELD(id, Structure, name)                                                             \
  {                                                                                                \
    id, G_STRUCT_OFFSET (Structure, name)                                                          \
  }

/* Returns FALSE if @fields has no property @id. The caller locks. */
gboolean fog_field_set (const FogField *fields, gpointer structure, guint id, const GValue *value);
gboolean fog_field_get (const FogField *fields, gconstpointer structure, guint id, GValue *value);

G_END_DECLS
