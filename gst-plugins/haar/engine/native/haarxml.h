/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HAAR_XML_MAX_BYTES (16 * 1024 * 1024)

/* The tree of an XML text whose depth and number of elements are bounded; each GNode's data is a HaarXmlItem. */
typedef struct {
  gchar *name;
  GString *text;
} HaarXmlItem;

/* Every error is G_IO_ERROR_INVALID_DATA, but for G_IO_ERROR_NO_SPACE. */
GNode *haar_xml_parse (const gchar *xml, gsize length, GError **error);
void haar_xml_free (GNode *root);

GNode *haar_xml_child (GNode *node, const gchar *name);
const gchar *haar_xml_name (GNode *node);
/* The text without surrounding white space, valid as long as the tree. */
const gchar *haar_xml_text (GNode *node);
/* Appends the numbers of the text to the array of gdouble; FALSE if it holds anything else, or one beyond @most. */
gboolean haar_xml_numbers (GNode *node, gdouble most, GArray *numbers);

G_END_DECLS
