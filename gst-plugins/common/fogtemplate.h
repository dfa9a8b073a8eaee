/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A template is a text with places, such as `%{camera}`, that are filled for each buffer or
 * document. */

gboolean fog_template_has_places (const gchar *text);

/* FALSE: a place isn't closed, or has no name. */
gboolean fog_template_check (const gchar *text);

/* Appends what replaces the place @name to @filled. FALSE: nothing does. */
typedef gboolean (*FogTemplateFunc) (GString *filled, const gchar *name, gpointer user_data);

/* (nullable) (transfer full): @text, which passed fog_template_check(), with all places replaced.
 * %NULL: @func returned FALSE. */
gchar *fog_template_fill (const gchar *text, FogTemplateFunc func, gpointer user_data);

G_END_DECLS
