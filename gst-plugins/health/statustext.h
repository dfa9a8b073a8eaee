/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A line of Prometheus' text format for each number and boolean in the `stats` of @element, if it has any:
 * gst_kafkasrc_messages{element="kafkasrc0"} 12 */
void status_text_add_element (GString *text, GstElement *element);

/* @help: one line */
void status_text_add_value (GString *text, const gchar *name, const gchar *help, gdouble value);

G_END_DECLS
