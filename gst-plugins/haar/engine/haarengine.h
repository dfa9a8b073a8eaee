/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gint x, y, w, h;
} HaarRect;

/* An object that was found. */
typedef struct {
  HaarRect rect;
  gdouble score; /* 0 to 1, see haar_score(); NAN: unknown, if another element found the box */
  GQuark label;  /* label that another element gave the object; 0: none */
} HaarBox;

/* The parameters of cv::CascadeClassifier::detectMultiScale(), and those for filtering its
 * boxes. */
typedef struct {
  gdouble scale_factor; /* ratio of one window size to the next; above 1 */
  gint
      /* number of overlapping detections that make an object, minus one; 0: no grouping */
      min_neighbors;
  gint min_w, min_h; /* size below which objects aren't searched for, px */
  /* size above which objects aren't searched for, px; 0: as large as the picture */
  gint max_w, max_h;
  gdouble min_score; /* smallest score of a box that counts; engines don't use it */
  guint zones;       /* number of the zones in force; engines don't use it */
} HaarParams;

/* Returns FALSE if no size lies between the smallest and the largest one. */
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
 * @name: as in the property `engine`
 * @checks_cascade: the loader survives any bytes. Otherwise, a cascade must be known or trusted
 * @create: makes an engine from the text of a cascade file. G_IO_ERROR_INVALID_DATA: it isn't a
 *   cascade; G_IO_ERROR_NOT_SUPPORTED: this engine can't evaluate it; G_IO_ERROR_NO_SPACE: there is
 *   no memory for it
 * @detect: appends what it finds to @boxes (of HaarBox), which is empty. @gray has @height rows of
 *   @width bytes; a row begins @stride bytes after the one before. @detect returns FALSE with
 *   @error if the picture couldn't be searched
 * @free: may be called from any thread
 *
 * One way to evaluate a cascade. One thread at a time uses an engine; several engines may run side
 * by side. Each engine finds the same rectangles, in the same order, as OpenCV.
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
 * Measured for OpenCV's cascades of frontal faces (cascades/README.md): the score is about the part
 * of the boxes of this score that are faces.
 */
static inline gdouble
haar_score (gdouble strength)
{
  return 1 - 1 / (1 + strength * strength);
}

/* Returns: (nullable): the class of that name. "auto" or NULL means the fastest engine. NULL: it
 * wasn't built in. */
const HaarEngineClass *haar_engine_class_find (const gchar *name);
/* Returns: (nullable): the @n-th class of those that were built in, the fastest first. NULL after
 * the last. */
const HaarEngineClass *haar_engine_class_nth (guint n);

G_END_DECLS
