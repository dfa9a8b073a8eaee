/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A template is a text with placeholders, such as `%{camera}`. For each buffer or document, the
 * placeholders are replaced by values of that buffer or document. */

gboolean fog_template_has_places (const gchar *text);

/* Returns FALSE if a placeholder of @text has no closing brace, or no name. */
gboolean fog_template_check (const gchar *text);

/* Appends the value of the placeholder @name to @filled. Returns FALSE if the placeholder has no
 * value. */
typedef gboolean (*FogTemplateFunc) (GString *filled, const gchar *name, gpointer user_data);

/* Returns: (nullable) (transfer full): @text with all placeholders replaced. fog_template_check()
 * must have accepted @text. %NULL: @func returned FALSE. */
gchar *fog_template_fill (const gchar *text, FogTemplateFunc func, gpointer user_data);

G_END_DECLS
