/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prometheustext.h"

#include <math.h>
#include <string.h>

#include "fogname.h"

typedef struct {
  gchar *name;
  GString *text; /* HELP, TYPE, samples */
} Family;

struct _PrometheusText {
  GPtrArray *families; /* metrics in the order in which their first samples were added */
  GHashTable *by_name;
};

static void
family_free (Family *family)
{
  g_free (family->name);
  g_string_free (family->text, TRUE);
  g_free (family);
}

PrometheusText *
prometheus_text_new (void)
{
  PrometheusText *self = g_new0 (PrometheusText, 1);

  self->families = g_ptr_array_new_with_free_func ((GDestroyNotify) family_free);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  return self;
}

static const gchar *
type_name (PrometheusType type)
{
  static const gchar *const names[] = {"gauge", "counter", "histogram"};

  return names[type];
}

static GString *
find_family (PrometheusText *self, const gchar *name, PrometheusType type, const gchar *help)
{
  Family *family = g_hash_table_lookup (self->by_name, name);

  if (family == NULL) {
    family = g_new0 (Family, 1);
    family->name = g_strdup (name);
    family->text = g_string_new (NULL);
    if (help)
      g_string_append_printf (family->text, "# HELP %s %s\n", name, help);
    g_string_append_printf (family->text, "# TYPE %s %s\n", name, type_name (type));
    g_ptr_array_add (self->families, family);
    g_hash_table_insert (self->by_name, family->name, family);
  }
  return family->text;
}

/* Writes the shortest text of the number, so that a bucket's label is le="0.1" rather than
 * le="0.10000000000000001". */
static void
append_finite (GString *text, gdouble number)
{
  gchar digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (digits, sizeof digits, "%.15g", number);
  if (g_ascii_strtod (digits, NULL) != number)
    g_ascii_dtostr (digits, sizeof digits, number);
  g_string_append (text, digits);
}

static void
append_number (GString *text, gdouble number)
{
  if (isnan (number))
    g_string_append (text, "NaN");
  else if (isinf (number))
    g_string_append (text, number > 0 ? "+Inf" : "-Inf");
  else
    append_finite (text, number);
}

static void
append_sample (GString *text, const gchar *name, const gchar *labels, gdouble value)
{
  g_string_append (text, name);
  if (labels && *labels)
    g_string_append_printf (text, "{%s}", labels);
  g_string_append_c (text, ' ');
  append_number (text, value);
  g_string_append_c (text, '\n');
}

void
prometheus_text_add (PrometheusText *self, const gchar *name, PrometheusType type,
    const gchar *help, const gchar *labels, gdouble value)
{
  append_sample (find_family (self, name, type, help), name, labels, value);
}

static void
append_bucket (
    GString *text, const gchar *name, const gchar *labels, gdouble bound, guint64 cumulated)
{
  g_string_append_printf (
      text, "%s_bucket{%s%sle=\"", name, labels ? labels : "", labels && *labels ? "," : "");
  append_number (text, bound);
  g_string_append_printf (text, "\"} %" G_GUINT64_FORMAT "\n", cumulated);
}

void
prometheus_text_add_histogram (PrometheusText *self, const gchar *name, const gchar *help,
    const gchar *labels, guint n, const gdouble *bounds, const guint64 *counts, gdouble sum)
{
  GString *text = find_family (self, name, PROMETHEUS_HISTOGRAM, help);
  g_autofree gchar *sum_name = g_strconcat (name, "_sum", NULL);
  g_autofree gchar *count_name = g_strconcat (name, "_count", NULL);
  guint64 cumulated = 0;

  for (guint i = 0; i <= n; i++) {
    cumulated += counts[i];
    append_bucket (text, name, labels, i < n ? bounds[i] : INFINITY, cumulated);
  }
  append_sample (text, sum_name, labels, sum);
  append_sample (text, count_name, labels, (gdouble) cumulated);
}

gchar *
prometheus_text_end (PrometheusText *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->families->len; i++) {
    const Family *family = g_ptr_array_index (self->families, i);

    g_string_append_len (text, family->text->str, family->text->len);
  }
  g_ptr_array_unref (self->families);
  g_hash_table_unref (self->by_name);
  g_free (self);
  return g_string_free (text, FALSE);
}

static void
append_label (GString *text, const gchar *name, const gchar *value)
{
  g_autofree gchar *valid = fog_name_bounded (value);

  g_string_append_printf (text, "%s%s=\"", text->len ? "," : "", name);
  for (const gchar *c = valid; *c; c++) {
    if (*c == '\n') {
      g_string_append (text, "\\n");
      continue;
    }
    if (*c == '"' || *c == '\\')
      g_string_append_c (text, '\\');
    g_string_append_c (text, *c);
  }
  g_string_append_c (text, '"');
}

gchar *
prometheus_labels (const gchar *name, ...)
{
  GString *text = g_string_new (NULL);
  va_list args;

  va_start (args, name);
  for (; name; name = va_arg (args, const gchar *)) {
    const gchar *value = va_arg (args, const gchar *);

    if (value)
      append_label (text, name, value);
  }
  va_end (args);
  return g_string_free (text, FALSE);
}
