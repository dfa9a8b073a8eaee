/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarzones.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "fogjson.h"

/* The name that stands for each camera that the JSON doesn't name. */
#define ANY_CAMERA "*"
#define MAX_CAMERA_NAME 256 /* bytes */
/* The smallest area of a polygon, as a fraction of the picture. The text of a polygon with a
 * smaller area is refused as a mistake. */
#define LEAST_AREA 1e-6
/* The luma that replaces all masked pixels, because the engines reject windows without contrast at
 * once. */
#define HIDDEN 0

typedef struct {
  gdouble x, y; /* coordinates as fractions of the picture's width and height */
} Point;

typedef struct {
  gchar *name; /* NULL for a mask */
  guint n;
  Point *points;
} Polygon;

struct _HaarCameraZones {
  GArray *zones, *masks; /* of Polygon */
};

struct _HaarZones {
  gatomicrefcount refs;
  guint number;
  GHashTable *cameras; /* name to HaarCameraZones */
};

static void
polygon_clear (gpointer polygon)
{
  g_free (((Polygon *) polygon)->name);
  g_free (((Polygon *) polygon)->points);
}

static GArray *
polygons_new (void)
{
  GArray *polygons = g_array_new (FALSE, TRUE, sizeof (Polygon));

  g_array_set_clear_func (polygons, polygon_clear);
  return polygons;
}

static HaarCameraZones *
camera_new (void)
{
  HaarCameraZones *camera = g_new (HaarCameraZones, 1);

  camera->zones = polygons_new ();
  camera->masks = polygons_new ();
  return camera;
}

static void
camera_free (HaarCameraZones *camera)
{
  g_array_unref (camera->zones);
  g_array_unref (camera->masks);
  g_free (camera);
}

HaarZones *
haar_zones_ref (HaarZones *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
haar_zones_unref (HaarZones *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_hash_table_unref (self->cameras);
  g_free (self);
}

guint
haar_zones_count_cameras (const HaarZones *self)
{
  return g_hash_table_size (self->cameras);
}

guint
haar_zones_get_number (const HaarZones *self)
{
  return self->number;
}

/* --- from JSON --- */

/* The camera, and the zone or mask, whose JSON is being read, for error texts. */
typedef struct {
  /* `name` is the name of the zone that is being read, or NULL for a mask */
  const gchar *camera, *name;
  guint number; /* number of the mask that is being read, from 1 */
  GError **error;
} Place;

static gboolean refuse (const Place *at, const gchar *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (const Place *at, const gchar *format, ...)
{
  va_list args;
  g_autofree gchar *what = NULL, *where = NULL;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  if (at->name)
    where = g_strdup_printf (", zone \"%s\"", at->name);
  else if (at->number)
    where = g_strdup_printf (", mask %u", at->number);
  g_set_error (at->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "camera \"%s\"%s: %s", at->camera,
      where ? where : "", what);
  return FALSE;
}

static gboolean
is_name (const gchar *text, gsize longest)
{
  gsize n = strlen (text);

  for (gsize i = 0; i < n; i++)
    if (g_ascii_iscntrl (text[i]))
      return FALSE;
  return n > 0 && n <= longest;
}

static gboolean
read_part (JsonNode *node, gdouble *part)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_NONE;

  if (type != G_TYPE_DOUBLE && type != G_TYPE_INT64)
    return FALSE;
  *part = json_node_get_double (node);
  return *part >= 0 && *part <= 1;
}

static gboolean
read_point (JsonNode *node, Point *point)
{
  JsonArray *pair;

  if (!JSON_NODE_HOLDS_ARRAY (node))
    return FALSE;
  pair = json_node_get_array (node);
  return json_array_get_length (pair) == 2 &&
         read_part (json_array_get_element (pair, 0), &point->x) &&
         read_part (json_array_get_element (pair, 1), &point->y);
}

static gdouble
area_of (const Polygon *polygon)
{
  gdouble sum = 0;

  for (guint i = 0; i < polygon->n; i++) {
    const Point *a = &polygon->points[i], *b = &polygon->points[(i + 1) % polygon->n];

    sum += a->x * b->y - b->x * a->y;
  }
  return fabs (sum) / 2;
}

static gboolean
read_polygon (JsonNode *node, const Place *at, GArray *into)
{
  Polygon *polygon;
  JsonArray *points;
  guint n;

  if (!JSON_NODE_HOLDS_ARRAY (node))
    return refuse (at, "not a list of points [x, y]");
  points = json_node_get_array (node);
  n = json_array_get_length (points);
  if (n < 3 || n > HAAR_ZONES_POINTS)
    return refuse (at, "%u points, where 3 to %d are possible", n, HAAR_ZONES_POINTS);
  g_array_set_size (into, into->len + 1);
  polygon = &g_array_index (into, Polygon, into->len - 1);
  polygon->name = g_strdup (at->name);
  polygon->n = n;
  polygon->points = g_new (Point, n);
  for (guint i = 0; i < n; i++)
    if (!read_point (json_array_get_element (points, i), &polygon->points[i]))
      return refuse (at, "point %u isn't two numbers from 0 to 1", i + 1);
  return area_of (polygon) >= LEAST_AREA || refuse (at, "it encloses nothing");
}

static gboolean
read_zones (JsonNode *node, Place *at, GArray *into)
{
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *polygon;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return refuse (at, "\"zones\" isn't an object of names and polygons");
  if (json_object_get_size (json_node_get_object (node)) > HAAR_ZONES_OF_CAMERA)
    return refuse (at, "more than %d zones", HAAR_ZONES_OF_CAMERA);
  json_object_iter_init_ordered (&iter, json_node_get_object (node));
  while (json_object_iter_next_ordered (&iter, &name, &polygon)) {
    if (!is_name (name, HAAR_ZONES_NAME))
      return refuse (at, "a zone's name is empty, longer than %d bytes, or has control characters",
          HAAR_ZONES_NAME);
    /* In documents the zone's name is the name of a field, in which databases read a dot as a path,
     * and a $ as an operator. */
    if (name[0] == '$' || strchr (name, '.'))
      return refuse (at, "a zone's name begins with $ or has a dot: \"%s\"", name);
    at->name = name;
    if (!read_polygon (polygon, at, into))
      return FALSE;
  }
  at->name = NULL;
  return TRUE;
}

static gboolean
read_masks (JsonNode *node, Place *at, GArray *into)
{
  JsonArray *masks;

  if (!JSON_NODE_HOLDS_ARRAY (node))
    return refuse (at, "\"masks\" isn't a list of polygons");
  masks = json_node_get_array (node);
  if (json_array_get_length (masks) > HAAR_ZONES_OF_CAMERA)
    return refuse (at, "more than %d masks", HAAR_ZONES_OF_CAMERA);
  for (guint i = 0; i < json_array_get_length (masks); i++) {
    at->number = i + 1;
    if (!read_polygon (json_array_get_element (masks, i), at, into))
      return FALSE;
  }
  at->number = 0;
  return TRUE;
}

static gboolean
read_camera (JsonNode *node, Place *at, HaarCameraZones *camera)
{
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *value;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return refuse (at, "not an object");
  json_object_iter_init (&iter, json_node_get_object (node));
  while (json_object_iter_next (&iter, &name, &value)) {
    if (g_str_equal (name, "zones")) {
      if (!read_zones (value, at, camera->zones))
        return FALSE;
    } else if (g_str_equal (name, "masks")) {
      if (!read_masks (value, at, camera->masks))
        return FALSE;
    } else {
      return refuse (at, "\"%s\" is neither \"zones\" nor \"masks\"", name);
    }
  }
  return TRUE;
}

static gboolean
read_cameras (JsonObject *object, HaarZones *self, GError **error)
{
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *node;

  if (json_object_get_size (object) > HAAR_ZONES_CAMERAS) {
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "more than %d cameras", HAAR_ZONES_CAMERAS);
    return FALSE;
  }
  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &node)) {
    HaarCameraZones *camera = camera_new ();
    Place at = {.camera = name, .error = error};

    g_hash_table_replace (self->cameras, g_strdup (name), camera);
    if (!is_name (name, MAX_CAMERA_NAME))
      return refuse (&at, "its name is empty, longer than %d bytes, or has control characters",
          MAX_CAMERA_NAME);
    if (!read_camera (node, &at, camera))
      return FALSE;
  }
  return TRUE;
}

HaarZones *
haar_zones_parse (const gchar *text, gsize size, GError **error)
{
  static guint last_number;
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (HaarZones) self = g_new0 (HaarZones, 1);
  JsonObject *object;

  g_atomic_ref_count_init (&self->refs);
  self->number = 1 + g_atomic_int_add (&last_number, 1);
  self->cameras =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) camera_free);
  object = fog_json_parse_object (parser, text, size, error);
  return object && read_cameras (object, self, error) ? g_steal_pointer (&self) : NULL;
}

/* --- the zone of a face --- */

const HaarCameraZones *
haar_zones_find (const HaarZones *self, const gchar *camera)
{
  const HaarCameraZones *own = NULL;

  if (!self)
    return NULL;
  if (camera)
    own = g_hash_table_lookup (self->cameras, camera);
  return own ? own : g_hash_table_lookup (self->cameras, ANY_CAMERA);
}

guint
haar_camera_zones_count (const HaarCameraZones *self)
{
  return self ? self->zones->len : 0;
}

const gchar *
haar_camera_zones_get_name (const HaarCameraZones *self, guint zone)
{
  return g_array_index (self->zones, Polygon, zone).name;
}

/* Computes where the edge of a polygon from @a to @b crosses the height @y. Returns FALSE if the
 * edge doesn't cross this height. An edge includes only one of its two ends, so two edges that meet
 * at @y count as one crossing. */
static gboolean
crosses (const Point *a, const Point *b, gdouble y, gdouble *x)
{
  if ((a->y <= y) == (b->y <= y))
    return FALSE;
  *x = a->x + (y - a->y) * (b->x - a->x) / (b->y - a->y);
  return TRUE;
}

static gboolean
is_inside (const Polygon *polygon, gdouble x, gdouble y)
{
  gboolean inside = FALSE;
  gdouble at;

  for (guint i = 0; i < polygon->n; i++)
    if (crosses (&polygon->points[i], &polygon->points[(i + 1) % polygon->n], y, &at))
      inside ^= at > x;
  return inside;
}

static Point
middle_of (const HaarRect *rect, gint width, gint height)
{
  return (Point){(rect->x + rect->w / 2.0) / width, (rect->y + rect->h / 2.0) / height};
}

gboolean
haar_camera_zones_contains (
    const HaarCameraZones *self, guint zone, const HaarRect *rect, gint width, gint height)
{
  Point at = middle_of (rect, width, height);

  return is_inside (&g_array_index (self->zones, Polygon, zone), at.x, at.y);
}

static gboolean
any_is_round (const GArray *polygons, Point at)
{
  for (guint i = 0; i < polygons->len; i++)
    if (is_inside (&g_array_index (polygons, Polygon, i), at.x, at.y))
      return TRUE;
  return FALSE;
}

gboolean
haar_camera_zones_admits (
    const HaarCameraZones *self, const HaarRect *rect, gint width, gint height)
{
  Point at = middle_of (rect, width, height);

  return !self || ((self->zones->len == 0 || any_is_round (self->zones, at)) &&
                      !any_is_round (self->masks, at));
}

/* --- the area to search --- */

static gint
compare_doubles (gconstpointer a, gconstpointer b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return x < y ? -1 : x > y;
}

/* Sets to 1 the bytes in @row for the pixels of a row whose middles lie in the polygon. @y: the
 * middle of the row, as a fraction of the height */
static void
fill_row (const Polygon *polygon, gdouble y, guint8 *row, gint width)
{
  gdouble at[HAAR_ZONES_POINTS];
  guint n = 0;

  for (guint i = 0; i < polygon->n; i++)
    n += crosses (&polygon->points[i], &polygon->points[(i + 1) % polygon->n], y, &at[n]);
  qsort (at, n, sizeof *at, compare_doubles);
  for (guint i = 0; i + 1 < n; i += 2) {
    gint from = (gint) ceil (at[i] * width - 0.5), to = (gint) ceil (at[i + 1] * width - 0.5);

    from = CLAMP (from, 0, width);
    to = CLAMP (to, from, width);
    memset (row + from, 1, (gsize) (to - from));
  }
}

/* Extends the area to search by the pixels of a row that no mask hides. */
static void
add_row (HaarRect *area, const guint8 *hidden, gint y, gint width)
{
  const guint8 *first = memchr (hidden, 0, (gsize) width);
  gint left, right = width;

  if (!first)
    return;
  left = (gint) (first - hidden);
  while (hidden[right - 1])
    right--;
  if (area->w == 0) {
    *area = (HaarRect){left, y, right - left, 1};
    return;
  }
  right = MAX (right, area->x + area->w);
  area->x = MIN (area->x, left);
  area->w = right - area->x;
  area->h = y + 1 - area->y;
}

/* Copies a row of pixels, and replaces the pixels that masks hide. */
static void
hide (const guint8 *from, const guint8 *hidden, guint8 *to, gint width)
{
  for (gint x = 0; x < width; x++)
    to[x] = hidden[x] ? HIDDEN : from[x];
}

/* Replaces @luma by a copy without what the masks hide. Returns FALSE if there is no memory for the
 * copy. */
static gboolean
apply_masks (const GArray *masks, FogLuma *luma, guint8 **scratch, HaarRect *area)
{
  gsize width = (gsize) luma->width;
  g_autofree guint8 *hidden = g_try_malloc (width);
  guint8 *copy = g_try_realloc (*scratch, width * (gsize) luma->height);

  if (copy)
    *scratch = copy;
  if (!copy || !hidden)
    return FALSE;
  *area = (HaarRect){0};
  for (gint y = 0; y < luma->height; y++) {
    memset (hidden, 0, width);
    for (guint i = 0; i < masks->len; i++)
      fill_row (&g_array_index (masks, Polygon, i), (y + 0.5) / luma->height, hidden, luma->width);
    add_row (area, hidden, y, luma->width);
    hide (luma->data + (gsize) y * luma->stride, hidden, copy + (gsize) y * width, luma->width);
  }
  luma->data = copy;
  luma->stride = width;
  return TRUE;
}

/* An interval along the picture's width or height, in fractions of it. */
typedef struct {
  gdouble from, to;
} Span;

static void
bound_zones (const GArray *zones, Span *x, Span *y)
{
  *x = *y = (Span){1, 0};
  for (guint i = 0; i < zones->len; i++) {
    const Polygon *zone = &g_array_index (zones, Polygon, i);

    for (guint j = 0; j < zone->n; j++) {
      x->from = MIN (x->from, zone->points[j].x);
      x->to = MAX (x->to, zone->points[j].x);
      y->from = MIN (y->from, zone->points[j].y);
      y->to = MAX (y->to, zone->points[j].y);
    }
  }
}

/* Returns half the size in px of the largest object that lies within the picture, with its middle
 * in @span. */
static gdouble
largest_half (const Span *span, gint side)
{
  gdouble middle = CLAMP (0.5, span->from, span->to);

  return MIN (middle, 1 - middle) * side;
}

/* Limits the area to search to that of the objects whose middle may lie in a zone; objects are
 * square, or nearly so. One pixel is added to half the size of an object, because sizes are
 * rounded. */
static void
apply_zones (const GArray *zones, const FogLuma *luma, gint max_size, HaarRect *area)
{
  gint w = luma->width, h = luma->height, left, top, right, bottom;
  gdouble half = max_size > 0 ? max_size / 2.0 : MAX (w, h);
  Span x, y;

  bound_zones (zones, &x, &y);
  half = MIN (half, MAX (largest_half (&x, w), largest_half (&y, h))) + 1;
  left = MAX ((gint) floor (x.from * w - half), area->x);
  top = MAX ((gint) floor (y.from * h - half), area->y);
  right = MIN ((gint) ceil (x.to * w + half), area->x + area->w);
  bottom = MIN ((gint) ceil (y.to * h + half), area->y + area->h);
  *area = (HaarRect){left, top, MAX (right - left, 0), MAX (bottom - top, 0)};
}

gboolean
haar_camera_zones_limit (
    const HaarCameraZones *self, FogLuma *luma, gint max_size, guint8 **scratch, HaarRect *area)
{
  *area = (HaarRect){0, 0, luma->width, luma->height};
  if (self && self->masks->len > 0 && !apply_masks (self->masks, luma, scratch, area))
    return FALSE;
  if (self && self->zones->len > 0)
    apply_zones (self->zones, luma, max_size, area);
  return TRUE;
}
