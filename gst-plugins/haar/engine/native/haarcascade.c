/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarcascade.h"

#include <math.h>
#include <string.h>

#include <gio/gio.h>

/* --- XML --- */

#define MAX_BYTES (16 * 1024 * 1024)
#define MAX_DEPTH 16
#define MAX_ELEMENTS 1000000
/* Bytes of memory that one byte of XML may take, in the tree of XML elements or in the cascade that
 * is made from the tree. */
#define MEMORY_OF_TEXT 32

/* The data of a GNode of the tree, that is, of one XML element. */
typedef struct {
  gchar *name;
  GString *text;
} XmlItem;

typedef struct {
  GNode *root, *current;
  guint depth, elements;
} Parser;

static XmlItem *
item_new (const gchar *name)
{
  XmlItem *item = g_new (XmlItem, 1);

  item->name = g_strdup (name);
  item->text = NULL;
  return item;
}

static gboolean
item_free (GNode *node, gpointer user_data)
{
  XmlItem *item = node->data;

  g_free (item->name);
  if (item->text)
    g_string_free (item->text, TRUE);
  g_free (item);
  return FALSE;
}

static void
xml_free (GNode *root)
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
  /* The new element is prepended, because that takes constant time; end_element() restores the
   * order. */
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
  XmlItem *item = parser->current->data;

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

/* Returns TRUE if a block of @size bytes can be allocated. GLib's parser, strings and arrays abort
 * when they get no memory, so before they run, as much memory as they may need is tried. */
static gboolean
has_memory (gsize size)
{
  gpointer memory = g_try_malloc (size + 1);

  g_free (memory);
  return memory != NULL;
}

/* Returns: (nullable) (transfer full): the XML as a tree of bounded depth and size. The error is
 * G_IO_ERROR_NO_SPACE if there is no memory, G_IO_ERROR_INVALID_DATA otherwise. */
static GNode *
xml_parse (const gchar *xml, gsize length, GError **error)
{
  GNode *root;
  Parser parser = {0};
  GError *reason = NULL;

  if (length <= MAX_BYTES && !has_memory (length * MEMORY_OF_TEXT)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
        "there is no memory to read %" G_GSIZE_FORMAT " bytes of XML", length);
    return NULL;
  }
  parser.root = parser.current = root = g_node_new (item_new (""));
  if (length == 0) {
    g_set_error (&reason, G_MARKUP_ERROR, G_MARKUP_ERROR_EMPTY, "it is empty");
  } else if (length > MAX_BYTES) {
    g_set_error (
        &reason, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "larger than %d bytes", MAX_BYTES);
  } else if (parse_into (&parser, xml, length, &reason)) {
    g_node_reverse_children (root);
    return root;
  }
  g_set_error (
      error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "it isn't well-formed XML: %s", reason->message);
  g_error_free (reason);
  xml_free (root);
  return NULL;
}

static const gchar *
xml_name (GNode *node)
{
  return ((XmlItem *) node->data)->name;
}

/* Returns the text of an XML element without surrounding white space; the text lives as long as the
 * tree. */
static const gchar *
xml_text (GNode *node)
{
  XmlItem *item = node->data;

  return item->text ? g_strchomp (item->text->str) : "";
}

static GNode *
xml_child (GNode *node, const gchar *name)
{
  for (GNode *child = node->children; child; child = child->next)
    if (strcmp (xml_name (child), name) == 0)
      return child;
  return NULL;
}

/* Appends the numbers in the text of an XML element to @numbers (of gdouble). Returns FALSE if the
 * text holds something other than numbers, or a number whose absolute value is above @most. */
static gboolean
xml_numbers (GNode *node, gdouble most, GArray *numbers)
{
  const gchar *text = xml_text (node);

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

/* --- the cascade --- */

/* Number that OpenCV subtracts, in single precision, from the threshold of each stage. */
#define THRESHOLD_SLACK 1e-5f

#define MAX_STAGES 1000
#define MAX_TREE_NODES 64
/* The largest number that a cascade may contain: far above any number in a trained cascade, and so
 * small that no later arithmetic overflows. */
#define MAX_MAGNITUDE 1e6
#define N_PATTERNS 256

typedef struct {
  GArray *stages, *trees, *nodes, *leaves, *features;
  GArray *patterns; /* only if `binary` */
  GArray *numbers;  /* the numbers that the last call of read_numbers() read, as gdouble */
  gboolean binary;  /* the features are local binary patterns, not Haar features */
  gint width, height;
  GError **error;
} Loader;

static gboolean fail (Loader *self, const gchar *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
fail (Loader *self, const gchar *format, ...)
{
  va_list args;
  g_autofree gchar *message = NULL;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (self->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, message);
  return FALSE;
}

/* Reads the numbers of the node's text into self->numbers. Returns FALSE if the text has fewer than
 * @least or more than @most numbers. */
static gboolean
read_numbers (Loader *self, GNode *node, guint least, guint most)
{
  g_array_set_size (self->numbers, 0);
  /* Numbers of LBP cascades may have 32 bits, because the file contains a set of patterns as such
   * numbers. */
  if (!xml_numbers (node, self->binary ? -(gdouble) G_MININT32 : MAX_MAGNITUDE, self->numbers))
    return fail (self,
        "<%s> holds something that isn't a number, or a number that is too large: \"%.40s\"",
        xml_name (node), xml_text (node));
  if (self->numbers->len < least || self->numbers->len > most)
    return fail (self, "<%s> holds %u numbers, expected %u to %u", xml_name (node),
        self->numbers->len, least, most);
  return TRUE;
}

static gboolean
read_child (Loader *self, GNode *node, const gchar *name, gdouble *value)
{
  GNode *child = xml_child (node, name);

  if (!child)
    return fail (self, "<%s> is missing in <%s>", name, xml_name (node));
  if (!read_numbers (self, child, 1, 1))
    return FALSE;
  *value = g_array_index (self->numbers, gdouble, 0);
  return TRUE;
}

static gboolean
number_to_int (Loader *self, guint i, gint *value)
{
  gdouble number = g_array_index (self->numbers, gdouble, i);

  *value = (gint) number;
  if (*value != number)
    return fail (self, "%g isn't a whole number", number);
  return TRUE;
}

static gboolean
block_fits (const Loader *self, const HaarBlock *block, gboolean tilted)
{
  gint left = block->x, right = block->x + block->width, bottom = block->y + block->height;

  if (block->width <= 0 || block->height <= 0)
    return FALSE;
  if (tilted) {
    left = block->x - block->height;
    bottom = block->y + block->width + block->height;
  }
  return left >= 0 && block->y >= 0 && right <= self->width && bottom <= self->height;
}

static gboolean
read_block (Loader *self, GNode *node, HaarBlock *block)
{
  if (!read_numbers (self, node, 5, 5) || !number_to_int (self, 0, &block->x) ||
      !number_to_int (self, 1, &block->y) || !number_to_int (self, 2, &block->width) ||
      !number_to_int (self, 3, &block->height))
    return FALSE;
  block->weight = (gfloat) g_array_index (self->numbers, gdouble, 4);
  return TRUE;
}

/* Reads the feature of a local binary pattern. */
static gboolean
read_cells (Loader *self, GNode *node)
{
  HaarFeature feature = {.n_blocks = 1};
  HaarBlock *cell = &feature.blocks[0];
  GNode *rect = xml_child (node, "rect");

  if (!rect)
    return fail (self, "a feature has no <rect>");
  if (!read_numbers (self, rect, 4, 4) || !number_to_int (self, 0, &cell->x) ||
      !number_to_int (self, 1, &cell->y) || !number_to_int (self, 2, &cell->width) ||
      !number_to_int (self, 3, &cell->height))
    return FALSE;
  if (cell->x < 0 || cell->y < 0 || cell->width <= 0 || cell->height <= 0 ||
      cell->x > self->width || cell->y > self->height ||
      cell->width > (self->width - cell->x) / 3 || cell->height > (self->height - cell->y) / 3)
    return fail (self, "feature %u has cells outside the %dx%d window", self->features->len,
        self->width, self->height);
  g_array_append_val (self->features, feature);
  return TRUE;
}

/* Reads a Haar feature. The XML element with the rectangles is the same in both formats of cascade
 * files. */
static gboolean
read_feature (Loader *self, GNode *node)
{
  HaarFeature feature = {0};
  GNode *rects = xml_child (node, "rects");
  gdouble tilted = 0;

  if (!rects)
    return fail (self, "a feature has no <rects>");
  if (xml_child (node, "tilted") && !read_child (self, node, "tilted", &tilted))
    return FALSE;
  feature.tilted = tilted != 0;
  for (GNode *child = rects->children; child; child = child->next) {
    HaarBlock block;

    if (!read_block (self, child, &block))
      return FALSE;
    if (block.weight == 0)
      continue;
    if (feature.n_blocks == HAAR_MAX_BLOCKS || !block_fits (self, &block, feature.tilted))
      return fail (self, "feature %u has too many rectangles or one outside the %dx%d window",
          self->features->len, self->width, self->height);
    feature.blocks[feature.n_blocks++] = block;
  }
  if (feature.n_blocks == 0)
    return fail (self, "feature %u has no rectangle", self->features->len);
  g_array_append_val (self->features, feature);
  return TRUE;
}

static gboolean
child_is_valid (const HaarTree *tree, guint node, gint child)
{
  /* A child that is a node must have a higher index than its parent, so that every walk through the
   * tree ends. */
  return child > 0 ? (guint) child > node && (guint) child < tree->n_nodes
                   : child >= -(gint) tree->n_nodes;
}

/* Checks the tree whose nodes and leaves were appended since open_tree(), and appends it. */
static gboolean
close_tree (Loader *self, HaarTree *tree)
{
  guint n_leaves = self->leaves->len - tree->first_leaf;

  tree->n_nodes = self->nodes->len - tree->first_node;
  if (tree->n_nodes == 0 || tree->n_nodes > MAX_TREE_NODES || n_leaves != tree->n_nodes + 1)
    return fail (
        self, "tree %u has %u nodes and %u leaves", self->trees->len, tree->n_nodes, n_leaves);
  for (guint i = 0; i < tree->n_nodes; i++) {
    HaarNode *node = &g_array_index (self->nodes, HaarNode, tree->first_node + i);

    if (!child_is_valid (tree, i, node->left) || !child_is_valid (tree, i, node->right))
      return fail (self, "node %u of tree %u has a child out of range", i, self->trees->len);
  }
  g_array_append_val (self->trees, *tree);
  return TRUE;
}

static HaarTree
open_tree (Loader *self)
{
  return (HaarTree){self->nodes->len, 0, self->leaves->len};
}

static gboolean
read_patterns (Loader *self, guint first)
{
  HaarPatterns patterns;

  for (guint i = 0; i < G_N_ELEMENTS (patterns.bits); i++) {
    gint bits;

    if (!number_to_int (self, first + i, &bits))
      return FALSE;
    patterns.bits[i] = (guint32) bits;
  }
  g_array_append_val (self->patterns, patterns);
  return TRUE;
}

/* Reads the nodes of a tree: the numbers for a node are its two children, its feature, and a
 * threshold or a set of patterns. */
static gboolean
read_internal_nodes (Loader *self, GNode *node)
{
  const guint n_numbers = self->binary ? 3 + N_PATTERNS / 32 : 4;

  if (!read_numbers (self, node, n_numbers, n_numbers * MAX_TREE_NODES))
    return FALSE;
  if (self->numbers->len % n_numbers != 0)
    return fail (self, "<internalNodes> holds %u numbers, which isn't a multiple of %u",
        self->numbers->len, n_numbers);
  for (guint i = 0; i < self->numbers->len; i += n_numbers) {
    HaarNode n = {0};
    gint feature;

    if (!number_to_int (self, i, &n.left) || !number_to_int (self, i + 1, &n.right) ||
        !number_to_int (self, i + 2, &feature))
      return FALSE;
    n.feature = (guint) feature;
    if (self->binary && !read_patterns (self, i + 3))
      return FALSE;
    if (!self->binary)
      n.threshold = (gfloat) g_array_index (self->numbers, gdouble, i + 3);
    g_array_append_val (self->nodes, n);
  }
  return TRUE;
}

static gboolean
append_leaves (Loader *self, GNode *node, guint most)
{
  if (!read_numbers (self, node, 1, most))
    return FALSE;
  for (guint i = 0; i < self->numbers->len; i++) {
    gfloat leaf = (gfloat) g_array_index (self->numbers, gdouble, i);

    g_array_append_val (self->leaves, leaf);
  }
  return TRUE;
}

static gboolean
read_tree (Loader *self, GNode *node)
{
  HaarTree tree = open_tree (self);
  GNode *nodes = xml_child (node, "internalNodes");
  GNode *leaves = xml_child (node, "leafValues");

  if (!nodes || !leaves)
    return fail (self, "tree %u lacks <internalNodes> or <leafValues>", self->trees->len);
  return read_internal_nodes (self, nodes) && append_leaves (self, leaves, MAX_TREE_NODES + 1) &&
         close_tree (self, &tree);
}

/* Reads one side of a node in the older format: the value of a leaf, or the number of another
 * node. */
static gboolean
read_old_side (Loader *self, GNode *node, const HaarTree *tree, const gchar *leaf_name,
    const gchar *node_name, gint *child)
{
  GNode *leaf = xml_child (node, leaf_name);
  gdouble index = 0;

  if (leaf) {
    *child = -(gint) (self->leaves->len - tree->first_leaf);
    return append_leaves (self, leaf, 1);
  }
  if (!read_child (self, node, node_name, &index))
    return FALSE;
  *child = (gint) index;
  return *child > 0 || fail (self, "<%s> is %g", node_name, index);
}

static gboolean
read_old_node (Loader *self, GNode *node, const HaarTree *tree)
{
  HaarNode n = {.feature = self->features->len};
  GNode *feature = xml_child (node, "feature");
  gdouble threshold = 0;

  if (!feature)
    return fail (self, "a node of tree %u has no <feature>", self->trees->len);
  if (!read_feature (self, feature) || !read_child (self, node, "threshold", &threshold) ||
      !read_old_side (self, node, tree, "left_val", "left_node", &n.left) ||
      !read_old_side (self, node, tree, "right_val", "right_node", &n.right))
    return FALSE;
  n.threshold = (gfloat) threshold;
  g_array_append_val (self->nodes, n);
  return TRUE;
}

static gboolean
read_old_tree (Loader *self, GNode *node)
{
  HaarTree tree = open_tree (self);

  for (GNode *child = node->children; child; child = child->next)
    if (!read_old_node (self, child, &tree))
      return FALSE;
  return close_tree (self, &tree);
}

static gboolean
read_stage (Loader *self, GNode *node, const gchar *threshold_name, const gchar *trees_name,
    gboolean (*read_tree) (Loader *, GNode *))
{
  HaarStage stage = {.first_tree = self->trees->len};
  GNode *trees = xml_child (node, trees_name);
  gdouble threshold = 0;

  if (!trees || !trees->children)
    return fail (self, "stage %u has no <%s>", self->stages->len, trees_name);
  if (!read_child (self, node, threshold_name, &threshold))
    return FALSE;
  stage.threshold = (gfloat) threshold - THRESHOLD_SLACK;
  for (GNode *child = trees->children; child; child = child->next)
    if (!read_tree (self, child))
      return FALSE;
  stage.n_trees = self->trees->len - stage.first_tree;
  g_array_append_val (self->stages, stage);
  return TRUE;
}

static gboolean
read_stages (Loader *self, GNode *root, gboolean old)
{
  GNode *stages = xml_child (root, "stages");

  if (!stages || !stages->children)
    return fail (self, "<stages> is missing or empty");
  for (GNode *child = stages->children; child; child = child->next) {
    if (self->stages->len == MAX_STAGES)
      return fail (self, "more than %d stages", MAX_STAGES);
    if (!(old ? read_stage (self, child, "stage_threshold", "trees", read_old_tree)
              : read_stage (self, child, "stageThreshold", "weakClassifiers", read_tree)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_window (Loader *self, gdouble width, gdouble height)
{
  /* A side of the window has at least 3 px, because contrast is measured without the window's
   * outermost pixels. */
  if (!(width >= 3 && width <= HAAR_MAX_WINDOW && height >= 3 && height <= HAAR_MAX_WINDOW)) {
    g_set_error (self->error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        "a window of %gx%g pixels, expected 3 to %d a side", width, height, HAAR_MAX_WINDOW);
    return FALSE;
  }
  self->width = (gint) width;
  self->height = (gint) height;
  return TRUE;
}

/* Returns FALSE if the text of the child @name is neither @a nor @b. @is_b: (out): TRUE if the text
 * is @b */
static gboolean
read_choice (
    Loader *self, GNode *root, const gchar *name, const gchar *a, const gchar *b, gboolean *is_b)
{
  GNode *node = xml_child (root, name);

  if (!node)
    return fail (self, "<%s> is missing", name);
  *is_b = strcmp (xml_text (node), b) == 0;
  if (*is_b || strcmp (xml_text (node), a) == 0)
    return TRUE;
  g_set_error (self->error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
      "<%s> is \"%.40s\", only %s%s%s can be evaluated", name, xml_text (node), a,
      a == b ? "" : " and ", a == b ? "" : b);
  return FALSE;
}

static gboolean
read_kind (Loader *self, GNode *root)
{
  GNode *params = xml_child (root, "featureParams");
  gboolean boosted;
  gdouble n_patterns = 0;

  if (!read_choice (self, root, "stageType", "BOOST", "BOOST", &boosted) ||
      !read_choice (self, root, "featureType", "HAAR", "LBP", &self->binary))
    return FALSE;
  if (!self->binary)
    return TRUE;
  if (!params || !read_child (self, params, "maxCatCount", &n_patterns))
    return params ? FALSE : fail (self, "<featureParams> is missing");
  return n_patterns == N_PATTERNS ||
         fail (self, "<maxCatCount> is %g, expected %d", n_patterns, N_PATTERNS);
}

static gboolean
read_new_format (Loader *self, GNode *root)
{
  GNode *features = xml_child (root, "features");
  gdouble width = 0, height = 0;

  if (!read_kind (self, root))
    return FALSE;
  if (!read_child (self, root, "width", &width) || !read_child (self, root, "height", &height) ||
      !check_window (self, width, height) || !read_stages (self, root, FALSE))
    return FALSE;
  if (!features)
    return fail (self, "<features> is missing");
  for (GNode *child = features->children; child; child = child->next)
    if (!(self->binary ? read_cells (self, child) : read_feature (self, child)))
      return FALSE;
  return TRUE;
}

static gboolean
read_old_format (Loader *self, GNode *root)
{
  if (!read_numbers (self, xml_child (root, "size"), 2, 2))
    return FALSE;
  return check_window (self, g_array_index (self->numbers, gdouble, 0),
             g_array_index (self->numbers, gdouble, 1)) &&
         read_stages (self, root, TRUE);
}

static gboolean
read_root (Loader *self, GNode *document)
{
  GNode *storage = xml_child (document, "opencv_storage");

  if (!storage || !storage->children)
    return fail (self, "<opencv_storage> with a cascade is missing");
  return xml_child (storage->children, "size") ? read_old_format (self, storage->children)
                                               : read_new_format (self, storage->children);
}

static gboolean
check_features (Loader *self)
{
  for (guint i = 0; i < self->nodes->len; i++)
    if (g_array_index (self->nodes, HaarNode, i).feature >= self->features->len)
      return fail (self, "a node uses feature %u of %u",
          g_array_index (self->nodes, HaarNode, i).feature, self->features->len);
  return TRUE;
}

static gboolean
check_trees (Loader *self)
{
  for (guint i = 0; self->binary && i < self->trees->len; i++) {
    if (g_array_index (self->trees, HaarTree, i).n_nodes == 1)
      continue;
    g_set_error (self->error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        "a tree of local binary patterns has more than one node");
    return FALSE;
  }
  return TRUE;
}

static void
find_kind (HaarCascade *cascade)
{
  cascade->stumps = TRUE;
  for (guint i = 0; i < cascade->n_trees; i++)
    cascade->stumps &= cascade->trees[i].n_nodes == 1;
  /* Like OpenCV, takes a stump's first leaf as the left one, whatever the stump's node says. */
  for (guint i = 0; cascade->stumps && i < cascade->n_nodes; i++) {
    cascade->nodes[i].left = 0;
    cascade->nodes[i].right = -1;
  }
  for (guint i = 0; i < cascade->n_features; i++)
    cascade->has_tilted |= cascade->features[i].tilted;
}

static HaarCascade *
take_arrays (Loader *self)
{
  HaarCascade *cascade = g_new0 (HaarCascade, 1);

  cascade->width = self->width;
  cascade->height = self->height;
  cascade->n_stages = self->stages->len;
  cascade->n_trees = self->trees->len;
  cascade->n_nodes = self->nodes->len;
  cascade->n_leaves = self->leaves->len;
  cascade->n_features = self->features->len;
  cascade->stages = (HaarStage *) g_array_free (g_steal_pointer (&self->stages), FALSE);
  cascade->trees = (HaarTree *) g_array_free (g_steal_pointer (&self->trees), FALSE);
  cascade->nodes = (HaarNode *) g_array_free (g_steal_pointer (&self->nodes), FALSE);
  if (self->binary)
    cascade->patterns = (HaarPatterns *) g_array_free (g_steal_pointer (&self->patterns), FALSE);
  cascade->leaves = (gfloat *) g_array_free (g_steal_pointer (&self->leaves), FALSE);
  cascade->features = (HaarFeature *) g_array_free (g_steal_pointer (&self->features), FALSE);
  find_kind (cascade);
  return cascade;
}

HaarCascade *
haar_cascade_parse (const gchar *xml, gsize length, GError **error)
{
  GNode *document = xml_parse (xml, length, error);
  Loader loader = {.error = error};
  HaarCascade *cascade = NULL;

  if (!document)
    return NULL;
  loader.stages = g_array_new (FALSE, FALSE, sizeof (HaarStage));
  loader.trees = g_array_new (FALSE, FALSE, sizeof (HaarTree));
  loader.nodes = g_array_new (FALSE, FALSE, sizeof (HaarNode));
  loader.leaves = g_array_new (FALSE, FALSE, sizeof (gfloat));
  loader.patterns = g_array_new (FALSE, FALSE, sizeof (HaarPatterns));
  loader.features = g_array_new (FALSE, FALSE, sizeof (HaarFeature));
  loader.numbers = g_array_new (FALSE, FALSE, sizeof (gdouble));
  if (read_root (&loader, document) && check_features (&loader) && check_trees (&loader))
    cascade = take_arrays (&loader);
  g_clear_pointer (&loader.stages, g_array_unref);
  g_clear_pointer (&loader.trees, g_array_unref);
  g_clear_pointer (&loader.nodes, g_array_unref);
  g_clear_pointer (&loader.leaves, g_array_unref);
  g_clear_pointer (&loader.features, g_array_unref);
  g_clear_pointer (&loader.patterns, g_array_unref);
  g_array_unref (loader.numbers);
  xml_free (document);
  return cascade;
}

void
haar_cascade_free (HaarCascade *cascade)
{
  g_free (cascade->stages);
  g_free (cascade->trees);
  g_free (cascade->nodes);
  g_free (cascade->patterns);
  g_free (cascade->leaves);
  g_free (cascade->features);
  g_free (cascade);
}
