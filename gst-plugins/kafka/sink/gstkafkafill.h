/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Templates: a text in which each buffer's headers replace places such as `%{camera}`. */

gboolean gst_kafka_fill_has_places (const gchar *text);

/* FALSE with @error (GST_RESOURCE_ERROR_SETTINGS): a place in the @text of @property isn't closed,
 * or names no header. */
gboolean gst_kafka_fill_check (const gchar *text, const gchar *property, GError **error);

/* (nullable): the text of the header @name; %NULL if it is missing or isn't text */
typedef const gchar *(*GstKafkaFillLookUp) (gconstpointer data, const gchar *name);

/**
 * gst_kafka_fill:
 * @text: a template that passed gst_kafka_fill_check()
 * @look_up: called with @data for each place
 * @missing: (out) (transfer full) (nullable): the name of a header that is missing
 *
 * Returns: (nullable) (transfer full): %NULL if a header is missing
 */
gchar *gst_kafka_fill (
    const gchar *text, GstKafkaFillLookUp look_up, gconstpointer data, gchar **missing);

G_END_DECLS
