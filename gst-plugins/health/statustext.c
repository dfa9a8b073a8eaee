/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "statustext.h"

#include <math.h>

typedef struct {
  GString *text;
  const gchar *factory;
  const gchar *element;
} Lines;

static gboolean
as_number (const GValue *value, gdouble *number)
{
  GValue converted = G_VALUE_INIT;

  if (G_VALUE_HOLDS_BOOLEAN (value)) {
    *number = g_value_get_boolean (value);
    return TRUE;
  }
  if (G_VALUE_HOLDS_UINT64 (value) && !GST_CLOCK_TIME_IS_VALID (g_value_get_uint64 (value))) {
    *number = NAN;
    return TRUE;
  }
  if (G_VALUE_HOLDS_STRING (value) ||
      !g_value_type_transformable (G_VALUE_TYPE (value), G_TYPE_DOUBLE))
    return FALSE;
  g_value_init (&converted, G_TYPE_DOUBLE);
  g_value_transform (value, &converted);
  *number = g_value_get_double (&converted);
  return TRUE;
}

static void
append_number (GString *text, gdouble number)
{
  gchar digits[G_ASCII_DTOSTR_BUF_SIZE];

  if (isnan (number))
    g_string_append (text, "NaN");
  else if (isinf (number))
    g_string_append (text, number > 0 ? "+Inf" : "-Inf");
  else
    g_string_append (text, g_ascii_dtostr (digits, sizeof digits, number));
  g_string_append_c (text, '\n');
}

/* What a metric's name may not hold becomes "_". */
static void
append_name (GString *text, const gchar *name)
{
  for (; *name; name++)
    g_string_append_c (text, g_ascii_isalnum (*name) ? *name : '_');
}

static void
append_label (GString *text, const gchar *value)
{
  for (; *value; value++) {
    if (*value == '"' || *value == '\\')
      g_string_append_c (text, '\\');
    g_string_append_c (text, *value == '\n' ? ' ' : *value);
  }
}

static gboolean
add_field (GQuark field, const GValue *value, gpointer data)
{
  Lines *lines = data;
  gdouble number;

  if (!as_number (value, &number))
    return TRUE;
  g_string_append (lines->text, "gst_");
  append_name (lines->text, lines->factory);
  g_string_append_c (lines->text, '_');
  append_name (lines->text, g_quark_to_string (field));
  g_string_append (lines->text, "{element=\"");
  append_label (lines->text, lines->element);
  g_string_append (lines->text, "\"} ");
  append_number (lines->text, number);
  return TRUE;
}

void
status_text_add_element (GString *text, GstElement *element)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), "stats");
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GstStructure) stats = NULL;
  g_autofree gchar *name = NULL;
  Lines lines;

  if (factory == NULL || pspec == NULL || !(pspec->flags & G_PARAM_READABLE) ||
      pspec->value_type != GST_TYPE_STRUCTURE)
    return;
  g_object_get (element, "stats", &stats, NULL);
  if (stats == NULL)
    return;
  name = gst_element_get_name (element);
  lines = (Lines){text, GST_OBJECT_NAME (factory), name};
  gst_structure_foreach (stats, add_field, &lines);
}

void
status_text_add_value (GString *text, const gchar *name, const gchar *help, gdouble value)
{
  g_string_append_printf (text, "# HELP %s %s\n%s ", name, help, name);
  append_number (text, value);
}
