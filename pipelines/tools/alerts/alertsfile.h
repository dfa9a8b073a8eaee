/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Parses the syntax of the rule file: lines `[TYPE NAME]`, `key=value` and `# comment`, as in
 * cameras.conf. GKeyFile isn't used, because it doesn't tell line numbers, and merges groups and
 * keys that occur twice. */

typedef struct {
  gchar *key, *value;
  guint line;
  gboolean taken; /* flag: alerts_section_take() has returned this entry */
} AlertsEntry;

typedef struct {
  gchar *file; /* name of the file, for error messages */
  gchar *type, *name;
  guint line;
  GPtrArray *entries; /* of AlertsEntry */
} AlertsSection;

/* Returns: (nullable) (transfer full) (element-type AlertsSection): the sections of the file.
 * @error: G_OPTION_ERROR_BAD_VALUE, with the file and the line */
GPtrArray *alerts_file_parse (const gchar *file, const gchar *text, GError **error);

/* Returns: (nullable): the entry with this key, and sets its flag `taken`. */
AlertsEntry *alerts_section_take (AlertsSection *self, const gchar *key);
/* Returns FALSE with @error if an entry wasn't taken, because then its key isn't known. */
gboolean alerts_section_is_used_up (const AlertsSection *self, GError **error);
/* Sets @error to `FILE:LINE: ` and the text. Returns: FALSE */
gboolean alerts_section_fail (const AlertsSection *self, guint line, GError **error,
    const gchar *format, ...) G_GNUC_PRINTF (4, 5);

G_END_DECLS
