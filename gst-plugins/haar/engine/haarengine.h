/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gint x, y, w, h;
} HaarRect;

/* As of cv::CascadeClassifier::detectMultiScale(). */
typedef struct {
  gdouble scale_factor; /* > 1: from one size of window to the next */
  gint min_neighbors;   /* windows that must agree, besides the first; 0: no grouping */
  gint min_w, min_h;    /* smaller objects aren't looked for */
  gint max_w, max_h;    /* nor larger ones; 0: as large as the picture */
} HaarParams;

/* Whether there is a size left to look for. */
static inline gboolean
haar_params_agree (const HaarParams *params)
{
  return params->max_w == 0 || params->min_w <= params->max_w;
}

typedef struct _HaarEngine HaarEngine;

/**
 * HaarEngineClass:
 * @name: as in the property `engine`
 * @checks_cascade: its loader survives any bytes at all. If not, a cascade must be known or trusted
 * @create: from the whole text of a cascade file. G_IO_ERROR_INVALID_DATA: it isn't a cascade;
 *   G_IO_ERROR_NOT_SUPPORTED: it is one that this engine can't evaluate; G_IO_ERROR_NO_SPACE: there's no memory for it
 * @detect: appends the rectangles found, in the engine's order, to @rects (of HaarRect), which is empty.
 *   @gray has @height rows of @width bytes, @stride apart. FALSE with @error: nothing was counted
 * @free: from any thread
 *
 * One way to evaluate a cascade. An engine is used by one thread at a time; several of them side by side.
 * All give the same rectangles, in the same order, as OpenCV's.
 */
typedef struct {
  const gchar *name;
  gboolean checks_cascade;
  HaarEngine *(*create) (GBytes *cascade, GError **error);
  gboolean (*detect) (HaarEngine *engine, const guint8 *gray, gint width, gint height, gsize stride,
      const HaarParams *params, GArray *rects, GError **error);
  void (*free) (HaarEngine *engine);
} HaarEngineClass;

/* (nullable): by name; "auto" or %NULL is the fastest one there is. */
const HaarEngineClass *haar_engine_class_find (const gchar *name);
/* The @n-th of those that were built in, fastest first; %NULL after the last. */
const HaarEngineClass *haar_engine_class_nth (guint n);

G_END_DECLS
