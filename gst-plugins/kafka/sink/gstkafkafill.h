/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A text with places in it that each buffer's headers fill: `%{camera}` for the header `camera`. */

gboolean gst_kafka_fill_has_places (const gchar *text);

/* FALSE with @error (GST_RESOURCE_ERROR_SETTINGS): a place of @property's @text
 * isn't closed, or has no name. */
gboolean gst_kafka_fill_check (const gchar *text, const gchar *property, GError **error);

/* (nullable): a header's text; %NULL: it isn't there, or isn't text */
typedef const gchar *(*GstKafkaFillLookUp) (gconstpointer data, const gchar *name);

/**
 * gst_kafka_fill:
 * @text: one that gst_kafka_fill_check() passed
 * @look_up: called with @data for each place
 * @missing: (out) (transfer full): the header that isn't there; else %NULL
 *
 * Returns: (nullable) (transfer full): %NULL if a header is missing
 */
gchar *gst_kafka_fill (
    const gchar *text, GstKafkaFillLookUp look_up, gconstpointer data, gchar **missing);

G_END_DECLS
