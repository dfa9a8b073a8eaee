/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarengine.h"

extern const HaarEngineClass haar_engine_native;
#ifdef HAVE_HAAR_OPENCV
extern const HaarEngineClass haar_engine_opencv;
#endif

/* Fastest first. */
static const HaarEngineClass *const classes[] = {
    &haar_engine_native,
#ifdef HAVE_HAAR_OPENCV
    &haar_engine_opencv,
#endif
    NULL,
};

const HaarEngineClass *
haar_engine_class_nth (guint n)
{
  return n < G_N_ELEMENTS (classes) ? classes[n] : NULL;
}

const HaarEngineClass *
haar_engine_class_find (const gchar *name)
{
  if (!name || g_str_equal (name, "auto"))
    return classes[0];
  for (guint i = 0; classes[i]; i++)
    if (g_str_equal (classes[i]->name, name))
      return classes[i];
  return NULL;
}
