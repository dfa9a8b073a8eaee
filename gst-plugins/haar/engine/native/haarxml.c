/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarxml.h"

#include <math.h>
#include <string.h>

#include <gio/gio.h>

#define MAX_DEPTH 16
#define MAX_ELEMENTS 1000000
/* Bytes that a byte of text may come to, in the tree or in what is made of it. */
#define MEMORY_OF_TEXT 32

typedef struct {
  GNode *root, *current;
  guint depth, elements;
} Parser;

static HaarXmlItem *
item_new (const gchar *name)
{
  HaarXmlItem *item = g_new (HaarXmlItem, 1);

  item->name = g_strdup (name);
  item->text = NULL;
  return item;
}

static gboolean
item_free (GNode *node, gpointer user_data)
{
  HaarXmlItem *item = node->data;

  g_free (item->name);
  if (item->text)
    g_string_free (item->text, TRUE);
  g_free (item);
  return FALSE;
}

void
haar_xml_free (GNode *root)
{
  g_node_traverse (root, G_POST_ORDER, G_TRAVERSE_ALL, -1, item_free, NULL);
  g_node_destroy (root);
}

static void
start_element (GMarkupParseContext *context, const gchar *name, const gchar **attribute_names,
    const gchar **attribute_values, gpointer user_data, GError **error)
{
  Parser *parser = user_data;

  if (++parser->depth > MAX_DEPTH || ++parser->elements > MAX_ELEMENTS) {
    g_set_error (error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT,
        "more than %d levels or %d elements", MAX_DEPTH, MAX_ELEMENTS);
    return;
  }
  /* Prepending takes constant time; the end of the parent restores the order. */
  parser->current = g_node_prepend (parser->current, g_node_new (item_new (name)));
}

static void
end_element (GMarkupParseContext *context, const gchar *name, gpointer user_data, GError **error)
{
  Parser *parser = user_data;

  g_node_reverse_children (parser->current);
  parser->current = parser->current->parent;
  parser->depth--;
}

static void
add_text (GMarkupParseContext *context, const gchar *text, gsize length, gpointer user_data,
    GError **error)
{
  Parser *parser = user_data;
  HaarXmlItem *item = parser->current->data;

  while (length > 0 && g_ascii_isspace (*text)) {
    text++;
    length--;
  }
  if (length == 0)
    return;
  if (!item->text)
    item->text = g_string_new (NULL);
  g_string_append_len (item->text, text, length);
}

static gboolean
parse_into (Parser *parser, const gchar *xml, gsize length, GError **error)
{
  static const GMarkupParser callbacks = {
      .start_element = start_element,
      .end_element = end_element,
      .text = add_text,
  };
  GMarkupParseContext *context = g_markup_parse_context_new (&callbacks, 0, parser, NULL);
  gboolean parsed = g_markup_parse_context_parse (context, xml, length, error) &&
                    g_markup_parse_context_end_parse (context, error);

  g_markup_parse_context_free (context);
  return parsed;
}

/* GLib's parser, strings and arrays abort when they get no memory: so all that they may want is asked for at once. */
static gboolean
has_memory (gsize size)
{
  gpointer memory = g_try_malloc (size + 1);

  g_free (memory);
  return memory != NULL;
}

GNode *
haar_xml_parse (const gchar *xml, gsize length, GError **error)
{
  GNode *root;
  Parser parser = {0};
  GError *reason = NULL;

  if (length <= HAAR_XML_MAX_BYTES && !has_memory (length * MEMORY_OF_TEXT)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
        "there is no memory to read %" G_GSIZE_FORMAT " bytes of XML", length);
    return NULL;
  }
  parser.root = parser.current = root = g_node_new (item_new (""));
  if (length == 0) {
    g_set_error (&reason, G_MARKUP_ERROR, G_MARKUP_ERROR_EMPTY, "no text at all");
  } else if (length > HAAR_XML_MAX_BYTES) {
    g_set_error (&reason, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "larger than %d bytes",
        HAAR_XML_MAX_BYTES);
  } else if (parse_into (&parser, xml, length, &reason)) {
    g_node_reverse_children (root);
    return root;
  }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "not sound XML: %s", reason->message);
  g_error_free (reason);
  haar_xml_free (root);
  return NULL;
}

const gchar *
haar_xml_name (GNode *node)
{
  return ((HaarXmlItem *) node->data)->name;
}

const gchar *
haar_xml_text (GNode *node)
{
  HaarXmlItem *item = node->data;

  return item->text ? g_strchomp (item->text->str) : "";
}

GNode *
haar_xml_child (GNode *node, const gchar *name)
{
  for (GNode *child = node->children; child; child = child->next)
    if (strcmp (haar_xml_name (child), name) == 0)
      return child;
  return NULL;
}

gboolean
haar_xml_numbers (GNode *node, gdouble most, GArray *numbers)
{
  const gchar *text = haar_xml_text (node);

  while (*text) {
    gchar *end;
    gdouble number = g_ascii_strtod (text, &end);

    if (end == text || (*end && !g_ascii_isspace (*end)) || !isfinite (number) ||
        fabs (number) > most)
      return FALSE;
    g_array_append_val (numbers, number);
    for (text = end; g_ascii_isspace (*text);)
      text++;
  }
  return TRUE;
}
