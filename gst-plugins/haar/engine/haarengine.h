/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gint x, y, w, h;
} HaarRect;

/* A box: an object that an engine, or another element, found in a picture. */
typedef struct {
  HaarRect rect;
  /* score of the box, 0 to 1, see haar_score(); NAN: another element found the box and gave no
   * score */
  gdouble score;
  GQuark label; /* label that another element gave the object; 0: none */
} HaarBox;

/* The parameters of a search, as cv::CascadeClassifier::detectMultiScale() has them, and parameters
 * for filtering the boxes that it finds. */
typedef struct {
  gdouble scale_factor; /* ratio of one window size to the next; above 1 */
  gint
      /* number of overlapping detections that make an object, minus one; 0: no grouping */
      min_neighbors;
  gint min_w, min_h; /* size below which objects aren't searched for, px */
  /* size above which objects aren't searched for, px; 0: as large as the picture */
  gint max_w, max_h;
  gdouble min_score; /* boxes with a lower score don't count; engines ignore this field */
  guint zones;       /* haar_zones_get_number() of the zones in force; engines ignore this field */
} HaarParams;

/* Returns FALSE if the smallest size to search for is larger than the largest size. */
static inline gboolean
haar_params_agree (const HaarParams *params)
{
  return params->max_w == 0 || params->min_w <= params->max_w;
}

static inline gboolean
haar_params_equal (const HaarParams *a, const HaarParams *b)
{
  return a->scale_factor == b->scale_factor && a->min_neighbors == b->min_neighbors &&
         a->min_w == b->min_w && a->min_h == b->min_h && a->max_w == b->max_w &&
         a->max_h == b->max_h && a->min_score == b->min_score && a->zones == b->zones;
}

typedef struct _HaarEngine HaarEngine;

/**
 * HaarEngineClass:
 * @name: the engine's name, as in the property `engine`
 * @checks_cascade: TRUE if @create doesn't crash, whatever bytes it gets; if FALSE, the caller
 *   passes only cascades that are known or trusted
 * @create: makes an engine from the text of a cascade file. Its errors are G_IO_ERROR_INVALID_DATA:
 *   the text isn't a cascade; G_IO_ERROR_NOT_SUPPORTED: this engine can't evaluate the cascade;
 *   G_IO_ERROR_NO_SPACE: there is no memory for it
 * @detect: searches a picture and appends the objects to @boxes (of HaarBox), which is empty. @gray
 *   has @height rows of @width bytes; a row begins @stride bytes after the one before. @detect
 *   returns FALSE with @error if the picture couldn't be searched
 * @free: frees the engine; may be called from any thread
 *
 * An implementation of the search with a cascade. An engine is used by one thread at a time, but
 * several engines may run side by side. Each engine finds the same rectangles, in the same order,
 * as OpenCV.
 */
typedef struct {
  const gchar *name;
  gboolean checks_cascade;
  HaarEngine *(*create) (GBytes *cascade, GError **error);
  gboolean (*detect) (HaarEngine *engine, const guint8 *gray, gint width, gint height, gsize stride,
      const HaarParams *params, GArray *boxes, GError **error);
  void (*free) (HaarEngine *engine);
} HaarEngineClass;

/**
 * haar_score:
 * @strength: the strength of the windows that make a box: the sum of the squares of the margins by
 *   which they passed, in standard deviations
 *
 * Returns the score of a box, from 0 to 1. As measured for OpenCV's cascades of frontal faces
 * (cascades/README.md), the score is about the fraction of the boxes with this score that are
 * faces.
 */
static inline gdouble
haar_score (gdouble strength)
{
  return 1 - 1 / (1 + strength * strength);
}

/* Returns: (nullable): the class of the engine with the name @name, of which "auto" and NULL mean
 * the fastest engine; NULL if that engine wasn't built in. */
const HaarEngineClass *haar_engine_class_find (const gchar *name);
/* Returns: (nullable): the @n-th of the engines that were built in, the fastest one first; NULL
 * after the last one. */
const HaarEngineClass *haar_engine_class_nth (guint n);

G_END_DECLS
