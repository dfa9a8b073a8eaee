/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* JSON from the network: bounded before it is parsed, checked as it is read. Errors are G_IO_ERROR_INVALID_DATA. */

/**
 * fog_json_parse_object:
 * @parser: owns what is returned
 * @text: any bytes at all, need not end in NUL
 * @size: their number
 * @error: what is wrong with the text, for a person
 *
 * More than 1 MiB of text or 16 levels is refused.
 *
 * Returns: (nullable) (transfer none): the object that the text is
 */
JsonObject *fog_json_parse_object (
    JsonParser *parser, const gchar *text, gsize size, GError **error);

/* These two leave @value as it is where the member is absent, and fail if it is no number from 0 to @max. */
gboolean fog_json_read_number (
    JsonObject *object, const gchar *name, gdouble max, gdouble *value, GError **error);
gboolean fog_json_read_count (
    JsonObject *object, const gchar *name, guint64 max, guint64 *value, GError **error);
/* (nullable): the member if it is a text. */
const gchar *fog_json_read_string (JsonObject *object, const gchar *name);

/* Sets @error to `WHAT: "NAME"`; returns FALSE. */
gboolean fog_json_fail (GError **error, const gchar *what, const gchar *name);

G_END_DECLS
