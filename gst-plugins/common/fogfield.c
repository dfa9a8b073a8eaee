/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogfield.h"

/* (nullable) */
static gpointer
find_field (const FogField *fields, gconstpointer structure, guint id)
{
  for (; fields->id; fields++)
    if (fields->id == id)
      return (guint8 *) structure + fields->offset;
  return NULL;
}

gboolean
fog_field_set (const FogField *fields, gpointer structure, guint id, const GValue *value)
{
  gpointer field = find_field (fields, structure, id);

  if (!field)
    return FALSE;
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_BOOLEAN:
      *(gboolean *) field = g_value_get_boolean (value);
      return TRUE;
    case G_TYPE_INT:
      *(gint *) field = g_value_get_int (value);
      return TRUE;
    case G_TYPE_UINT:
      *(guint *) field = g_value_get_uint (value);
      return TRUE;
    case G_TYPE_INT64:
      *(gint64 *) field = g_value_get_int64 (value);
      return TRUE;
    case G_TYPE_UINT64:
      *(guint64 *) field = g_value_get_uint64 (value);
      return TRUE;
    case G_TYPE_DOUBLE:
      *(gdouble *) field = g_value_get_double (value);
      return TRUE;
    case G_TYPE_ENUM:
      *(gint *) field = g_value_get_enum (value);
      return TRUE;
    case G_TYPE_STRING:
      g_free (*(gchar **) field);
      *(gchar **) field = g_value_dup_string (value);
      return TRUE;
    default:
      g_return_val_if_reached (FALSE);
  }
}

gboolean
fog_field_get (const FogField *fields, gconstpointer structure, guint id, GValue *value)
{
  gconstpointer field = find_field (fields, structure, id);

  if (!field)
    return FALSE;
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_BOOLEAN:
      g_value_set_boolean (value, *(const gboolean *) field);
      return TRUE;
    case G_TYPE_INT:
      g_value_set_int (value, *(const gint *) field);
      return TRUE;
    case G_TYPE_UINT:
      g_value_set_uint (value, *(const guint *) field);
      return TRUE;
    case G_TYPE_INT64:
      g_value_set_int64 (value, *(const gint64 *) field);
      return TRUE;
    case G_TYPE_UINT64:
      g_value_set_uint64 (value, *(const guint64 *) field);
      return TRUE;
    case G_TYPE_DOUBLE:
      g_value_set_double (value, *(const gdouble *) field);
      return TRUE;
    case G_TYPE_ENUM:
      g_value_set_enum (value, *(const gint *) field);
      return TRUE;
    case G_TYPE_STRING:
      g_value_set_string (value, *(gchar *const *) field);
      return TRUE;
    default:
      g_return_val_if_reached (FALSE);
  }
}
