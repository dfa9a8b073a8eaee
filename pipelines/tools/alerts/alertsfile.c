/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsfile.h"

#include <string.h>

#define MAX_NAME 64 /* bytes */

static void
entry_free (gpointer data)
{
  AlertsEntry *self = data;

  g_free (self->key);
  g_free (self->value);
  g_free (self);
}

static void
section_free (gpointer data)
{
  AlertsSection *self = data;

  g_free (self->file);
  g_free (self->type);
  g_free (self->name);
  g_ptr_array_unref (self->entries);
  g_free (self);
}

static gboolean
fail (const gchar *file, guint line, GError **error, const gchar *text)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s:%u: %s", file, line, text);
  return FALSE;
}

gboolean
alerts_section_fail (
    const AlertsSection *self, guint line, GError **error, const gchar *format, ...)
{
  g_autofree gchar *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  return fail (self->file, line, error, text);
}

static gboolean
is_name (const gchar *text)
{
  gsize length = strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

  return length > 0 && length <= MAX_NAME && !text[length];
}

static AlertsSection *
find_section (GPtrArray *sections, const gchar *type, const gchar *name)
{
  for (guint i = 0; i < sections->len; i++) {
    AlertsSection *section = g_ptr_array_index (sections, i);

    if (g_str_equal (section->type, type) && g_str_equal (section->name, name))
      return section;
  }
  return NULL;
}

/* @text: the text between the brackets of the line */
static gboolean
begin_section (
    GPtrArray *sections, const gchar *file, guint line, const gchar *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, " ", 2);
  const gchar *name = words[0] && words[1] ? g_strchug (words[1]) : "";
  AlertsSection *section;

  if (!words[0] || !(g_str_equal (words[0], "rule") || g_str_equal (words[0], "target")))
    return fail (file, line, error, "a section begins with [rule NAME] or [target NAME]");
  if (!is_name (name))
    return fail (file, line, error, "a name has 1 to 64 letters, digits, - and _");
  section = find_section (sections, words[0], name);
  if (section)
    return alerts_section_fail (section, line, error, "the %s %s is there twice, first in line %u",
        section->type, name, section->line);
  section = g_new0 (AlertsSection, 1);
  section->file = g_strdup (file);
  section->type = g_strdup (words[0]);
  section->name = g_strdup (name);
  section->line = line;
  section->entries = g_ptr_array_new_with_free_func (entry_free);
  g_ptr_array_add (sections, section);
  return TRUE;
}

static AlertsEntry *
find_entry (const AlertsSection *self, const gchar *key)
{
  for (guint i = 0; i < self->entries->len; i++) {
    AlertsEntry *entry = g_ptr_array_index (self->entries, i);

    if (g_str_equal (entry->key, key))
      return entry;
  }
  return NULL;
}

static gboolean
add_entry (AlertsSection *self, guint line, gchar *key, gchar *value, GError **error)
{
  AlertsEntry *entry = find_entry (self, g_strchomp (key));

  if (entry)
    return alerts_section_fail (
        self, line, error, "%s is there twice, first in line %u", key, entry->line);
  entry = g_new0 (AlertsEntry, 1);
  entry->key = g_strdup (key);
  entry->value = g_strdup (g_strchug (value));
  entry->line = line;
  g_ptr_array_add (self->entries, entry);
  return *value || alerts_section_fail (self, line, error, "%s has no value", key);
}

/* @text: the line without spaces at its beginning and end */
static gboolean
read_line (GPtrArray *sections, const gchar *file, guint line, gchar *text, GError **error)
{
  gchar *equals = strchr (text, '=');
  gsize length = strlen (text);

  if (!length || *text == '#')
    return TRUE;
  if (*text == '[' && text[length - 1] == ']') {
    text[length - 1] = '\0';
    return begin_section (sections, file, line, g_strstrip (text + 1), error);
  }
  if (!equals)
    return fail (
        file, line, error, "a line is [rule NAME], [target NAME], key=value, or # and a comment");
  if (!sections->len)
    return fail (file, line, error, "a key comes before the first [rule NAME] or [target NAME]");
  *equals = '\0';
  return add_entry (g_ptr_array_index (sections, sections->len - 1), line, text, equals + 1, error);
}

GPtrArray *
alerts_file_parse (const gchar *file, const gchar *text, GError **error)
{
  g_autoptr (GPtrArray) sections = g_ptr_array_new_with_free_func (section_free);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    if (!g_utf8_validate (lines[i], -1, NULL)) {
      fail (file, i + 1, error, "the line isn't UTF-8");
      return NULL;
    }
    if (!read_line (sections, file, i + 1, g_strstrip (lines[i]), error))
      return NULL;
  }
  return g_steal_pointer (&sections);
}

AlertsEntry *
alerts_section_take (AlertsSection *self, const gchar *key)
{
  AlertsEntry *entry = find_entry (self, key);

  if (entry)
    entry->taken = TRUE;
  return entry;
}

gboolean
alerts_section_is_used_up (const AlertsSection *self, GError **error)
{
  for (guint i = 0; i < self->entries->len; i++) {
    const AlertsEntry *entry = g_ptr_array_index (self->entries, i);

    if (!entry->taken)
      return alerts_section_fail (self, entry->line, error, "the %s %s takes no key \"%s\"",
          self->type, self->name, entry->key);
  }
  return TRUE;
}
