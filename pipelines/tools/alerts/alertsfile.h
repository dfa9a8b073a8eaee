/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The form of the rule file: lines `[TYPE NAME]`, `key=value` and `# comment`, as cameras.conf has
 * them. GKeyFile knows no lines, and merges what is there twice. */

typedef struct {
  gchar *key, *value;
  guint line;
  gboolean taken; /* somebody has read it */
} AlertsEntry;

typedef struct {
  gchar *file; /* for messages */
  gchar *type, *name;
  guint line;
  GPtrArray *entries; /* of AlertsEntry */
} AlertsSection;

/* Returns: (nullable) (transfer full) (element-type AlertsSection): @error:
 * G_OPTION_ERROR_BAD_VALUE with file and line */
GPtrArray *alerts_file_parse (const gchar *file, const gchar *text, GError **error);

/* Returns: (nullable): the entry with this key, which counts as taken from now on. */
AlertsEntry *alerts_section_take (AlertsSection *self, const gchar *key);
/* Returns FALSE with @error if nobody has taken one of the entries. */
gboolean alerts_section_is_used_up (const AlertsSection *self, GError **error);
/* Sets @error to `FILE:LINE: ` and the text. Returns: FALSE */
gboolean alerts_section_fail (const AlertsSection *self, guint line, GError **error,
    const gchar *format, ...) G_GNUC_PRINTF (4, 5);

G_END_DECLS
