/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* JSON from the network. The size and the nesting depth of a JSON text are checked before it is
 * parsed, and its values when they are read. Every error is G_IO_ERROR_INVALID_DATA. */

/**
 * fog_json_parse_object:
 * @parser: owns the object that is returned
 * @text: the JSON text: any bytes, with or without a NUL at the end
 * @size: their number
 * @error: says what is wrong with the text
 *
 * A text of more than 1 MiB, or of more than 16 levels, is an error.
 *
 * Returns: (nullable) (transfer none): the object
 */
JsonObject *fog_json_parse_object (
    JsonParser *parser, const gchar *text, gsize size, GError **error);

/* Reads the number in the member @name of @object. If the member is absent, @value isn't changed.
 * Returns FALSE with @error if the member isn't a number from 0 to @max. */
gboolean fog_json_read_number (
    JsonObject *object, const gchar *name, gdouble max, gdouble *value, GError **error);
gboolean fog_json_read_count (
    JsonObject *object, const gchar *name, guint64 max, guint64 *value, GError **error);
/* Returns: (nullable): the text of the member @name; NULL if the member is absent or isn't a
 * text. */
const gchar *fog_json_read_string (JsonObject *object, const gchar *name);

/* Adds the number as a value of @builder. json-glib writes 1e-08 as "1e-08.0", which isn't valid
 * JSON: such a number is replaced by the nearest number towards 0 that json-glib writes correctly.
 * @value: finite */
void fog_json_add_number (JsonBuilder *builder, gdouble value);

/* Sets @error to `WHAT: "NAME"`. Returns: FALSE */
gboolean fog_json_fail (GError **error, const gchar *what, const gchar *name);

G_END_DECLS
